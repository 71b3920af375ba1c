"""The checks that the Functions worker makes on a function's parameters before it accepts an app.

They follow what the worker of Python 3.13 does at start-up (PyPI azure-functions-runtime 1.3.0, `functions.py`):
every parameter has a binding, every binding has a parameter, and the annotation is one that the binding can fill.
"""

import inspect
import typing
from collections.abc import Callable, Collection, Mapping
from typing import Any

import azure.functions as func
from azurefunctions.extensions.base import get_binding_registry as get_sdk_type_registry

IMPLICIT_OUTPUT_TRIGGERS = frozenset({"orchestrationTrigger", "activityTrigger", "entityTrigger"})


class SignatureError(ValueError):
    """A function whose parameters do not fit its bindings."""


def inspect_parameters(
    name: str, function: Callable[..., Any], bindings: Mapping[str, str]
) -> tuple[dict[str, Any], bool]:
    """Return the annotation of each bound parameter (None without one) and whether `context` is wanted.

    `bindings` maps binding names to their types, `$return` left out. Raises `SignatureError`.
    """
    annotations = typing.get_type_hints(function)
    parameters = set(inspect.signature(function).parameters)
    wants_context = "context" in parameters and "context" not in bindings
    if wants_context:
        parameters.discard("context")
        if annotations.get("context", func.Context) is not func.Context:
            raise SignatureError(f"{name}: the parameter 'context' must be an azure.functions.Context")
    if unbound := parameters - bindings.keys():
        raise SignatureError(
            f"{name}: parameters {_list(unbound)} are in Python but not in the function's decorators"
        )
    if unfilled := bindings.keys() - parameters:
        raise SignatureError(
            f"{name}: bindings {_list(unfilled)} are in the decorators but not among the parameters"
        )
    for parameter, binding_type in bindings.items():
        _check_annotation(name, parameter, binding_type, annotations.get(parameter))
    return {parameter: annotations.get(parameter) for parameter in bindings}, wants_context


def is_sdk_type(annotation: Any) -> bool:
    """Whether a parameter asks for an SDK client (deferred binding) and not for content."""
    return bool(get_sdk_type_registry().check_supported_type(annotation))


def _check_annotation(name: str, parameter: str, binding_type: str, annotation: Any) -> None:
    if annotation is None or is_sdk_type(annotation):
        return
    if not isinstance(annotation, type):
        if binding_type in IMPLICIT_OUTPUT_TRIGGERS:
            return
        raise SignatureError(f"{name}: the annotation of {parameter!r}, {annotation!r}, is not a type")
    if annotation in (str, bytes) and binding_type not in IMPLICIT_OUTPUT_TRIGGERS:
        return
    converter = func.get_binding_registry().get(binding_type)
    if not converter.check_input_type_annotation(annotation):
        raise SignatureError(
            f"{name}: the type of {parameter!r} in the decorator, {binding_type!r}, does not match its "
            f"annotation {annotation.__name__!r}"
        )


def _list(names: Collection[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))
