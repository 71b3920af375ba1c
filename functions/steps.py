"""Steps of orchestrations: activities that answer with an envelope, and calling them until they have answered for good.

An envelope is ``{"result"}`` when all is well, ``{"stopped": True}`` when nobody wants the step to go on, else
``{"failure", "retryable"}``. Activities do not raise: the SDK and the Durable extension number retries differently
(docs/decisions/).
"""

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from shared.domain.destination import Stopped
from shared.domain.errors import SegpilotError
from shared.domain.record import Record

Envelope = dict[str, Any]
Steps = Generator[Any, Any, Any]

LONGEST_PAUSE_S = 300
_LOST_WORKERS = 5


def envelope(step: Callable[[], Record]) -> Envelope:
    """Return what a step came to. ``failure["transient"]`` tells that it may be otherwise another time."""
    try:
        return {"result": step().model_dump(mode="json")}
    except Stopped:
        return {"stopped": True}
    except SegpilotError as error:
        failure = {
            "code": error.reason,
            "message": error.message,
            "remedy": error.remedy,
            "transient": error.retryable,
        }
        return {"failure": failure, "retryable": error.retryable}


def succeeded(answer: Envelope) -> bool:
    return "result" in answer


def attempt(
    context: df.DurableOrchestrationContext,
    patience_s: float,
    name: str,
    task: Envelope,
    wait: Callable[[float], Steps] | None = None,
) -> Steps:
    """Call an activity until it answers for good: outages are waited for, as long as patience lasts.

    ``wait`` pauses for so many seconds and tells whether nobody wants the answer any more; without it nothing keeps
    the step from being done.
    """
    started_at, tries = context.current_utc_datetime, 0
    while True:
        answer = yield from call(context, name, task)
        waited_s = (context.current_utc_datetime - started_at).total_seconds()
        if not answer.get("retryable") or waited_s > patience_s:
            return answer
        tries += 1
        seconds = min(LONGEST_PAUSE_S, 2 * 2**tries)
        if wait is None:
            yield from sleep(context, seconds)
        elif (yield from wait(seconds)):
            return {"stopped": True}


def call(context: df.DurableOrchestrationContext, name: str, task: Envelope) -> Steps:
    """Call an activity. A worker that is lost on the way is replaced a few times; what it said stays in the log."""
    for lost in range(1, _LOST_WORKERS + 1):
        try:
            return (yield context.call_activity(name, task))
        except Exception:
            if lost < _LOST_WORKERS:
                yield from sleep(context, 2 * 2**lost)
    failure = {
        "code": "worker-lost",
        "message": f"The step '{name}' broke down {_LOST_WORKERS} times.",
        "remedy": "Try again; if it stays so, see the log of the app.",
        "transient": True,
    }
    return {"failure": failure, "retryable": False}


def sleep(context: df.DurableOrchestrationContext, seconds: float) -> Steps:
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=seconds))
