"""What the app itself keeps of an export, a connection or the refresh, apart from what people edit."""

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


class LastRun(Record):
    """The newest run of an export, whatever set it off. Dry runs do not count."""

    id: str
    status: RunStatus
    trigger: Trigger
    requested_by: str
    created_at: Moment
    ended_at: Moment | None = None


class Standing(Record):
    """Of one subject: an export's, a connection's or the refresh's id. ``slot_at`` is the last slot that was served of
    the schedule whose digest is ``schedule``; before the first, it is the moment from which that schedule counts.
    ``retry_run`` names a run that failed in passing and is tried again at ``retry_at``. ``alert_id``
    is the alert that told of the condition."""

    subject: str
    last_run: LastRun | None = None
    schedule: str | None = None
    slot_at: Moment | None = None
    retry_at: Moment | None = None
    retry_run: str | None = None
    condition: Condition = Condition.WELL
    alert_id: str | None = None


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
