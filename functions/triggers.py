"""What sets runs off by itself: blobs that arrive, and the clock."""

import logging
from datetime import datetime, timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import azurefunctions.extensions.bindings.blob as blob
from azure.core.exceptions import ResourceNotFoundError

from functions.operation import in_thread
from functions.starting import start_arrival, start_overlooked_arrivals, start_runs, take_up_lost_runs
from functions.steps import Steps
from functions.versions import go
from shared.bootstrap import app
from shared.domain.errors import SegpilotError
from shared.usecases.segments.arrivals import ArrivalState

bp = df.Blueprint()

_LOOK_EVERY_MIN = 30
_INSPECTIONS = 100  # with pauses of up to five minutes: an outage of a working day


@bp.blob_trigger(
    arg_name="arrived",
    path="%SEGMENTS_CONTAINER%/{name}",
    connection="SEGMENT_STORAGE",
    source=func.BlobSource.EVENT_GRID,
)
@bp.durable_client_input(client_name="client")
async def segment_arrived(arrived: blob.BlobClient, client: Any) -> None:
    """Only the name and the ETag count; the file itself is not loaded. The rest is durable."""
    try:
        properties = await in_thread(arrived.get_blob_properties)
    except ResourceNotFoundError:
        logging.info("A blob was gone before it could be looked at.")
        return
    await start_arrival(client, properties.name, properties.etag)


@bp.orchestration_trigger(context_name="context")
def segment_arrival(context: df.DurableOrchestrationContext) -> Steps:
    """Wait until the snapshot that a blob belongs to is complete, then start its runs."""
    return (yield from go(context, {"1.0": _wait_until_complete}))


def _wait_until_complete(context: df.DurableOrchestrationContext) -> Steps:
    tries = 0
    while True:
        try:
            answer = yield context.call_activity("inspect_arrival", context.get_input())
        except Exception as error:
            tries += 1
            if tries == _INSPECTIONS:
                raise
            answer = {"wait_s": min(300, 2.0**tries), "why": str(error)[:200]}
        if not answer["wait_s"]:
            return answer
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=answer["wait_s"]))


@bp.activity_trigger(input_name="task")
@bp.durable_client_input(client_name="client")
async def inspect_arrival(task: dict, client: Any) -> dict:
    """Look at an arrival; when a snapshot is complete, create and start the runs that it sets off."""
    try:
        arrival = await in_thread(lambda: app().arrivals.inspect(task["name"]))
        if arrival.state is ArrivalState.IGNORED:
            logging.info("The file '%s' sets off no run: %s.", task["name"], arrival.why)
        if arrival.state is not ArrivalState.COMPLETE:
            return {"wait_s": arrival.wait_s, "why": arrival.why}
        runs = await in_thread(lambda: app().run_orders.for_arrival(arrival.snapshots))
    except SegpilotError as problem:
        if problem.retryable:
            raise
        logging.warning("An arrival was not used: %s", problem.message)
        return {"wait_s": 0, "why": problem.message}
    await start_runs(client, runs)
    await in_thread(lambda: app().registrations.count_rows(arrival.snapshots))
    return {"wait_s": 0, "why": "", "runs": [run.id for run in runs]}


@bp.timer_trigger(arg_name="timer", schedule="0 * * * * *", run_on_startup=False, use_monitor=False)
@bp.durable_client_input(client_name="client")
async def tick(timer: func.TimerRequest, client: Any) -> None:  # noqa: ARG001 - the binding needs the parameter
    """Start whatever is due, send alerts that wait, and take up what was lost: runs, and files without an event.

    What was missed is known from records, not from the timer.
    """
    now, failures = app().clock(), list[Exception]()
    for part in (_start_due, _send_alerts, _take_up_runs, _take_up_files):
        try:
            await part(client, now)
        except Exception as failure:
            # One part that fails keeps no other from its turn.
            logging.exception("A part of the tick failed.")
            failures.append(failure)
    if failures:
        raise failures[0]


async def _start_due(client: df.DurableOrchestrationClient, now: datetime) -> None:
    await start_runs(client, await in_thread(lambda: app().ticks.tick(now)))


async def _send_alerts(_client: df.DurableOrchestrationClient, now: datetime) -> None:
    await in_thread(lambda: app().alerts.deliver_due(now))


async def _take_up_runs(client: df.DurableOrchestrationClient, now: datetime) -> None:
    await take_up_lost_runs(client, lambda: app().lost_runs, now)


async def _take_up_files(client: df.DurableOrchestrationClient, now: datetime) -> None:
    # Timers fire some milliseconds early at times (Azure/azure-functions-host #7398).
    if (now + timedelta(seconds=5)).minute % _LOOK_EVERY_MIN == 0:
        await start_overlooked_arrivals(client, lambda: app().overlooked, now)
