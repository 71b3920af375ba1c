"""A run: one execution of an export, what it did and how it ended."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field

from shared.domain.export import Export
from shared.domain.record import Moment, Record
from shared.domain.segment import Snapshot


class RunStatus(StrEnum):
    """The words of Customer Insights' system status page."""

    QUEUED = "Queued"
    PROCESSING = "Processing"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    CANCELED = "Canceled"
    SKIPPED = "Skipped"

    @property
    def ended(self) -> bool:
        return self not in (RunStatus.QUEUED, RunStatus.PROCESSING)


class Stage(StrEnum):
    """Where a run is."""

    WAITING = "waiting for the connection"
    STAGING = "reading"
    PUSHING = "sending"
    FINISHING = "finishing"
    DONE = "done"


class Trigger(StrEnum):
    UPLOAD = "upload"
    SCHEDULE = "schedule"
    ON_DEMAND = "on demand"


class Counts(Record):
    """People of one run. ``profiles`` = distinct valid people; sent + unchanged + refused + left = profiles.

    ``left`` are people that were not reached because the run ended early; ``calls`` are HTTP requests.
    """

    rows: int = 0
    profiles: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    sent: int = 0
    refused: int = 0
    removed: int = 0
    calls: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in Counts.model_fields})

    @property
    def to_send(self) -> int:
        return self.new + self.changed


def add_reasons(*parts: Mapping[str, int]) -> dict[str, int]:
    """Add up counts per reason code."""
    total: dict[str, int] = {}
    for part in parts:
        for reason, count in part.items():
            total[reason] = total.get(reason, 0) + count
    return dict(sorted(total.items()))


class Failure(Record):
    """Why a run ended badly: one sentence, and what to do."""

    code: str
    message: str
    remedy: str = ""


class SegmentRun(Record):
    """What a run does with one of its segments. ``list_id`` is known once the list exists."""

    name: str
    list_title: str
    snapshot_id: str
    list_id: str | None = None


class Plan(Record):
    """What a run was asked to do, frozen when it was created: later edits do not reach it."""

    export: Export
    snapshots: tuple[Snapshot, ...]

    def snapshot(self, segment: str) -> Snapshot:
        return next(snapshot for snapshot in self.snapshots if snapshot.segment == segment)


class Run(Record):
    id: str
    export_id: str
    export_name: str
    connection_id: str
    trigger: Trigger
    requested_by: str
    full: bool = False
    segments: tuple[SegmentRun, ...]
    status: RunStatus = RunStatus.QUEUED
    stage: Stage = Stage.WAITING
    counts: Counts = Counts()
    rejected: dict[str, int] = Field(default_factory=dict)
    dropped_values: dict[str, int] = Field(default_factory=dict)
    failure: Failure | None = None
    warnings: tuple[str, ...] = ()
    cancel_requested_by: str | None = None
    created_at: Moment
    started_at: Moment | None = None
    pushing_at: Moment | None = None
    ended_at: Moment | None = None
