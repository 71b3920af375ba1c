"""HTTP triggers: from an incoming request to `func.HttpRequest` and from what the function returned to a response.

Follows the Functions host: header names in lower case, repeated values joined by commas, empty query parameters and
headers dropped, a body only with a Content-Length above zero, route values as text, 401 without a key that fits,
500 with an empty body when the function fails.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote

import azure.functions as func
from aiohttp import web
from azure.functions.meta import Datum

from devkit.host.converters import find_converter
from devkit.host.indexing import IndexedFunction, IndexingError
from devkit.host.invocation import Worker
from devkit.host.keys import Keys
from devkit.host.routes import RouteError, RouteTable
from devkit.host.settings import HostOptions
from devkit.host.slow_clients import read_body

log = logging.getLogger("devkit.host")

MAX_BODY_SIZE_BYTES = 100 * 1024 * 1024
PRINCIPAL_HEADERS = web.RequestKey("principal_headers", dict[str, str])
_RESERVED = ("admin", "runtime/")  # whatever the prefix is; "administration" is refused, too
_SET_BY_THE_SERVER = frozenset({"content-length", "transfer-encoding", "connection"})


class HttpTriggers:
    """All functions with an HTTP trigger. Raises `IndexingError` when a route cannot be served."""

    def __init__(
        self,
        functions: Iterable[IndexedFunction],
        *,
        worker: Worker,
        keys: Keys,
        options: HostOptions,
        public_url: Callable[[], str],
    ) -> None:
        self._worker = worker
        self._keys = keys
        self._public_url = public_url
        self._is_stopping = False
        self._routes: RouteTable[IndexedFunction] = RouteTable()
        for function in functions:
            if function.trigger_type != "httpTrigger":
                continue
            route = function.trigger["route"].strip("/")
            if route.lower().startswith(_RESERVED):
                raise IndexingError(
                    f"{function.name}: the route {route!r} conflicts with one or more built in routes"
                )
            try:
                self._routes.add(f"{options.route_prefix}/{route}", function.trigger.get("methods"), function)
            except RouteError as error:
                raise IndexingError(f"{function.name}: {error}") from error

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request that no part of the host itself has answered."""
        if self._is_stopping:
            return web.Response(status=503)
        if any(map(_is_no_text, request.headers.values())):
            return web.Response(status=400)
        found = self._routes.match(request.method, request.rel_url.raw_path)
        if found is None:
            return web.Response(status=404)
        function, route_values = found
        level = function.trigger.get("authLevel") or "FUNCTION"
        if not self._keys.allow(presented_key(request), level=level, function=function.name):
            return web.Response(status=401)
        try:
            body = await _read_body(request)
        except (web.HTTPRequestEntityTooLarge, web.HTTPRequestTimeout) as refusal:
            answer = web.Response(status=refusal.status)
            answer.force_close()  # what may still come of the body is no request
            return answer
        arguments = {function.trigger_parameter: self._build_request(request, route_values, body)}
        try:
            result = await self._worker.invoke(
                function, arguments, trace_parent=request.headers.get("traceparent", "")
            )
        except Exception:  # the worker has logged it
            return web.Response(status=500)
        try:
            return _build_response(result)
        except (TypeError, ValueError):
            log.exception("function=%s returned what is no HTTP response", function.name)
            return web.Response(status=500)

    def stop(self) -> None:
        """Refuse what comes from now on."""
        self._is_stopping = True

    def _build_request(self, request: web.Request, route_values: Mapping[str, str], body: bytes) -> Any:
        return func.HttpRequest(
            method=request.method,
            url=self._public_url() + request.rel_url.raw_path_qs,
            headers=_read_headers(request),
            params={name: value for name, value in _joined(request.query).items() if value},
            route_params=route_values,
            body=body,
        )


def presented_key(request: web.Request) -> str | None:
    """Return the key of a request: the header x-functions-key, else the query parameter `code`."""
    if key := request.headers.get("x-functions-key"):
        return key
    return next((value for name, value in request.query.items() if name.lower() == "code"), None)


def _is_no_text(value: str) -> bool:
    """Kestrel refuses what is no UTF-8; aiohttp makes it half characters."""
    return any("\ud800" <= each <= "\udfff" for each in value)


def _read_headers(request: web.Request) -> dict[str, str]:
    sent = {name: value for name, value in _joined(request.headers, lower=True).items() if value}
    genuine = {name: value for name, value in sent.items() if not name.startswith("x-ms-")}
    principal: dict[str, str] = request.get(PRINCIPAL_HEADERS, {})
    return genuine | principal


def _joined(pairs: Any, *, lower: bool = False) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs.items():
        key = name.lower() if lower else name
        joined[key] = f"{joined[key]},{value}" if key in joined else value
    return joined


async def _read_body(request: web.Request) -> bytes:
    if not request.content_length:
        return b""
    if request.content_length > MAX_BODY_SIZE_BYTES:
        raise web.HTTPRequestEntityTooLarge(MAX_BODY_SIZE_BYTES, request.content_length)
    return await read_body(request)


def _build_response(result: Any) -> web.Response:
    try:
        datum: Datum = find_converter("http").encode(result, expected_type=None)
    except NotImplementedError:
        raise TypeError(f"an HTTP function cannot return {type(result).__name__}") from None
    if datum.type == "string":
        return web.Response(text=datum.value)
    answer = datum.value
    response = web.Response(status=int(answer["status_code"].value), body=answer["body"].value or None)
    for name, value in answer["headers"].items():
        if name.lower() not in _SET_BY_THE_SERVER:
            response.headers[name] = value.value
    cookies: list[SimpleCookie] = answer["cookies"] or []
    for cookie in cookies:
        for morsel in cookie.values():
            # The host writes other characters of the value as percent codes (azure-functions-python-worker, issue 1794).
            morsel.set(morsel.key, morsel.value, quote(morsel.value, safe="-._~"))
            response.headers.add("Set-Cookie", morsel.OutputString())
    return response
