"""The portal's languages: English as written in code and templates, Spanish and Romanian from catalogues.

Catalogues are read as they were written: ``locales/{language}/{area}.po``, all areas of a language as one. The area
*core* holds what the core says; it has an English catalogue, too, for what is said otherwise in a portal than in an API.
"""

import gettext
import re
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from portal.sentences import Sentences

LANGUAGES = {"en": "English", "es": "Español", "ro": "Română"}
"""Each language by its own name."""

_LOCALES = Path(__file__).parent / "locales"
_wish = re.compile(
    r"([a-z]{1,8})(?:-[a-z]{4})?(?:-([a-z]{2}))?(?:-[a-z0-9]{1,8})*(?:\s*;\s*q=([01](?:\.\d{0,3})?))?",
    re.I,
).fullmatch


@dataclass(frozen=True)
class Language:
    """A language, with what is said in it."""

    code: str
    locale: Locale
    catalogue: gettext.NullTranslations
    sentences: Sentences

    def say(self, sentence: str) -> str:
        """Return a sentence of the core in this language, or as it is when it is not known."""
        return self.sentences.say(sentence)


@cache
def language(code: str) -> Language:
    """Return one of LANGUAGES. Its catalogues are read once."""
    locale = Locale.parse(code)
    with (_LOCALES / code / "core.po").open("rb") as file:
        sentences = Sentences(read_po(file, locale=code), locale)
    return Language(code, locale, _read_catalogue(code), sentences)


def choose_language(chosen: str, accepted: str) -> str:
    """Return the code of the language that somebody chose, else of the one their browser likes best.

    ``accepted`` is an Accept-Language header (RFC 9110, 12.5.4).
    """
    if chosen in LANGUAGES:
        return chosen
    return next((code for code, _ in _wishes(accepted) if code in LANGUAGES), "en")


def choose_region(code: str, accepted: str) -> Locale | None:
    """Return how the browser likes a language to be written (*en-GB*), or None when it says nothing of it."""
    for wished, territory in _wishes(accepted):
        if wished == code and territory:
            try:
                return Locale(code, territory)
            except UnknownLocaleError:
                continue
    return None


def _wishes(accepted: str) -> list[tuple[str, str]]:
    """Return languages with their territories, the best liked first."""
    found = [wish for each in accepted.split(",")[:20] if (wish := _wish(each.strip()))]
    liked = [
        (float(wish[3] or 1), -place, wish[1].lower(), (wish[2] or "").upper())
        for place, wish in enumerate(found)
    ]
    return [(code, territory) for weight, _, code, territory in sorted(liked, reverse=True) if weight]


def _read_catalogue(code: str) -> gettext.NullTranslations:
    whole = Catalog(locale=code)
    for path in sorted((_LOCALES / code).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=code):
                if message.id:
                    whole.add(message.id, message.string, context=message.context)
    compiled = BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
