"""The JSON API, a module per kind of thing. Importing this package declares all operations."""

from functions.api import alerts, connections, exports, runs, schedules, segments, service, suppression
from functions.api.registry import operations

__all__ = [
    "alerts",
    "bp",
    "connections",
    "exports",
    "operations",
    "runs",
    "schedules",
    "segments",
    "service",
    "suppression",
]

bp = operations.blueprint
