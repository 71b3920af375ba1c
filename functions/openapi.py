"""The OpenAPI 3.1 document, made from the declared operations and their models."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from functions.operation import JSON, Operation
from functions.problems import PROBLEM_JSON, LengthRequired
from shared.domain.errors import Forbidden, Invalid, NotSignedIn, SegpilotError

_Entry = tuple[type[BaseModel], Literal["validation", "serialization"]]
_REF = "#/components/schemas/{model}"
_IF_MATCH = "If-Match"
_ALWAYS: tuple[type[SegpilotError], ...] = (Invalid, NotSignedIn, Forbidden)
_IDENTIFIER = {"type": "string", "pattern": "^[a-z]+-[0-9A-Za-z-]+$", "maxLength": 100}
_NAME = {"type": "string", "pattern": r"^[^/\x00-\x1f]+$", "maxLength": 500}
_SERVERS = [
    {"url": "/api", "description": "With a function key, for other systems."},
    {"url": "/api/signed-in", "description": "For people who have signed in: a bearer token, or a session."},
]
_SCHEMES = {
    "functionKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
    "signedIn": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}
_DESCRIPTION = (
    "Keeps Autopilot lists in step with customer segments. Every operation is served twice: at /api with a function "
    "key, and at /api/signed-in for people with one of the app roles Viewer, Contributor and Administrator."
)


class ProblemError(BaseModel):
    """What is wrong where: a JSON pointer into the body, or ``?`` and the name of a query parameter."""

    pointer: str
    detail: str


class Dependent(BaseModel):
    """Something that depends on what was to be removed."""

    id: str
    name: str


class Problem(BaseModel):
    """RFC 9457. ``remedy`` says what to do about it."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str
    instance: str
    errors: list[ProblemError] = []
    dependents: list[Dependent] = []


def openapi_document(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """Return the document for these operations."""
    inputs: set[_Entry] = {(operation.body, "validation") for operation in operations if operation.body}
    outputs: set[_Entry] = {
        (operation.answer, "serialization") for operation in operations if operation.answer
    }
    problem: _Entry = (Problem, "serialization")
    models = sorted(inputs | outputs | {problem}, key=lambda entry: (entry[0].__name__, entry[1]))
    names, schemas = models_json_schema(models, ref_template=_REF)
    edited = [operation for operation in operations if _IF_MATCH in operation.headers]
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        described = _operation(operation, names, versioned=_is_versioned(operation, edited))
        paths.setdefault(f"/{operation.route}", {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "Segpilot", "version": version, "description": _DESCRIPTION},
        "servers": _SERVERS,
        "security": [{scheme: []} for scheme in _SCHEMES],
        "paths": paths,
        "components": {"schemas": schemas.get("$defs", {}), "securitySchemes": _SCHEMES},
    }


def _is_versioned(operation: Operation, edited: Sequence[Operation]) -> bool:
    """What is changed with If-Match is shown with an ETag, at its own route and wherever else it is answered."""
    return operation.status != 204 and any(
        operation.route == other.route or (operation.answer and operation.answer is other.answer)
        for other in edited
    )


def _operation(operation: Operation, names: dict[Any, Any], *, versioned: bool) -> dict[str, Any]:
    success = _success(operation, names, versioned=versioned)
    document: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "parameters": list(_parameters(operation)),
        "responses": {
            str(operation.status): success,
            **{str(status): {**success, "description": text} for status, text in operation.also.items()},
            **_problems(operation, names),
        },
    }
    if operation.body is not None:
        schema = names[(operation.body, "validation")]
        document["requestBody"] = {
            "required": any(field.is_required() for field in operation.body.model_fields.values()),
            "content": {JSON: {"schema": schema}},
        }
    return document


def _success(operation: Operation, names: dict[Any, Any], *, versioned: bool) -> dict[str, Any]:
    success: dict[str, Any] = {"description": operation.summary}
    if operation.answer is not None:
        success["content"] = {operation.media_type: {"schema": names[(operation.answer, "serialization")]}}
    elif operation.status != 204:
        kind = "object" if operation.media_type == JSON else "string"
        success["content"] = {operation.media_type: {"schema": {"type": kind}}}
    headers = {}
    if operation.status in (201, 202):
        headers["Location"] = _header("Where to look.")
    if versioned:
        headers["ETag"] = _header("The version: send it back as If-Match with a change.")
    return {**success, "headers": headers} if headers else success


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


def _parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", operation.route):
        schema = _IDENTIFIER if name == "id" else _NAME
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    for name, query in operation.parameters.items():
        described = {"required": query.required, "description": query.description, "schema": query.schema}
        yield {"name": name, "in": "query", **described}
    for name, description in operation.headers.items():
        yield {"name": name, "in": "header", "required": False, **_header(description)}


def _problems(operation: Operation, names: dict[Any, Any]) -> dict[str, Any]:
    titles: dict[int, list[str]] = {500: ["Something went wrong"]}
    always: tuple[type[SegpilotError], ...] = (*_ALWAYS, LengthRequired) if operation.body else _ALWAYS
    for error in dict.fromkeys((*always, *operation.errors)):
        titles.setdefault(error.status, []).append(error.title)
    content = {PROBLEM_JSON: {"schema": names[(Problem, "serialization")]}}
    problems: dict[str, Any] = {
        str(status): {"description": "; ".join(found) + ".", "content": content}
        for status, found in sorted(titles.items())
    }
    problems["401"]["description"] += (
        " A missing or wrong function key is answered by the host, without a body."
    )
    return problems
