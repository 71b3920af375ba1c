"""What a request brings: a body of JSON and query parameters, checked against what the operation declares."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from shared.domain.errors import Invalid

_MAX_BODY_BYTES = 1 << 20
_REMEDY = "See /api/openapi.json."
_READ_BY_THE_HOST = frozenset(
    {"code", "clientid"}
)  # Microsoft Learn, "Work with access keys in Azure Functions"


@dataclass(frozen=True)
class Query:
    """A query parameter. ``kind`` is a type that can be read from text: a bounded number, an enum, a bool.

    An absent one is ``default``; None means that it is simply not there, unless it is ``required``.
    """

    description: str
    kind: Any = str
    default: Any = None
    required: bool = False

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.kind)

    @property
    def schema(self) -> dict[str, Any]:
        """Return its JSON schema."""
        schema = self.adapter.json_schema()
        return schema if self.default is None else {**schema, "default": self.default}


def decode_body(data: bytes, model: type[BaseModel]) -> BaseModel:
    """Return the body as an instance of ``model``. Raises Invalid that names every wrong field by a JSON pointer."""
    if len(data) > _MAX_BODY_BYTES:
        raise Invalid("The body is larger than 1 MiB.")
    try:
        return model.model_validate_json(data or b"{}", strict=True)
    except ValidationError as problem:
        errors = _details(problem.errors(include_input=False, include_url=False))
        raise _misfit("body", errors) from None


def decode_query(given: Mapping[str, str], declared: Mapping[str, Query]) -> dict[str, Any]:
    """Return the query parameters as what they were declared to be. Raises Invalid, also for unknown ones."""
    unknown = [name for name in given if name not in declared and name.lower() not in _READ_BY_THE_HOST]
    errors = [{"pointer": f"?{name[:100]}", "detail": "there is no such parameter"} for name in unknown]
    decoded: dict[str, Any] = {}
    for name, query in declared.items():
        if name not in given:
            if query.required:
                errors.append({"pointer": f"?{name}", "detail": "it is needed"})
            elif query.default is not None:
                decoded[name] = query.default
            continue
        try:
            decoded[name] = query.adapter.validate_strings(given[name])
        except ValidationError as problem:
            found = problem.errors(include_input=False, include_url=False)
            errors += [{**error, "pointer": f"?{name}"} for error in _details(found)]
    if errors:
        raise _misfit("query", errors)
    return decoded


def _misfit(what: str, errors: list[dict[str, str]]) -> Invalid:
    shown = "; ".join(": ".join(filter(None, error.values())) for error in errors[:5])
    return Invalid(f"The {what} does not fit: {shown}.", errors=errors, remedy=_REMEDY)


def _details(errors: Iterable[ErrorDetails]) -> list[dict[str, str]]:
    return [
        {"pointer": _pointer(error["loc"]), "detail": error["msg"].removeprefix("Value error, ")}
        for error in errors
    ]


def _pointer(place: tuple[int | str, ...]) -> str:
    """RFC 6901; the whole body is the empty pointer."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place)
