"""What is kept of an orchestration instance, and how it changes. Every function is one operation of the store."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from devkit.host.durable.events import Event, EventType, as_played, event, execution_started
from devkit.host.durable.store import Transaction, Work


class Status(StrEnum):
    PENDING = "Pending"
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    COMPLETED = "Completed"
    FAILED = "Failed"
    TERMINATED = "Terminated"


ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.TERMINATED})


class DurableError(Exception):
    """Base of what an operation on an instance can be refused for."""


class InstanceNotFoundError(DurableError):
    """No instance has this id."""


class InstanceEndedError(DurableError):
    """The instance has completed, failed or been terminated."""


class InstanceExistsError(DurableError):
    """An instance with this id has not ended."""


class Parent(NamedTuple):
    """The task of another instance that waits for this one."""

    instance: str
    execution: str
    task: int


@dataclass(frozen=True)
class Instance:
    """One orchestration. `input`, `output` and `custom_status` are JSON text or None, times microseconds.

    `trace_parent` is the place in a trace (W3C) that it was started at; whatever it starts is at the same one.
    """

    id: str
    execution: str
    name: str
    version: str
    status: Status
    input: str | None
    output: str | None
    custom_status: str | None
    created_us: int
    updated_us: int
    trace_parent: str
    parent: Parent | None

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


COLUMNS = (
    "id, execution, name, version, status, input, output, custom_status, created_us, updated_us, "
    "trace_parent, parent, parent_execution, parent_task"
)


def from_row(row: Sequence[Any]) -> Instance:
    """Make an Instance of a row of COLUMNS."""
    parent = Parent(*row[11:14]) if row[11] is not None else None
    instance_id, execution, name, version, status, given, output, custom, created_us, updated_us = row[:10]
    return Instance(
        instance_id,
        execution,
        name,
        version,
        Status(status),
        given,
        output,
        custom,
        created_us,
        updated_us,
        row[10],
        parent,
    )


def find(tx: Transaction, instance_id: str) -> Instance | None:
    """The instance, if there is one."""
    row = tx.db.execute(f"SELECT {COLUMNS} FROM instances WHERE id=?", (instance_id,)).fetchone()  # noqa: S608 (names of our own; values are bound)
    return None if row is None else from_row(row)


def find_active(tx: Transaction, instance_id: str) -> Instance:
    """The instance; raises InstanceNotFoundError or InstanceEndedError."""
    instance = find(tx, instance_id)
    if instance is None:
        raise InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
    if instance.has_ended:
        raise InstanceEndedError(f"The instance '{instance_id}' has ended: {instance.status}.")
    return instance


def create(
    tx: Transaction,
    name: str,
    instance_id: str,
    input_text: str | None,
    now_us: int,
    parent: Parent | None = None,
    version: str = "",
    trace_parent: str = "",
) -> None:
    """Create an instance and its first message; one that has ended is replaced. Raises InstanceExistsError."""
    existing = find(tx, instance_id)
    if existing is not None and not existing.has_ended:
        raise InstanceExistsError(
            f"An Orchestration instance with the status {existing.status} already exists."
        )
    delete(tx, instance_id)
    execution = uuid.uuid4().hex
    tx.db.execute(
        f"INSERT INTO instances({COLUMNS}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (instance_id, execution, name, version, Status.PENDING, input_text, None, None, now_us, now_us)
        + (trace_parent,)
        + (parent or (None, None, None)),
    )
    _post_start(tx, name, version, instance_id, execution, input_text, parent, now_us)


def continue_as_new(tx: Transaction, instance: Instance, input_text: str | None, now_us: int) -> None:
    """Begin the next execution, of the same version, with an empty history. Only raised events that no turn has seen yet remain."""
    tx.db.execute("DELETE FROM history WHERE instance=?", (instance.id,))
    tx.db.execute("DELETE FROM inbox WHERE target=? AND execution IS NOT NULL", (instance.id,))
    _drop_work(tx, instance)
    execution = uuid.uuid4().hex
    tx.db.execute(
        "UPDATE instances SET execution=?, input=? WHERE id=?", (execution, input_text, instance.id)
    )
    _post_start(
        tx, instance.name, instance.version, instance.id, execution, input_text, instance.parent, now_us
    )


def end(
    tx: Transaction, instance: Instance, status: Status, output: str | None, last: Event, now_us: int
) -> None:
    """Give an instance its final status, drop what was still to come, and tell its parent."""
    tx.db.execute(
        "UPDATE instances SET status=?, output=?, updated_us=? WHERE id=?",
        (status, output, now_us, instance.id),
    )
    append_history(tx, instance.id, [last])
    tx.db.execute("DELETE FROM inbox WHERE target=?", (instance.id,))
    _drop_work(tx, instance)
    tx.changes.ended.add(instance.id)
    if instance.parent is not None:
        answer_parent(tx, instance.parent, status, output, now_us)


def answer_parent(tx: Transaction, parent: Parent, status: Status, output: str | None, now_us: int) -> None:
    """Post how a sub-orchestration ended, if the execution that called it still goes on."""
    caller = find(tx, parent.instance)
    if caller is None or caller.has_ended or caller.execution != parent.execution:
        return
    if status == Status.COMPLETED:
        answer = event(
            EventType.SUB_ORCHESTRATION_COMPLETED, now_us, TaskScheduledId=parent.task, Result=output
        )
    else:
        reason = json.loads(output) if output else str(status)
        answer = event(
            EventType.SUB_ORCHESTRATION_FAILED,
            now_us,
            TaskScheduledId=parent.task,
            Reason=reason,
            Details=None,
        )
    tx.post(parent.instance, answer, due_us=now_us, execution=parent.execution)


def terminate(tx: Transaction, instance_id: str, reason: str | None, now_us: int) -> None:
    """End an instance now; its sub-orchestrations go on. Raises InstanceNotFoundError, InstanceEndedError."""
    instance = find_active(tx, instance_id)
    last = event(EventType.EXECUTION_TERMINATED, now_us, Input=reason)
    end(tx, instance, Status.TERMINATED, json.dumps(reason), last, now_us)


def suspend(tx: Transaction, instance_id: str, reason: str | None, now_us: int) -> None:
    """Let no further turn of the instance happen. Raises InstanceNotFoundError, InstanceEndedError."""
    _pause(
        tx, instance_id, Status.SUSPENDED, event(EventType.EXECUTION_SUSPENDED, now_us, Reason=reason), now_us
    )


def resume(tx: Transaction, instance_id: str, reason: str | None, now_us: int) -> None:
    """Let a suspended instance go on. Raises InstanceNotFoundError, InstanceEndedError."""
    if find_active(tx, instance_id).status == Status.SUSPENDED:
        resumed = event(EventType.EXECUTION_RESUMED, now_us, Reason=reason)
        _pause(tx, instance_id, Status.RUNNING, resumed, now_us)
        tx.wake(instance_id)


def raise_event(tx: Transaction, instance_id: str, name: str, value_text: str | None, now_us: int) -> None:
    """Post an external event; `value_text` is JSON text. Raises InstanceNotFoundError, InstanceEndedError."""
    find_active(tx, instance_id)
    raised = event(EventType.EVENT_RAISED, now_us, Name=name, Input=value_text)
    tx.post(instance_id, raised, due_us=now_us)


def complete_activity(tx: Transaction, work: Work, answer: Event, now_us: int) -> None:
    """Exchange an activity for its answer. One that is not wanted any more, or was answered already, is dropped."""
    removed = tx.db.execute(
        "DELETE FROM work WHERE instance=? AND execution=? AND task=?",
        (work.instance, work.execution, work.task),
    )
    if removed.rowcount:
        tx.post(work.instance, answer, due_us=now_us, execution=work.execution)


def delete(tx: Transaction, instance_id: str) -> None:
    """Remove every trace of an instance."""
    for table, column in (
        ("instances", "id"),
        ("history", "instance"),
        ("inbox", "target"),
        ("work", "instance"),
    ):
        tx.db.execute(f"DELETE FROM {table} WHERE {column}=?", (instance_id,))  # noqa: S608 (names of our own; values are bound)


def append_history(tx: Transaction, instance_id: str, events: Sequence[Event]) -> None:
    """Add events to the end of the history, as played."""
    first = count_events(tx, instance_id)
    tx.db.executemany(
        "INSERT INTO history(instance, seq, event) VALUES(?,?,?)",
        [(instance_id, first + offset, as_played(added)) for offset, added in enumerate(events)],
    )


def count_events(tx: Transaction, instance_id: str) -> int:
    """How many events the history has."""
    following = "SELECT coalesce(max(seq) + 1, 0) FROM history WHERE instance=?"
    return int(tx.db.execute(following, (instance_id,)).fetchone()[0])


def history(tx: Transaction, instance_id: str) -> list[str]:
    """The JSON texts of all events, in order."""
    rows = tx.db.execute("SELECT event FROM history WHERE instance=? ORDER BY seq", (instance_id,))
    return [text for (text,) in rows]


def _pause(tx: Transaction, instance_id: str, status: Status, note: Event, now_us: int) -> None:
    find_active(tx, instance_id)
    tx.db.execute("UPDATE instances SET status=?, updated_us=? WHERE id=?", (status, now_us, instance_id))
    tx.post(instance_id, note, due_us=now_us)


def _post_start(
    tx: Transaction,
    name: str,
    version: str,
    instance_id: str,
    execution: str,
    input_text: str | None,
    parent: Parent | None,
    now_us: int,
) -> None:
    started = execution_started(
        name, version, instance_id, execution, input_text, parent.instance if parent else None, now_us
    )
    tx.post(instance_id, started, due_us=0, execution=execution)  # ahead of events that wait already


def _drop_work(tx: Transaction, instance: Instance) -> None:
    tx.db.execute("DELETE FROM work WHERE instance=?", (instance.id,))
    tx.changes.dropped.add(instance.execution)
