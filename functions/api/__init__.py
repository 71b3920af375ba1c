"""The JSON API, a module per kind of thing. Importing this package declares all operations."""

from functions.api import (
    alerts,
    audit,
    connections,
    erasures,
    exports,
    mapping,
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
    "audit",
    "bp",
    "connections",
    "erasures",
    "exports",
    "mapping",
    "operations",
    "runs",
    "schedules",
    "segments",
    "service",
    "signed_in",
    "suppression",
]

bp = operations.blueprint
