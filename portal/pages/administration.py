"""What administrators look after: who changed what, people who asked to be forgotten, and whether everything answers."""

from collections.abc import Mapping
from datetime import date, timedelta

from portal.audit_words import action_words
from portal.forms import FieldErrors, add_invalid, check
from portal.reader import gettext as _
from portal.routing import pages
from portal.templating import path
from portal.web import Outcome, Redirect, Request, StartErasure, View
from shared.domain.access import Role
from shared.domain.errors import Invalid
from shared.usecases.audit import AuditEntry
from shared.usecases.erasures import NewErasure

_SIZE, _ALL_OF_A_DAY = 100, 1_000
_ERASURES = 50


@pages.get("audit", Role.ADMINISTRATOR)
def show_audit(request: Request) -> Outcome:
    request.principal.require(Role.ADMINISTRATOR)
    errors, today = FieldErrors(), request.app.clock().date()
    size = _ALL_OF_A_DAY if request.query.get("all") else _SIZE
    wanted = request.query.get("day") or today.isoformat()
    try:
        entries = request.app.audit.of_day(wanted, size, request.principal).entries
    except Invalid as invalid:
        add_invalid(invalid, {"/day": "day"}, errors)
        wanted, entries = today.isoformat(), []
    chosen = date.fromisoformat(wanted)
    values = {
        "day": chosen,
        "earlier": chosen - timedelta(days=1) if chosen > date.min else None,
        "later": chosen + timedelta(days=1) if chosen < today else None,
        "entries": [(entry, _details(entry)) for entry in entries],
        "more": len(entries) == size < _ALL_OF_A_DAY,
        "actions": action_words(),
        "errors": errors,
    }
    return View("administration/audit.html", values, 422 if errors else 200)


@pages.get("erasures", Role.ADMINISTRATOR)
def list_erasures(request: Request) -> Outcome:
    page = request.app.erasures.page(request.principal, _ERASURES, request.query.get("after") or None)
    return View("administration/erasures.html", {"page": page})


@pages.get("erasures/new", Role.ADMINISTRATOR)
def ask_for_erasure(request: Request) -> Outcome:
    request.principal.require(Role.ADMINISTRATOR)
    return _erasure_form(request, FieldErrors())


@pages.post("erasures/new", Role.ADMINISTRATOR)
def begin_erasure(request: Request) -> Outcome:
    request.principal.require(Role.ADMINISTRATOR)
    form, errors = request.form, FieldErrors()
    wanted = {"email": form.get("email"), "suppress": "suppress" in form, "everywhere": "everywhere" in form}
    missing = {"email": _("Give the e-mail address of the person.")}
    new = check(NewErasure, wanted, {"/email": "email"}, errors, missing)
    if "sure" not in form:
        errors.add("sure", _("Confirm that this person is to be erased."))
    if new is None or errors:
        return _erasure_form(request, errors)
    try:
        erasure = request.app.erasures.request(new, request.principal)
    except Invalid as invalid:
        add_invalid(invalid, {"/email": "email"}, errors)
        return _erasure_form(request, errors)
    told = _("The person is being erased.")
    return Redirect(path("erasures", erasure.id), told, [StartErasure(erasure.id, new)])


@pages.get("erasures/{id}", Role.ADMINISTRATOR)
def show_erasure(request: Request) -> Outcome:
    erasure = request.app.erasures.get(request.params["id"], request.principal)
    return View("administration/erasure.html", {"erasure": erasure})


@pages.get("health", Role.ADMINISTRATOR)
def show_health(request: Request) -> Outcome:
    request.principal.require(Role.ADMINISTRATOR)
    return View("administration/health.html", {"report": request.app.health.report()})


def _details(entry: AuditEntry) -> list[tuple[str, str]]:
    """Return what the entry tells besides its columns; what is empty or was not wished is left out."""
    told = entry.model_extra or {}
    return [(name, _as_text(value)) for name, value in told.items() if value or name == "ok"]


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {each}" for key, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _erasure_form(request: Request, errors: FieldErrors) -> View:
    form = request.form
    values = {
        "email": form.get("email"),
        "suppress": request.method == "GET" or "suppress" in form,
        "everywhere": "everywhere" in form,
        "errors": errors,
    }
    return View("administration/erase.html", values, 422 if errors else 200)
