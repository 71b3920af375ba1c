"""One export: everything that is set, how it stands, its last runs, and what may be done to it."""

from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Any

from portal.forms import FieldErrors, Form
from portal.pages.export_form.words import name_fields
from portal.pages.segments import address_of
from portal.routing import pages
from portal.schedule_words import describe_moment, describe_schedule
from portal.web import Outcome, Request, View
from shared.domain.access import Role
from shared.domain.errors import Forbidden, SegpilotError
from shared.domain.export import Leavers
from shared.domain.run import RunStatus
from shared.domain.segment import Segment
from shared.usecases.exports.views import ExportView, Permission
from shared.usecases.runs.runs import RunFilter

_RUNS = 10
_GOING_ON = (RunStatus.QUEUED, RunStatus.PROCESSING)


@pages.get("exports/{id}")
def show(request: Request) -> Outcome:
    return show_export(request)


def show_export(
    request: Request,
    *,
    problem: SegpilotError | None = None,
    errors: FieldErrors | None = None,
    typed: Form | None = None,
) -> View:
    """Show the export of the request with what went wrong: with an action, or with a form that was ``typed``."""
    app, export_id = request.app, request.params["id"]
    export = app.exports.get(export_id, request.principal)
    runs = app.runs.list(request.principal, size=_RUNS, wanted=RunFilter(export_id=export_id))
    may_change = export.permission is Permission.EDIT
    values = {
        "export": export,
        "may_change": may_change,
        "runs": runs,
        "is_busy": any(run.status in _GOING_ON for run in runs.runs),
        "segments": _segments_of(request, export),
        "address_of": address_of,
        "names": name_fields(),
        "removes_leavers": export.leavers is Leavers.REMOVE,
        "describe_schedule": describe_schedule,
        "describe_moment": describe_moment,
        "request_key": token_urlsafe(16),
        "problem": problem,
        "errors": errors or FieldErrors(),
        "typed": typed or Form(),
        **(_offers(request, export) if may_change else {"connections": [], "arrived": []}),
    }
    return View("exports/show.html", values, problem.status if problem else 422 if errors else 200)


def require_permission(request: Request) -> ExportView:
    """Return the export of the request. Raises Forbidden for who may not change it."""
    export = request.app.exports.get(request.params["id"], request.principal)
    request.principal.require(Role.CONTRIBUTOR)
    if export.permission is not Permission.EDIT:
        raise Forbidden(
            f"The connection '{export.connection_name}' is for administrators only.",
            remedy="Ask an administrator to share the connection with contributors.",
        )
    return export


def _segments_of(request: Request, export: ExportView) -> Mapping[str, Segment]:
    """Return those of the export's segments that have arrived, by name."""
    return {
        segment.name: segment
        for segment in request.app.segments.glance(request.principal)
        if export.segment(segment.name)
    }


def _offers(request: Request, export: ExportView) -> dict[str, Any]:
    """Return what the export may get: another connection, or one more of the segments that have arrived."""
    usable = request.app.connections.list(request.principal)
    arrived = (segment.name for segment in request.app.segments.glance(request.principal))
    return {
        "connections": [(each.id, each.display_name) for each in usable if each.id != export.connection_id],
        "arrived": sorted((name for name in arrived if not export.segment(name)), key=str.casefold),
    }
