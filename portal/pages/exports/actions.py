"""What is done to one export from its page: run it, copy it, switch it on or off, give it another connection."""

from collections.abc import Callable
from datetime import timedelta

from portal.forms import FieldErrors, check
from portal.pages.exports.show import show_export
from portal.reader import gettext as _
from portal.reader import reader
from portal.routing import pages
from portal.templating import path
from portal.web import Outcome, Redirect, Request, StartRun
from shared.domain.access import Role
from shared.domain.errors import Conflict, Invalid, NotFound
from shared.domain.run import Run
from shared.usecases.exports.views import ExportView
from shared.usecases.runs.orders import NewRun

_KEY_LENGTH = 64
_JUST_NOW = timedelta(seconds=30)


@pages.post("exports/{id}/run", Role.CONTRIBUTOR)
def run(request: Request) -> Outcome:
    """A form has a key of its own: sent twice, it starts one run."""
    form, errors = request.form, FieldErrors()
    kind = form.get("do", "now")
    segments = [value for name, value in form.pairs if name == "segment"]
    wanted = {"full": kind == "full", "dry": kind == "dry", "segments": segments or None}
    order = check(NewRun, wanted, {}, errors)
    if order is None:
        return show_export(request, problem=Invalid(errors.of("")[0]))
    key = form.get("request_key")[:_KEY_LENGTH]
    try:
        started = request.app.run_orders.on_demand(
            request.params["id"], order, request.principal, f"{key}/{kind}" if key else None
        )
    except (Conflict, NotFound) as problem:
        return show_export(request, problem=problem)
    return Redirect(path("runs", started.id), _announce(started), [StartRun(started)])


@pages.post("exports/{id}/duplicate", Role.CONTRIBUTOR)
def duplicate(request: Request) -> Outcome:
    told = _("This is the copy. It is not active; change what is to be different, then switch it on.")
    key = request.form.get("request_key")[:_KEY_LENGTH] or None
    return act(
        request,
        lambda: request.app.exports.duplicate(request.params["id"], None, request.principal, key),
        told,
    )


@pages.post("exports/{id}/activate", Role.CONTRIBUTOR)
def activate(request: Request) -> Outcome:
    told = _("The export is active again.")
    return act(request, lambda: request.app.exports.activate(request.params["id"], request.principal), told)


@pages.post("exports/{id}/deactivate", Role.CONTRIBUTOR)
def deactivate(request: Request) -> Outcome:
    told = _("The export is not active any more. It runs only when somebody starts it.")
    return act(request, lambda: request.app.exports.deactivate(request.params["id"], request.principal), told)


@pages.post("exports/{id}/attach", Role.CONTRIBUTOR)
def attach(request: Request) -> Outcome:
    connection_id = request.form.get("connection_id")
    return act(
        request,
        lambda: request.app.exports.attach(request.params["id"], connection_id, request.principal),
        _("The export has another connection now."),
    )


@pages.post("exports/{id}/detach", Role.CONTRIBUTOR)
def detach(request: Request) -> Outcome:
    told = _("The export has no connection any more and is not active. Everything else is kept.")
    return act(request, lambda: request.app.exports.detach(request.params["id"], request.principal), told)


def act(request: Request, change: Callable[[], ExportView], told: str) -> Outcome:
    """Lead to the export that a change returns, or show why it cannot be."""
    try:
        changed = change()
    except (Conflict, Invalid, NotFound) as problem:
        return show_export(request, problem=problem)
    return Redirect(path("exports", changed.id), told)


def _announce(started: Run) -> str:
    if started.status.ended or reader().now - started.created_at > _JUST_NOW:
        return _("This run was started before. Open the export again to start another one.")
    if started.dry:
        return _("The dry run has been started. It sends nothing.")
    if started.full:
        return _("The run has been started. It sends everybody again.")
    return _("The run has been started.")
