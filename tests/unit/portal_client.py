"""The portal without a host: an app of fakes, and a browser that keeps cookies and reads pages."""

import gzip
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from bs4 import BeautifulSoup

import portal.pages  # noqa: F401 # registers them
from portal import site
from portal.web import Effect, Request
from shared.bootstrap import App
from shared.domain.access import Principal, Role
from shared.domain.errors import NotSignedIn
from shared.settings import Settings
from tests.fakes import MemoryBlobs, MemoryUploads
from tests.fakes_stores import (
    FakeClock,
    HeardAlerts,
    MemorySegmentBlobs,
    MemoryStores,
    MemoryVault,
    ScriptedDestination,
)

NEEDED = {"SEGMENT_STORAGE": "-", "STATE_STORAGE": "-", "KEY_VAULT_URL": "https://vault"}
PEOPLE = {
    Role.ADMINISTRATOR: Principal("ada@example.com", Role.ADMINISTRATOR),
    Role.CONTRIBUTOR: Principal("carlos@example.com", Role.CONTRIBUTOR),
    Role.VIEWER: Principal("viorica@example.com", Role.VIEWER),
}


def make_app(**settings: str) -> Any:
    """Return the app with stores, blobs, vault, destination, alerts and clock in memory. They are its attributes."""
    made: Any = App(Settings.read({**NEEDED, **settings}), FakeClock())
    made.stores, made.vault, made.alerts = MemoryStores(), MemoryVault(), HeardAlerts()
    made.segment_blobs, made.state_blobs, made.log_blobs = MemorySegmentBlobs(), MemoryBlobs(), MemoryBlobs()
    made.segment_uploads = MemoryUploads()
    made.destinations = {"autopilot": ScriptedDestination()}
    return made


class Page:
    """What came back, read as HTML."""

    def __init__(
        self, status: int, headers: Mapping[str, str], body: bytes, effects: Iterable[Effect]
    ) -> None:
        self.status, self.headers, self.effects = status, headers, list(effects)
        self.body = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
        self.soup = BeautifulSoup(self.body, "html.parser")

    @property
    def text(self) -> str:
        """What a person reads, with single blanks."""
        return " ".join(self.soup.get_text(" ").split())

    @property
    def title(self) -> str:
        heading = self.soup.h1
        return " ".join(heading.get_text(" ").split()) if heading else ""

    @property
    def location(self) -> str:
        """Where a redirect leads."""
        assert self.status in (302, 303), f"{self.status}: {self.text[:500]}"
        return self.headers["Location"]

    def links(self) -> dict[str, str]:
        """Return the address of each link by its text."""
        return {
            " ".join(link.get_text(" ").split()): str(link["href"])
            for link in self.soup.find_all("a", href=True)
        }

    def form(self, action: str | None = None) -> dict[str, list[str]]:
        """Return what a browser would send of the main form, or of the one with this action, without its buttons."""
        forms = (
            self.soup.find_all("form", attrs={"action": action}) if action else self.soup.select("main form")
        )
        assert forms, f"no form {action or ''} in: {self.text[:500]}"
        sent: dict[str, list[str]] = {}
        for control in forms[0].find_all(["input", "select", "textarea"]):
            name, kind = control.get("name"), control.get("type")
            if not name or control.has_attr("disabled"):
                continue
            if control.name == "select":
                options = control.find_all("option")
                chosen = [each for each in options if each.has_attr("selected")] or options[:1]
                values = [str(each.get("value", each.get_text())) for each in chosen]
            elif control.name == "textarea":
                values = [control.get_text()]
            elif kind in ("checkbox", "radio"):
                values = [str(control.get("value", "on"))] if control.has_attr("checked") else []
            else:
                values = [str(control.get("value", ""))]
            sent.setdefault(str(name), []).extend(values)
        return sent


class Browser:
    """Somebody with a role, a language and cookies. `app` is that of `make_app`, whose stores the test fills."""

    def __init__(self, app: Any, role: Role | None = Role.ADMINISTRATOR, language: str = "en") -> None:
        self.app, self.role, self.language = app, role, language
        self.cookies: dict[str, str] = {}

    def get(self, path: str, *, follow: bool = True, live: bool = False) -> Page:
        """Open a page: `exports?sort=name` or `/portal/exports`."""
        page = self._send("GET", path, headers={"hx-request": "true"} if live else {})
        while follow and page.status == 303:
            page = self._send("GET", page.location)
        return page

    def post(self, path: str, form: Mapping[str, object] | None = None, **more: object) -> Page:
        """Send a form with a genuine token. Values may be lists. It does not follow where it leads."""
        if "__Host-csrf" not in self.cookies:
            self.get("preferences")
        token = site.csrf.mask(self.cookies["__Host-csrf"])
        fields = {**(form or {}), **more, "csrf": token}
        return self.send(path, urlencode(fields, doseq=True).encode())

    def send(
        self, path: str, body: bytes, kind: str = "application/x-www-form-urlencoded", **headers: str
    ) -> Page:
        """Send a body as it is."""
        return self._send("POST", path, body, {"content-type": kind, **headers})

    def submit(self, page: Page, path: str, **changes: object) -> Page:
        """Send the main form of a page with some fields changed; None leaves one out."""
        fields = {name: value for name, value in {**page.form(), **changes}.items() if value is not None}
        return self.post(path, fields)

    def _send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Page:
        address = path if path.startswith("/portal") else f"/portal/{path}"
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {
            "accept-language": self.language,
            "cookie": cookies,
            "accept-encoding": "gzip",
            **(headers or {}),
        }
        request = Request(
            method=method,
            url=f"https://segpilot.example{address}",
            path=unquote(urlsplit(address).path.removeprefix("/portal").lstrip("/")),
            headers=sent,
            body=body,
            app=self.app,
            identify=self._identify,
        )
        response = site.answer(request)
        for cookie in response.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = quote(value, safe="-._~")  # as the Functions host writes it
            if "Max-Age=0" in cookie:
                del self.cookies[name]
        return Page(response.status, response.headers, response.body, response.effects)

    def _identify(self) -> Principal:
        if self.role is None:
            raise NotSignedIn("Nobody is signed in.")
        return PEOPLE[self.role]
