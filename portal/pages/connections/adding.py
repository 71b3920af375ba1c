"""Add a connection: its nine steps on one page."""

from secrets import token_urlsafe

from portal.forms import FieldErrors, Form, add_invalid, check
from portal.pages.connections.key_fields import NAMES, chosen_key, key_fields
from portal.reader import gettext as _
from portal.reader import reader
from portal.routing import pages
from portal.templating import path
from portal.web import Outcome, Redirect, Request, View
from shared.domain.access import Role
from shared.domain.connection import Finding
from shared.domain.consent import CONSENT_TEXTS, CONSENT_VERSION
from shared.domain.errors import Invalid, SegpilotError
from shared.usecases.connections.forms import KeyTrial, NewConnection
from shared.usecases.connections.views import ConnectionView

_KEY_LENGTH = 64
_NAMES = {
    **NAMES,
    "/display_name": "display-name",
    "/destination": "destination",
    "/shared_with": "shared-with",
    "/consent": "agree",
    "/max_profiles_per_run": "max-profiles",
    "/max_calls_per_s": "max-calls",
}
_ON_PAGE = ("destination", "display-name", "shared-with", "api-key", "secret-name", "agree")


@pages.get("connections/new", Role.ADMINISTRATOR)
def begin(request: Request) -> Outcome:
    request.principal.require(Role.ADMINISTRATOR)
    return _view(request, FieldErrors())


@pages.post("connections/new", Role.ADMINISTRATOR)
def go_on(request: Request) -> Outcome:
    request.principal.require(Role.ADMINISTRATOR)
    return _try(request) if request.form.get("do") == "connect" else _save(request)


def _try(request: Request) -> Outcome:
    """Try the key; nothing is saved. Its result has a place of its own on the page."""
    errors, finding, problem = FieldErrors(), None, None
    given = chosen_key(request.form, errors)
    wanted = {**given, "destination": request.form.get("destination")}
    trial = check(KeyTrial, wanted, _NAMES, errors) if given else None
    if trial:
        try:
            finding = request.app.connection_keys.try_key(trial, request.principal)
        except Invalid as invalid:
            add_invalid(invalid, _NAMES, errors)
        except SegpilotError as trouble:
            problem = trouble
    return _view(request, errors, finding=finding, problem=problem, tried=True)


def _save(request: Request) -> Outcome:
    errors = FieldErrors()
    missing = {"display-name": _("Give the connection a name.")}
    new = check(NewConnection, _wanted(request.form, errors), _NAMES, errors, missing)
    if errors or new is None:
        errors.order(_ON_PAGE)
        return _view(request, errors)
    try:
        added = request.app.connections.add(new, request.principal, _request_key(request) or None)
    except Invalid as invalid:
        add_invalid(invalid, _NAMES, errors)
        return _view(request, errors)
    except SegpilotError as problem:
        return _view(request, errors, problem=problem)
    return _connect(request, added)


def _connect(request: Request, added: ConnectionView) -> Redirect:
    here = path("connections", added.id)
    try:
        request.app.connections.connect(added.id, request.principal)
    except SegpilotError:
        return Redirect(here, _("The connection was saved, but its key could not be tried. Connect again."))
    return Redirect(here, _("The connection “%(name)s” was saved.", name=added.display_name))


def _request_key(request: Request) -> str:
    """A form has a key of its own: sent twice, it adds one connection."""
    return request.form.get("request_key")[:_KEY_LENGTH]


def _wanted(form: Form, errors: FieldErrors) -> dict[str, object]:
    if "agree" not in form:
        errors.add("agree", _("Read the text and agree to it: nothing can be transferred before."))
    # A missing key is told by name; something has to be there, lest it be told a second time.
    key = chosen_key(form, errors) or {"api_key": "-"}
    return {
        **key,
        "display_name": form.get("display-name"),
        "destination": form.get("destination"),
        "shared_with": form.get("shared-with"),
        "consent": {
            "agreed": True,
            "version": form.get("consent-version"),
            "language": form.get("consent-language"),
        },
        "export_user": "export-user" in form,
        "max_profiles_per_run": form.get("max-profiles") or None,
        "max_calls_per_s": form.get("max-calls") or None,
    }


def _view(
    request: Request,
    errors: FieldErrors,
    *,
    finding: Finding | None = None,
    problem: SegpilotError | None = None,
    tried: bool = False,
) -> View:
    language = reader().language.code
    values = {
        "form": request.form,
        "request_key": _request_key(request) or token_urlsafe(16),
        "errors": errors,
        "key": key_fields(request),
        "destinations": request.app.connection_probe.destinations,
        "consent": {"text": CONSENT_TEXTS[language], "version": CONSENT_VERSION, "language": language},
        "limit": request.app.settings.max_profiles_per_run,
        "ceiling": request.app.settings.max_calls_per_s,
        "finding": finding,
        "problem": problem,
        "tried": tried,
    }
    status = problem.status if problem and not tried else 422 if errors else 200
    return View("connections/new.html", values, status)
