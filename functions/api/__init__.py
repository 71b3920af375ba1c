"""The JSON API, a module per kind of thing. Importing this package declares all operations."""

from functions.api import connections, exports, runs, segments, service
from functions.api.registry import operations

__all__ = ["bp", "connections", "exports", "operations", "runs", "segments", "service"]

bp = operations.blueprint
