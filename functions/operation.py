"""How an HTTP function is made: decode, one use case, encode. Errors leave as RFC 9457 problem+json.

Each operation is declared once; routing, validation and the OpenAPI document come from that declaration.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Required, TypedDict, TypeVar, Unpack

import azure.durable_functions as df
import azure.functions as func
import orjson
from pydantic import BaseModel, ValidationError

from shared.domain.access import Principal
from shared.domain.errors import InUse, Invalid, SegpilotError

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
_MAX_BODY_BYTES = 1 << 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """A decoded request. ``body`` is an instance of the operation's body model, or None without one. ``identify`` is
    asked only by operations that need to know who calls."""

    url: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    identify: Callable[[Mapping[str, str]], Principal]

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
    query: Mapping[str, str]
    headers: Mapping[str, str]
    also: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Operation:
    """A declared operation, as the OpenAPI document shows it. ``query`` and ``headers`` map name to description,
    ``also`` maps further statuses of the same answer to theirs."""

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
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    also: Mapping[int, str] = field(default_factory=dict)


Handler = Callable[[Request], Answer]
DurableHandler = Callable[[Request, df.DurableOrchestrationClient], Awaitable[Answer]]


class Operations:
    """Collects operations and puts them on a blueprint. ``identify`` tells from its headers who makes a request."""

    def __init__(self, identify: Callable[[Mapping[str, str]], Principal]) -> None:
        self._identify = identify
        self.blueprint = df.Blueprint()
        self.declared: list[Operation] = []

    def add(
        self, method: str, route: str, **declaration: Unpack[Declaration]
    ) -> Callable[[Handler], Handler]:
        """Declare a synchronous operation. The handler's docstring becomes its description."""

        def register(handler: Handler) -> Handler:
            operation = self._declare(handler, method, route, declaration)

            def invoke(req: func.HttpRequest) -> func.HttpResponse:
                try:
                    return _encode(handler(self._decode(req, operation.body)))
                except Exception as error:
                    return _problem(req, error)

            self._route(invoke, operation)
            return handler

        return register

    def add_durable(
        self, method: str, route: str, **declaration: Unpack[Declaration]
    ) -> Callable[[DurableHandler], DurableHandler]:
        """Declare an operation that talks to the orchestration. Its handler must not block the event loop."""

        def register(handler: DurableHandler) -> DurableHandler:
            operation = self._declare(handler, method, route, declaration)

            async def invoke(req: func.HttpRequest, client: Any) -> func.HttpResponse:
                try:
                    return _encode(await handler(self._decode(req, operation.body), client))
                except Exception as error:
                    return _problem(req, error)

            self._route(invoke, operation, self.blueprint.durable_client_input(client_name="client"))
            return handler

        return register

    def _decode(self, req: func.HttpRequest, model: type[BaseModel] | None) -> Request:
        return Request(
            url=req.url,
            params=req.route_params,
            query=req.params,
            headers=req.headers,
            identify=self._identify,
            body=None if model is None else _decode_body(req.get_body() or b"", model),
        )

    def _declare(
        self, handler: Callable[..., Any], method: str, route: str, declaration: Declaration
    ) -> Operation:
        description = " ".join((handler.__doc__ or "").split())
        operation = Operation(handler.__name__, description, method, route, **declaration)
        self.declared.append(operation)
        return operation

    def _route(
        self,
        invoke: Callable[..., Any],
        operation: Operation,
        decorate: Callable[[Any], Any] = lambda function: function,
    ) -> None:
        invoke.__name__ = operation.name
        routed = self.blueprint.route(
            route=operation.route, methods=[operation.method], auth_level=func.AuthLevel.FUNCTION
        )
        routed(decorate(invoke))


async def in_thread(work: Callable[[], T]) -> T:
    """Run blocking work beside the event loop, which orchestrations share."""
    return await asyncio.to_thread(work)


def _decode_body(data: bytes, model: type[BaseModel]) -> BaseModel:
    if len(data) > _MAX_BODY_BYTES:
        raise Invalid("The body is larger than 1 MiB.")
    try:
        return model.model_validate_json(data or b"{}")
    except ValidationError as problem:
        errors = [
            {"pointer": _pointer(error["loc"]), "detail": error["msg"].removeprefix("Value error, ")}
            for error in problem.errors(include_input=False, include_url=False)
        ]
        shown = "; ".join(": ".join(filter(None, error.values())) for error in errors[:5])
        raise Invalid(
            f"The body does not fit: {shown}.", errors=errors, remedy="See /api/openapi.json."
        ) from None


def _pointer(place: tuple[int | str, ...]) -> str:
    """RFC 6901; the whole body is the empty pointer."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place)


def _encode(answer: Answer) -> func.HttpResponse:
    content = answer.content
    data = content.model_dump_json().encode() if isinstance(content, BaseModel) else content or b""
    return func.HttpResponse(
        data, status_code=answer.status, headers=dict(answer.headers), mimetype=answer.media_type
    )


def _problem(req: func.HttpRequest, error: Exception) -> func.HttpResponse:
    if not isinstance(error, SegpilotError):
        logging.error("An operation broke down.", exc_info=error)
        error = SegpilotError("An unexpected error was logged.", remedy="Try again; see the log of the app.")
    document = {
        "type": f"urn:segpilot:problem:{error.reason}",
        "title": error.title,
        "status": error.status,
        "detail": error.message,
        "remedy": error.remedy,
        "instance": req.url.partition("?")[0],
    }
    if isinstance(error, Invalid) and error.errors:
        document["errors"] = error.errors
    if isinstance(error, InUse) and error.dependents:
        document["dependents"] = error.dependents
    headers = {"Retry-After": str(ceil(error.retry_after_s))} if error.retry_after_s else {}
    return func.HttpResponse(
        orjson.dumps(document), status_code=error.status, headers=headers, mimetype=PROBLEM_JSON
    )


def joined(chunks: Iterator[bytes]) -> bytes:
    """Functions answer with whole bodies only."""
    return b"".join(chunks)
