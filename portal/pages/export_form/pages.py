"""The page to add an export, and the one to edit it."""

import secrets

from portal.forms import FieldErrors
from portal.pages.export_form.buttons import press, preview_start
from portal.pages.export_form.choices import ExportForm
from portal.pages.export_form.draft import Draft, draft_new, draft_of
from portal.pages.export_form.lists import look_up_lists
from portal.pages.export_form.reading import read_draft, texts_of, write_offers
from portal.pages.export_form.saving import SAVING, preview, save
from portal.pages.export_form.segment_picker import choose_segment, list_segments, take_typed_segment
from portal.pages.export_form.suggesting import find_sample, pair_of, suggest
from portal.reader import reader
from portal.routing import pages
from portal.web import Outcome, Request, View
from shared.domain.access import Role
from shared.domain.errors import NotFound
from shared.usecases.exports.views import ExportView

_LISTING = ("search", "segments-next", "segments-previous")


@pages.get("exports/new", Role.CONTRIBUTOR)
def begin(request: Request) -> Outcome:
    """``?segment=`` and ``?connection=`` are chosen already; of a single connection there is no choice."""
    request.principal.require(Role.CONTRIBUTOR)
    draft = draft_new(_new_key(), str(reader().time_zone))
    usable = [each.id for each in request.app.connections.list(request.principal)]
    wanted = request.query.get("connection")
    draft.connection = wanted if wanted in usable else usable[0] if len(usable) == 1 else ""
    if segment := request.query.raw("segment"):
        choose_segment(draft, segment)
    return _view(_form(request, draft, None, anew=True))


@pages.get("exports/{id}/edit", Role.CONTRIBUTOR)
def edit(request: Request) -> Outcome:
    present = _find(request)
    draft = draft_of(present, _new_key(), present.version, str(reader().time_zone))
    known = {each.name: each for each in request.app.segments.glance(request.principal)}
    if sample := find_sample(draft, known):
        # What is not exported yet is only proposed when somebody asks.
        draft.offered.suggested_for = pair_of(sample, draft.connection)
    return _view(_form(request, draft, present, anew=True))


@pages.post("exports/new", Role.CONTRIBUTOR)
def add(request: Request) -> Outcome:
    request.principal.require(Role.CONTRIBUTOR)
    return _answer(request, None)


@pages.post("exports/{id}/edit", Role.CONTRIBUTOR)
def change(request: Request) -> Outcome:
    """Of an export that was removed meanwhile, what was typed is there to be added anew."""
    try:
        present = _find(request)
    except NotFound:
        request.principal.require(Role.CONTRIBUTOR)
        form = _form(request, _read(request, None), None)
        form.is_gone = True
        return _view(form)
    return _answer(request, present)


def _find(request: Request) -> ExportView:
    """Return the export to edit. Raises NotFound, and Forbidden for who may only look at it."""
    export = request.app.exports.get(request.params["id"], request.principal)
    request.app.export_checks.require_use(export, request.principal)
    return export


def _read(request: Request, present: ExportView | None) -> Draft:
    return read_draft(request.form, texts_of(present, request.app.segments.glance(request.principal)))


def _answer(request: Request, present: ExportView | None) -> Outcome:
    """Do what a button says: save, or show the form again."""
    draft, button, errors = _read(request, present), request.form.get("do"), FieldErrors()
    has_typed = take_typed_segment(draft, errors)
    if button in SAVING:
        form = _form(request, draft, present, errors)
        return save(form) or _view(_filled_in(form))
    focus = press(draft, button, request.form.get("new-field"))
    form = _form(request, draft, present, errors, anew=has_typed or button in _LISTING)
    form.focus = focus
    start = preview_start(button)
    if start is not None:
        preview(form, start)
    return _view(form)


def _form(
    request: Request,
    draft: Draft,
    present: ExportView | None,
    errors: FieldErrors | None = None,
    *,
    anew: bool = False,
) -> ExportForm:
    """Look up what is offered for a draft, and fill in what is suggested; not before it is saved, which is not the
    moment for changes."""
    segments = request.app.segments.glance(request.principal)
    known, button = {each.name: each for each in segments}, request.form.get("do")
    listed = list_segments(draft, segments, anew=anew)
    form = ExportForm(request, draft, present, known, listed, errors or FieldErrors())
    return form if button in SAVING else _filled_in(form)


def _filled_in(form: ExportForm) -> ExportForm:
    request, draft, button = form.request, form.draft, form.request.form.get("do")
    form.suggestion_problem = suggest(request, draft, form.known, anew=button == "suggest")
    form.lists_problem = look_up_lists(request, draft, wanted=button == "lists")
    return form


def _view(form: ExportForm) -> View:
    is_refused = form.errors or form.problem or form.theirs or form.added or form.is_gone
    offered = write_offers(form.draft.offered)
    return View(
        "export_form/edit.html", {"form": form, "draft": form.draft, **offered}, 422 if is_refused else 200
    )


def _new_key() -> str:
    return secrets.token_urlsafe(12)
