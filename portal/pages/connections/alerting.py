"""Where the alerts of a connection go: set, replace, test, remove. The receiver's address is never shown again."""

from collections.abc import Callable

from portal.forms import FieldErrors, add_invalid, check
from portal.pages.connections.finding import find_managed
from portal.reader import gettext as _
from portal.routing import pages
from portal.templating import path
from portal.web import Outcome, Redirect, Request, View
from shared.domain.access import Role
from shared.domain.errors import Invalid, NotFound, SecretUnavailable, SegpilotError
from shared.usecases.alerts.targets import AlertTargetAdded, AlertTargetView, AlertTrial, NewAlertTarget

_NAMES = {"/url": "url", "/shape": "shape"}


@pages.get("connections/{id}/alerts", Role.ADMINISTRATOR)
def show(request: Request) -> Outcome:
    return _view(request, FieldErrors())


@pages.post("connections/{id}/alerts", Role.ADMINISTRATOR)
def act(request: Request) -> Outcome:
    return _ACTS.get(request.form.get("do"), _set)(request)


def _set(request: Request) -> Outcome:
    """The answer is the page itself: the signing key is shown this once, and kept nowhere on the way."""
    connection, errors = find_managed(request), FieldErrors()
    wanted = {"url": request.form.get("url"), "shape": request.form.get("shape")}
    missing = {"url": _("Give the address of the receiver.")}
    new = check(NewAlertTarget, wanted, _NAMES, errors, missing)
    if new is None:
        return _view(request, errors)
    try:
        added = request.app.alert_targets.set(connection.id, new, request.principal)
    except Invalid as invalid:
        add_invalid(invalid, _NAMES, errors)
        return _view(request, errors)
    except SecretUnavailable as problem:
        return _view(request, errors, problem=problem)
    if added.signing_key is None:
        return Redirect(path("connections", connection.id, "alerts"), _("Alerts go there from now on."))
    return _view(request, errors, added=added)


def _try(request: Request) -> Outcome:
    try:
        trial = request.app.alert_targets.try_out(request.params["id"], request.principal)
    except SecretUnavailable as problem:
        return _view(request, FieldErrors(), problem=problem)
    return _view(request, FieldErrors(), trial=trial)


def _remove(request: Request) -> Outcome:
    request.app.alert_targets.remove(request.params["id"], request.principal)
    return Redirect(path("connections", request.params["id"], "alerts"), _("Nobody is told any more."))


_ACTS: dict[str, Callable[[Request], Outcome]] = {"test": _try, "remove": _remove}


def _view(
    request: Request,
    errors: FieldErrors,
    *,
    problem: SegpilotError | None = None,
    added: AlertTargetAdded | None = None,
    trial: AlertTrial | None = None,
) -> View:
    values = {
        "connection": find_managed(request),
        "target": _find_target(request),
        "errors": errors,
        "problem": problem,
        "added": added,
        "trial": trial,
        "shape": request.form.get("shape", "generic"),
    }
    return View("connections/alerts.html", values, problem.status if problem else 422 if errors else 200)


def _find_target(request: Request) -> AlertTargetView | None:
    try:
        return request.app.alert_targets.get(request.params["id"], request.principal)
    except NotFound:
        return None
