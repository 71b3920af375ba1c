"""Handing runs and files to their orchestrations, telling those what was decided, and taking up what was lost."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import azure.durable_functions as df

from functions.instances import has_ended, is_going_on, look_up
from functions.orchestration import CANCEL_EVENT, LEGS, decision_event
from shared.bootstrap import app
from shared.domain.identifiers import digest
from shared.domain.run import Run, RunStatus
from shared.domain.segment import SnapshotFile
from shared.usecases.runs.lost import LostRuns
from shared.usecases.segments.overlooked import Overlooked

_LOOK_UPS_AT_ONCE = 8
_BREATHER = timedelta(minutes=5)


async def start_run(client: df.DurableOrchestrationClient, run: Run) -> None:
    """Start the orchestration of a run unless it was started already: safe to repeat."""
    if run.status is not RunStatus.QUEUED or await look_up(client, run.id):
        return
    try:
        await _start(client, run.id)
    except Exception:
        # Somebody else may have started it between the two calls; only then is all well.
        await asyncio.sleep(0.5)
        if not await look_up(client, run.id):
            raise


async def start_runs(client: df.DurableOrchestrationClient, runs: Iterable[Run]) -> None:
    """Start the orchestrations of many runs. One that cannot be started now is taken up within minutes."""
    for run in runs:
        try:
            await start_run(client, run)
        except Exception:
            logging.exception("The run %s could not be started.", run.id)


async def take_up_lost_runs(
    client: df.DurableOrchestrationClient, lost_runs: Callable[[], LostRuns], now: datetime
) -> None:
    """Give every run that nobody works on to a new orchestration: the task hub may have been deleted or restored."""
    for run in await asyncio.to_thread(lambda: lost_runs().expected(now)):
        try:
            if await _is_lost(client, run.id, now):
                await _take_up(client, lost_runs(), run.id)
        except Exception:
            logging.exception("The run %s could not be taken up.", run.id)


async def start_arrival(client: df.DurableOrchestrationClient, name: str, etag: str) -> None:
    """Look at a file that has arrived, unless somebody is at it."""
    instance_id = _arrival_id(name, etag)
    if not await is_going_on(client, instance_id):
        await client.start_new("segment_arrival", instance_id=instance_id, client_input={"name": name})


async def start_overlooked_arrivals(
    client: df.DurableOrchestrationClient, overlooked: Callable[[], Overlooked], now: datetime
) -> None:
    """Look at recent files that nobody has ever looked at: their events were lost, or there were none."""
    places = asyncio.Semaphore(_LOOK_UPS_AT_ONCE)

    async def look_at(file: SnapshotFile) -> None:
        async with places:
            if not await look_up(client, _arrival_id(file.name, file.etag)):
                logging.warning("The file '%s' is looked at now; no event has told of it.", file.name)
                await start_arrival(client, file.name, file.etag)

    await asyncio.gather(*map(look_at, await asyncio.to_thread(lambda: overlooked().recent(now))))


async def cancel_run(client: df.DurableOrchestrationClient, run_id: str) -> None:
    """Wake the orchestration when it is waiting; workers look at the run record by themselves.

    A run that was never started, or whose orchestration broke down, is taken up so that it ends.
    """
    if await is_going_on(client, run_id):
        await _wake(client, run_id, CANCEL_EVENT)
    else:
        await _start_anew(client, run_id)


async def decide_run(client: df.DurableOrchestrationClient, run_id: str, round_: int) -> None:
    """Tell the orchestration that a decision is on the record; it would look by itself within hours."""
    await _wake(client, run_id, decision_event(round_))


def _arrival_id(name: str, etag: str) -> str:
    return f"arrival-{digest(name, etag, length=24)}"


async def _start(client: df.DurableOrchestrationClient, run_id: str, **more: int) -> None:
    settings = app().settings
    order = {"lanes": settings.push_lanes, "patience_s": settings.push_patience_s, **LEGS, **more}
    await client.start_new("export_run", instance_id=run_id, client_input=order)


async def _start_anew(client: df.DurableOrchestrationClient, run_id: str) -> None:
    # Lanes of the lost orchestration may still be there: no new one may bear the number of one of them.
    await _start(client, run_id, first_lane=int(app().clock().timestamp()))


async def _take_up(client: df.DurableOrchestrationClient, lost_runs: LostRuns, run_id: str) -> None:
    if await asyncio.to_thread(lost_runs.take_up, run_id):
        logging.warning("Nobody works on %s; a new orchestration takes it up.", run_id)
        await _start_anew(client, run_id)


async def _is_lost(client: df.DurableOrchestrationClient, run_id: str, now: datetime) -> bool:
    status = await look_up(client, run_id)
    # One that breaks down again and again must not be started again every minute.
    return status is None or (has_ended(status) and status.last_updated_time < now - _BREATHER)


async def _wake(client: df.DurableOrchestrationClient, run_id: str, event: str) -> None:
    """One that has not begun reads the record first, and an event could go astray on it (Azure/durabletask #720)."""
    if not await _has_begun(client, run_id):
        return
    try:
        await client.raise_event(run_id, event, {})
    except Exception:
        # It may have ended between the two calls; only then is there nobody to wake.
        if await _has_begun(client, run_id):
            raise


async def _has_begun(client: df.DurableOrchestrationClient, run_id: str) -> bool:
    status = await look_up(client, run_id)
    return (
        status is not None
        and not has_ended(status)
        and status.runtime_status is not df.OrchestrationRuntimeStatus.Pending
    )
