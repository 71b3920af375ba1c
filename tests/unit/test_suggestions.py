"""What the names of columns, and some of their values, say about a mapping."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devkit.sample_data import COLUMNS
from shared.adapters.autopilot import Autopilot
from shared.domain.cast_failure import CastFailure
from shared.domain.column_names import (
    suggest_consent_columns,
    suggest_email_column,
    suggest_email_columns,
    words_of,
)
from shared.domain.export import DateOrder, FieldType
from shared.domain.type_guesses import guess_type
from shared.domain.values import cast

AUTOPILOT = Autopilot("http://unused", timeout_s=1)
NAMES = st.one_of(
    st.text(max_size=30),
    st.lists(
        st.sampled_from(
            [
                "first",
                "last",
                "name",
                "Email",
                "e-mail",
                "Prenume",
                "nume",
                "nombre",
                "apellidos",
                "_",
                ".",
                "-",
                "city",
                "País",
                "1",
                "of",
            ]
        ),
        max_size=5,
    ).map("".join),
)


def suggested(*columns: str) -> dict[str, str | None]:
    return {mapping.field: mapping.column for mapping in AUTOPILOT.suggest(columns)}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("person_name_firstName", ("person", "name", "first", "name")),
        ("personalEmail_address", ("personal", "email", "address")),
        ("Correo electrónico", ("correo", "electronico")),
        ("Adresă de e-mail", ("adresa", "e", "mail")),
        ("POSTCODE", ("postcode",)),
        ("URLPath2", ("url", "path", "2")),
        ("Țară", ("tara",)),
        ("Почта", ("почта",)),
        ("  ", ()),
        ("", ()),
    ],
)
def test_a_name_is_taken_apart_into_words(name, words):
    assert words_of(name) == words


@pytest.mark.parametrize(
    "name",
    [
        "Email", "EMail", "E-mail", "e_mail", "EMAIL ADDRESS", "E-mail address", "email.address", "EmailAddress1",
        "personalEmail_address", "context.traits.email", "Customer E-Mail", "Correo", "Correo electrónico",
        "CORREO ELECTRONICO", "dirección de correo electrónico", "email_del_cliente", "Adresă de e-mail",
        "adresa de email", "Adresa_Email", "Poștă electronică", "email_01", "work_email",
    ],
)  # fmt: skip
def test_the_column_of_the_address_is_found(name):
    assert suggest_email_column(["CustomerId", name, "City"]) == name


@pytest.mark.parametrize(
    "name",
    [
        "Mailing",
        "EmailOptIn",
        "email_sha256",
        "PartnerEmail",
        "IP address",
        "Emailed",
        "last email date",
        "email2",
    ],
)
def test_a_name_that_means_something_else_is_not_taken_for_the_address(name):
    assert suggest_email_column([name]) is None


def test_the_plainest_name_of_several_comes_first():
    assert suggest_email_columns(["work_email", "x", "EMail", "customer_contact_email"]) == [
        "EMail",
        "work_email",
        "customer_contact_email",
    ]


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("FirstName", ["FirstName", "first_name", "GIVEN NAME", "Prenume", "nombre_de_pila", "person_name_firstName"]),
        ("LastName", ["lastName", "Surname", "Apellidos", "primer apellido", "Nume de familie", "person.name.lastName"]),
        ("Salutation", ["Salutation", "Tratamiento", "Formula de adresare"]),
        ("Company", ["company", "Company Name", "Empresa", "Razón social", "Firmă", "Organisation"]),
        ("NumberOfEmployees", ["Number of employees", "Empleados", "Număr de angajați", "employee_count"]),
        ("Title", ["Title", "Job title", "Puesto de trabajo", "Funcție"]),
        ("Industry", ["industry", "Sector", "Domeniu de activitate"]),
        ("Phone", ["Phone", "phone number", "Teléfono", "Telefon", "homePhone_number", "Tel."]),
        ("MobilePhone", ["Mobile", "Mobile phone", "Móvil", "Teléfono móvil", "Telefon mobil", "mobilePhone_number"]),
        ("Fax", ["fax", "Fax number", "Număr de fax"]),
        ("Website", ["Website", "web site", "Página web", "Pagină web"]),
        ("MailingStreet", ["Street", "address", "Calle", "Dirección postal", "Stradă", "Adresa", "homeAddress.street1"]),
        ("MailingCity", ["City", "town", "Ciudad", "Oraș", "Oraş", "Localitate", "homeAddress_city", "billing_city"]),
        ("MailingState", ["State", "Province", "Provincia", "Județ", "Judeţ", "stateProvince"]),
        ("MailingPostalCode", ["zip", "ZIP code", "PostalCode", "Código postal", "Cod poștal", "homeAddress_postalCode"]),
        ("MailingCountry", ["Country", "País", "PAIS", "Țară", "tara"]),
        ("LeadSource", ["Lead source", "Origen del lead", "Sursă lead"]),
        ("Status", ["status", "Lead status", "Stare lead"]),
        ("LinkedIn", ["LinkedIn", "linkedin_url", "Perfil de LinkedIn"]),
        ("Twitter", ["twitter", "Twitter handle", "Usuario de Twitter"]),
    ],
)  # fmt: skip
def test_a_standard_field_is_found_in_three_languages(field, names):
    assert {name: suggested(name) for name in names} == {name: {field: name} for name in names}


@pytest.mark.parametrize("field", [name for name in AUTOPILOT.standard_fields if name != "unsubscribed"])
def test_every_standard_field_is_found_by_its_own_name(field):
    assert suggested(field, field.upper(), field.lower()) == {field: field}


@pytest.mark.parametrize(
    "name",
    ["unsubscribed", "Name", "Full name", "CustomerId", "partner_first_name", "IP address", "email", "A", "address 2",
     "segmentMembership.status", "company phone", "Nombre completo", "Nombre", "Nume"],
)  # fmt: skip
def test_a_name_that_does_not_say_enough_is_left_to_a_person(name):
    assert suggested(name) == {}


def test_half_a_name_counts_beside_its_other_half():
    assert suggested("Nume", "Prenume") == {"FirstName": "Prenume", "LastName": "Nume"}
    assert suggested("Nombre", "Apellidos") == {"FirstName": "Nombre", "LastName": "Apellidos"}
    assert suggested("Nombre", "Nombre de pila", "Apellido")["FirstName"] == "Nombre de pila"


def test_of_several_columns_the_plainest_name_counts_then_the_first():
    assert suggested("billing_city", "City", "town") == {"MailingCity": "City"}
    assert suggested("shipping_city", "billing_city") == {"MailingCity": "shipping_city"}


def test_the_columns_of_the_sample_data_are_understood():
    assert suggest_email_column(COLUMNS) == "EmailAddress"
    assert suggest_consent_columns(COLUMNS) == ["NewsletterConsent"]
    assert suggested(*COLUMNS) == {
        "FirstName": "FirstName",
        "LastName": "LastName",
        "Phone": "Phone",
        "MailingStreet": "Street",
        "MailingCity": "City",
        "MailingPostalCode": "PostalCode",
        "MailingCountry": "Country",
    }


@pytest.mark.parametrize(
    "name",
    ["newsletter", "Consent", "marketing_consent", "OptIn", "opt-in", "email_opt_in", "is_subscribed",
     "Acepta publicidad", "Consentimiento RGPD", "Suscrito", "Consimțământ marketing", "Acord", "Abonat newsletter"],
)  # fmt: skip
def test_a_column_of_consent_is_proposed(name):
    assert suggest_consent_columns(["CustomerId", name]) == [name]


@pytest.mark.parametrize(
    "name",
    ["opt_out", "unsubscribed", "consent_date", "ConsentTimestamp", "newsletter_id", "No consent", "City"],
)
def test_what_is_no_consent_is_not_proposed(name):
    assert suggest_consent_columns([name]) == []


@given(st.lists(NAMES, max_size=12))
def test_whatever_the_columns_are_called_no_field_and_no_column_is_proposed_twice(columns):
    fields = AUTOPILOT.suggest(columns)

    assert len({mapping.field for mapping in fields}) == len(fields)
    assert len({mapping.column for mapping in fields}) == len(fields)
    assert {mapping.column for mapping in fields} <= set(columns)
    assert AUTOPILOT.check_mapping(fields) == []
    assert suggest_email_column(columns) in {None, *columns}
    assert set(suggest_consent_columns(columns)) <= set(columns)


def test_enormous_names_are_passed_over_quickly():
    long = "firstName_" * 100_000
    assert suggested(long) == {}
    assert suggest_email_column([long]) is None


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["12", " 7 ", ""], FieldType.INTEGER),
        (["0", "1"], FieldType.INTEGER),
        (["$90,000 ", "-5"], FieldType.INTEGER),
        ([3, None], FieldType.INTEGER),
        (["12", "7.5"], FieldType.FLOAT),
        (["1.234,56 €"], FieldType.FLOAT),
        ([3.0, 4.0], FieldType.FLOAT),
        ([Decimal("3")], FieldType.FLOAT),
        (["yes", "no"], FieldType.BOOLEAN),
        (["Sí", None], FieldType.BOOLEAN),
        (["t", "f"], FieldType.BOOLEAN),
        ([True], FieldType.BOOLEAN),
        (["F", "F"], FieldType.STRING),
        (["2024-05-01", "2024-05-02T10:00:00Z"], FieldType.DATE),
        ([date(2024, 5, 1), datetime(2024, 5, 1, tzinfo=UTC)], FieldType.DATE),
        (["4/8/66"], FieldType.STRING),
        (["01234"], FieldType.STRING),
        (["+40 721 000 000"], FieldType.STRING),
        (["4111111111111111"], FieldType.STRING),
        (["12", "twelve"], FieldType.STRING),
    ],
)
def test_a_type_is_guessed_that_takes_every_value(values, kind):
    guess = guess_type(values)
    assert guess is not None
    assert guess[0] is kind


@pytest.mark.parametrize(
    ("values", "order"),
    [
        (["4/8/1966", "12/31/1999"], DateOrder.MDY),
        (["4/8/1966", "31/12/1999"], DateOrder.DMY),
        (["4/8/1966"], DateOrder.MDY),
        (["4.8.1966"], DateOrder.DMY),
        (["12.31.1999"], DateOrder.MDY),
    ],
)
def test_the_order_of_dates_is_that_which_takes_all_of_them(values, order):
    assert guess_type(values) == (FieldType.DATE, order)


@pytest.mark.parametrize("values", [[], [None], ["", "  "], [float("nan"), None]])
def test_nothing_is_guessed_from_nothing(values):
    assert guess_type(values) is None


@given(
    st.lists(
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.text(max_size=12),
            st.sampled_from(["1", "yes", "1/2/2024", "31.12.1999", "0.5", "-", "sí"]),
        ),
        max_size=6,
    )
)  # fmt: skip
def test_whatever_is_guessed_takes_every_value(values):
    guess = guess_type(values)
    if guess is None:
        assert all(value is None or value != value or not str(value).strip() for value in values)
        return
    kind, order = guess
    present = [value for value in values if value is not None and value == value and str(value).strip()]
    assert present
    assert not [value for value in present if isinstance(cast(value, kind, date_order=order), CastFailure)]
