"""What the app itself keeps of an export, a connection or the refresh, apart from what people edit."""

from enum import StrEnum

from shared.domain.record import Moment, Record
from shared.domain.run import RunStatus, Trigger


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
    """Of one subject: an export's, a connection's or the refresh's id. ``slot_at`` is the last slot of its schedule
    that was served. ``retry_run`` names a run that failed in passing and is tried again at ``retry_at``."""

    subject: str
    last_run: LastRun | None = None
    slot_at: Moment | None = None
    retry_at: Moment | None = None
    retry_run: str | None = None
    condition: Condition = Condition.WELL


class Alert(Record):
    """An alert on its way. It is stored before it is sent, so that it is not lost; ``sent_at`` tells that it went."""

    id: str
    connection_id: str
    export_id: str | None = None
    run_id: str | None = None
    condition: Condition
    recovered: bool = False
    title: str
    message: str
    created_at: Moment
    tries: int = 0
    sent_at: Moment | None = None
    problem: str | None = None
