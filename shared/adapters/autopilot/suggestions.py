"""Which column is likely to fill which field of Autopilot, by its name."""

from collections.abc import Sequence

from shared.adapters.autopilot.encoder import STANDARD_FIELDS
from shared.domain.column_names import make_vocabulary, recognise
from shared.domain.export import FieldMapping

_PHRASES = {
    "FirstName": "given name, forename, fname, nombre de pila, primer nombre, prenume, prenumele",
    "LastName": "surname, family name, lname, apellido, apellidos, primer apellido, nume de familie, numele de familie",
    "Salutation": "name prefix, honorific, courtesy title, saludo, tratamiento, formula de adresare, apelativ",
    "Company": "company name, organization, organisation, employer, empresa, compañía, organización, razón social,"
    " companie, compania, firmă, firma, organizație",
    "NumberOfEmployees": "employees, employee count, company size, headcount, empleados, número de empleados,"
    " plantilla, angajați, număr de angajați, nr angajați",
    "Title": "job title, job position, job, occupation, cargo, puesto, puesto de trabajo, ocupación, funcție, funcția,"
    " ocupație",
    "Industry": "business sector, sector, industria, sector de actividad, rubro, industrie, domeniu de activitate,"
    " sector de activitate",
    "Phone": "phone number, telephone, telephone number, tel, landline, teléfono, número de teléfono, teléfono fijo,"
    " telefon, număr de telefon, nr telefon, nr de telefon, telefon fix",
    "MobilePhone": "mobile, mobile number, mobile phone number, cell, cell phone, cellular, móvil, teléfono móvil,"
    " número de móvil, celular, teléfono celular, mobil, telefon mobil, număr de mobil",
    "Fax": "fax number, número de fax, număr de fax",
    "Website": "web site, web page, website url, homepage, sitio web, página web, web, site web, pagină web, pagina web",
    "MailingStreet": "street, street address, street name, address, mailing address, address line, postal address,"
    " calle, calle y número, dirección, dirección postal, domicilio, stradă, strada, adresă, adresa, adresă poștală,"
    " domiciliu",
    "MailingCity": "city, town, locality, ciudad, localidad, población, municipio, oraș, orașul, localitate, municipiu",
    "MailingState": "state, state province, province, region, county, provincia, región, comunidad autónoma, județ,"
    " județul, regiune, provincie",
    "MailingPostalCode": "zip, zip code, postal code, post code, código postal, cp, cod postal, cod poștal",
    "MailingCountry": "country, country name, país, țară, țara",
    "LeadSource": "origen del lead, fuente del lead, origen del contacto, sursă lead, sursa lead, sursa contactului",
    "Status": "lead status, estado del lead, stare lead, statut lead",
    "LinkedIn": "linkedin url, linkedin profile, perfil de linkedin, profil linkedin",
    "Twitter": "twitter handle, twitter username, usuario de twitter, cont twitter",
}
_VOCABULARY = make_vocabulary(
    {field: f"{field}, {_PHRASES.get(field, field)}" for field in STANDARD_FIELDS if field != "unsubscribed"}
)
# "Nombre" and "nume" alone may hold the whole name; beside the other half of it they do not.
_HALVES = make_vocabulary({"FirstName": "nombre", "LastName": "nume"})
_OTHER_HALF = {"FirstName": "LastName", "LastName": "FirstName"}


def suggest_fields(columns: Sequence[str]) -> list[FieldMapping]:
    """Propose at most one column for each standard field, and no column twice; the closest name counts."""
    found = _closest(columns, _VOCABULARY)
    for field, column in _closest(columns, _HALVES).items():
        if field not in found and _OTHER_HALF[field] in found:
            found[field] = column
    return [FieldMapping(field=field, column=found[field]) for field in STANDARD_FIELDS if field in found]


def _closest(columns: Sequence[str], vocabulary: dict[str, str]) -> dict[str, str]:
    """Return the column for each meaning whose name has the fewest words besides; the first of several."""
    found: dict[str, tuple[int, str]] = {}
    for column in columns:
        if match := recognise(column, vocabulary):
            meaning, bywords = match
            if meaning not in found or bywords < found[meaning][0]:
                found[meaning] = bywords, column
    return {meaning: column for meaning, (_, column) in found.items()}
