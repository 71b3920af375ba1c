"""What the app itself keeps of an export, a connection or the refresh, apart from what people edit."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from shared.domain.record import Moment, Record
from shared.domain.run import Counts, RunStatus, Trigger

GIVE_UP_AFTER = timedelta(days=1)


class Condition(StrEnum):
    """How things are with an export or a connection. An alert tells of each change, and of no repetition."""

    WELL = "well"
    FAILED = "failed"
    PARTIAL = "partial"
    APPROVAL_NEEDED = "approval needed"
    NEEDS_ATTENTION = "needs attention"


RUN_CONDITIONS = {
    RunStatus.FAILED: Condition.FAILED,
    RunStatus.SUCCESSFUL_WITH_REJECTS: Condition.PARTIAL,
    RunStatus.WAITING_FOR_APPROVAL: Condition.APPROVAL_NEEDED,
    RunStatus.SUCCESSFUL: Condition.WELL,
}
"""What a run's status makes of its export's condition; others leave it as it was."""


class LastRun(Record):
    """The newest run of an export, whatever set it off. Dry runs do not count."""

    id: str
    status: RunStatus
    trigger: Trigger
    requested_by: str
    created_at: Moment
    ended_at: Moment | None = None


class ListSize(Record):
    """How many people of a segment an export had on its list when a run last changed that."""

    segment: str
    list_title: str
    people: int
    at: Moment


class Standing(Record):
    """Of one subject: an export's, a connection's or the refresh's id. ``slot_at`` is the last slot that was served of
    the schedule whose digest is ``schedule``; before the first, it is the moment from which that schedule counts.
    ``lists`` has one entry per segment.
    ``retry_run`` names a run that failed in passing and is tried again at ``retry_at``, together with ``retry_also``,
    those that failed since. ``alert_id`` is the alert that told of the condition."""

    subject: str
    last_run: LastRun | None = None
    lists: tuple[ListSize, ...] = ()
    schedule: str | None = None
    slot_at: Moment | None = None
    retry_at: Moment | None = None
    retry_run: str | None = None
    retry_also: tuple[str, ...] = ()
    condition: Condition = Condition.WELL
    alert_id: str | None = None

    @property
    def present_condition(self) -> Condition:
        """How things are by the newest run. ``condition`` is what was told of: where nobody gets alerts, it stays."""
        return RUN_CONDITIONS.get(self.last_run.status, self.condition) if self.last_run else self.condition

    @property
    def retries(self) -> tuple[str, ...]:
        """The runs that are tried again."""
        return (self.retry_run, *self.retry_also) if self.retry_run else ()

    def with_retry(self, run_id: str, at: datetime) -> "Standing":
        """Return the standing with a run that is tried again at that moment, or sooner when others are."""
        if run_id in self.retries:
            return self
        if self.retry_run:
            return self.model_copy(update={"retry_also": (*self.retry_also, run_id)})
        return self.model_copy(update={"retry_run": run_id, "retry_at": at})

    def without_retries(self, run_ids: Collection[str]) -> "Standing":
        """Return the standing after these runs were tried again."""
        left = tuple(each for each in self.retries if each not in run_ids)
        return self.model_copy(
            update={
                "retry_run": left[0] if left else None,
                "retry_also": left[1:],
                "retry_at": self.retry_at if left else None,
            }
        )


class AlertEvent(StrEnum):
    """What an alert tells of. ``recovered`` = well again after something else."""

    RUN_FAILED = "run.failed"
    RUN_PARTIAL = "run.partial"
    RUN_APPROVAL_NEEDED = "run.approval_needed"
    RUN_RECOVERED = "run.recovered"
    CONNECTION_NEEDS_ATTENTION = "connection.needs_attention"
    CONNECTION_RECOVERED = "connection.recovered"
    TEST = "test"


class AlertRun(Record):
    """What an alert says of a run: numbers, and nobody's name."""

    id: str
    status: RunStatus
    trigger: Trigger
    attempt: int
    counts: Counts
    rejected: dict[str, int] = Field(default_factory=dict)
    started_at: Moment | None = None
    ended_at: Moment | None = None


class Alert(Record):
    """An alert on its way. It is stored before it is sent, so that it is not lost; ``sent_at`` tells that it went,
    ``problem`` why the last of ``tries`` did not. What it says is fixed: every try sends the same."""

    id: str
    event: AlertEvent
    condition: Condition
    connection_id: str
    connection_name: str
    export_id: str | None = None
    export_name: str | None = None
    run: AlertRun | None = None
    title: str
    message: str
    remedy: str = ""
    created_at: Moment
    tries: int = 0
    sent_at: Moment | None = None
    problem: str | None = None

    def is_waiting(self, now: datetime) -> bool:
        """Tell whether it is still to be sent; after a day it is given up."""
        return self.sent_at is None and self.created_at + GIVE_UP_AFTER > now
