"""The audit log."""

from functions.api.registry import operations
from functions.operation import Answer, Request
from shared.bootstrap import app
from shared.domain.errors import Forbidden, Invalid, StorageUnavailable
from shared.usecases.audit import AuditDay


@operations.add(
    "GET",
    "audit",
    summary="Show who changed what on a day",
    answer=AuditDay,
    errors=(Invalid, Forbidden, StorageUnavailable),
    query={
        "day": "A day in UTC, such as 2026-03-01; today when it is left out.",
        "size": "How many entries, 1 to 1000 (200).",
    },
)
def get_audit(request: Request) -> Answer:
    """Newest first. The whole log, and those of runs and rows, lie in the storage account: docs/logs.md."""
    size = request.query.get("size", "200")
    if not size.isascii() or not size.isdigit() or not 1 <= int(size) <= 1_000:
        raise Invalid("'size' must be a number from 1 to 1000.")
    day = request.query.get("day") or f"{app().clock():%Y-%m-%d}"
    return Answer(app().audit.of_day(day, int(size), request.principal))
