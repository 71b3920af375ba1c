"""Exports."""

from pydantic import BaseModel

from functions.api.registry import location, operations
from functions.operation import Answer, Request
from shared.bootstrap import app
from shared.domain.errors import Conflict, Invalid, NotFound, StorageUnavailable
from shared.domain.export import Export
from shared.usecases.exports import NewExport


class ExportList(BaseModel):
    exports: list[Export]


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
    return Answer(export, 201, location(request, f"exports/{export.id}"))


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
