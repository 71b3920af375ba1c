"""Who is calling: the person that App Service has signed in, else whoever holds the function key."""

import base64
import os
import re
from collections.abc import Mapping

import orjson

from shared.bootstrap import app
from shared.domain.access import Principal, Role
from shared.domain.errors import Forbidden, NotSignedIn

_PRINCIPAL = "x-ms-client-principal"
_ROLE_CLAIMS = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
_NAME_CLAIMS = ("preferred_username", "name")
_with_port = re.compile(r"(?:(?P<v4>[\d.]+)|\[(?P<v6>[0-9A-Fa-f:.]+)\])(?::\d+)?").fullmatch


def read_principal(headers: Mapping[str, str]) -> Principal:
    """Return who is calling an operation that the host has let through with a function key.

    A signed-in person counts more than the key. Raises Forbidden when that person has no role.
    """
    address = _address(headers)
    if person := signed_in(headers, address):
        return person
    return Principal("function key", app().settings.function_key_role, address)


def require_person(headers: Mapping[str, str]) -> Principal:
    """Return the person that App Service has signed in. Raises NotSignedIn, and Forbidden for one without a role."""
    person = signed_in(headers, _address(headers))
    if person is None:
        raise NotSignedIn(
            "Nobody is signed in.",
            remedy="Send a bearer token of this app's registration, or sign in: /.auth/login/aad. "
            "Holders of a function key use /api.",
        )
    return person


def signed_in(headers: Mapping[str, str], address: str) -> Principal | None:
    """Return the person that App Service has signed in, or None. Raises Forbidden for one without a role.

    The header is believed only where the platform says that its authentication is on: elsewhere anybody could send it
    (Microsoft Learn, "Work with user identities in Azure App Service authentication").
    """
    token = headers.get(_PRINCIPAL)
    if not token or os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() != "true":
        return None
    try:
        document = orjson.loads(base64.b64decode(token, validate=True))
        claims = [(str(claim["typ"]), str(claim["val"])) for claim in document["claims"]]
        name_type, role_type = str(document.get("name_typ") or ""), str(document.get("role_typ") or "")
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
    name = next(
        (val for kind in (name_type, *_NAME_CLAIMS) for typ, val in claims if typ == kind and val), ""
    )
    given = {val.casefold() for typ, val in claims if typ in (role_type, *_ROLE_CLAIMS)}
    roles = [role for role in Role if role in given]
    if not roles:
        raise Forbidden(
            f"'{name or 'You'}' has no role in Segpilot.",
            remedy="Ask an administrator for one of the app roles Viewer, Contributor or Administrator.",
        )
    return Principal(name or "unnamed", roles[-1], address)


def _address(headers: Mapping[str, str]) -> str:
    """The front end adds the caller's address, with its port, at the end; what stands before it was sent by the caller."""
    last = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    found = _with_port(last)
    return (found["v4"] or found["v6"]) if found else last[:100]
