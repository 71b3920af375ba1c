"""What pages take and return: a request, and a view, a redirect or a file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from portal.forms import Form, read_form, read_query
from shared.bootstrap import App
from shared.domain.access import Principal
from shared.domain.errors import NotSignedIn
from shared.domain.run import Run
from shared.usecases.erasures import NewErasure

ROOT = "/portal"
"""Below this all pages lie."""


@dataclass
class Request:
    """A request as the host got it. ``path`` is what follows ``/portal/``, with percent codes read; header names are
    in lower case. ``identify`` raises NotSignedIn, and Forbidden for somebody without a role; ``person`` is who was
    found, and ``params`` are those of the page's path, once they are known."""

    method: str
    url: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    app: App
    identify: Callable[[], Principal]
    params: Mapping[str, str] = field(default_factory=dict)
    person: Principal | None = None

    @property
    def principal(self) -> Principal:
        """Who has signed in: no page is asked before somebody has."""
        if self.person is None:
            raise NotSignedIn("Nobody is signed in.")
        return self.person

    @cached_property
    def query(self) -> Form:
        return read_query(urlsplit(self.url).query)

    @cached_property
    def form(self) -> Form:
        """Raises Invalid for a body that is no form, or too large a one."""
        return read_form(self.body, self.headers.get("content-type", ""))

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        jar: SimpleCookie = SimpleCookie()
        for piece in self.headers.get("cookie", "").split(";"):
            try:
                jar.load(piece.strip())
            except CookieError:
                continue
        return {name: morsel.value for name, morsel in jar.items()}

    @property
    def address(self) -> str:
        """The path and query of this page, for links and forms that come back to it."""
        parts = urlsplit(self.url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    @property
    def is_live(self) -> bool:
        """Tell whether the page itself asks for a part of it, and not a person for the page."""
        return self.headers.get("hx-request") == "true"


@dataclass(frozen=True, slots=True)
class StartRun:
    """A run that has been created and is to be given to the orchestration."""

    run: Run


@dataclass(frozen=True, slots=True)
class CancelRun:
    run_id: str


@dataclass(frozen=True, slots=True)
class DecideRun:
    run_id: str
    round: int


@dataclass(frozen=True, slots=True)
class StartErasure:
    """An erasure that was asked for and is to be given to the orchestration."""

    erasure_id: str
    wanted: NewErasure


Effect = StartRun | CancelRun | DecideRun | StartErasure
"""What is left to be done by the orchestration once a page has done its part."""


@dataclass(frozen=True, slots=True)
class View:
    """A page: a template below ``portal/templates`` and what it shows. ``effects`` happen before it is shown."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    effects: Sequence[Effect] = ()


@dataclass(frozen=True, slots=True)
class Redirect:
    """Somewhere else in the portal, once ``effects`` have happened. ``notice`` is a sentence that is shown there;
    ``kept`` is what the browser is to remember for a year, by name of the cookie."""

    to: str
    notice: str = ""
    effects: Sequence[Effect] = ()
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Download:
    """A file for the reader to keep."""

    content: bytes
    media_type: str
    file_name: str


@dataclass(frozen=True, slots=True)
class Data:
    """JSON for a script of the portal."""

    content: bytes
    status: int = 200


Outcome = View | Redirect | Download | Data
Page = Callable[[Request], Outcome]


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back to the browser."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    cookies: Sequence[str] = ()
    effects: Sequence[Effect] = ()
