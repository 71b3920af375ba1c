"""The JSON API: connections, segments, exports, runs, health."""

from urllib.parse import urlsplit

import azure.durable_functions as df
import orjson
from pydantic import BaseModel

from functions.openapi import openapi_document
from functions.operation import Answer, Operations, Request, in_thread, joined
from functions.starting import cancel_run, start_run
from shared.bootstrap import app
from shared.domain.connection import Connection
from shared.domain.errors import Conflict, Invalid, NotFound, SecretUnavailable, StorageUnavailable
from shared.domain.export import Export
from shared.domain.segment import Segment
from shared.usecases.connections import NewConnection
from shared.usecases.exports import NewExport
from shared.usecases.health import HealthReport
from shared.usecases.runs import NewRun, RunPage, RunView

VERSION = "0.1.0"

operations = Operations()


class ConnectionList(BaseModel):
    connections: list[Connection]


class SegmentList(BaseModel):
    segments: list[Segment]


class ExportList(BaseModel):
    exports: list[Export]


def _location(request: Request, path: str) -> dict[str, str]:
    parts = urlsplit(request.url)
    prefix = parts.path.partition("/api/")[0]
    return {"Location": f"{parts.scheme}://{parts.netloc}{prefix}/api/{path}"}


@operations.add(
    "POST",
    "connections",
    summary="Add a connection",
    body=NewConnection,
    answer=Connection,
    status=201,
    errors=(Invalid, SecretUnavailable, StorageUnavailable),
)
def add_connection(request: Request) -> Answer:
    """The API key is written to Key Vault and is never given back."""
    connection = app().connections.add(request.body, request.principal)
    return Answer(connection, 201, _location(request, f"connections/{connection.id}"))


@operations.add(
    "GET", "connections", summary="List connections", answer=ConnectionList, errors=(StorageUnavailable,)
)
def list_connections(_request: Request) -> Answer:
    return Answer(ConnectionList(connections=app().connections.list()))


@operations.add(
    "GET",
    "connections/{id}",
    summary="Show a connection",
    answer=Connection,
    errors=(NotFound, StorageUnavailable),
)
def get_connection(request: Request) -> Answer:
    return Answer(app().connections.get(request.params["id"]))


@operations.add(
    "DELETE",
    "connections/{id}",
    summary="Remove a connection",
    answer=None,
    status=204,
    errors=(NotFound, Conflict, SecretUnavailable, StorageUnavailable),
)
def remove_connection(request: Request) -> Answer:
    """Its key is removed from Key Vault when Segpilot put it there."""
    app().connections.remove(request.params["id"])
    return Answer(status=204)


@operations.add(
    "POST",
    "connections/{id}/connect",
    summary="Try the key",
    answer=Connection,
    errors=(NotFound, StorageUnavailable),
)
def check_connection(request: Request) -> Answer:
    """Calls the destination with the key; ``finding`` says what came of it."""
    return Answer(app().connections.connect(request.params["id"]))


@operations.add(
    "GET",
    "segments",
    summary="List segments that have arrived",
    answer=SegmentList,
    errors=(StorageUnavailable,),
)
def list_segments(_request: Request) -> Answer:
    return Answer(SegmentList(segments=app().segments.list()))


@operations.add(
    "GET", "segments/{name}", summary="Show a segment", answer=Segment, errors=(NotFound, StorageUnavailable)
)
def get_segment(request: Request) -> Answer:
    return Answer(app().segments.get(request.params["name"]))


@operations.add(
    "POST",
    "exports",
    summary="Add an export",
    body=NewExport,
    answer=Export,
    status=201,
    errors=(Invalid, StorageUnavailable),
)
def add_export(request: Request) -> Answer:
    """Adding does not run it: an upload, the refresh, or a request of its own does."""
    export = app().exports.add(request.body, request.principal)
    return Answer(export, 201, _location(request, f"exports/{export.id}"))


@operations.add("GET", "exports", summary="List exports", answer=ExportList, errors=(StorageUnavailable,))
def list_exports(_request: Request) -> Answer:
    return Answer(ExportList(exports=app().exports.list()))


@operations.add(
    "GET", "exports/{id}", summary="Show an export", answer=Export, errors=(NotFound, StorageUnavailable)
)
def get_export(request: Request) -> Answer:
    return Answer(app().exports.get(request.params["id"]))


@operations.add(
    "DELETE",
    "exports/{id}",
    summary="Remove an export",
    answer=None,
    status=204,
    errors=(NotFound, Conflict, StorageUnavailable),
)
def remove_export(request: Request) -> Answer:
    """Its ledgers go with it; people stay on their lists."""
    app().exports.remove(request.params["id"])
    return Answer(status=204)


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
        lambda: app().runs.create_on_demand(
            request.params["id"], request.body, request.principal, request.headers.get("idempotency-key")
        )
    )
    await start_run(client, run)
    view = await in_thread(lambda: app().runs.get(run.id))
    return Answer(view, 202, _location(request, f"runs/{run.id}"))


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
    return Answer(view, 202, _location(request, f"runs/{view.id}"))


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


@operations.add(
    "GET",
    "health",
    summary="Does everything answer?",
    answer=HealthReport,
    also={503: "A part does not answer; the body says which."},
)
def get_health(_request: Request) -> Answer:
    """Looks at storage, Key Vault and the destination."""
    report = app().health.report()
    return Answer(report, 200 if report.ok else 503)


@operations.add("GET", "openapi.json", summary="This document", answer=None)
def get_openapi(_request: Request) -> Answer:
    return Answer(orjson.dumps(openapi_document(operations.declared, VERSION)))


bp = operations.blueprint
