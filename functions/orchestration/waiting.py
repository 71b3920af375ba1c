"""Waiting in a run: for outages to end, and for people."""

from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from functions.steps import Steps

CANCEL_EVENT = "cancel"


def decision_event(round_: int) -> str:
    """Return the name of the event that tells of a decision. Each round of an approval has a name of its own."""
    return f"decision-{round_}"


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
