"""What a segment's files are: declared before the first one arrives, or later."""

from portal.forms import FieldErrors, Form, add_invalid, check
from portal.pages.segments import NEW, address_of
from portal.reader import gettext as _
from portal.routing import pages
from portal.segment_words import list_formats, list_modes
from portal.templating import path
from portal.web import Outcome, Redirect, Request, View
from shared.domain.access import Role
from shared.domain.errors import Invalid, NotFound, PreconditionFailed, PreconditionRequired
from shared.domain.segment import SegmentSource
from shared.usecases.segments.sources import SourceForm, source_version
from shared.usecases.segments.upload_names import check_segment

_TAB = "tab"
_DELIMITERS = (",", ";", _TAB, "|", ":")
_FIELDS = {"/format": "format", "/mode": "mode", "/delimiter": "delimiter", "/has_header": "header"}


@pages.get("segments/{name}/source", Role.CONTRIBUTOR)
def show_source(request: Request) -> Outcome:
    request.principal.require(Role.CONTRIBUTOR)
    source = _declared(request)
    return _form(request, _typed_of(source), source)


@pages.get("segments/new/declare", Role.CONTRIBUTOR)
def lead_to_source(request: Request) -> Outcome:
    """A segment that nothing has arrived for is called by its name only."""
    name, errors = request.query.get("segment"), FieldErrors()
    try:
        check_segment(name)
    except Invalid as problem:
        add_invalid(problem, {}, errors)
        return Redirect(path("segments", NEW), errors.of("")[0])
    return Redirect(path("segments", name, "source"))


@pages.post("segments/{name}/source", Role.CONTRIBUTOR)
def declare(request: Request) -> Outcome:
    name, form, errors = request.params["name"], request.form, FieldErrors()
    declared = check(SourceForm, _values(form), _FIELDS, errors)
    if declared is None:
        return _form(request, form, _declared(request), errors=errors)
    try:
        request.app.sources.declare(name, declared, request.principal, form.get("version") or None)
    except Invalid as problem:
        add_invalid(problem, _FIELDS, errors)
        return _form(request, form, _declared(request), errors=errors)
    except (PreconditionFailed, PreconditionRequired):
        return _form(request, form, _declared(request), is_changed=True)
    return Redirect(_back(request), _("It is declared. Files are read like this from now on."))


@pages.post("segments/{name}/source/remove", Role.CONTRIBUTOR)
def take_back(request: Request) -> Outcome:
    try:
        request.app.sources.remove(
            request.params["name"], request.principal, request.form.get("version") or None
        )
    except (PreconditionFailed, PreconditionRequired):
        source = _declared(request)
        return _form(request, _typed_of(source), source, is_changed=True)
    return Redirect(_back(request), _("Nothing is declared any more: files are plain rows of everybody."))


def _form(
    request: Request,
    typed: Form,
    present: SegmentSource | None,
    *,
    errors: FieldErrors | None = None,
    is_changed: bool = False,
) -> View:
    """Show the form with what was typed. It carries the present version: saving once more replaces that knowingly."""
    delimiters = list(_DELIMITERS)
    if present and present.delimiter and _token(present.delimiter) not in delimiters:
        delimiters.append(present.delimiter)
    values = {
        "name": request.params["name"],
        "back": _back(request),
        "typed": typed,
        "present": present,
        "version": source_version(present) if present else "",
        "errors": errors or FieldErrors(),
        "is_changed": is_changed,
        "formats": list_formats(),
        "modes": list_modes(),
        "delimiters": delimiters,
        "token": _token,
    }
    return View("segments/source.html", values, 422 if errors else 409 if is_changed else 200)


def _declared(request: Request) -> SegmentSource | None:
    try:
        return request.app.sources.get(request.params["name"], request.principal)
    except NotFound:
        return None


def _back(request: Request) -> str:
    """To the segment once something has arrived, else to where its first file is uploaded."""
    name = request.params["name"]
    try:
        request.app.segments.get(name, request.principal)
    except NotFound:
        return path("segments", NEW, segment=name)
    return address_of(name)


def _values(form: Form) -> dict[str, object]:
    delimiter = form.get("delimiter")
    return {
        "format": form.get("format", "auto"),
        "mode": form.get("mode") or None,
        "delimiter": "\t" if delimiter == _TAB else delimiter or None,
        "has_header": {"yes": True, "no": False}.get(form.get("header")),
    }


def _typed_of(source: SegmentSource | None) -> Form:
    if source is None:
        return Form()
    header = {True: "yes", False: "no", None: ""}[source.has_header]
    typed = {"format": source.format, "mode": source.mode, "delimiter": _token(source.delimiter or "")}
    return Form([*((name, str(value)) for name, value in typed.items()), ("header", header)])


def _token(delimiter: str) -> str:
    """A tab would be lost as the value of a field."""
    return _TAB if delimiter == "\t" else delimiter
