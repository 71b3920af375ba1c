"""Which tasks has the host scheduled, and under which numbers?

The SDK sends the same growing list of actions with every turn and numbers its tasks by itself. The
extension (OutOfProcOrchestrationShim) walks that list and numbers on its own: it awaits one action
before it looks at the next, a WhenAll until *all* its children have ended, a WhenAny until the first
has. A retried call is expanded by the host: attempt, timer, attempt, timer, and one more timer after
the last attempt (DurableTask.Core, RetryInterceptor). Tasks get their numbers in the order in which
they come into being on that walk. Where both sides count differently, results reach the wrong task,
as in Azure (durable-python issue 603); the point of this module is to show that locally too.
"""

import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from devkit.host.durable.events import CREATED, Event, EventType, iso, parse_iso

Action = dict[str, Any]

ACTIVITY, ACTIVITY_RETRIED, SUB, SUB_RETRIED, CONTINUE_AS_NEW, TIMER, EXTERNAL_EVENT = range(7)
CALL_ENTITY, SIGNAL_ENTITY, WHEN_ANY, WHEN_ALL = 7, 9, 11, 12

_SUCCEEDED = {EventType.TASK_COMPLETED, EventType.SUB_ORCHESTRATION_COMPLETED, EventType.TIMER_FIRED}
_FAILED = {EventType.TASK_FAILED, EventType.SUB_ORCHESTRATION_FAILED}


class RefusedActionError(Exception):
    """The orchestrator asked for what the host cannot do: a missing function, or a durable HTTP call."""


class NonDeterminismError(Exception):
    """The orchestrator did not repeat what its history says it did."""


class _TaskFailedError(Exception):
    """Ends a wait on the walk; what failed is the SDK's business."""


@dataclass(frozen=True)
class Task:
    """One scheduled task: its number, the kind of its Created event, and that event's own fields."""

    id: int
    kind: EventType
    fields: dict[str, Any]


class _Future:
    def __init__(self) -> None:
        self.done = False
        self.failed = False
        self._continuations: list[Callable[[], None]] = []

    def settle(self, *, failed: bool = False) -> None:
        if self.done:
            return
        self.done, self.failed = True, failed
        for resume in self._continuations:
            resume()

    def then(self, resume: Callable[[], None]) -> None:
        if self.done:
            resume()
        else:
            self._continuations.append(resume)

    def __await__(self) -> Generator["_Future", None, None]:
        if not self.done:
            yield self
        if self.failed:
            raise _TaskFailedError


def _run(walk: Coroutine[_Future, None, None]) -> _Future:
    """Drive a coroutine in step with the futures it awaits, synchronously, as the framework's scheduler does."""
    result = _Future()

    def step() -> None:
        try:
            awaited = walk.send(None)
        except StopIteration:
            result.settle()
        except _TaskFailedError:
            result.settle(failed=True)
        else:
            awaited.then(step)

    step()
    return result


class Replay:
    """The host's side of one execution, rebuilt from the actions and the history.

    After `play`: `tasks` in order of their numbers; `open` the numbers that have not ended (activities,
    sub-orchestrations, timers); `cancelled` the timers given up; `walked` whether every action has been
    passed; `continue_with` the action that starts the next execution, if any.
    """

    def __init__(
        self, actions: Sequence[Action], instance: str, execution: str, default_version: str = ""
    ) -> None:
        self.tasks: list[Task] = []
        self.open: dict[int, _Future] = {}
        self.cancelled: list[int] = []
        self.continue_with: Action | None = None
        self._actions = actions
        self._instance = instance
        self._execution = execution
        self._default_version = default_version
        self._now_us = 0
        self._main: _Future | None = None
        self._waiting: dict[str, list[_Future]] = defaultdict(list)
        self._buffered: Counter[str] = Counter()

    @property
    def walked(self) -> bool:
        return self._main is not None and self._main.done

    def play(self, history: Sequence[Event]) -> None:
        """Walk as far as the whole history allows. Raises RefusedActionError, NonDeterminismError."""
        for past in history:
            kind = past["EventType"]
            if kind == EventType.ORCHESTRATOR_STARTED:
                self._now_us = parse_iso(past["Timestamp"])
            elif kind == EventType.EXECUTION_STARTED:
                self._main = _run(self._walk())
            elif kind in _SUCCEEDED or kind in _FAILED:
                number = past["TimerId"] if kind == EventType.TIMER_FIRED else past["TaskScheduledId"]
                if future := self.open.pop(number, None):
                    future.settle(failed=kind in _FAILED)
            elif kind == EventType.EVENT_RAISED:
                self._raise_event(past)
        self._compare(history)

    async def _walk(self) -> None:
        for action in self._actions:
            try:
                await self._begin(action)
            except _TaskFailedError:
                continue

    def _begin(self, action: Action) -> _Future:
        kind = action["actionType"]
        if kind in (ACTIVITY, SUB):
            return self._call(action)
        if kind in (ACTIVITY_RETRIED, SUB_RETRIED):
            return _run(self._retry(action))
        if kind == TIMER:
            return self._timer(action["fireAt"], cancelled=action["isCanceled"])
        if kind == EXTERNAL_EVENT:
            return self._wait_for(action["externalEventName"])
        if kind in (CALL_ENTITY, SIGNAL_ENTITY):
            return self._send(action, signal=kind == SIGNAL_ENTITY)
        if kind == WHEN_ALL:
            return _run(self._all([self._begin(child) for child in action["compoundActions"]]))
        if kind == WHEN_ANY:
            return self._any([self._begin(child) for child in action["compoundActions"]])
        if kind == CONTINUE_AS_NEW:
            self.continue_with = action
            done = _Future()
            done.settle()
            return done
        raise RefusedActionError(f"The local host does not carry out durable actions of type {kind}.")

    def _schedule(self, kind: EventType, **fields: Any) -> _Future:
        number = len(self.tasks)
        self.tasks.append(Task(number, kind, fields))
        future = self.open[number] = _Future()
        return future

    def _call(self, action: Action) -> _Future:
        name, text = action["functionName"], action.get("input")
        if action["actionType"] in (ACTIVITY, ACTIVITY_RETRIED):
            return self._schedule(EventType.TASK_SCHEDULED, Name=name, Version="", Input=json.dumps([text]))
        instance = action.get("instanceId") or f"{self._execution}:{len(self.tasks):x}"
        return self._schedule(
            EventType.SUB_ORCHESTRATION_CREATED,
            Name=name,
            Version=action.get("version") or self._default_version,
            InstanceId=instance,
            Input=json.dumps(text),
        )

    async def _retry(self, action: Action) -> None:
        options = action["retryOptions"]
        for _ in range(options["maxNumberOfAttempts"]):
            try:
                return await self._call(action)
            except _TaskFailedError:
                delay_us = options["firstRetryIntervalInMilliseconds"] * 1000
            await self._timer(iso(self._now_us + delay_us), cancelled=False)
        raise _TaskFailedError

    def _timer(self, fire_at: str, *, cancelled: bool) -> _Future:
        number = len(self.tasks)
        future = self._schedule(EventType.TIMER_CREATED, FireAt=fire_at)
        if cancelled:
            del self.open[number]
            self.cancelled.append(number)
            future.settle(failed=True)
        return future

    def _send(self, action: Action, *, signal: bool) -> _Future:
        number = len(self.tasks)
        request = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._instance}/{self._execution}/{number}"))
        message = {
            "op": action["operation"],
            "signal": signal,
            "input": json.dumps(action.get("input")),
            "id": request,
            "parent": self._instance,
            "parentExecution": self._execution,
        }
        sent = self._schedule(
            EventType.EVENT_SENT, Name="op", InstanceId=action["instanceId"], Input=json.dumps(message)
        )
        del self.open[number]
        sent.settle()
        return sent if signal else self._wait_for(request)

    def _wait_for(self, name: str) -> _Future:
        future = _Future()
        key = name.casefold()  # the extension ignores case here, the SDK does not
        if self._buffered[key]:
            self._buffered[key] -= 1
            future.settle()
        else:
            self._waiting[key].append(future)
        return future

    def _raise_event(self, raised: Event) -> None:
        key = raised["Name"].casefold()
        if self._waiting[key]:
            self._waiting[key].pop().settle()  # the latest wait first: the extension keeps a stack
        else:
            self._buffered[key] += 1

    async def _all(self, children: Sequence[_Future]) -> None:
        failed = False
        for child in children:
            try:
                await child
            except _TaskFailedError:
                failed = True
        if failed:
            raise _TaskFailedError

    def _any(self, children: Sequence[_Future]) -> _Future:
        first = _Future()
        for child in children:
            child.then(first.settle)
        return first

    def _compare(self, history: Sequence[Event]) -> None:
        """Every Created event of the history must have come out again. Azure compares kind and name only;
        comparing inputs and times as well finds `uuid4()` and `now()` in an orchestrator early. The version of a
        sub-orchestration is not compared: it depends on the host that took the turn."""
        for past in history:
            if past["EventType"] not in CREATED:
                continue
            number = past["EventId"]
            task = self.tasks[number] if number < len(self.tasks) else None
            if task is None:
                found = "nothing"
            elif task.kind != past["EventType"] or any(
                past.get(key) != value for key, value in task.fields.items() if key != "Version"
            ):
                found = _describe(task.kind, task.fields)
            else:
                continue
            recorded = _describe(EventType(past["EventType"]), past)
            raise NonDeterminismError(
                f"Non-Deterministic workflow detected: task {number} is {recorded} in the history, "
                f"but the orchestrator now asks for {found}."
            )


def _describe(kind: EventType, fields: dict[str, Any]) -> str:
    what = (
        fields.get("FireAt")
        if kind == EventType.TIMER_CREATED
        else f"{fields['Name']}({fields.get('Input')})"
    )
    return f"{kind.name} {what}"
