"""The JSON API, a module per kind of thing. Importing this package declares all operations."""

from functions.api import (
    alerts,
    connections,
    erasures,
    exports,
    runs,
    schedules,
    segments,
    service,
    signed_in,
    suppression,
)
from functions.api.registry import operations

__all__ = [
    "alerts",
    "bp",
    "connections",
    "erasures",
    "exports",
    "operations",
    "runs",
    "schedules",
    "segments",
    "service",
    "signed_in",
    "suppression",
]

bp = operations.blueprint
