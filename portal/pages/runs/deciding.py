"""What people do with a run: cancel it, approve or refuse what it asks for, repeat it, send again who was left out."""

from collections.abc import Callable

from portal.forms import FieldErrors, check
from portal.pages.runs.showing import view_of
from portal.reader import gettext as _
from portal.routing import pages
from portal.templating import path
from portal.web import CancelRun, DecideRun, Outcome, Redirect, Request, StartRun
from shared.domain.access import Principal, Role
from shared.domain.errors import Conflict, Invalid
from shared.domain.run import Run
from shared.usecases.runs.orders import NewRun
from shared.usecases.runs.runs import RunView, Verdict

_Decide = Callable[[str, Principal, Verdict], RunView]


@pages.post("runs/{id}/cancel", Role.CONTRIBUTOR)
def cancel(request: Request) -> Outcome:
    run_id = request.params["id"]
    try:
        request.app.runs.cancel(run_id, request.principal)
    except Conflict as problem:
        return _shown_again(request, problem)
    return Redirect(path("runs", run_id), effects=[CancelRun(run_id)])


@pages.post("runs/{id}/approve", Role.CONTRIBUTOR)
def approve(request: Request) -> Outcome:
    return _decide(request, request.app.runs.approve)


@pages.post("runs/{id}/refuse", Role.CONTRIBUTOR)
def refuse(request: Request) -> Outcome:
    return _decide(request, request.app.runs.refuse)


@pages.post("runs/{id}/retry", Role.CONTRIBUTOR)
def retry(request: Request) -> Outcome:
    """Send again whom Autopilot refused, or who was not reached."""
    try:
        run = request.app.run_orders.retry_rejects(request.params["id"], request.principal, _key(request))
    except Conflict as problem:
        return _shown_again(request, problem)
    return _started(run, _("The people who were left out are being sent again by this run."))


@pages.post("runs/{id}/repeat", Role.CONTRIBUTOR)
def repeat(request: Request) -> Outcome:
    """Run the export again on the same segments, this time for real."""
    present = request.app.runs.get(request.params["id"], request.principal)
    order = NewRun(full=present.full, segments=[segment.name for segment in present.segments])
    try:
        run = request.app.run_orders.on_demand(present.export_id, order, request.principal, _key(request))
    except Conflict as problem:
        return _shown_again(request, problem)
    return _started(run, _("This run was started."))


def _decide(request: Request, decide: _Decide) -> Outcome:
    run_id = request.params["id"]
    verdict = check(Verdict, {"round": request.form.get("round")}, {}, FieldErrors())
    if verdict is None:
        raise Invalid("This is not a form.", code="not-a-form")
    try:
        run = decide(run_id, request.principal, verdict)
    except Conflict as problem:
        return _shown_again(request, problem)
    asked = run.approval.round if run.approval else 1
    return Redirect(path("runs", run_id), effects=[DecideRun(run_id, asked)])


def _key(request: Request) -> str | None:
    """A form that is sent twice orders one run."""
    return request.form.get("key")[:100] or None


def _started(run: Run, notice: str) -> Redirect:
    return Redirect(path("runs", run.id), notice, [StartRun(run)])


def _shown_again(request: Request, problem: Conflict) -> Outcome:
    """The run has come further than the page that was looked at: it is shown as it is now, with what was refused."""
    run = request.app.runs.get(request.params["id"], request.principal)
    return view_of(request, run, problem)
