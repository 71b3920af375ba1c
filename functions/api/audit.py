"""The audit log."""

from typing import Annotated

from pydantic import Field

from functions.api.registry import operations
from functions.decoding import Query
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
        "size": Query("How many entries.", Annotated[int, Field(ge=1, le=1_000)], 200),
    },
)
def get_audit(request: Request) -> Answer:
    """Newest first. The whole log, and those of runs and rows, lie in the storage account: docs/logs.md."""
    day = request.query.get("day") or f"{app().clock():%Y-%m-%d}"
    return Answer(app().audit.of_day(day, request.query["size"], request.principal))
