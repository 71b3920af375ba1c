"""The door for people: every operation once more, for those whom App Service has signed in and who hold no key.

The host asks for a key at every other route, also where App Service authentication is on. This one it leaves to us:
who has not signed in, or has no role, gets nowhere.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import azure.functions as func

from functions.operation import DurableHandler, Handler, Operations, Served, encode, in_thread
from functions.principal import require_person
from functions.problems import MethodNotAllowed, problem_response
from shared.domain.access import Principal
from shared.domain.errors import Forbidden, NotFound

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_SAFE = ("GET",)


class Door:
    """Leads from ``signed-in/{path}`` to the operation that is served at ``{path}``."""

    def __init__(
        self,
        operations: Operations,
        identify: Callable[[Mapping[str, str]], Principal] = require_person,
    ) -> None:
        self._operations, self._identify = operations, identify

    async def answer(self, req: func.HttpRequest, path: str, client: Any) -> func.HttpResponse:
        """Answer as the operation itself would. ``client`` is the durable client of the function."""
        try:
            person = self._identify(req.headers)
            if req.method not in _SAFE:
                require_own_site(req)
            served, params = self._find(req.method, path)
            request = served.operation.decode(req, params, lambda _headers: person)
            if served.durable:
                return encode(await cast(DurableHandler, served.handler)(request, client))
            handler = cast(Handler, served.handler)
            return encode(await in_thread(lambda: handler(request)))
        except Exception as error:
            return problem_response(req, error)

    def _find(self, method: str, path: str) -> tuple[Served, dict[str, str]]:
        found = [
            (served, params)
            for served in self._operations.served
            if (params := match(served.operation.route, path)) is not None
        ]
        if not found:
            raise NotFound("There is no such operation.", remedy="See /api/signed-in/openapi.json.")
        fitting = [each for each in found if each[0].operation.method == method]
        if not fitting:
            raise MethodNotAllowed(
                f"This path has no {method}.", sorted({served.operation.method for served, _ in found})
            )
        return min(fitting, key=lambda each: len(each[1]))


def match(route: str, path: str) -> dict[str, str] | None:
    """Return the parameters of a path if it fits a route: literals in any case, as the host takes them."""
    wanted, given = route.split("/"), path.strip("/").split("/")
    if len(wanted) != len(given):
        return None
    params: dict[str, str] = {}
    for step, value in zip(wanted, given, strict=True):
        if step.startswith("{"):
            if not value:
                return None
            params[step.strip("{}")] = value
        elif step.casefold() != value.casefold():
            return None
    return params


def require_own_site(req: func.HttpRequest) -> None:
    """Raise Forbidden when another site may have made a browser send this with the session cookie of a person.

    A site cannot add an Authorization header to such a request without asking first (CORS), and cannot change what
    browsers say of its origin (Fetch Metadata; OWASP, "Cross-Site Request Forgery Prevention").
    """
    if req.headers.get("authorization", "").lower().startswith("bearer "):
        return
    if site := req.headers.get("sec-fetch-site"):
        if site == "same-origin":
            return
    elif (origin := req.headers.get("origin")) and _is_own(origin, req):
        return
    raise Forbidden(
        "A change over a session must come from this site itself.",
        code="cross-site",
        remedy="Send a bearer token, or use a function key at /api.",
    )


def _is_own(origin: str, req: func.HttpRequest) -> bool:
    host: str = req.headers.get("host", "")
    try:
        site = urlsplit(origin).netloc
    except ValueError:
        return False
    return bool(site) and site.lower() == host.lower()
