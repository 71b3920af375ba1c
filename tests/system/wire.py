"""A client that keeps no rules: it sends bytes as they are and reads what is answered."""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
OWN_SITE = ("Sec-Fetch-Site", "same-origin")
Header = tuple[str, str | bytes]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    def cookie(self, name: str) -> str:
        """Return the value of a cookie that this sets, empty when it sets none of this name."""
        jar = SimpleCookie("; ".join(self.headers.get_all("Set-Cookie") or []))
        return jar[name].value if name in jar else ""


class Wire:
    """Speaks to the host at ``url``; each request has a connection of its own."""

    def __init__(self, url: str, key: str = "") -> None:
        place = urlsplit(url)
        self.address, self.host = (place.hostname or "", place.port or 0), place.netloc
        self._key = key

    def ask(
        self, method: str, path: str, headers: Sequence[Header] = (), body: bytes = b"", *, key: bool = False
    ) -> Answer:
        """Send a request. Content-Length is that of the body unless the headers say something about its length."""
        return self.say(self.head(method, path, headers, body, key=key) + body)

    def head(
        self, method: str, path: str, headers: Sequence[Header] = (), body: bytes = b"", *, key: bool = False
    ) -> bytes:
        named = {name.lower() for name, _ in headers}
        sent: list[Header] = [("Host", self.host)] if "host" not in named else []
        sent += headers
        if key:
            sent.append(("x-functions-key", self._key))
        if not named & {"content-length", "transfer-encoding"} and (
            body or method in ("POST", "PUT", "PATCH")
        ):
            sent.append(("Content-Length", str(len(body))))
        sent.append(("Connection", "close"))
        lines = [f"{method} {path} HTTP/1.1".encode("latin-1")]
        lines += [f"{name}: ".encode() + _bytes(value) for name, value in sent]
        return b"\r\n".join([*lines, b"", b""])

    def say(self, data: bytes, more: Iterable[bytes] = ()) -> Answer:
        """Send bytes, and more as long as somebody takes them; return the answer. Fails after 30 s without one."""
        with self.open() as connection:
            # Whoever refuses a body before all of it has come need not take the rest.
            with contextlib.suppress(OSError):
                connection.sendall(data)
                for piece in more:
                    connection.sendall(piece)
            return read_answer(connection)

    def open(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=30)


def read_answer(connection: socket.socket) -> Answer:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return Answer(answer.status, answer.headers, answer.read())


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


class Someone:
    """A person who has signed in, with the secret of the portal's forms and a token that fits it."""

    def __init__(self, wire: Wire, role: str) -> None:
        self.wire = wire
        self.session = wire.ask("POST", "/.auth/login/aad", [FORM], f"who={role}".encode()).cookie(
            "AppServiceAuthSession"
        )
        page = wire.ask("GET", "/portal/preferences", [("Cookie", f"AppServiceAuthSession={self.session}")])
        self.secret = page.cookie("__Host-csrf")
        self.token = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        assert self.secret
        assert self.token, page.text

    @property
    def cookies(self) -> Header:
        return ("Cookie", f"AppServiceAuthSession={self.session}; __Host-csrf={self.secret}")

    def get(self, path: str, *headers: Header) -> Answer:
        return self.wire.ask("GET", path, [self.cookies, *headers])

    def post(self, path: str, body: bytes, *headers: Header) -> Answer:
        """Send a body from a page of the portal: with its token, unless other headers say otherwise."""
        given = {name.lower() for name, _ in headers}
        usual = [self.cookies, OWN_SITE, FORM, ("X-CSRF-Token", self.token)]
        return self.wire.ask(
            "POST", path, [*(each for each in usual if each[0].lower() not in given), *headers], body
        )
