"""People who are never sent over a connection: how many there are, whether somebody is one of them, more and fewer."""

import re
from collections.abc import Callable

from portal.forms import FieldErrors, add_invalid, check
from portal.pages.connections.finding import find_managed
from portal.reader import gettext as _
from portal.reader import ngettext
from portal.routing import pages
from portal.templating import path
from portal.web import Outcome, Redirect, Request, View
from shared.domain.access import Role
from shared.domain.errors import Conflict, Invalid, SegpilotError
from shared.usecases.connections.suppression import Address, SuppressionChange, SuppressionFinding

_ADD, _REMOVE = "add", "remove"
_MAX_NAMED = 10
_between = re.compile(r"[\s,;]+")


@pages.get("connections/{id}/suppression", Role.ADMINISTRATOR)
def show(request: Request) -> Outcome:
    return _view(request, FieldErrors())


@pages.post("connections/{id}/suppression", Role.ADMINISTRATOR)
def act(request: Request) -> Outcome:
    return _ACTS.get(request.form.get("do"), _add)(request)


def _add(request: Request) -> Outcome:
    return _change(request, _ADD)


def _remove(request: Request) -> Outcome:
    return _change(request, _REMOVE)


def _change(request: Request, part: str) -> Outcome:
    errors, entries = FieldErrors(), [each for each in _between.split(request.form.get(part)) if each]
    if not entries:
        errors.add(part, _("Give at least one address or hash."))
        return _view(request, errors)
    change = check(SuppressionChange, {part: entries}, {f"/{part}": part}, errors)
    if change is None:
        return _view(request, errors)
    try:
        state = request.app.suppression.change(request.params["id"], change, request.principal)
    except Invalid as invalid:
        _name_wrong(invalid, part, entries, errors)
        return _view(request, errors)
    except Conflict as problem:
        return _view(request, errors, problem=problem)
    told = ngettext(
        "%(count)s person is on the list now.", "%(count)s people are on the list now.", state.count
    )
    return Redirect(path("connections", request.params["id"], "suppression"), told)


def _check(request: Request) -> Outcome:
    errors, finding = FieldErrors(), None
    address = check(Address, {"email": request.form.get("email")}, {"/email": "email"}, errors)
    if address:
        try:
            finding = request.app.suppression.check(request.params["id"], address, request.principal)
        except Invalid as invalid:
            add_invalid(invalid, {"/email": "email"}, errors)
    return _view(request, errors, finding=finding)


_ACTS: dict[str, Callable[[Request], Outcome]] = {_ADD: _add, _REMOVE: _remove, "check": _check}


def _name_wrong(invalid: Invalid, part: str, entries: list[str], errors: FieldErrors) -> None:
    """Add which entries are wrong, in the words that were typed."""
    add_invalid(invalid, {f"/{part}": part}, errors)
    wrong = [entries[int(each["pointer"].rpartition("/")[2])] for each in invalid.errors[:_MAX_NAMED]]
    if wrong:
        errors.add(part, " ".join(f"“{each[:60]}”" for each in wrong))


def _view(
    request: Request,
    errors: FieldErrors,
    *,
    problem: SegpilotError | None = None,
    finding: SuppressionFinding | None = None,
) -> View:
    connection, form = find_managed(request), request.form
    values = {
        "connection": connection,
        "state": request.app.suppression.show(connection.id, request.principal),
        "typed": {name: form.get(name) for name in (_ADD, _REMOVE, "email")},
        "errors": errors,
        "problem": problem,
        "finding": finding,
    }
    return View("connections/suppression.html", values, problem.status if problem else 422 if errors else 200)
