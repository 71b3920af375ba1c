"""Segments: the list, one of them with its files and its trend, and the exports that carry it."""

from portal.forms import FieldErrors, check
from portal.reader import gettext as _
from portal.routing import pages
from portal.segment_words import list_formats, list_modes
from portal.templating import path, with_query
from portal.trend_chart import draw_trend
from portal.web import Outcome, Redirect, Request, View
from shared.domain.access import Role
from shared.domain.errors import Conflict, Invalid, NotFound, SegmentUnreadable, SegpilotError
from shared.usecases.exports.forms import NewSegmentChoice
from shared.usecases.runs.orders import runs_on_arrival
from shared.usecases.segments.segments import SORTS, SegmentDetails, SegmentQuery, SegmentSample

NEW = "new"
_PAGE, _FILES, _SAMPLE = 50, 50, 10


def address_of(segment: str) -> str:
    """Return the address of a segment's page. One that is called as the page for new ones has another."""
    return path("segments", segment, "details") if segment == NEW else path("segments", segment)


@pages.get("segments")
def show_list(request: Request) -> Outcome:
    asked = request.query
    sort = asked.get("sort") or "name"
    query = SegmentQuery(
        sort=sort if sort.removeprefix("-") in SORTS else "name",
        search=asked.get("search")[:200],
        size=_PAGE,
        after=asked.raw("after") or None,
    )
    try:
        page = request.app.segments.page(query, request.principal)
    except Invalid:
        return Redirect(with_query(request, after=""))
    values = {
        "page": page,
        "query": query,
        "formats": list_formats(),
        "modes": list_modes(),
        "address_of": address_of,
        "may_change": _may_change(request),
    }
    return View("segments/list.html", values)


@pages.get("segments/{name}")
@pages.get("segments/{name}/details")
def show(request: Request) -> Outcome:
    """With the first rows when they are asked for: reading them is in the audit log."""
    if "sample" not in request.query or not _may_change(request):
        return _show(request)
    try:
        sample = request.app.segments.sample(request.params["name"], _SAMPLE, request.principal)
    except SegmentUnreadable as problem:
        return _show(request, problem=problem)
    return _show(request, sample=sample)


@pages.post("segments/{name}/exports", Role.CONTRIBUTOR)
def add_to_export(request: Request) -> Outcome:
    name, errors = request.params["name"], FieldErrors()
    choice = check(NewSegmentChoice, {"name": name}, {}, errors)
    if choice is None:
        return _show(request, problem=Invalid(_("This segment cannot be exported.")))
    try:
        export = request.app.exports.add_segment(request.form.get("export_id"), choice, request.principal)
    except (Conflict, NotFound) as problem:
        return _show(request, problem=problem)
    told = _("The export “%(export)s” carries “%(segment)s” from its next run on.")
    return Redirect(address_of(name), told % {"export": export.name[:100], "segment": name[:100]})


@pages.post("segments/{name}/exports/{id}/remove", Role.CONTRIBUTOR)
def take_out(request: Request) -> Outcome:
    name = request.params["name"]
    try:
        export = request.app.exports.remove_segment(request.params["id"], name, request.principal)
    except (Conflict, NotFound) as problem:
        return _show(request, problem=problem)
    told = _("The export “%(export)s” no longer carries “%(segment)s”. Its people stay on the list.")
    return Redirect(address_of(name), told % {"export": export.name[:100], "segment": name[:100]})


@pages.get("segments/{name}/remove", Role.CONTRIBUTOR)
def ask_to_forget(request: Request) -> Outcome:
    return _ask_to_forget(request)


@pages.post("segments/{name}/remove", Role.CONTRIBUTOR)
def forget(request: Request) -> Outcome:
    name = request.params["name"]
    try:
        request.app.segments.remove(name, request.principal)
    except Conflict as problem:
        return _ask_to_forget(request, problem)
    told = _(
        "The segment “%(segment)s” is forgotten. Its files are still where they were.", segment=name[:100]
    )
    return Redirect(path("segments"), told)


def _ask_to_forget(request: Request, problem: SegpilotError | None = None) -> View:
    request.principal.require(Role.CONTRIBUTOR)
    segment = request.app.segments.get(request.params["name"], request.principal)
    exports = request.app.export_list.containing(segment.name, request.principal)
    values = {"segment": segment, "exports": exports, "problem": problem, "back": address_of(segment.name)}
    return View("segments/remove.html", values, problem.status if problem else 200)


def _show(
    request: Request, *, sample: SegmentSample | None = None, problem: SegpilotError | None = None
) -> View:
    app, name = request.app, request.params["name"]
    segment = app.segments.get(name, request.principal)
    exports = app.export_list
    values = {
        "segment": segment,
        "address": address_of(name),
        "format": list_formats()[segment.format],
        "mode": list_modes()[segment.mode],
        "files": _newest_files(segment),
        "size_bytes": sum(file.size_bytes for file in segment.snapshot.files),
        "chart": draw_trend(segment.trend),
        "containing": exports.containing(name, request.principal),
        "others": exports.names_without(name, request.principal),
        "runs_on_arrival": runs_on_arrival,
        "sample": sample,
        "problem": problem,
        "may_change": _may_change(request),
    }
    return View("segments/show.html", values, problem.status if problem else 200)


def _newest_files(segment: SegmentDetails) -> list[tuple[str, int]]:
    files = segment.snapshot.files[-_FILES:]
    return [(file.name, file.size_bytes) for file in reversed(files)]


def _may_change(request: Request) -> bool:
    return request.principal.role.includes(Role.CONTRIBUTOR)
