"""History events as the durable extension writes them: JSON objects with PascalCase keys.

The keys are those that azure-functions-durable 1.7.0 reads (models/history/HistoryEvent.py and
models/TaskOrchestrationExecutor.py of that package), plus those a reader of a history expects.
"""

import json
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

Event = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EventType(IntEnum):
    """Numbers of the Durable Task Framework for the events that occur here."""

    EXECUTION_STARTED = 0
    EXECUTION_COMPLETED = 1
    EXECUTION_TERMINATED = 3
    TASK_SCHEDULED = 4
    TASK_COMPLETED = 5
    TASK_FAILED = 6
    SUB_ORCHESTRATION_CREATED = 7
    SUB_ORCHESTRATION_COMPLETED = 8
    SUB_ORCHESTRATION_FAILED = 9
    TIMER_CREATED = 10
    TIMER_FIRED = 11
    ORCHESTRATOR_STARTED = 12
    ORCHESTRATOR_COMPLETED = 13
    EVENT_SENT = 14
    EVENT_RAISED = 15
    CONTINUE_AS_NEW = 16
    EXECUTION_SUSPENDED = 19
    EXECUTION_RESUMED = 20


CREATED = frozenset(
    {
        EventType.TASK_SCHEDULED,
        EventType.SUB_ORCHESTRATION_CREATED,
        EventType.TIMER_CREATED,
        EventType.EVENT_SENT,
    }
)
"""Events that record that a task came into being; only these carry an EventId."""


def event(kind: EventType, at_us: int, event_id: int = -1, **fields: Any) -> Event:
    """One event that no turn has played yet."""
    return {
        "EventType": int(kind),
        "EventId": event_id,
        "IsPlayed": False,
        "Timestamp": iso(at_us),
        **fields,
    }


def execution_started(
    name: str,
    version: str,
    instance: str,
    execution: str,
    input_text: str | None,
    parent: str | None,
    at_us: int,
) -> Event:
    """The first event of an execution; `input_text` is JSON text or None, `version` empty when there is none."""
    return event(
        EventType.EXECUTION_STARTED,
        at_us,
        Name=name,
        Version=version,
        Input=input_text,
        OrchestrationInstance={"InstanceId": instance, "ExecutionId": execution},
        ParentInstance={"OrchestrationInstance": {"InstanceId": parent}} if parent else None,
    )


def as_played(past: Event) -> str:
    """The text under which an event is kept: later turns see it as played."""
    return json.dumps({**past, "IsPlayed": True})


def iso(at_us: int) -> str:
    """2026-11-22T08:30:00.123456Z"""
    moment = _EPOCH + timedelta(microseconds=at_us)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_iso(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 text; UTC where it names no zone. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)
