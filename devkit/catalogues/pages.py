"""What the portal's own templates and modules say, by area."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from babel.messages.extract import DEFAULT_KEYWORDS, extract

from devkit.catalogues.files import forms

PORTAL = Path(__file__).parents[2] / "portal"
LAYOUT = "layout"
_TEMPLATE_OPTIONS = {
    "trim_blocks": "true",
    "lstrip_blocks": "true",
    "newstyle_gettext": "true",
    "silent": "false",
}


class PageMessage(NamedTuple):
    """``id`` is one text, or singular and plural."""

    context: str
    id: tuple[str, ...]


def page_messages() -> dict[PageMessage, list[str]]:
    """Return every message with the files that say it, relative to the repository, in the order of files and lines."""
    found: dict[PageMessage, list[str]] = {}
    for path in sorted(
        [*PORTAL.glob("*.py"), *PORTAL.glob("pages/**/*.py"), *PORTAL.glob("templates/**/*.html")]
    ):
        file = path.relative_to(PORTAL.parent).as_posix()
        for message in _extract(path):
            files = found.setdefault(message, [])
            if file not in files:
                files.append(file)
    return found


def area_of(file: str, known: list[str]) -> str:
    """Return the area of a file: the catalogue of the folder or the module, or the one with the nearest name."""
    _, kind, *steps = file.split("/")
    if kind not in ("pages", "templates"):
        return _nearest(kind.removesuffix(".py"), known) or LAYOUT
    name = steps[0].rpartition(".")[0] or steps[0]
    if len(steps) == 1 and kind == "templates":
        return LAYOUT
    return _nearest(name, known) or (LAYOUT if name == "parts" else name)


def _nearest(name: str, known: list[str]) -> str | None:
    likely = [area for area in known if name == area or name.startswith(area.removesuffix("s") + "_")]
    return max(likely, key=len, default=None)


def _extract(path: Path) -> Iterator[PageMessage]:
    method = "python" if path.suffix == ".py" else "jinja2.ext:babel_extract"
    with path.open("rb") as file:
        for _, text, _, context in extract(method, file, DEFAULT_KEYWORDS, options=_TEMPLATE_OPTIONS):
            yield PageMessage(context or "", forms(text))
