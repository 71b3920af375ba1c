"""Catalogues as files: ``portal/locales/{language}/{area}.po``."""

from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

LOCALES = Path(__file__).parents[2] / "portal" / "locales"
CORE = "core"


def areas(language: str) -> list[str]:
    return sorted(path.stem for path in (LOCALES / language).glob("*.po"))


def read_area(language: str, area: str) -> Catalog:
    """Return a catalogue; an empty one when there is none yet."""
    path = LOCALES / language / f"{area}.po"
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def write_area(language: str, area: str, catalogue: Catalog) -> None:
    """Write a catalogue with as much of a header as gettext needs, so that nothing but its messages changes."""
    messages = BytesIO()
    write_po(messages, catalogue, width=0, omit_header=True, include_lineno=False, ignore_obsolete=True)
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {language}\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    )
    (LOCALES / language / f"{area}.po").write_bytes(header.encode() + messages.getvalue().strip() + b"\n")
