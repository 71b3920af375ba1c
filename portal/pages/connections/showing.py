"""One connection: what it is, what its check found, who agreed; and what may be changed of it."""

from collections.abc import Callable

from portal.forms import FieldErrors, Form, add_invalid, check
from portal.pages.connections.finding import find_managed
from portal.reader import gettext as _
from portal.reader import number
from portal.routing import pages
from portal.templating import path
from portal.web import Outcome, Redirect, Request, View
from shared.domain.access import Role
from shared.domain.connection import Sharing
from shared.domain.errors import Invalid, PreconditionFailed
from shared.usecases.connections.forms import ConnectionChanges
from shared.usecases.connections.views import ConnectionGlance, ConnectionView, connection_version
from shared.usecases.exports.search import ExportQuery

_NAMES = {
    "/display_name": "display-name",
    "/shared_with": "shared-with",
    "/max_profiles_per_run": "max-profiles",
    "/max_calls_per_s": "max-calls",
}
_SHOWN_EXPORTS = 8


@pages.get("connections/{id}", Role.CONTRIBUTOR)
def show(request: Request) -> Outcome:
    view = request.app.connections.get(request.params["id"], request.principal)
    if isinstance(view, ConnectionGlance):
        return View("connections/glance.html", {"connection": view})
    return _view(request, view, _present(view), FieldErrors())


@pages.post("connections/{id}", Role.ADMINISTRATOR)
def act(request: Request) -> Outcome:
    return _ACTS.get(request.form.get("do"), _save)(request)


def _save(request: Request) -> Outcome:
    errors, form = FieldErrors(), request.form
    typed = {name: form.get(name) for name in _NAMES.values()}
    missing = {"display-name": _("Give the connection a name.")}
    changes = check(ConnectionChanges, _wanted(form), _NAMES, errors, missing)
    if changes:
        try:
            edited = request.app.connections.edit(
                request.params["id"], changes, form.get("version") or None, request.principal
            )
            return Redirect(path("connections", edited.id), _("Saved “%(name)s”.", name=edited.display_name))
        except Invalid as invalid:
            add_invalid(invalid, _NAMES, errors)
        except PreconditionFailed as changed:
            return _view(request, find_managed(request), typed, errors, status=changed.status)
    return _view(request, find_managed(request), typed, errors)


def _connect(request: Request) -> Outcome:
    view = request.app.connections.connect(request.params["id"], request.principal)
    found = view.finding is not None and view.finding.ok
    told = _("Connected.") if found else _("The key was tried; see what was found.")
    return Redirect(path("connections", view.id), told)


def _add_export_user(request: Request) -> Outcome:
    view = request.app.connections.add_export_user(request.params["id"], request.principal)
    return Redirect(path("connections", view.id), _("You are the export user now."))


def _remove_export_user(request: Request) -> Outcome:
    view = request.app.connections.remove_export_user(request.params["id"], request.principal)
    return Redirect(path("connections", view.id), _("The connection has no export user any more."))


_ACTS: dict[str, Callable[[Request], Outcome]] = {
    "connect": _connect,
    "add-export-user": _add_export_user,
    "remove-export-user": _remove_export_user,
}


def _view(
    request: Request,
    view: ConnectionView,
    typed: dict[str, str],
    errors: FieldErrors,
    status: int = 200,
) -> View:
    exports = request.app.export_list.page(
        ExportQuery(connection_id=view.id, size=_SHOWN_EXPORTS), request.principal
    )
    values = {
        "connection": view,
        "version": connection_version(view),
        "typed": typed,
        "errors": errors,
        "differences": _differences(view, typed) if status == PreconditionFailed.status else None,
        "exports": exports.exports,
        "limit": request.app.settings.max_profiles_per_run,
        "ceiling": request.app.settings.max_calls_per_s,
    }
    return View("connections/show.html", values, 422 if errors else status)


def _present(view: ConnectionView) -> dict[str, str]:
    """Return what the form's fields hold when nobody has typed anything."""
    return {
        "display-name": view.display_name,
        "shared-with": view.shared_with.value,
        "max-profiles": "" if view.max_profiles_per_run is None else str(view.max_profiles_per_run),
        "max-calls": "" if view.max_calls_per_s is None else f"{view.max_calls_per_s:g}",
    }


def _differences(view: ConnectionView, typed: dict[str, str]) -> list[tuple[str, str]]:
    """Return what is stored now, with its label, wherever it is not what was typed."""
    shown = {
        "display-name": (_("Display name"), view.display_name),
        "shared-with": (_("Who can use it"), sharing(view.shared_with)),
        "max-profiles": (_("Profiles per run, at most"), _limit(view.max_profiles_per_run)),
        "max-calls": (_("Calls per second, at most"), _limit(view.max_calls_per_s)),
    }
    present = _present(view)
    return [told for name, told in shown.items() if present[name] != typed[name]]


def sharing(shared_with: Sharing) -> str:
    """Return who may use a connection, in the reader's language."""
    if shared_with is Sharing.CONTRIBUTORS:
        return _("Administrators and contributors")
    return _("Administrators only")


def _limit(value: float | None) -> str:
    return _("the app's setting") if value is None else number(value)


def _wanted(form: Form) -> dict[str, object]:
    return {
        "display_name": form.get("display-name"),
        "shared_with": form.get("shared-with"),
        "max_profiles_per_run": form.get("max-profiles") or None,
        "max_calls_per_s": form.get("max-calls") or None,
    }
