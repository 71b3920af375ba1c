"""When exports run: the schedules of several of them at once, and the refresh."""

from dataclasses import dataclass, field

from portal.forms import FieldErrors, check
from portal.pages.exports.listing import every_export
from portal.pages.exports.schedule_fields import ScheduleFields, fields_of, new_fields, read_fields
from portal.reader import gettext as _
from portal.reader import ngettext
from portal.routing import pages
from portal.schedule_words import describe_next, describe_schedule, name_weekday
from portal.templating import path
from portal.time_zones import list_zones
from portal.web import Outcome, Redirect, Request, View
from shared.domain.access import Role
from shared.domain.errors import PreconditionFailed, PreconditionRequired
from shared.domain.schedule import Weekday
from shared.usecases.exports.views import Permission
from shared.usecases.runs.schedules import NewRefresh, ScheduleChange, ScheduleOutcome

_REFRESH = "refresh-"
_KEEP, _DEFINE = "keep", "define"
_ACTIVE = {"yes": True, "no": False}


@dataclass
class _Typed:
    """The two forms of the page as they were typed, with what is wrong with each."""

    chosen: list[str] = field(default_factory=list)
    what: str = _KEEP
    active: str = ""
    schedule: ScheduleFields = field(default_factory=new_fields)
    errors: FieldErrors = field(default_factory=FieldErrors)
    outcomes: list[ScheduleOutcome] = field(default_factory=list)
    refresh: ScheduleFields | None = None
    refresh_errors: FieldErrors = field(default_factory=FieldErrors)
    is_changed: bool = False

    @property
    def is_wrong(self) -> bool:
        return bool(self.errors or self.refresh_errors)


@pages.get("exports/schedules")
def show(request: Request) -> Outcome:
    return _show(request, _Typed(chosen=request.query.all("export")))


@pages.post("exports/schedules", Role.CONTRIBUTOR)
def change_all(request: Request) -> Outcome:
    form = request.form
    typed = _Typed(form.all("export"), form.get("what"), form.get("active"), read_fields(form))
    change = _read_change(typed)
    if change is None:
        return _show(request, typed)
    outcomes = request.app.schedules.change_all(change, request.principal)
    typed.outcomes = outcomes
    typed.chosen = [outcome.export_id for outcome in outcomes if not outcome.done]
    if typed.chosen:
        return _show(request, typed)
    told = ngettext(
        "%(count)s export has been changed.", "%(count)s exports have been changed.", len(outcomes)
    )
    return Redirect(path("exports"), told)


@pages.post("exports/schedules/refresh", Role.ADMINISTRATOR)
def set_refresh(request: Request) -> Outcome:
    fields = read_fields(request.form, _REFRESH)
    typed = _Typed(refresh=fields)
    fields.check(typed.refresh_errors)
    wanted = check(NewRefresh, fields.values(), fields.names(), typed.refresh_errors)
    if wanted is None or typed.refresh_errors:
        return _show(request, typed)
    version = request.form.get("version") or None
    try:
        request.app.schedules.set_refresh(wanted, request.principal, version)
    except (PreconditionFailed, PreconditionRequired):
        typed.is_changed = True
        return _show(request, typed)
    return Redirect(path("exports", "schedules"), _("The refresh has been saved."))


def _read_change(typed: _Typed) -> ScheduleChange | None:
    """Return what is to be done, or None after adding what is wrong with it."""
    wanted: dict[str, object] = {"exports": typed.chosen}
    if typed.active in _ACTIVE:
        wanted["active"] = _ACTIVE[typed.active]
    if typed.what == _DEFINE:
        typed.schedule.check(typed.errors)
        wanted["schedule"] = typed.schedule.values()
    elif "active" not in wanted:
        typed.errors.add("active", _("Choose whether the exports are switched on or off."))
    if not typed.chosen:
        typed.errors.add("export", _("Choose at least one export."))
        return None
    names = {"/exports": "export", **typed.schedule.names("/schedule")}
    change = check(ScheduleChange, wanted, names, typed.errors)
    return None if typed.errors else change


def _show(request: Request, typed: _Typed) -> View:
    principal = request.principal
    refresh = request.app.schedules.get_refresh(principal)
    known = {export.id: export for export in every_export(request)} if typed.chosen or typed.outcomes else {}
    chosen = [known[each] for each in typed.chosen if each in known]
    values = {
        "typed": typed,
        "chosen": [export for export in chosen if export.permission is Permission.EDIT],
        "known": known,
        "refresh": refresh,
        "fields": typed.refresh or fields_of(refresh, _REFRESH),
        "may_set_refresh": principal.role is Role.ADMINISTRATOR,
        "may_change": principal.role.includes(Role.CONTRIBUTOR),
        "zones": list_zones(),
        "weekdays": [(str(day), name_weekday(day)) for day in Weekday],
        "describe_schedule": describe_schedule,
        "describe_next": describe_next,
    }
    status = 412 if typed.is_changed else 422 if typed.is_wrong else 200
    return View("exports/schedules.html", values, status)
