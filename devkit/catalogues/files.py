"""Catalogues as files: ``{language}/{area}.po`` below a folder."""

from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

LOCALES = Path(__file__).parents[2] / "portal" / "locales"
CORE = "core"


def forms(text: object) -> tuple[str, ...]:
    """Return what stands in a catalogue: one text, or one for each form of the plural."""
    return tuple(map(str, text)) if isinstance(text, list | tuple) else (str(text or ""),)


def areas(language: str, locales: Path = LOCALES) -> list[str]:
    return sorted(path.stem for path in (locales / language).glob("*.po"))


def read_area(language: str, area: str, locales: Path = LOCALES) -> Catalog:
    """Return a catalogue; an empty one when there is none yet."""
    path = locales / language / f"{area}.po"
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def write_area(language: str, area: str, catalogue: Catalog, locales: Path) -> None:
    """Write a catalogue with as much of a header as gettext needs, so that nothing but its messages changes."""
    messages = BytesIO()
    write_po(messages, catalogue, width=0, omit_header=True, no_location=True, ignore_obsolete=True)
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {language}\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    )
    (locales / language / f"{area}.po").write_bytes(header.encode() + messages.getvalue().strip() + b"\n")
