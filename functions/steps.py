"""Calling steps that nobody cancels: of erasures and of the housekeeping.

Activities answer with an envelope, ``{"result"}`` or ``{"failure", "retryable"}``, instead of raising.
"""

from collections.abc import Callable
from datetime import timedelta

import azure.durable_functions as df

from functions.orchestration.waiting import LONGEST_PAUSE_S, Envelope, Steps, call
from shared.domain.errors import SegpilotError
from shared.domain.record import Record


def attempt(context: df.DurableOrchestrationContext, patience_s: float, name: str, task: Envelope) -> Steps:
    """Call an activity until it answers for good: outages are waited for, as long as patience lasts."""
    started_at, tries = context.current_utc_datetime, 0
    while True:
        answer = yield from call(context, name, task)
        waited_s = (context.current_utc_datetime - started_at).total_seconds()
        if not answer.get("retryable") or waited_s > patience_s:
            return answer
        tries += 1
        yield from sleep(context, min(LONGEST_PAUSE_S, 2 * 2**tries))


def sleep(context: df.DurableOrchestrationContext, seconds: float) -> Steps:
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=seconds))


def envelope(step: Callable[[], Record]) -> Envelope:
    """Return what a step came to."""
    try:
        return {"result": step().model_dump(mode="json")}
    except SegpilotError as error:
        failure = {"code": error.reason, "message": error.message, "remedy": error.remedy}
        return {"failure": failure, "retryable": error.retryable}
