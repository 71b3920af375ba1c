"""A run: one execution of an export, what it did and how it ended."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field

from shared.domain.export import Export
from shared.domain.record import Moment, Record
from shared.domain.segment import Snapshot


class RunStatus(StrEnum):
    """The words of Customer Insights' system status page, and two of our own."""

    QUEUED = "Queued"
    PROCESSING = "Processing"
    WAITING_FOR_APPROVAL = "Waiting for approval"
    SUCCESSFUL = "Successful"
    SUCCESSFUL_WITH_REJECTS = "Successful with rejects"
    FAILED = "Failed"
    CANCELED = "Canceled"
    SKIPPED = "Skipped"

    @property
    def ended(self) -> bool:
        return self not in (RunStatus.QUEUED, RunStatus.PROCESSING, RunStatus.WAITING_FOR_APPROVAL)


class Stage(StrEnum):
    """Where a run is."""

    WAITING = "waiting for the connection"
    STAGING = "reading"
    APPROVAL = "waiting for approval"
    PUSHING = "sending"
    REMOVING = "removing"
    FINISHING = "finishing"
    DONE = "done"


class Trigger(StrEnum):
    """What started a run. RETRY: an earlier run that failed in passing, or whose rejects are tried again."""

    UPLOAD = "upload"
    SCHEDULE = "schedule"
    REFRESH = "refresh"
    ON_DEMAND = "on demand"
    RUN_ALL = "run all"
    RETRY = "retry"


class Counts(Record):
    """People of one run. ``profiles`` = distinct valid people; sent + unchanged + refused + left = profiles.

    ``left`` are people that were not reached because the run ended early; ``calls`` are HTTP requests. ``leavers``
    are people on the list who are no longer in the segment, ``removed`` those of them who were taken off it.
    """

    rows: int = 0
    profiles: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    sent: int = 0
    refused: int = 0
    leavers: int = 0
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


DELIBERATE_REJECTS = frozenset({"suppressed", "no_consent"})
"""Reasons why somebody is not sent because that is how it shall be: nothing went wrong with them."""


def count_faults(rejected: Mapping[str, int]) -> int:
    """Return how many rows were rejected for another reason than a deliberate one."""
    return sum(count for reason, count in rejected.items() if reason not in DELIBERATE_REJECTS)


class Failure(Record):
    """Why a run ended badly: one sentence, and what to do. ``transient`` = trying again later may help."""

    code: str
    message: str
    remedy: str = ""
    transient: bool = False


class Step(Record):
    """One step of a run and its time; ``segment`` where it is about one."""

    stage: Stage
    segment: str | None = None
    started_at: Moment
    ended_at: Moment | None = None


class Decision(StrEnum):
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


class Approval(Record):
    """What a trip-wire found, and what a person decided. ``round`` counts up when a run has to ask again."""

    round: int = 1
    reasons: tuple[str, ...]
    removals: int
    rejects: int
    asked_at: Moment
    expires_at: Moment
    decision: Decision | None = None
    decided_by: str | None = None
    decided_at: Moment | None = None


class Estimate(Record):
    """What a dry run expects of a real one. ``seconds`` is None while no rate is known."""

    calls: int
    seconds: float | None = None


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
    """``run_as`` is the connection's export user. A ``dry`` run sends nothing. ``retries`` names the run whose
    unsent people alone are sent. ``attempt`` counts runs of the same cause that failed in passing. ``trace_id`` is that
    of its telemetry (32 hexadecimal digits), known once it has started or ended."""

    id: str
    export_id: str
    export_name: str
    connection_id: str
    trigger: Trigger
    requested_by: str
    run_as: str | None = None
    full: bool = False
    dry: bool = False
    retries: str | None = None
    attempt: int = 1
    segments: tuple[SegmentRun, ...]
    status: RunStatus = RunStatus.QUEUED
    stage: Stage = Stage.WAITING
    steps: tuple[Step, ...] = ()
    counts: Counts = Counts()
    rejected: dict[str, int] = Field(default_factory=dict)
    dropped_values: dict[str, int] = Field(default_factory=dict)
    approval: Approval | None = None
    estimate: Estimate | None = None
    failure: Failure | None = None
    warnings: tuple[str, ...] = ()
    cancel_requested_by: str | None = None
    created_at: Moment
    started_at: Moment | None = None
    pushing_at: Moment | None = None
    ended_at: Moment | None = None
    trace_id: str | None = None
