"""Templates: what all of them know, and how a view becomes HTML."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from portal import reader
from portal.languages import LANGUAGES
from portal.static_files import static
from portal.web import Request
from portal.words import explain_reason

TONES = {
    "Successful": "good",
    "Connected": "good",
    "Done": "good",
    "well": "good",
    "Successful with rejects": "warn",
    "Waiting for approval": "warn",
    "Draft": "warn",
    "partial": "warn",
    "approval needed": "warn",
    "Failed": "bad",
    "Needs attention": "bad",
    "failed": "bad",
    "needs attention": "bad",
    "Queued": "busy",
    "Processing": "busy",
}
"""How a status looks; others look neutral."""


def tone(status: str) -> str:
    return TONES.get(str(status), "plain")


def with_query(request: Request, **changes: str | None) -> str:
    """Return the address of the present page with some parameters changed; empty ones are left out."""
    parts = urlsplit(request.url)
    changed = {**{name: request.query.all(name) for name in request.query}, **changes}
    kept = {name: value for name, value in changed.items() if value}
    return f"{parts.path}?{urlencode(kept, doseq=True)}" if kept else parts.path


def path(*steps: str, **query: object) -> str:
    """Return the address of a page: ``path("exports", export.id, tab="runs")``. Values that are None are left out."""
    address = "/portal/" + "/".join(quote(step, safe="") for step in steps)
    wanted = {name: value for name, value in query.items() if value is not None and value != ""}
    return f"{address}?{urlencode(wanted, doseq=True)}" if wanted else address


@cache
def environment() -> Environment:
    """Return the environment of all templates."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]
        lambda message: reader.reader().language.catalogue.gettext(message),
        lambda one, many, count: reader.reader().language.catalogue.ngettext(one, many, count),
        newstyle=True,
        pgettext=lambda context, message: reader.reader().language.catalogue.pgettext(context, message),
    )
    said: dict[str, Callable[..., Any]] = {
        each.__name__: each
        for each in (
            reader.say,
            reader.word,
            reader.number,
            reader.percent,
            reader.size,
            reader.duration,
            reader.moment,
            reader.day,
            reader.ago,
            reader.when,
            reader.exactly,
            reader.reader,
            explain_reason,
        )
    }
    made.globals.update(said, path=path, with_query=with_query, tone=tone, static=static, LANGUAGES=LANGUAGES)
    return made
