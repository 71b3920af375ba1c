"""Calling activities and waiting: for outages to end, and for people."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

Envelope = dict[str, Any]
Steps = Generator[Any, Any, Any]

CANCEL_EVENT = "cancel"
LONGEST_PAUSE_S = 300
_LOST_WORKERS = 5


def decision_event(round_: int) -> str:
    """Return the name of the event that tells of a decision. Each round of an approval has a name of its own."""
    return f"decision-{round_}"


def attempt(
    context: df.DurableOrchestrationContext,
    pauses: "Pauses",
    order: Envelope,
    name: str,
    task: Envelope,
    *,
    cancellable: bool = True,
) -> Steps:
    """Call an activity until it answers for good: outages are waited for, as long as patience lasts."""
    started_at, tries = context.current_utc_datetime, 0
    while True:
        answer = yield from call(context, name, task)
        if not answer.get("retryable"):
            return answer
        if (context.current_utc_datetime - started_at).total_seconds() > order["patience_s"]:
            return answer
        tries += 1
        seconds = min(LONGEST_PAUSE_S, 2 * 2**tries)
        if not cancellable:
            yield from _sleep(context, seconds)
        elif (yield from pauses.wait(seconds)):
            return {"stopped": True}


def call(context: df.DurableOrchestrationContext, name: str, task: Envelope) -> Steps:
    """Call an activity. A worker that is lost on the way is replaced a few times; what it said stays in the log."""
    for lost in range(1, _LOST_WORKERS + 1):
        try:
            return (yield context.call_activity(name, task))
        except Exception:
            if lost < _LOST_WORKERS:
                yield from _sleep(context, 2 * 2**lost)
    failure = {
        "code": "worker-lost",
        "message": f"The step '{name}' broke down {_LOST_WORKERS} times.",
        "remedy": "Run the export again; if it stays so, see the log of the app.",
        "transient": True,
    }
    return {"failure": failure, "retryable": False}


def succeeded(answer: Envelope) -> bool:
    return "result" in answer


def _sleep(context: df.DurableOrchestrationContext, seconds: float) -> Steps:
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=seconds))


class Pauses:
    """Waiting, and being woken by a cancellation or another event.

    One wait for an event serves all pauses: with a new one for each, an event that comes between two pauses would be
    given to the wait of the earlier one, and be lost.
    """

    def __init__(self, context: df.DurableOrchestrationContext) -> None:
        self._context, self._cancelled = context, context.wait_for_external_event(CANCEL_EVENT)

    def wait(self, seconds: float, awaited: Any = None) -> Steps:
        """Wait, at most until ``awaited`` is there; returns True when the run was cancelled, now or before."""
        events = [self._cancelled] if awaited is None else [self._cancelled, awaited]
        if not any(event.is_completed for event in events):
            timer = self._context.create_timer(
                self._context.current_utc_datetime + timedelta(seconds=seconds)
            )
            first = yield self._context.task_any([timer, *events])
            if first is not timer:
                timer.cancel()
        return self._cancelled.is_completed
