"""Trying out and saving what the form says, and starting a run where that was asked for."""

import secrets
from collections.abc import Mapping
from dataclasses import replace

from portal.forms import add_invalid
from portal.pages.export_form.choices import ExportForm
from portal.pages.export_form.placing import place_mapping_errors, sort_errors
from portal.pages.export_form.previewing import make_preview
from portal.pages.export_form.timing import say_schedule
from portal.pages.export_form.wanted import Wanted
from portal.reader import gettext as _
from portal.reader import say
from portal.templating import path
from portal.web import Outcome, Redirect, StartRun
from shared.domain.errors import Conflict, Forbidden, Invalid, PreconditionFailed
from shared.domain.identifiers import requested_id
from shared.usecases.exports.forms import NewExport
from shared.usecases.exports.views import ExportView
from shared.usecases.runs.orders import NewRun

SAVING = ("save", "run", "dry", "overwrite")


def save(form: ExportForm) -> Outcome | None:
    """Save what the form says. Returns where it leads, or None after noting in the form why it was not saved."""
    wanted = Wanted(form.draft, form.present)
    new = wanted.export(form.errors)
    if new is None:
        return None
    try:
        saved = _store(form, new)
    except Invalid as problem:
        _place_errors(form, problem, new, wanted.names)
    except PreconditionFailed:
        _tell_of_theirs(form, new)
    except (Conflict, Forbidden) as problem:
        if isinstance(problem, Conflict) and form.present is None:
            form.added = requested_id("export", form.request.principal.name, form.draft.key)
            form.draft.key = secrets.token_urlsafe(12)
        else:
            form.problem = problem
    else:
        return _lead_on(form, saved)
    return None


def preview(form: ExportForm, start: int) -> None:
    """Put a preview into the form, or what is in its way."""
    draft = replace(form.draft, name=form.draft.name.strip() or "-")
    wanted = Wanted(draft, form.present)
    new = wanted.export(form.errors)
    if new is None:
        return
    try:
        form.preview = make_preview(form.request, new, start)
    except Invalid as problem:
        _place_errors(form, problem, new, wanted.names)
    except Forbidden as problem:
        form.problem = problem


def _place_errors(form: ExportForm, problem: Invalid, new: NewExport, names: Mapping[str, str]) -> None:
    """Note what the use cases found wrong, each beside its field."""
    pointers = {each.get("pointer") for each in problem.errors}
    connection = form.request.app.stores.connections.find(new.connection_id or "")
    if pointers == {"/fields"} and connection:
        checks = form.request.app.export_checks
        place_mapping_errors(
            problem,
            new,
            lambda fields: checks.check_mapping(tuple(fields), connection.record),
            names,
            form.errors,
        )
    else:
        add_invalid(problem, names, form.errors)
    sort_errors(form.errors)


def _store(form: ExportForm, new: NewExport) -> ExportView:
    app, principal = form.request.app, form.request.principal
    if form.present is None:
        return app.exports.add(new, principal, form.draft.key or None)
    theirs = form.request.form.get("do") == "overwrite"
    version = form.request.form.get("theirs") if theirs else form.draft.version
    return app.exports.replace(form.present.id, new, version, principal)


def _lead_on(form: ExportForm, saved: ExportView) -> Outcome:
    """To the export, or to the run that was asked for; a repeated request starts the same run."""
    request, button, name = form.request, form.request.form.get("do"), saved.name[:100]
    there = path("exports", saved.id)
    if button not in ("run", "dry"):
        when = say_schedule(request, form.draft, form.present)
        return Redirect(there, _("Saved “%(name)s”. %(when)s", name=name, when=when))
    order, key = NewRun(dry=button == "dry"), f"{form.draft.key}/{button}"
    try:
        run = request.app.run_orders.on_demand(saved.id, order, request.principal, key)
    except Conflict as problem:
        why = " ".join(filter(None, (say(problem.message), say(problem.remedy))))
        return Redirect(there, _("Saved “%(name)s”, but it was not run. %(why)s", name=name, why=why))
    told = (
        _("Saved “%(name)s”. A dry run has started: nothing is sent.", name=name)
        if order.dry
        else _("Saved “%(name)s”. A run has started.", name=name)
    )
    return Redirect(path("runs", run.id), told, [StartRun(run)])


def _tell_of_theirs(form: ExportForm, new: NewExport) -> None:
    """Somebody has changed it meanwhile: note what they have, and where it differs from what was typed."""
    theirs = form.request.app.exports.get(form.present.id, form.request.principal) if form.present else None
    if theirs is None:
        return
    form.theirs = theirs
    mine = form.request.app.export_checks.settings(new, form.request.principal)
    titles = _titles()
    form.differences = [
        title for name, title in titles.items() if name in mine and getattr(theirs, name) != mine[name]
    ]


def _titles() -> dict[str, str]:
    return {
        "connection_id": _("Connection for export"),
        "name": _("Name"),
        "segments": _("Segments"),
        "email_column": _("Email"),
        "fields": _("Fields"),
        "consent_column": _("Consent"),
        "leavers": _("People who leave"),
        "trip_wire": _("Safety limits"),
        "schedule": _("Schedule"),
        "active": _("Active"),
    }
