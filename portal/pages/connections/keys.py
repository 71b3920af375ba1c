"""Give a connection another key."""

from portal.forms import FieldErrors, add_invalid, check
from portal.pages.connections.finding import find_managed
from portal.pages.connections.key_fields import NAMES, chosen_key, key_fields
from portal.reader import gettext as _
from portal.routing import pages
from portal.templating import path
from portal.web import Outcome, Redirect, Request, View
from shared.domain.access import Role
from shared.domain.errors import Conflict, Invalid, SecretUnavailable, SegpilotError
from shared.usecases.connections.forms import NewKey
from shared.usecases.connections.views import ConnectionView


@pages.get("connections/{id}/key", Role.ADMINISTRATOR)
def show(request: Request) -> Outcome:
    return _view(request, find_managed(request), FieldErrors())


@pages.post("connections/{id}/key", Role.ADMINISTRATOR)
def replace(request: Request) -> Outcome:
    """The new key is tried first: one that is refused changes nothing."""
    connection, errors = find_managed(request), FieldErrors()
    given = chosen_key(request.form, errors, may_type=connection.secret_owned)
    new = check(NewKey, given, NAMES, errors) if given else None
    if new is None:
        return _view(request, connection, errors)
    try:
        replaced = request.app.connection_keys.replace(connection.id, new, request.principal)
    except Invalid as invalid:
        add_invalid(invalid, NAMES, errors)
        return _view(request, connection, errors)
    except (Conflict, SecretUnavailable) as problem:
        return _view(request, connection, errors, problem)
    told = _("The key was replaced.")
    if replaced.finding is not None and not replaced.finding.ok:
        told = _("The key was stored, but could not be tried yet.")
    return Redirect(path("connections", connection.id), told)


def _view(
    request: Request,
    connection: ConnectionView,
    errors: FieldErrors,
    problem: SegpilotError | None = None,
) -> View:
    values = {
        "connection": connection,
        "key": key_fields(request, may_type=connection.secret_owned),
        "errors": errors,
        "problem": problem,
    }
    return View("connections/key.html", values, problem.status if problem else 422 if errors else 200)
