"""The checks that the Functions worker makes on a function's parameters before it accepts an app.

They follow what the worker of Python 3.13 does at start-up (PyPI azure-functions-runtime 1.3.0, `functions.py`):
every parameter has a binding, every binding has a parameter, and the annotation is one that the binding can fill.
"""

import inspect
import types
import typing
from collections.abc import Callable, Collection, Mapping
from typing import Any

import azure.functions as func
from azurefunctions.extensions.base import get_binding_registry as get_sdk_type_registry

from devkit.host.converters import find_converter

IMPLICIT_OUTPUT_TRIGGERS = frozenset({"orchestrationTrigger", "activityTrigger", "entityTrigger"})


class SignatureError(ValueError):
    """A function whose parameters do not fit its bindings."""


def inspect_parameters(
    name: str, function: Callable[..., Any], bindings: Mapping[str, str]
) -> tuple[dict[str, Any], bool]:
    """Return the annotation of each bound parameter (None without one) and whether `context` is wanted.

    `bindings` maps binding names to their types, `$return` among them. Raises `SignatureError`.
    """
    annotations = typing.get_type_hints(function)
    parameters = set(inspect.signature(function).parameters)
    inputs = {parameter: kind for parameter, kind in bindings.items() if parameter != "$return"}
    wants_context = "context" in parameters and "context" not in inputs
    if wants_context:
        parameters.discard("context")
        if annotations.get("context", func.Context) is not func.Context:
            raise SignatureError(f"{name}: the parameter 'context' must be an azure.functions.Context")
    if unbound := parameters - inputs.keys():
        raise SignatureError(
            f"{name}: parameters {_list(unbound)} are in Python but not in the function's decorators"
        )
    if unfilled := inputs.keys() - parameters:
        raise SignatureError(
            f"{name}: bindings {_list(unfilled)} are in the decorators but not among the parameters"
        )
    for parameter, kind in inputs.items():
        if parameter in annotations:
            _check_input(name, parameter, kind, annotations[parameter])
    if "$return" in bindings and "return" in annotations:
        _check_output(name, bindings["$return"], annotations["return"])
    return {parameter: annotations.get(parameter) for parameter in inputs}, wants_context


def is_sdk_type(annotation: Any) -> bool:
    """Whether a parameter asks for an SDK client (deferred binding) and not for content."""
    return bool(get_sdk_type_registry().check_supported_type(annotation))


def _check_input(name: str, parameter: str, kind: str, annotation: Any) -> None:
    if not isinstance(annotation, type) and not _is_typing_generic(annotation):
        raise SignatureError(
            f"{name}: binding {parameter} has invalid non-type annotation {annotation!r}; the worker takes classes "
            "(dict) and typing's generics (typing.Dict[str, int]), but no dict[str, int] and no unions"
        )
    if is_sdk_type(annotation) or (annotation in (str, bytes) and kind not in IMPLICIT_OUTPUT_TRIGGERS):
        return
    if not find_converter(kind).check_input_type_annotation(annotation):
        raise SignatureError(
            f"{name}: the type of {parameter!r} in the decorator, {kind!r}, does not match its "
            f"annotation {annotation.__name__!r}"
        )


def _check_output(name: str, kind: str, annotation: Any) -> None:
    if not isinstance(annotation, type):
        raise SignatureError(f"{name}: has invalid non-type return annotation {annotation!r}")
    if not find_converter(kind).check_output_type_annotation(annotation):
        raise SignatureError(
            f"{name}: the return annotation {annotation.__name__!r} does not match the binding type {kind!r}"
        )


def _is_typing_generic(annotation: Any) -> bool:
    """typing.Dict[str, int] is one for the worker; dict[str, int], unions, tuples and callables are not."""
    origin = typing.get_origin(annotation)
    refused = (typing.Union, tuple, Callable)
    is_builtin = isinstance(annotation, types.GenericAlias | types.UnionType)
    return origin is not None and not is_builtin and origin not in refused


def _list(names: Collection[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))
