"""One turn of an orchestration: some messages go in, the SDK replays, and what it asks for comes out."""

import json
import traceback
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from devkit.host.durable import instances
from devkit.host.durable.entities import is_entity
from devkit.host.durable.events import CREATED, Event, EventType, event, parse_iso
from devkit.host.durable.instances import Instance, InstanceExistsError, Parent, Status
from devkit.host.durable.numbering import Action, NonDeterminismError, RefusedActionError, Replay, Task
from devkit.host.durable.store import Transaction, Work
from devkit.host.durable.versions import VersionFailure, Versions

LARGEST_BATCH = 32  # messages per turn, as the extension's default (host.json controlQueueBatchSize)

_FAILURE_MARKER = "\n\n$OutOfProcData$:"


class Orchestrators(Protocol):
    """What a turn needs of the function app."""

    @property
    def orchestrators(self) -> Collection[str]: ...

    @property
    def activities(self) -> Collection[str]: ...

    @property
    def entities(self) -> Collection[str]: ...

    def orchestrate(self, name: str, context_json: str) -> str: ...


@dataclass(frozen=True)
class Loaded:
    """What a turn starts from."""

    instance: Instance
    past: list[str]
    message_ids: list[int]
    messages: list[Event]


@dataclass
class Outcome:
    """What a turn leaves behind. `output` and `custom_status` are JSON text."""

    events: list[Event]
    tasks: list[Task] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    status: Status = Status.RUNNING
    output: str | None = None
    custom_status: str | None = None
    continue_with: Action | None = None


def load(
    tx: Transaction, instance_id: str, known: Collection[str], versions: Versions, now_us: int
) -> Loaded | None:
    """The next batch of an instance, or None if there is nothing to do: no message is due, it is suspended, it
    has ended, or its function is not `known` or its version refused (the messages then stay where they are)."""
    instance = instances.find(tx, instance_id)
    if (
        instance is None
        or instance.has_ended
        or instance.status == Status.SUSPENDED
        or instance.name not in known
        or (versions.refuse(instance.version) and versions.failure == VersionFailure.REJECT)
    ):
        return None
    rows = tx.db.execute(
        "SELECT id, message FROM inbox WHERE target=? AND due_us<=? ORDER BY due_us, id LIMIT ?",
        (instance_id, now_us, LARGEST_BATCH),
    ).fetchall()
    if not rows:
        return None
    messages = [json.loads(message) for _, message in rows]
    return Loaded(instance, instances.history(tx, instance_id), [number for number, _ in rows], messages)


def take(loaded: Loaded, app: Orchestrators, versions: Versions, now_us: int) -> Outcome:
    """Call the orchestrator function and work out what the host has to do. Never raises for what user code does."""
    instance = loaded.instance
    new = [event(EventType.ORCHESTRATOR_STARTED, now_us), *loaded.messages]
    if versions.refuse(instance.version):
        error = f"its version '{instance.version}' is not for this host, which has '{versions.default}'."
        return _fail(Outcome(new), instance, error)
    try:
        state = _parse(app.orchestrate(instance.name, _context(instance, loaded.past, new)))
    except Exception as error:
        state = _failure_state(error)
    outcome = Outcome(new, custom_status=_text(state.get("customStatus")))
    past = json.loads(f"[{','.join(loaded.past)}]")
    replay = Replay(state["actions"], instance.id, instance.execution, versions.default)
    try:
        if state["plain"]:
            return _fail(outcome, instance, state["error"])
        replay.play(past + new)
        scheduled = {e["EventId"] for e in past if e["EventType"] in CREATED}
        outcome.tasks = [task for task in replay.tasks if task.id not in scheduled]
        outcome.cancelled = replay.cancelled
        _check_names(outcome.tasks, app)
    except (NonDeterminismError, RefusedActionError) as error:
        outcome.tasks = []
        return _fail(outcome, instance, str(error))
    new += [event(task.kind, now_us, task.id, **task.fields) for task in outcome.tasks]
    if replay.walked and not replay.open:
        # As in the framework, an instance ends only when nothing it started is still open.
        if state.get("error"):
            return _fail(outcome, instance, state["error"])
        if state["isDone"]:
            outcome.continue_with = replay.continue_with
            if replay.continue_with is None:
                outcome.status, outcome.output = Status.COMPLETED, _text(state.get("output"))
    return outcome


def commit(tx: Transaction, loaded: Loaded, outcome: Outcome, now_us: int) -> None:
    """Write a turn's outcome in one piece; nothing if the instance was ended or replaced meanwhile, or another host has
    taken a turn."""
    instance = instances.find(tx, loaded.instance.id)
    if instance is None or instance.has_ended or instance.execution != loaded.instance.execution:
        return
    if instances.count_events(tx, instance.id) != len(loaded.past):
        return
    tx.db.executemany("DELETE FROM inbox WHERE id=?", [(number,) for number in loaded.message_ids])
    for task in outcome.tasks:
        _start_task(tx, instance, task, now_us)
    tx.db.executemany(
        "DELETE FROM inbox WHERE target=? AND execution=? AND timer=?",
        [(instance.id, instance.execution, number) for number in outcome.cancelled],
    )
    status = Status.SUSPENDED if instance.status == Status.SUSPENDED else Status.RUNNING
    tx.db.execute(
        "UPDATE instances SET status=?, updated_us=?, custom_status=coalesce(?, custom_status) WHERE id=?",
        (status, now_us, outcome.custom_status, instance.id),
    )
    if outcome.continue_with is not None:
        instances.continue_as_new(tx, instance, json.dumps(outcome.continue_with.get("input")), now_us)
        return
    closing = event(EventType.ORCHESTRATOR_COMPLETED, now_us)
    instances.append_history(tx, instance.id, [*outcome.events, closing])
    if outcome.status in instances.ENDED:
        last = event(
            EventType.EXECUTION_COMPLETED, now_us, OrchestrationStatus=outcome.status, Result=outcome.output
        )
        instances.end(tx, instance, outcome.status, outcome.output, last, now_us)
    elif len(loaded.messages) == LARGEST_BATCH:
        tx.wake(instance.id)


def _start_task(tx: Transaction, instance: Instance, task: Task, now_us: int) -> None:
    fields = task.fields
    if task.kind == EventType.TASK_SCHEDULED:
        given = json.loads(fields["Input"])[0]
        work = Work(instance.id, instance.execution, task.id, fields["Name"], given, instance.trace_parent)
        tx.db.execute(
            "INSERT INTO work(instance, execution, task, name, input) VALUES(?,?,?,?,?)",
            (work.instance, work.execution, work.task, work.name, work.input),
        )
        tx.changes.work.append(work)
    elif task.kind == EventType.TIMER_CREATED:
        fired = event(EventType.TIMER_FIRED, now_us, TimerId=task.id, FireAt=fields["FireAt"])
        due_us = parse_iso(fields["FireAt"])
        tx.post(instance.id, fired, due_us=due_us, execution=instance.execution, timer=task.id)
    elif task.kind == EventType.SUB_ORCHESTRATION_CREATED:
        parent = Parent(instance.id, instance.execution, task.id)
        try:
            name, version = fields["Name"], fields["Version"]
            place = instance.trace_parent
            instances.create(tx, name, fields["InstanceId"], fields["Input"], now_us, parent, version, place)
        except InstanceExistsError as error:
            instances.answer_parent(tx, parent, Status.FAILED, json.dumps(str(error)), now_us)
    else:
        tx.post(fields["InstanceId"], json.loads(fields["Input"]), due_us=now_us)


def _check_names(tasks: Sequence[Task], app: Orchestrators) -> None:
    for task in tasks:
        if task.kind == EventType.TASK_SCHEDULED:
            kind, name, known = "an activity", task.fields["Name"], app.activities
        elif task.kind == EventType.SUB_ORCHESTRATION_CREATED:
            kind, name, known = "an orchestrator", task.fields["Name"], app.orchestrators
            if is_entity(task.fields["InstanceId"]):
                raise RefusedActionError("Instance IDs must not begin with @: those are entities.")
        elif task.kind == EventType.EVENT_SENT:
            name = task.fields["InstanceId"].split("@")[1]
            kind, known = "an entity", {entity.lower() for entity in app.entities}
        else:
            continue
        if name not in known:
            raise RefusedActionError(
                f"The function '{name}' doesn't exist, is disabled, or is not {kind} function."
            )


def _context(instance: Instance, past: Sequence[str], new: Sequence[Event]) -> str:
    rest = {
        "input": json.loads(instance.input) if instance.input else None,
        "instanceId": instance.id,
        "isReplaying": bool(past),
        "parentInstanceId": instance.parent.instance if instance.parent else None,
        "upperSchemaVersion": 1,
        "upperSchemaVersionNew": 2,
        "longRunningTimerIntervalDuration": "3.00:00:00",
        "maximumShortTimerDuration": "6.00:00:00",
        "defaultHttpAsyncRequestSleepTimeMillseconds": 30000,
    }
    history = ",".join([*past, *map(json.dumps, new)])
    return f'{{"history":[{history}],{json.dumps(rest)[1:]}'


def _parse(state_json: str) -> dict[str, Any]:
    state = json.loads(state_json)
    return {**state, "actions": state["actions"][0], "plain": False}


def _failure_state(error: Exception) -> dict[str, Any]:
    """The SDK hides its state behind a marker in the message of what it raises; without one the call itself failed."""
    _, *tails = str(error).split(_FAILURE_MARKER)
    while tails:
        try:
            return _parse(_FAILURE_MARKER.join(tails))
        except ValueError:
            tails = tails[1:]
    reason = "".join(traceback.format_exception_only(error)).strip()
    return {"actions": [], "isDone": False, "error": reason, "plain": True}


def _fail(outcome: Outcome, instance: Instance, error: str) -> Outcome:
    outcome.status = Status.FAILED
    outcome.output = json.dumps(f"Orchestrator function '{instance.name}' failed: {error}")
    return outcome


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value)
