"""What alerts say, in words. They name exports, connections and numbers, never people."""

import re
from datetime import datetime

from shared.domain.connection import Connection
from shared.domain.run import Run
from shared.domain.standing import RUN_CONDITIONS, Alert, AlertEvent, AlertRun, Condition

_looks_like_an_address = re.compile(r"[^\s<>\"'(),:;]+@[^\s<>\"'(),:;]+")
_MOST_REASONS = 5

_RUN_EVENTS = {
    Condition.WELL: AlertEvent.RUN_RECOVERED,
    Condition.FAILED: AlertEvent.RUN_FAILED,
    Condition.PARTIAL: AlertEvent.RUN_PARTIAL,
    Condition.APPROVAL_NEEDED: AlertEvent.RUN_APPROVAL_NEEDED,
}


def condition_after(run: Run) -> Condition | None:
    """Return how things are with an export after this run; None = as they were."""
    return None if run.dry else RUN_CONDITIONS.get(run.status)


def run_alert(alert_id: str, run: Run, connection: Connection, condition: Condition, at: datetime) -> Alert:
    """Return the alert that tells what a run did to the condition of its export."""
    title, message, remedy = _run_words(run, condition)
    return Alert(
        id=alert_id,
        event=_RUN_EVENTS[condition],
        condition=condition,
        connection_id=connection.id,
        connection_name=connection.display_name,
        export_id=run.export_id,
        export_name=run.export_name,
        run=AlertRun(
            id=run.id,
            status=run.status,
            trigger=run.trigger,
            attempt=run.attempt,
            counts=run.counts,
            rejected=run.rejected,
            started_at=run.started_at,
            ended_at=run.ended_at,
        ),
        title=title,
        message=without_addresses(message),
        remedy=without_addresses(remedy),
        created_at=at,
    )


def connection_alert(alert_id: str, connection: Connection, problem: str | None, at: datetime) -> Alert:
    """Return the alert that a connection needs attention, or (``problem`` None) works again."""
    name = connection.display_name
    well = problem is None
    return Alert(
        id=alert_id,
        event=AlertEvent.CONNECTION_RECOVERED if well else AlertEvent.CONNECTION_NEEDS_ATTENTION,
        condition=Condition.WELL if well else Condition.NEEDS_ATTENTION,
        connection_id=connection.id,
        connection_name=name,
        title=f"The connection '{name}' works again" if well else f"The connection '{name}' needs attention",
        message=without_addresses(problem or "The destination takes its key, and exports run again."),
        remedy="" if well else "Exports over it cannot run until its key is mended or replaced.",
        created_at=at,
    )


def trial_alert(alert_id: str, connection: Connection, at: datetime) -> Alert:
    """Return an alert that only shows that alerts arrive."""
    return Alert(
        id=alert_id,
        event=AlertEvent.TEST,
        condition=Condition.WELL,
        connection_id=connection.id,
        connection_name=connection.display_name,
        title=f"This is a test of the alerts of '{connection.display_name}'",
        message="Alerts of this connection and its exports arrive here.",
        created_at=at,
    )


def without_addresses(text: str) -> str:
    """Return ``text`` without anything that looks like an e-mail address: other systems' words may repeat one."""
    return _looks_like_an_address.sub("***", text)


def _run_words(run: Run, condition: Condition) -> tuple[str, str, str]:
    """Title, message, remedy."""
    name, counts = run.export_name, run.counts
    done = f"{counts.sent:,} people were sent and {counts.unchanged:,} were up to date"
    match condition:
        case Condition.FAILED:
            failure = run.failure
            tried = f" It was tried {run.attempt} times." if run.attempt > 1 else ""
            message = (failure.message if failure else "The run failed.") + tried
            return f"The export '{name}' failed", message, failure.remedy if failure else ""
        case Condition.PARTIAL:
            total = sum(run.rejected.values())
            most = sorted(run.rejected.items(), key=lambda item: (-item[1], item[0]))[:_MOST_REASONS]
            reasons = ", ".join(f"{reason}: {count:,}" for reason, count in most)
            return (
                f"The export '{name}' left some people out",
                f"{done}; {total:,} rows were rejected ({reasons}).",
                "Fetch the rejects of the run: they name file, line, column and reason.",
            )
        case Condition.APPROVAL_NEEDED:
            approval = run.approval
            until = f" It waits until {approval.expires_at:%Y-%m-%d %H:%M} UTC." if approval else ""
            return (
                f"The export '{name}' waits for your approval",
                " ".join(approval.reasons if approval else ("Nothing was sent yet.",)) + until,
                "Look at what it would do, and approve or refuse the run.",
            )
    return f"The export '{name}' works again", f"{done}.", ""
