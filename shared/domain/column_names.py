"""What the name of a column says: its words, and whether it holds the e-mail address or a consent.

Names are compared by their words, whatever the letter case, accents, separators or camelCase:
``person_name_firstName`` has the words person, name, first, name.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W_A-Za-z0-9]+")
_MOST_WORDS = 10
_LONGEST_NAME = 200


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words between words, and words that say whose or which one it is but not what.
_LINKS = _listed("a al cu da de del din el en la las los of the")
_BYWORDS = _listed(
    "1 01 abonat account acasa address adresa attribute attributes billing business casa client cliente clientes"
    " clientului contact contacto contactului context crm current customer delivery direccion envio facturacion"
    " facturare home identity laboral lead livrare mailing main member name perfil person persoana personal personala"
    " persona postal postala preferred primary principal principala profil profile properties shipping subscriber"
    " suscriptor traits trabajo user usuario utilizator value work"
)


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, without accents and without linking words."""
    plain = "".join(
        sign
        for sign in unicodedata.normalize("NFKD", name[:_LONGEST_NAME])
        if not unicodedata.combining(sign)
    )
    return tuple(word for found in _WORD.findall(plain) if (word := found.casefold()) not in _LINKS)


def make_vocabulary(meanings: Mapping[str, str]) -> dict[str, str]:
    """Turn ``{meaning: "phrase, phrase, …"}`` into what ``recognise`` looks up."""
    return {
        "".join(words_of(phrase)): meaning
        for meaning, phrases in meanings.items()
        for phrase in phrases.split(",")
    }


def recognise(name: str, vocabulary: Mapping[str, str]) -> tuple[str, int] | None:
    """Return what a name means, and how many bywords it has besides; None when it does not say enough.

    The longest phrase counts. A word beside it that could change its meaning (``partner`` in ``PartnerEmail``) leaves
    the name without one.
    """
    words = words_of(name)
    for start, end in _runs(words):
        meaning = vocabulary.get("".join(words[start:end]))
        if meaning and _BYWORDS.issuperset(words[:start] + words[end:]):
            return meaning, len(words) - (end - start)
    return None


def _runs(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the ends of every run of words, the longest first; none for what is no name any more."""
    if len(words) > _MOST_WORDS:
        return
    for length in range(len(words), 0, -1):
        for start in range(len(words) - length + 1):
            yield start, start + length


_EMAIL = make_vocabulary(
    {
        "email": "email, e-mail, e-mail address, mail, mail address, email id, email addr, emails,"
        " correo, correo electrónico, dirección de correo, dirección de correo electrónico, dirección de email,"
        " dirección e-mail, dirección electrónica, adresă de e-mail, adresa e-mail, adresă de mail, adresă electronică,"
        " poștă electronică, adresă de poștă electronică"
    }
)

_CONSENT = make_vocabulary(
    {
        "consent": "newsletter, consent, consented, opt in, opted in, subscribed, accepts marketing, accepts email,"
        " marketing allowed, email allowed, marketing permission, email permission, gdpr,"
        " consentimiento, acepta, acepto, suscrito, suscrita, suscripción, boletín, permiso, autoriza, autorización, rgpd,"
        " consimțământ, consimte, acceptă, accept, abonat, abonare, acord, buletin informativ"
    }
)
_NO_CONSENT = _listed(
    "at baja count date dezabonat dezabonare fecha frequency from id no not ip on out language source sursa"
    " text time timestamp unsubscribe unsubscribed url version versiune"
)


def suggest_email_columns(columns: Iterable[str]) -> list[str]:
    """Return the columns that hold an e-mail address by their names, the most likely first."""
    found = [(match[1], column) for column in columns if (match := recognise(column, _EMAIL))]
    return [column for _, column in sorted(found, key=lambda each: each[0])]


def suggest_email_column(columns: Iterable[str]) -> str | None:
    """Return the column that most likely holds the e-mail address, or None."""
    return next(iter(suggest_email_columns(columns)), None)


def suggest_consent_columns(columns: Sequence[str]) -> list[str]:
    """Return the columns that may say whether a person agreed to be written to; a person has to choose."""
    return [column for column in columns if _is_about_consent(words_of(column))]


def _is_about_consent(words: tuple[str, ...]) -> bool:
    if _NO_CONSENT.intersection(words):
        return False
    return any("".join(words[start:end]) in _CONSENT for start, end in _runs(words))
