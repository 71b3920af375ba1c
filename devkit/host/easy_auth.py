"""App Service authentication ("Easy Auth") played locally: a sign-in page with three people and a signed cookie.

While it is on, the app gets X-MS-CLIENT-PRINCIPAL, -ID, -NAME and -IDP in the shape that App Service gives them
for Microsoft Entra ID, app roles as claims of the type `roles` (Microsoft Learn, "Work with user identities in
Azure App Service authentication"). Requests without a session go through without these headers, as with "allow
unauthenticated access". Every
provider (`/.auth/login/aad`) leads to the same page. Signing out is a GET, as it is in App Service.
"""

import base64
import hashlib
import hmac
import html
import json
import time
import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from devkit.host.http_triggers import PRINCIPAL_HEADERS

COOKIE = "AppServiceAuthSession"
SESSION_S = 8 * 3600
_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_NAME_TYPE = f"{_CLAIMS}/emailaddress"
_ROLE_TYPE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
_OBJECT_ID_TYPE = "http://schemas.microsoft.com/identity/claims/objectidentifier"


@dataclass(frozen=True)
class Person:
    """Someone who can sign in; `role` is the value of the app role claim."""

    role: str
    name: str

    @property
    def email(self) -> str:
        return f"{self.role}@segpilot.example"

    @property
    def object_id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.email))

    @property
    def claims(self) -> list[dict[str, str]]:
        values = {
            _NAME_TYPE: self.email,
            f"{_CLAIMS}/nameidentifier": self.object_id,
            _OBJECT_ID_TYPE: self.object_id,
            "name": self.name,
            "preferred_username": self.email,
            "roles": self.role,
        }
        return [{"typ": kind, "val": value} for kind, value in values.items()]


PEOPLE = {
    person.role: person
    for person in (
        Person("administrator", "Ada Administrator"),
        Person("contributor", "Carlos Contributor"),
        Person("viewer", "Viorica Viewer"),
    )
}


class EasyAuth:
    """The sign-in routes, and the middleware that turns a session into principal headers."""

    def __init__(self, session_secret: str) -> None:
        self._secret = session_secret.encode()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/.auth/login/{provider}", self._show_sign_in),
            web.post("/.auth/login/{provider}", self._sign_in),
            web.get("/.auth/me", self._show_me),
            web.get("/.auth/logout", self._sign_out),
            web.get("/.auth/logout/complete", _show_signed_out),
        ]

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if person := self._find_person(request):
            request[PRINCIPAL_HEADERS] = principal_headers(person)
        return await handler(request)

    def make_session(self, person: Person, *, now: float) -> str:
        """Return the value of a session cookie that ends after `SESSION_S` seconds."""
        text = f"{person.role}|{int(now) + SESSION_S}"
        return base64.urlsafe_b64encode(f"{text}|{self._sign(text)}".encode()).decode()

    def read_session(self, value: str, *, now: float) -> Person | None:
        """Return whom a session cookie belongs to; None when it is over or not one of ours."""
        try:
            role, expiry, signature = base64.urlsafe_b64decode(value.encode()).decode().split("|")
        except ValueError:
            return None
        if not hmac.compare_digest(signature.encode(), self._sign(f"{role}|{expiry}").encode()):
            return None
        return PEOPLE.get(role) if int(expiry) > now else None

    def _sign(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()

    def _find_person(self, request: web.Request) -> Person | None:
        return self.read_session(request.cookies.get(COOKIE, ""), now=time.time())

    async def _show_sign_in(self, request: web.Request) -> web.Response:
        target = html.escape(_local_target(request.query.get("post_login_redirect_uri")))
        buttons = "".join(
            f'<p><button name="who" value="{person.role}">{person.name} ({person.role})</button></p>'
            for person in PEOPLE.values()
        )
        return _page(
            "Sign in",
            "<p>This page stands in for the Microsoft sign-in of the deployed app.</p>"
            f'<form method="post" action="/.auth/login/dev">{buttons}'
            f'<input type="hidden" name="post_login_redirect_uri" value="{target}"></form>',
        )

    async def _sign_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        person = PEOPLE.get(str(form.get("who")))
        if person is None:
            return web.Response(status=400, text=f"who must be one of {', '.join(PEOPLE)}")
        target = _local_target(str(form.get("post_login_redirect_uri", "")))
        response = web.Response(status=302, headers={"Location": target})
        response.set_cookie(
            COOKIE,
            self.make_session(person, now=time.time()),
            max_age=SESSION_S,
            httponly=True,
            samesite="Lax",
            path="/",
        )
        return response

    async def _show_me(self, request: web.Request) -> web.Response:
        person = self._find_person(request)
        if person is None:
            return web.Response(status=401)
        return web.json_response(
            [{"provider_name": "aad", "user_id": person.email, "user_claims": person.claims}]
        )

    async def _sign_out(self, request: web.Request) -> web.Response:
        target = _local_target(request.query.get("post_logout_redirect_uri"), "/.auth/logout/complete")
        response = web.Response(status=302, headers={"Location": target})
        response.del_cookie(COOKIE, path="/")
        return response


def principal_headers(person: Person) -> dict[str, str]:
    """Return the headers, names in lower case, that a function receives for a signed-in person."""
    principal = {
        "auth_typ": "aad",
        "claims": person.claims,
        "name_typ": _NAME_TYPE,
        "role_typ": _ROLE_TYPE,
    }
    return {
        "x-ms-client-principal": base64.b64encode(json.dumps(principal).encode()).decode(),
        "x-ms-client-principal-id": person.object_id,
        "x-ms-client-principal-name": person.email,
        "x-ms-client-principal-idp": "aad",
    }


def _local_target(wanted: str | None, otherwise: str = "/") -> str:
    """Only paths of this site are followed, so that a link cannot send people elsewhere after they sign in."""
    if (
        not wanted
        or not wanted.startswith("/")
        or wanted.startswith(("//", "/\\"))
        or not wanted.isprintable()
        or urlsplit(wanted).netloc
    ):
        return otherwise
    return wanted


async def _show_signed_out(_: web.Request) -> web.Response:
    return _page("Signed out", '<p><a href="/.auth/login/dev">Sign in again</a></p>')


def _page(title: str, body: str) -> web.Response:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<main><h1>{title}</h1>{body}</main></html>"
    )
    return web.Response(text=text, content_type="text/html")
