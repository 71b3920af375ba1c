"""Remove a connection: somebody decides about each export that uses it first."""

import re

from portal.forms import FieldErrors, Form
from portal.pages.connections.finding import find_managed
from portal.reader import gettext as _
from portal.routing import pages
from portal.templating import path
from portal.web import Outcome, Redirect, Request, View
from shared.domain.access import Role
from shared.domain.errors import Conflict, InUse, SecretUnavailable, SegpilotError
from shared.usecases.connections.removal import Decision
from shared.usecases.exports.search import ExportQuery
from shared.usecases.exports.views import ExportView

_FIELD = "decision-"
_ALL = {"remove-all": Decision.REMOVE, "detach-all": Decision.DETACH}
_MOST = 10_000
_run_within = re.compile(r"'(run-[0-9A-Za-z-]+)'").search


@pages.get("connections/{id}/remove", Role.ADMINISTRATOR)
def ask(request: Request) -> Outcome:
    return _view(request, {}, FieldErrors())


@pages.post("connections/{id}/remove", Role.ADMINISTRATOR)
def act(request: Request) -> Outcome:
    """Choose the same for all, and show that; or remove the connection."""
    if decision := _ALL.get(request.form.get("do")):
        return _view(request, {each.id: decision for each in _exports(request)}, FieldErrors())
    return _remove(request)


def _remove(request: Request) -> Outcome:
    connection, decisions, errors = find_managed(request), _decisions(request.form), FieldErrors()
    try:
        request.app.connection_removal.remove(connection.id, request.principal, decisions)
    except InUse as in_use:
        for each in in_use.dependents:
            errors.add(f"{_FIELD}{each['id']}", _("Decide about “%(name)s”.", name=each["name"]))
        return _view(request, decisions, errors)
    except (Conflict, SecretUnavailable) as problem:
        return _view(request, decisions, errors, problem)
    told = _("The connection “%(name)s” was removed.", name=connection.display_name)
    return Redirect(path("connections"), told)


def _decisions(form: Form) -> dict[str, Decision]:
    offered = {each.value: each for each in Decision}
    return {
        name.removeprefix(_FIELD): offered[form.get(name)]
        for name in form
        if name.startswith(_FIELD) and form.get(name) in offered
    }


def _exports(request: Request) -> list[ExportView]:
    query = ExportQuery(connection_id=request.params["id"], size=_MOST)
    return request.app.export_list.page(query, request.principal).exports


def _view(
    request: Request,
    decisions: dict[str, Decision],
    errors: FieldErrors,
    problem: SegpilotError | None = None,
) -> View:
    running = _run_within(f"{problem.message} {problem.remedy}") if problem else None
    values = {
        "connection": find_managed(request),
        "exports": _exports(request),
        "decisions": decisions,
        "errors": errors,
        "problem": problem,
        "run": running[1] if running else None,
    }
    return View("connections/remove.html", values, problem.status if problem else 422 if errors else 200)
