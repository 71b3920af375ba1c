"""The HTTP API of Durable Functions: what `DurableOrchestrationClient` calls, and what people call with curl.

It is served twice. Below /runtime/webhooks/durabletask requests need the system key, as `code` or in the
header x-functions-key. Below /durabletask (the SDK's `rpcBaseUrl`) they need none, as in Azure, where that
address exists on loopback only; here requests that a browser made are refused instead.
"""

import hmac
import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from devkit.host.durable import payloads
from devkit.host.durable.engine import Engine
from devkit.host.durable.events import parse_iso
from devkit.host.durable.instances import (
    Instance,
    InstanceEndedError,
    InstanceExistsError,
    InstanceNotFoundError,
    Status,
)
from devkit.host.durable.operations import UnknownFunctionError
from devkit.host.durable.queries import Filter

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PAGE_SIZE = 100
_TOKEN_HEADER = "x-ms-continuation-token"  # noqa: S105 (the name of a header)
_STATUSES = frozenset({*Status, "ContinuedAsNew", "Canceled"})


def management_routes(
    engine: Engine, *, hub: str, connection: str, system_key: str | None
) -> list[web.RouteDef]:
    """The routes of the API for both addresses. Without a `system_key` the public one is open, too."""
    api = _Api(engine, payloads.common_query(hub, connection, system_key))
    public = [
        web.route(route.method, payloads.PUBLIC_PATH + route.path, _with_key(route.handler, system_key))
        for route in api.routes()
    ]
    rpc = [
        web.route(route.method, payloads.RPC_PATH + route.path, _not_from_browsers(route.handler))
        for route in api.routes()
    ]
    return public + rpc


def client_binding(
    engine: Engine,
    base_url: str,
    *,
    hub: str | None = None,
    connection: str = "AzureWebJobsStorage",
    system_key: str | None = None,
    rpc_base_url: str | None = None,
) -> str:
    """The value of a durableClient binding: JSON text. `base_url` is the public origin without a slash at its end,
    `rpc_base_url` the one the app itself can reach (the same if left out)."""
    hub = hub or engine.task_hub
    query = payloads.common_query(hub, connection, system_key)
    return payloads.binding(base_url, rpc_base_url or base_url, hub, connection, query)


class _Api:
    def __init__(self, engine: Engine, query: str) -> None:
        self._engine = engine
        self._query = query

    def routes(self) -> list[web.RouteDef]:
        one = "/instances/{id}"
        return [
            web.post("/orchestrators/{name}", _answering_errors(self.start)),
            web.post("/orchestrators/{name}/{id}", _answering_errors(self.start)),
            web.get("/instances", _answering_errors(self.list), allow_head=False),
            web.get("/instances/", _answering_errors(self.list), allow_head=False),
            web.delete("/instances", _answering_errors(self.purge_many)),
            web.delete("/instances/", _answering_errors(self.purge_many)),
            web.get(one, _answering_errors(self.status), allow_head=False),
            web.delete(one, _answering_errors(self.purge)),
            web.post(one + "/raiseEvent/{event}", _answering_errors(self.raise_event)),
            web.post(one + "/{operation:terminate|suspend|resume}", _answering_errors(self.control)),
            web.post(one + "/restart", _answering_errors(self.restart)),
            web.post(one + "/rewind", _answering_errors(self.rewind)),
            web.get("/entities/{name}/{key}", _answering_errors(self.read_entity), allow_head=False),
            web.post("/entities/{name}/{key}", _answering_errors(self.signal_entity)),
            web.delete("/entities/{name}/{key}", _answering_errors(self.signal_entity)),
        ]

    async def start(self, request: web.Request) -> web.Response:
        body = await _read_json(request)
        path = request.match_info
        instance_id = await self._engine.start(
            path["name"],
            path.get("id"),
            body,
            request.query.get("version"),
            request.headers.get("traceparent"),
        )
        return await self._check_status_response(request, instance_id)

    async def restart(self, request: web.Request) -> web.Response:
        new_id = _flag(request, "restartWithNewInstanceId", default=True)
        instance_id = await self._engine.restart(request.match_info["id"], new_id=new_id)
        return await self._check_status_response(request, instance_id)

    async def status(self, request: web.Request) -> web.Response:
        instance = await self._engine.status(request.match_info["id"])
        if instance is None:
            return web.Response(status=404)
        history = None
        if _flag(request, "showHistory", default=False):
            events = [json.loads(text) for text in await self._engine.history(instance.id)]
            show_output = _flag(request, "showHistoryOutput", default=False)
            history = payloads.history_payload(events, show_output=show_output)
        show_input = _flag(request, "showInput", default=True)
        payload = payloads.status_payload(instance, show_input=show_input, history=history)
        if not instance.has_ended:
            headers = {"Location": str(request.url), "Retry-After": "5"}
            return web.json_response(payload, status=202, headers=headers)
        severe = _flag(request, "returnInternalServerErrorOnFailure", default=False)
        return web.json_response(payload, status=500 if severe and instance.status == Status.FAILED else 200)

    async def list(self, request: web.Request) -> web.Response:
        page = await self._engine.list(
            _filter(request),
            size=int(request.query.get("top", _PAGE_SIZE)),
            continuation=request.headers.get(_TOKEN_HEADER),
        )
        show_input = _flag(request, "showInput", default=True)
        found = [payloads.status_payload(instance, show_input=show_input) for instance in page.instances]
        headers = {_TOKEN_HEADER: page.continuation} if page.continuation else None
        return web.json_response(found, headers=headers)

    async def purge(self, request: web.Request) -> web.Response:
        """An instance that still runs is left alone: 0 deleted."""
        deleted = await self._engine.purge(request.match_info["id"])
        return web.json_response({"instancesDeleted": deleted})

    async def purge_many(self, request: web.Request) -> web.Response:
        wanted = _filter(request)
        if wanted.created_from_us is None:
            raise ValueError("Please provide value for 'createdTimeFrom' parameter.")
        deleted = await self._engine.purge_all(wanted)
        return web.json_response({"instancesDeleted": deleted}) if deleted else web.Response(status=404)

    async def raise_event(self, request: web.Request) -> web.Response:
        instance = await self._find(request)
        if instance.has_ended:
            return web.Response(status=410)
        if request.content_type != "application/json":
            raise ValueError("Only application/json request content is supported")
        body = await _read_json(request)
        await self._engine.raise_event(instance.id, request.match_info["event"], body)
        return web.Response(status=202)

    async def control(self, request: web.Request) -> web.Response:
        operate = {
            "terminate": self._engine.terminate,
            "suspend": self._engine.suspend,
            "resume": self._engine.resume,
        }[request.match_info["operation"]]
        await operate(request.match_info["id"], request.query.get("reason"))
        return web.Response(status=202)

    async def rewind(self, request: web.Request) -> web.Response:
        """Not here: it would rewrite histories. Restart the instance instead."""
        instance = await self._find(request)
        if instance.has_ended and instance.status != Status.FAILED:
            return web.Response(status=410)
        return web.json_response(
            "The local host does not rewind instances; restart them instead.", status=501
        )

    async def read_entity(self, request: web.Request) -> web.Response:
        state = await self._engine.read_entity(request.match_info["name"], request.match_info["key"])
        if state is None:
            return web.Response(status=404)
        return web.Response(text=state, content_type="application/json")

    async def signal_entity(self, request: web.Request) -> web.Response:
        operation = "delete" if request.method == "DELETE" else request.query.get("op", "")
        is_json = request.content_type == "application/json" or not request.can_read_body
        body = await _read_json(request) if is_json else json.dumps(await request.text())
        path = request.match_info
        await self._engine.signal_entity(path["name"], path["key"], operation, body)
        return web.Response(status=202)

    async def _find(self, request: web.Request) -> Instance:
        instance = await self._engine.status(request.match_info["id"])
        if instance is None:
            raise InstanceNotFoundError(f"No instance with ID '{request.match_info['id']}' found.")
        return instance

    async def _check_status_response(self, request: web.Request, instance_id: str) -> web.Response:
        """202 with the management URLs; with `timeout` and `pollingInterval`, what came out if it ended in time."""
        if "timeout" in request.query and "pollingInterval" in request.query:
            try:
                instance = await self._engine.wait_until_ended(instance_id, float(request.query["timeout"]))
            except TimeoutError:
                pass
            else:
                if instance.status == Status.COMPLETED:
                    return web.Response(text=instance.output or "null", content_type="application/json")
                failed = instance.status == Status.FAILED
                return web.json_response(payloads.status_payload(instance), status=500 if failed else 200)
        urls = payloads.management_urls(f"{request.scheme}://{request.host}", instance_id, self._query)
        headers = {"Location": urls["statusQueryGetUri"], "Retry-After": "10"}
        return web.json_response(urls, status=202, headers=headers)


def _answering_errors(handler: Handler) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except InstanceNotFoundError:
            return web.Response(status=404)
        except InstanceEndedError:
            return web.Response(status=410)
        except InstanceExistsError as error:
            return _refuse(409, "Something went wrong while processing your request", error)
        except (UnknownFunctionError, ValueError) as error:
            return _refuse(400, "One or more of the arguments submitted is incorrect", error)

    return answer


def _with_key(handler: Handler, system_key: str | None) -> Handler:
    async def check(request: web.Request) -> web.StreamResponse:
        given = request.headers.get("x-functions-key") or request.query.get("code", "")
        if system_key and not hmac.compare_digest(given.encode(), system_key.encode()):
            return web.Response(status=401)
        return await handler(request)

    return check


def _not_from_browsers(handler: Handler) -> Handler:
    async def check(request: web.Request) -> web.StreamResponse:
        if "Origin" in request.headers or "Sec-Fetch-Site" in request.headers:
            return web.Response(status=403)
        return await handler(request)

    return check


def _refuse(status: int, message: str, error: Exception) -> web.Response:
    return web.json_response(payloads.error_payload(message, error), status=status)


async def _read_json(request: web.Request) -> str | None:
    """The body as JSON text, None if it is empty. Raises ValueError if it is not JSON."""
    text = await request.text()
    if not text.strip():
        return None
    try:
        json.loads(text)
    except ValueError as error:
        raise ValueError(f"Invalid JSON content: {error}") from error
    return text


def _flag(request: web.Request, name: str, *, default: bool) -> bool:
    return {"true": True, "false": False}.get(request.query.get(name, "").lower(), default)


def _filter(request: web.Request) -> Filter:
    names = [name for text in request.query.getall("runtimeStatus", []) for name in text.split(",") if name]
    if unknown := set(names) - _STATUSES:
        raise ValueError(f"Unknown runtimeStatus: {', '.join(sorted(unknown))}")
    return Filter(
        created_from_us=_time(request, "createdTimeFrom"),
        created_to_us=_time(request, "createdTimeTo"),
        statuses=names or None,
        id_prefix=request.query.get("instanceIdPrefix"),
    )


def _time(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    return parse_iso(text) if text else None
