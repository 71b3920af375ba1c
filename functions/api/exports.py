"""Exports: what goes where."""

from typing import Annotated

from pydantic import Field, StringConstraints

from functions.api.registry import IF_MATCH, location, operations, versioned
from functions.decoding import Query
from functions.operation import Answer, Request
from shared.bootstrap import app
from shared.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    StorageUnavailable,
)
from shared.usecases.exports.forms import Attachment, Duplicate, NewExport, NewSegmentChoice
from shared.usecases.exports.search import NO_CONNECTION, SORTS, ExportPage, ExportQuery, SegmentExports
from shared.usecases.exports.views import ExportView

_ABOUT_EXPORTS = (Forbidden, NotFound, StorageUnavailable)
# Two changes at the same moment: one of them finds another connection than the one it was checked against.
_CHANGES = (*_ABOUT_EXPORTS, Conflict, PreconditionFailed)
_SortColumn = Annotated[str, StringConstraints(pattern=f"^-?({'|'.join(SORTS)})$")]
_Search = Annotated[str, StringConstraints(max_length=200)]


@operations.add(
    "POST",
    "exports",
    summary="Add an export",
    body=NewExport,
    answer=ExportView,
    status=201,
    errors=(Invalid, Forbidden, Conflict, StorageUnavailable),
)
def add_export(request: Request) -> Answer:
    """Adding does not run it: an upload, its schedule, the refresh, or a request of its own does."""
    return _created(request, app().exports.add(request.body, request.principal))


@operations.add(
    "GET",
    "exports",
    summary="List exports",
    answer=ExportPage,
    errors=(Invalid, Forbidden, StorageUnavailable),
    query={
        "sort": Query("The column; '-' before it turns the order round.", _SortColumn, "name"),
        "search": Query(
            "Words that occur in the names of the export, its segments or its connection.", _Search, ""
        ),
        "connection_id": f"Only exports over this connection; '{NO_CONNECTION}' = those without one.",
        "segment": "Only exports that carry this segment.",
        "active": Query("Only exports that run by themselves, or only the others.", bool),
        "size": Query("How many.", Annotated[int, Field(ge=1, le=200)], 50),
        "after": "What the previous page gave as `next`.",
    },
)
def list_exports(request: Request) -> Answer:
    """Everybody sees all exports, with their last run of any kind and the next one. What has no value in the column
    that is sorted by comes last."""
    return Answer(app().export_list.page(ExportQuery(**request.query), request.principal))


@operations.add("GET", "exports/{id}", summary="Show an export", answer=ExportView, errors=_ABOUT_EXPORTS)
def get_export(request: Request) -> Answer:
    """The ETag names the version of what people have set; runs do not change it."""
    return _versioned(app().exports.get(request.params["id"], request.principal))


@operations.add(
    "PUT",
    "exports/{id}",
    summary="Change an export",
    body=NewExport,
    answer=ExportView,
    headers=IF_MATCH,
    errors=(Invalid, PreconditionRequired, *_CHANGES),
)
def replace_export(request: Request) -> Answer:
    """Takes the whole export, as when it is added. Runs that go on keep what they began with; the next one resends what
    the change changes and nothing else."""
    return _versioned(
        app().exports.replace(request.params["id"], request.body, request.if_match, request.principal)
    )


@operations.add(
    "DELETE",
    "exports/{id}",
    summary="Remove an export",
    answer=None,
    status=204,
    errors=(Conflict, *_ABOUT_EXPORTS),
)
def remove_export(request: Request) -> Answer:
    """Its ledgers go with it; people stay on their lists. Not while it runs."""
    app().exports.remove(request.params["id"], request.principal)
    return Answer(status=204)


@operations.add(
    "POST",
    "exports/{id}/duplicate",
    summary="Duplicate an export",
    body=Duplicate,
    answer=ExportView,
    status=201,
    errors=(Invalid, Conflict, *_ABOUT_EXPORTS),
)
def duplicate_export(request: Request) -> Answer:
    """The copy is not active until somebody activates it."""
    return _created(
        request, app().exports.duplicate(request.params["id"], request.body.name, request.principal)
    )


@operations.add(
    "POST",
    "exports/{id}/attach",
    summary="Give an export a connection",
    body=Attachment,
    answer=ExportView,
    errors=(Invalid, *_CHANGES),
)
def attach_export(request: Request) -> Answer:
    """An export without a connection becomes active by it. Not while it runs."""
    return _versioned(
        app().exports.attach(request.params["id"], request.body.connection_id, request.principal)
    )


@operations.add(
    "POST",
    "exports/{id}/detach",
    summary="Take an export's connection away",
    answer=ExportView,
    errors=_CHANGES,
)
def detach_export(request: Request) -> Answer:
    """Everything else stays; it is not active any more. Not while it runs."""
    return _versioned(app().exports.detach(request.params["id"], request.principal))


@operations.add(
    "POST", "exports/{id}/activate", summary="Let an export run by itself", answer=ExportView, errors=_CHANGES
)
def activate_export(request: Request) -> Answer:
    """It needs a connection."""
    return _versioned(app().exports.activate(request.params["id"], request.principal))


@operations.add(
    "POST",
    "exports/{id}/deactivate",
    summary="Let an export run on demand only",
    answer=ExportView,
    errors=_CHANGES,
)
def deactivate_export(request: Request) -> Answer:
    """A run that goes on is not stopped."""
    return _versioned(app().exports.deactivate(request.params["id"], request.principal))


@operations.add(
    "POST",
    "exports/{id}/segments",
    summary="Add a segment to an export",
    body=NewSegmentChoice,
    answer=ExportView,
    errors=(Invalid, *_CHANGES),
)
def add_export_segment(request: Request) -> Answer:
    """Without opening the export. It does not run by it."""
    return _versioned(app().exports.add_segment(request.params["id"], request.body, request.principal))


@operations.add(
    "DELETE",
    "exports/{id}/segments/{name}",
    summary="Take a segment out of an export",
    answer=ExportView,
    errors=_CHANGES,
)
def remove_export_segment(request: Request) -> Answer:
    """People stay on its list. The only segment cannot be taken out."""
    return _versioned(
        app().exports.remove_segment(request.params["id"], request.params["name"], request.principal)
    )


@operations.add(
    "GET",
    "segments/{name}/exports",
    summary="List the exports of a segment",
    answer=SegmentExports,
    errors=(Forbidden, StorageUnavailable),
)
def list_segment_exports(request: Request) -> Answer:
    """Those that contain it, and those that do not and that you may edit."""
    return Answer(app().export_list.with_segment(request.params["name"], request.principal))


def _versioned(export: ExportView) -> Answer:
    return Answer(export, headers=versioned(export.version))


def _created(request: Request, export: ExportView) -> Answer:
    place = location(request, f"exports/{export.id}")
    return Answer(export, 201, {**place, **versioned(export.version)})
