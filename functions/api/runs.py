"""Runs and their rejects."""

import azure.durable_functions as df

from functions.api.registry import location, operations
from functions.operation import Answer, Request, in_thread, joined
from functions.starting import cancel_run, start_run
from shared.bootstrap import app
from shared.domain.errors import Conflict, Invalid, NotFound, StorageUnavailable
from shared.usecases.run_orders import NewRun
from shared.usecases.runs import RunPage, RunView


@operations.add_durable(
    "POST",
    "exports/{id}/runs",
    summary="Run an export now",
    body=NewRun,
    answer=RunView,
    status=202,
    errors=(Invalid, NotFound, Conflict, StorageUnavailable),
    headers={"Idempotency-Key": "The same key gives the same run, however often the request is repeated."},
)
async def run_export(request: Request, client: df.DurableOrchestrationClient) -> Answer:
    """Answers at once; the run goes on in the background."""
    run = await in_thread(
        lambda: app().run_orders.on_demand(
            request.params["id"], request.body, request.principal, request.headers.get("idempotency-key")
        )
    )
    await start_run(client, run)
    view = await in_thread(lambda: app().runs.get(run.id))
    return Answer(view, 202, location(request, f"runs/{run.id}"))


@operations.add(
    "GET",
    "runs",
    summary="List runs, newest first",
    answer=RunPage,
    errors=(Invalid, StorageUnavailable),
    query={"after": "What the previous page gave as `next`.", "size": "How many, 1 to 200 (50)."},
)
def list_runs(request: Request) -> Answer:
    size = request.query.get("size", "50")
    if not size.isascii() or not size.isdigit() or not 1 <= int(size) <= 200:
        raise Invalid("'size' must be a number from 1 to 200.")
    return Answer(app().runs.list(request.query.get("after"), int(size)))


@operations.add(
    "GET", "runs/{id}", summary="Show a run", answer=RunView, errors=(NotFound, StorageUnavailable)
)
def get_run(request: Request) -> Answer:
    return Answer(app().runs.get(request.params["id"]))


@operations.add_durable(
    "POST",
    "runs/{id}/cancel",
    summary="Cancel a run",
    answer=RunView,
    status=202,
    errors=(NotFound, Conflict, StorageUnavailable),
)
async def stop_run(request: Request, client: df.DurableOrchestrationClient) -> Answer:
    """It stops within seconds. What was sent stays sent, and the next run continues from there."""
    view = await in_thread(lambda: app().runs.cancel(request.params["id"], request.principal))
    await cancel_run(client, view.id)
    return Answer(view, 202, location(request, f"runs/{view.id}"))


@operations.add(
    "GET",
    "runs/{id}/rejects",
    summary="Fetch the rejects of a run",
    answer=None,
    media_type="text/csv",
    errors=(NotFound, Conflict, StorageUnavailable),
)
def get_rejects(request: Request) -> Answer:
    """CSV: segment, file, line, column, reason, masked value."""
    run_id = request.params["id"]
    name = {"Content-Disposition": f'attachment; filename="rejects-{app().runs.get(run_id).id}.csv"'}
    return Answer(joined(app().runs.rejects(run_id)), 200, name, "text/csv; charset=utf-8")
