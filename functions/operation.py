"""How an HTTP function is made: decode, one use case, encode. Errors leave as RFC 9457 problem+json.

Each operation is declared once; routing, validation and the OpenAPI document come from that declaration.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Required, TypedDict, TypeVar, Unpack

import azure.durable_functions as df
import azure.functions as func
from pydantic import BaseModel

from functions.decoding import Query, decode_body, decode_query
from functions.placing import placed
from functions.problems import PRIVATE, LengthRequired, problem_response
from shared.domain.access import Principal
from shared.domain.errors import SegpilotError

JSON = "application/json"

T = TypeVar("T")
Identify = Callable[[Mapping[str, str]], Principal]


@dataclass(frozen=True, slots=True)
class Request:
    """A decoded request. ``body`` is an instance of the operation's body model, or None without one; ``query`` holds
    what was given or has a default. ``identify`` is asked only by operations that need to know who calls."""

    url: str
    params: Mapping[str, str]
    query: Mapping[str, Any]
    headers: Mapping[str, str]
    body: Any
    identify: Identify

    @property
    def principal(self) -> Principal:
        """Who is calling. Raises NotSignedIn or Forbidden."""
        return self.identify(self.headers)

    @property
    def if_match(self) -> str | None:
        """The version that the caller has changed, as ``versions.require_version`` wants it; None when not given."""
        return self.headers.get("if-match", "").strip().removeprefix("W/").strip('"') or None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation returns: a model (or ready bytes with a ``media_type``) and a status."""

    content: BaseModel | bytes | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON


class Declaration(TypedDict, total=False):
    """What is said of an operation besides its method and route."""

    summary: Required[str]
    answer: Required[type[BaseModel] | None]
    body: type[BaseModel]
    status: int
    media_type: str
    errors: Sequence[type[SegpilotError]]
    query: Mapping[str, str | Query]
    headers: Mapping[str, str]
    also: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Operation:
    """A declared operation, as the OpenAPI document shows it. ``headers`` map name to description, as may ``query``
    for plain text; ``also`` maps further statuses of the same answer to theirs.

    ``errors`` need not hold what every operation can answer: Invalid, NotSignedIn, Forbidden.
    """

    name: str
    description: str
    method: str
    route: str
    summary: str
    answer: type[BaseModel] | None
    body: type[BaseModel] | None = None
    status: int = 200
    media_type: str = JSON
    errors: Sequence[type[SegpilotError]] = ()
    query: Mapping[str, str | Query] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    also: Mapping[int, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, Query]:
        """The query parameters."""
        return {name: Query(each) if isinstance(each, str) else each for name, each in self.query.items()}

    def decode(self, req: func.HttpRequest, params: Mapping[str, str], identify: Identify) -> Request:
        """Return a request as its handler wants it. Raises Invalid and LengthRequired."""
        data = req.get_body() or b""
        # The host hands on no body without a length (Azure/azure-functions-host #7930). An empty one would mean "as by
        # default", and a dry run would become a real one.
        if self.body and not data and "chunked" in req.headers.get("transfer-encoding", "").lower():
            raise LengthRequired("The body came in chunks, which do not reach the app.")
        return Request(
            url=req.url,
            params=params,
            query=decode_query(req.params, self.parameters),
            headers=req.headers,
            identify=identify,
            body=None if self.body is None else decode_body(data, self.body),
        )


Handler = Callable[[Request], Answer]
DurableHandler = Callable[[Request, df.DurableOrchestrationClient], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Served:
    """An operation and its handler: one that blocks, or one that talks to the orchestration and must not block."""

    operation: Operation
    handler: Handler | DurableHandler
    durable: bool = False


class Operations:
    """Collects operations and puts them on a blueprint. ``identify`` tells from its headers who makes a request."""

    def __init__(self, identify: Identify) -> None:
        self._identify = identify
        self.blueprint = df.Blueprint()
        self.served: list[Served] = []

    @property
    def declared(self) -> list[Operation]:
        return [each.operation for each in self.served]

    def add(
        self, method: str, route: str, **declaration: Unpack[Declaration]
    ) -> Callable[[Handler], Handler]:
        """Declare a synchronous operation. The handler's docstring becomes its description."""

        def register(handler: Handler) -> Handler:
            operation = _declare(handler, method, route, declaration)
            self.served.append(Served(operation, handler))

            def invoke(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
                with placed(context):
                    try:
                        return encode(handler(operation.decode(req, req.route_params, self._identify)))
                    except Exception as error:
                        return problem_response(req, error)

            self._route(invoke, operation)
            return handler

        return register

    def add_durable(
        self, method: str, route: str, **declaration: Unpack[Declaration]
    ) -> Callable[[DurableHandler], DurableHandler]:
        """Declare an operation that talks to the orchestration. Its handler must not block the event loop."""

        def register(handler: DurableHandler) -> DurableHandler:
            operation = _declare(handler, method, route, declaration)
            self.served.append(Served(operation, handler, durable=True))

            async def invoke(req: func.HttpRequest, client: Any) -> func.HttpResponse:
                try:
                    request = operation.decode(req, req.route_params, self._identify)
                    return encode(await handler(request, client))
                except Exception as error:
                    return problem_response(req, error)

            self._route(invoke, operation, self.blueprint.durable_client_input(client_name="client"))
            return handler

        return register

    def _route(
        self,
        invoke: Callable[..., Any],
        operation: Operation,
        decorate: Callable[[Any], Any] = lambda function: function,
    ) -> None:
        invoke.__name__ = operation.name
        routed = self.blueprint.route(
            route=f"api/{operation.route}", methods=[operation.method], auth_level=func.AuthLevel.FUNCTION
        )
        routed(decorate(invoke))


def _declare(handler: Callable[..., Any], method: str, route: str, declaration: Declaration) -> Operation:
    description = " ".join((handler.__doc__ or "").split())
    return Operation(handler.__name__, description, method, route, **declaration)


async def in_thread(work: Callable[[], T]) -> T:
    """Run blocking work beside the event loop, which orchestrations share."""
    return await asyncio.to_thread(work)


def encode(answer: Answer) -> func.HttpResponse:
    """Return an answer as the host takes it."""
    content = answer.content
    data = content.model_dump_json().encode() if isinstance(content, BaseModel) else content or b""
    headers = {**PRIVATE, **answer.headers}
    return func.HttpResponse(data, status_code=answer.status, headers=headers, mimetype=answer.media_type)


def joined(chunks: Iterator[bytes]) -> bytes:
    """Functions answer with whole bodies only."""
    return b"".join(chunks)
