"""The converters of the azure-functions package: they turn what the host has into what a function is given, and back."""

from typing import Any

import azure.functions as func
from azure.functions.meta import Datum


def find_converter(binding_type: str) -> Any:
    """Return the converter of a binding type such as `httpTrigger`."""
    return func.get_binding_registry().get(binding_type)  # type: ignore[no-untyped-call]


def decode(binding_type: str, value: str, kind: str) -> Any:
    """Return what a function is given for a text of the kind `string` or `json`."""
    return find_converter(binding_type).decode(Datum(value, kind), trigger_metadata={})
