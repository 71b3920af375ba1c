"""Schedules: the refresh, bulk edits, and running everything."""

import azure.durable_functions as df
from pydantic import BaseModel

from functions.api.registry import IF_MATCH, operations, versioned
from functions.operation import Answer, Request, in_thread
from functions.starting import start_runs
from shared.bootstrap import app
from shared.domain.errors import (
    Forbidden,
    Invalid,
    PreconditionFailed,
    PreconditionRequired,
    StorageUnavailable,
)
from shared.usecases.runs.orders import PassedOver
from shared.usecases.runs.schedules import NewRefresh, RefreshView, ScheduleChange, ScheduleOutcome


class ScheduleOutcomes(BaseModel):
    exports: list[ScheduleOutcome]


class StartedRun(BaseModel):
    export_id: str
    export_name: str
    run_id: str


class AllRuns(BaseModel):
    """What was started, and which exports were not, with the reason."""

    started: list[StartedRun]
    passed_over: list[PassedOver]


@operations.add(
    "GET",
    "refresh",
    summary="Show the refresh",
    answer=RefreshView,
    errors=(Forbidden, StorageUnavailable),
)
def get_refresh(request: Request) -> Answer:
    """Tells when everything without a schedule of its own runs, and when next."""
    view = app().schedules.get_refresh(request.principal)
    return Answer(view, headers=versioned(view.version))


@operations.add(
    "PUT",
    "refresh",
    summary="Set the refresh",
    body=NewRefresh,
    answer=RefreshView,
    errors=(Invalid, Forbidden, PreconditionFailed, PreconditionRequired, StorageUnavailable),
    headers=IF_MATCH,
)
def set_refresh(request: Request) -> Answer:
    """Off, daily or weekly, up to four times a day."""
    view = app().schedules.set_refresh(request.body, request.principal, request.if_match)
    return Answer(view, headers=versioned(view.version))


@operations.add(
    "PUT",
    "exports/schedules",
    summary="Change the schedules of several exports",
    body=ScheduleChange,
    answer=ScheduleOutcomes,
    errors=(Invalid, Forbidden, StorageUnavailable),
)
def set_schedules(request: Request) -> Answer:
    """Switches exports on or off, or gives all of them one schedule; the answer says for each what was done."""
    outcomes = app().schedules.change_all(request.body, request.principal)
    return Answer(ScheduleOutcomes(exports=outcomes))


@operations.add_durable(
    "POST",
    "runs/all",
    summary="Run all active exports now",
    answer=AllRuns,
    status=202,
    errors=(Forbidden, StorageUnavailable),
    headers={"Idempotency-Key": "The same key gives the same runs, however often the request is repeated."},
)
async def run_all(request: Request, client: df.DurableOrchestrationClient) -> Answer:
    """Runs those over connections that you may use; the others are named with the reason."""
    ordered = await in_thread(
        lambda: app().run_orders.run_all(request.principal, request.headers.get("idempotency-key"))
    )
    await start_runs(client, ordered.runs)
    started = [
        StartedRun(export_id=run.export_id, export_name=run.export_name, run_id=run.id)
        for run in ordered.runs
    ]
    return Answer(AllRuns(started=started, passed_over=list(ordered.passed_over)), 202)
