"""Runs: look at them, cancel them, decide upon them, and fetch what they rejected."""

from typing import Annotated

import azure.durable_functions as df
from pydantic import Field

from functions.api.registry import location, operations
from functions.decoding import Query
from functions.operation import Answer, Request, in_thread, joined
from functions.starting import cancel_run, decide_run, start_run
from shared.bootstrap import app
from shared.domain.errors import Conflict, NotFound, StorageUnavailable
from shared.domain.run import Run, RunStatus, Trigger
from shared.usecases.runs.orders import NewRun
from shared.usecases.runs.runs import RunFilter, RunPage, RunView, Samples, Verdict

_IDEMPOTENCY = {"Idempotency-Key": "The same key gives the same run, however often the request is repeated."}
_ABOUT_RUNS = (NotFound, StorageUnavailable)


@operations.add_durable(
    "POST",
    "exports/{id}/runs",
    summary="Run an export now",
    body=NewRun,
    answer=RunView,
    status=202,
    errors=(Conflict, *_ABOUT_RUNS),
    headers=_IDEMPOTENCY,
)
async def run_export(request: Request, client: df.DurableOrchestrationClient) -> Answer:
    """Answers at once; the run goes on in the background. A dry run counts, estimates and shows samples, and sends
    nothing."""
    run = await in_thread(
        lambda: app().run_orders.on_demand(
            request.params["id"], request.body, request.principal, request.headers.get("idempotency-key")
        )
    )
    return await _start(request, client, run)


@operations.add(
    "GET",
    "runs",
    summary="List runs, newest first",
    answer=RunPage,
    errors=(StorageUnavailable,),
    query={
        "export_id": "Only runs of this export.",
        "status": Query("Only runs with this status.", RunStatus),
        "trigger": Query("Only runs set off by this.", Trigger),
        "after": "What the previous page gave as `next`.",
        "size": Query("How many.", Annotated[int, Field(ge=1, le=200)], 50),
    },
)
def list_runs(request: Request) -> Answer:
    """Runs of every kind, dry ones too. With filters a page may hold fewer than `size` and still have a `next`."""
    wanted = RunFilter.model_validate({name: request.query.get(name) for name in RunFilter.model_fields})
    runs = app().runs.list(request.principal, request.query.get("after"), request.query["size"], wanted)
    return Answer(runs)


@operations.add("GET", "runs/{id}", summary="Show a run", answer=RunView, errors=_ABOUT_RUNS)
def get_run(request: Request) -> Answer:
    return Answer(app().runs.get(request.params["id"], request.principal))


@operations.add_durable(
    "POST",
    "runs/{id}/cancel",
    summary="Cancel a run",
    answer=RunView,
    status=202,
    errors=(Conflict, *_ABOUT_RUNS),
)
async def stop_run(request: Request, client: df.DurableOrchestrationClient) -> Answer:
    """It stops within seconds. What was sent stays sent, and the next run continues from there."""
    view = await in_thread(lambda: app().runs.cancel(request.params["id"], request.principal))
    await cancel_run(client, view.id)
    return Answer(view, 202, location(request, f"runs/{view.id}"))


@operations.add_durable(
    "POST",
    "runs/{id}/approve",
    summary="Approve what a run is going to do",
    body=Verdict,
    answer=RunView,
    status=202,
    errors=(Conflict, *_ABOUT_RUNS),
)
async def approve_run(request: Request, client: df.DurableOrchestrationClient) -> Answer:
    """The run reads its files once more and goes on, unless it has become more than what was approved."""
    view = await in_thread(lambda: app().runs.approve(request.params["id"], request.principal, request.body))
    return await _decide(request, client, view)


@operations.add_durable(
    "POST",
    "runs/{id}/refuse",
    summary="Refuse what a run is going to do",
    body=Verdict,
    answer=RunView,
    status=202,
    errors=(Conflict, *_ABOUT_RUNS),
)
async def refuse_run(request: Request, client: df.DurableOrchestrationClient) -> Answer:
    """The run ends, and nothing is sent."""
    view = await in_thread(lambda: app().runs.refuse(request.params["id"], request.principal, request.body))
    return await _decide(request, client, view)


@operations.add_durable(
    "POST",
    "runs/{id}/retry-rejects",
    summary="Try those again whom a run did not get sent",
    answer=RunView,
    status=202,
    errors=(Conflict, *_ABOUT_RUNS),
    headers=_IDEMPOTENCY,
)
async def retry_rejects(request: Request, client: df.DurableOrchestrationClient) -> Answer:
    """A new run sends them what the newest files say of them. Rows that are wrong in the file are mended there."""
    run = await in_thread(
        lambda: app().run_orders.retry_rejects(
            request.params["id"], request.principal, request.headers.get("idempotency-key")
        )
    )
    return await _start(request, client, run)


@operations.add(
    "GET",
    "runs/{id}/rejects",
    summary="Fetch the rejects of a run",
    answer=None,
    media_type="text/csv",
    errors=(Conflict, *_ABOUT_RUNS),
)
def get_rejects(request: Request) -> Answer:
    """CSV: segment, file, line, column, reason, masked value. Complete when the run has ended, and there for a
    decision while it waits for approval."""
    run_id = request.params["id"]
    rejects = joined(app().runs.rejects(run_id, request.principal))
    name = {"Content-Disposition": f'attachment; filename="rejects-{run_id}.csv"'}
    return Answer(rejects, 200, name, "text/csv; charset=utf-8")


@operations.add(
    "GET", "runs/{id}/samples", summary="Show what a dry run would send", answer=Samples, errors=_ABOUT_RUNS
)
def get_samples(request: Request) -> Answer:
    """Up to ten people as they would be sent, with masked addresses."""
    return Answer(app().runs.samples(request.params["id"], request.principal))


async def _start(request: Request, client: df.DurableOrchestrationClient, run: Run) -> Answer:
    await start_run(client, run)
    view = await in_thread(lambda: app().runs.get(run.id, request.principal))
    return Answer(view, 202, location(request, f"runs/{run.id}"))


async def _decide(request: Request, client: df.DurableOrchestrationClient, view: RunView) -> Answer:
    await decide_run(client, view.id, view.approval.round if view.approval else 1)
    return Answer(view, 202, location(request, f"runs/{view.id}"))
