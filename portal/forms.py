"""Forms as browsers send them, and what is wrong with them, told beside each field."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from portal.multipart_forms import MULTIPART, SentFile, read_multipart
from portal.reader import gettext as _
from portal.reader import say
from shared.domain.errors import Invalid

M = TypeVar("M", bound=BaseModel)
_MAX_FIELDS = 5_000
_MAX_FORM_BYTES = 2 << 20


class Form:
    """Names with one or more values each, in the order in which they were sent; ``files`` are by name, too."""

    def __init__(
        self, pairs: Iterable[tuple[str, str]] = (), files: Mapping[str, SentFile] | None = None
    ) -> None:
        self.pairs, self.files = list(pairs), files or {}
        self._values: dict[str, list[str]] = {}
        for name, value in self.pairs:
            self._values.setdefault(name, []).append(value)

    def get(self, name: str, default: str = "") -> str:
        """Return the last value of a name, without blanks around it."""
        return self._values[name][-1].strip() if name in self._values else default

    def all(self, name: str) -> list[str]:
        return [value.strip() for value in self._values.get(name, [])]

    def raw(self, name: str, default: str = "") -> str:
        """Return the last value as it was typed."""
        return self._values[name][-1] if name in self._values else default

    def numbers(self, prefix: str) -> list[int]:
        """Return the numbers N, ascending, for which there are names such as ``prefix-N-…``."""
        pattern = re.compile(rf"{re.escape(prefix)}-(\d{{1,4}})-")
        return sorted({int(found[1]) for name in self._values if (found := pattern.match(name))})

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)


def read_query(text: str) -> Form:
    return Form(_pairs(text))


def read_form(body: bytes, content_type: str) -> Form:
    """Return what a form sent. Raises Invalid for what is no form, or too large."""
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return Form()
    if kind == MULTIPART:
        return Form(*read_multipart(body, content_type))
    if kind != "application/x-www-form-urlencoded":
        raise Invalid("This is not a form.", code="not-a-form")
    if len(body) > _MAX_FORM_BYTES:
        raise Invalid("The form is too large.", code="form-too-large")
    return Form(_pairs(body.decode("utf-8", "replace")))


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="replace")
    except ValueError:
        raise Invalid("The form has too many fields.", code="form-too-large") from None


@dataclass(slots=True)
class FieldErrors:
    """What is wrong, by the name of the form's field; what belongs to none of them is under the empty name."""

    messages: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, message: str) -> None:
        told = self.messages.setdefault(name, [])
        if message not in told:
            told.append(message)

    def of(self, name: str) -> list[str]:
        return self.messages.get(name, [])

    def __bool__(self) -> bool:
        return bool(self.messages)

    def order(self, names: Iterable[str]) -> None:
        """Put the messages into the order in which these fields stand on the page; others come after them."""
        known = {name: self.messages[name] for name in names if name in self.messages}
        self.messages = known | self.messages

    def listed(self) -> list[tuple[str, str]]:
        """Return each message with its field's name, for the summary on top of the form."""
        return [(name, message) for name, told in self.messages.items() for message in told]


def check(
    model: type[M],
    values: Mapping[str, object],
    names: Mapping[str, str],
    errors: FieldErrors,
    missing: Mapping[str, str] = MappingProxyType({}),
) -> M | None:
    """Return the model, or None after adding what is wrong to ``errors``.

    ``names`` maps JSON pointers of the model (``/segments/0/name``) to names of form fields; a pointer without one
    counts for the nearest above it that has one. ``missing`` is what to say, by the name of the form's field, of one
    that was left empty: in the summary on top nothing else tells which one is meant.
    """
    try:
        return model.model_validate(values)
    except ValidationError as problem:
        for error in problem.errors(include_url=False, include_input=False):
            name = _nearest("".join(f"/{step}" for step in error["loc"]), names)
            errors.add(name, missing[name] if _is_missing(error) and name in missing else _explain(error))
        return None


def add_invalid(problem: Invalid, names: Mapping[str, str], errors: FieldErrors) -> None:
    """Add what a use case found wrong, each beside its field."""
    placed = [each for each in problem.errors if _nearest(each.get("pointer", ""), names)]
    if not placed:
        errors.add("", " ".join(filter(None, (say(problem.message), say(problem.remedy)))))
    for each in placed:
        errors.add(_nearest(each["pointer"], names), say(problem.message))


def _nearest(pointer: str, names: Mapping[str, str]) -> str:
    while pointer:
        if pointer in names:
            return names[pointer]
        pointer = pointer.rpartition("/")[0]
    return ""


def _is_missing(error: ErrorDetails) -> bool:
    return error["type"] in ("missing", "string_too_short", "too_short", "none_required")


def _explain(error: ErrorDetails) -> str:
    """Say what pydantic found, in the reader's language."""
    context = error.get("ctx", {})
    if _is_missing(error):
        return _("Fill this in.")
    match error["type"]:
        case "string_too_long":
            return _("At most %(count)s characters.", count=context.get("max_length"))
        case "too_long" if context.get("field_type") == "Value":  # a secret text
            return _("At most %(count)s characters.", count=context.get("max_length"))
        case "too_long":
            return _("At most %(count)s entries.", count=context.get("max_length"))
        case "int_parsing" | "int_from_float" | "int_type":
            return _("Give a whole number.")
        case "float_parsing" | "float_type" | "finite_number":
            return _("Give a number.")
        case "greater_than":
            return _("Give a number above %(limit)s.", limit=context.get("gt"))
        case "greater_than_equal":
            return _("Give a number of at least %(limit)s.", limit=context.get("ge"))
        case "less_than":
            return _("Give a number below %(limit)s.", limit=context.get("lt"))
        case "less_than_equal":
            return _("Give a number of at most %(limit)s.", limit=context.get("le"))
        case "enum" | "literal_error":
            return _("Choose one of the values that are offered.")
        case "value_error":
            return say(str(context.get("error", "")))
    return _("This value does not fit.")
