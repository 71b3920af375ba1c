"""The OpenAPI 3.1 document, made from the declared operations and their models."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from functions.operation import PROBLEM_JSON, Operation

_Entry = tuple[type[BaseModel], Literal["validation", "serialization"]]
_REF = "#/components/schemas/{model}"


class ProblemError(BaseModel):
    """One wrong field: a JSON pointer into the body, and what is wrong there."""

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
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(f"/{operation.route}", {})[operation.method.lower()] = _operation(operation, names)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Segpilot",
            "version": version,
            "description": "Keeps Autopilot lists in step with customer segments. Every operation needs a function key.",
        },
        "servers": [{"url": "/api"}],
        "security": [{"functionKey": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {"functionKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"}},
        },
    }


def _operation(operation: Operation, names: dict[Any, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": operation.summary}
    if operation.answer is not None:
        schema = names[(operation.answer, "serialization")]
        success["content"] = {operation.media_type: {"schema": schema}}
    elif operation.status != 204:
        success["content"] = {operation.media_type: {"schema": {}}}
    if operation.status in (201, 202):
        success["headers"] = {"Location": {"description": "Where to look.", "schema": {"type": "string"}}}
    document: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "parameters": list(_parameters(operation)),
        "responses": {
            str(operation.status): success,
            **{str(status): {**success, "description": text} for status, text in operation.also.items()},
            "401": {"description": "The function key is missing or wrong."},
            **_problems(operation, names),
        },
    }
    if operation.body is not None:
        schema = names[(operation.body, "validation")]
        document["requestBody"] = {
            "required": any(field.is_required() for field in operation.body.model_fields.values()),
            "content": {"application/json": {"schema": schema}},
        }
    return document


def _parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", operation.route):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    for place, parameters in (("query", operation.query), ("header", operation.headers)):
        for name, description in parameters.items():
            yield {
                "name": name,
                "in": place,
                "required": False,
                "description": description,
                "schema": {"type": "string"},
            }


def _problems(operation: Operation, names: dict[Any, Any]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for error in operation.errors:
        by_status.setdefault(error.status, []).append(error.title)
    problem = {PROBLEM_JSON: {"schema": names[(Problem, "serialization")]}}
    answers = {
        str(status): {"description": "; ".join(titles) + ".", "content": problem}
        for status, titles in sorted(by_status.items())
    }
    return {**answers, "500": {"description": "Something went wrong.", "content": problem}}
