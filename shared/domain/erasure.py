"""An erasure: someone asked to be forgotten. The receipt shows that it was done without showing who."""

from enum import StrEnum

from pydantic import Field

from shared.domain.record import Moment, Record


class ErasureStatus(StrEnum):
    PROCESSING = "Processing"
    DONE = "Done"
    FAILED = "Failed"


class ErasureResult(Record):
    """What was done at one connection. ``contact`` is "deleted", "not found" or "failed"."""

    connection_id: str
    connection_name: str
    contact: str
    message: str = ""


class Erasure(Record):
    """``traces`` counts what was removed, by kind: ledger rows, rejects, results, chunks and others. ``problem`` says
    why the erasure failed, where that is not the matter of one connection."""

    id: str
    requested_by: str
    requested_at: Moment
    status: ErasureStatus = ErasureStatus.PROCESSING
    suppressed: bool = False
    connections: tuple[ErasureResult, ...] = ()
    traces: dict[str, int] = Field(default_factory=dict)
    problem: str = ""
    ended_at: Moment | None = None
