"""``make messages``: bring the catalogues into step with what the code says.

What is new is added without a translation, what is gone is dropped, and everything else stays where it is.
"""

from collections.abc import Collection, Iterable
from pathlib import Path

from babel.messages.catalog import Catalog

from devkit.catalogues.core import core_messages
from devkit.catalogues.files import CORE, LOCALES, areas, forms, read_area, write_area
from devkit.catalogues.pages import PageMessage, area_of, page_messages
from devkit.catalogues.words import reasons, words

_SOURCE = "en"


def update(locales: Path) -> None:
    """Bring the catalogues below a folder into step, and print what is new in them."""
    core = _core_entries()
    for language in sorted(path.name for path in locales.iterdir()):
        if language == _SOURCE:
            # English needs but what it says otherwise than the core, and words for codes.
            _renew(
                locales, language, CORE, core, [entry for entry in core if entry.context.startswith("reject")]
            )
        else:
            _renew(locales, language, CORE, core, core)
            _renew_pages(locales, language)


def _core_entries() -> list[PageMessage]:
    return [
        *(PageMessage(message.context, (message.text,)) for message in core_messages()),
        *(PageMessage("word", (word,)) for word in words()),
        *(
            PageMessage(context, (reason,))
            for reason in reasons()
            for context in ("reject", "reject meaning")
        ),
    ]


def _renew_pages(locales: Path, language: str) -> None:
    said = page_messages()
    known = [area for area in areas(language, locales) if area != CORE]
    kept = {
        (entry.context or "", forms(entry.id)[0])
        for area in known
        for entry in read_area(language, area, locales)
    }  # fmt: skip
    new = {
        message: area_of(files[0], known)
        for message, files in said.items()
        if (message.context, message.id[0]) not in kept
    }
    for area in sorted({*known, *new.values()}):
        _renew(locales, language, area, said, [each for each, home in new.items() if home == area])


def _renew(
    locales: Path, language: str, area: str, wanted: Iterable[PageMessage], new: Collection[PageMessage]
) -> None:
    """Write a catalogue again: its own messages as far as they are wanted, then the new ones that it has not."""
    renewed, open_ones = Catalog(locale=language), {(each.context, each.id[0]): each for each in wanted}
    for entry in read_area(language, area, locales):
        message = open_ones.pop((entry.context or "", forms(entry.id)[0]), None)
        if message is None:
            continue
        # A sentence of the core may have forms of the plural in one language and none in another.
        is_same = area == CORE or len(message.id) == len(forms(entry.id))
        id_, said = (forms(entry.id), forms(entry.string)) if is_same else (message.id, ("",))
        _add(renewed, message.context, id_, said, entry.user_comments)
    for message in new:
        if (message.context, message.id[0]) in open_ones:
            _add(renewed, message.context, message.id, ("",))
            print(f"{language}/{area}.po: {message.id[0]}")
    write_area(language, area, renewed, locales)


def _add(
    catalogue: Catalog,
    context: str,
    id_: tuple[str, ...],
    said: tuple[str, ...],
    comments: Iterable[str] = (),
) -> None:
    has_plural = len(id_) > 1
    catalogue.add(
        id_ if has_plural else id_[0],
        said if has_plural and len(said) > 1 else said[0],
        user_comments=comments,
        context=context or None,
    )


if __name__ == "__main__":
    update(LOCALES)
