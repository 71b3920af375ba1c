"""Retrying: what failed in passing is tried again later by itself, what failed for good is not."""

from datetime import timedelta

from shared.domain.run import Failure, Run
from shared.domain.standing import Standing
from shared.pipeline.steps.context import RunContext

MINUTE = "%Y-%m-%d %H:%M UTC"


def plan_retry(context: RunContext, run: Run, failure: Failure) -> tuple[str, ...]:
    """Have a run that failed in passing tried again, as often as the settings say; returns what to tell about it."""
    if run.dry or run.cancel_requested_by:
        return ()
    if not failure.transient:
        return ("Trying again would not help by itself, so the run is not repeated.",)
    attempts = context.limits.run_attempts
    if run.attempt >= attempts:
        return (f"It has failed {run.attempt} times now and is not repeated by itself any more.",)
    at = context.clock() + timedelta(seconds=context.limits.run_retry_after_s)

    standing = context.stores.standings.upsert(
        run.export_id,
        lambda present: (present or Standing(subject=run.export_id)).with_retry(run.id, at),
    )
    at = standing.retry_at or at
    return (f"It failed in passing (attempt {run.attempt} of {attempts}) and is repeated at {at:{MINUTE}}.",)
