"""Uploads of segment files: as a form, and in blocks when the browser's script takes the form over."""

import contextlib
from collections.abc import Callable
from urllib.parse import unquote

import orjson

from portal.forms import FieldErrors
from portal.multipart_forms import SentFile
from portal.pages.segments import NEW, address_of
from portal.reader import gettext as _
from portal.reader import say
from portal.routing import pages
from portal.templating import path
from portal.web import Data, Outcome, Redirect, Request, View
from shared.domain.access import Role
from shared.domain.errors import Conflict, Invalid, NotFound, SegpilotError
from shared.usecases.runs.orders import runs_on_arrival
from shared.usecases.segments.upload_names import segment_of_upload

_REQUEST_MAX_MB = 100
"""What the Functions host takes (Microsoft, "Azure Functions HTTP triggers", limits)."""

_NO_FILE = SentFile("", b"")
_FIELDS = {"/segment": "segment", "/file": "file", "/file_name": "file"}


@pages.get("segments/new", Role.CONTRIBUTOR)
def show_form(request: Request) -> Outcome:
    request.principal.require(Role.CONTRIBUTOR)
    return _form(request, request.query.get("segment"), FieldErrors())


@pages.post("segments/new", Role.CONTRIBUTOR)
def upload(request: Request) -> Outcome:
    """The whole file in one request, from browsers without a script."""
    segment, errors = request.form.get("segment"), FieldErrors()
    file = request.form.files.get("file", _NO_FILE)
    if not segment:
        errors.add("segment", _("Give the segment a name."))
    if not file.name:
        errors.add("file", _("Choose a file."))
    if errors:
        return _form(request, segment, errors)
    try:
        name = request.app.uploads.put(segment, file.name, file.content, request.principal)
    except (Invalid, Conflict) as problem:
        errors.add(_field_of(problem), f"{say(problem.message)} {say(problem.remedy)}")
        return _form(request, segment, errors)
    return Redirect(_done(name))


@pages.post("segments/new/begin")
def begin(request: Request) -> Outcome:
    form = request.form

    def work() -> dict[str, object]:
        begun = request.app.uploads.begin(
            form.get("segment"), form.get("file_name"), _number(form.get("size_bytes")), request.principal
        )
        return begun.model_dump()

    return _answer(request, work)


@pages.post("segments/new/block")
def add_block(request: Request) -> Outcome:
    """A block is the body as it is. Names are longer than some hosts let an address be, so they come as a header."""

    def work() -> dict[str, object]:
        name, number = (
            unquote(request.headers.get("x-upload-name", "")),
            request.headers.get("x-upload-block"),
        )
        request.app.uploads.add_block(name, _number(number or ""), request.body, request.principal)
        return {}

    return _answer(request, work)


@pages.post("segments/new/finish")
def finish(request: Request) -> Outcome:
    """When it was finished before, only the answer was lost."""
    name, blocks = request.form.get("name"), request.form.get("blocks")

    def work() -> dict[str, object]:
        with contextlib.suppress(Conflict):
            request.app.uploads.finish(name, _number(blocks), request.principal)
        return {"address": _done(name)}

    return _answer(request, work)


@pages.get("segments/new/done", Role.CONTRIBUTOR)
def show_done(request: Request) -> Outcome:
    """What has come of an upload: it is in the container at once, and in its segment a little later."""
    name = request.query.get("file")
    segment = segment_of_upload(name, request.app.clock())
    exports = request.app.export_list.containing(segment, request.principal)
    try:
        known = request.app.segments.get(segment, request.principal)
    except NotFound:
        known = None
    values = {
        "name": segment,
        "file": name,
        "known": known,
        "has_arrived": known is not None and any(file.name == name for file in known.snapshot.files),
        "address": address_of(segment),
        "running": [export for export in exports if runs_on_arrival(export)],
        "others": [export for export in exports if not runs_on_arrival(export)],
    }
    return View("segments/uploaded.html", values)


def _form(request: Request, segment: str, errors: FieldErrors) -> View:
    values = {
        "name": segment,
        "errors": errors,
        "is_known": bool(segment) and _is_known(request, segment),
        "has_new": _is_known(request, NEW),
        "address_of_new": address_of(NEW),
        "request_max_mb": _REQUEST_MAX_MB,
        "max_bytes": request.app.uploads.max_bytes,
    }
    return View("segments/upload.html", values, 422 if errors else 200)


def _is_known(request: Request, segment: str) -> bool:
    try:
        request.app.segments.get(segment, request.principal)
    except NotFound:
        return False
    return True


def _done(name: str) -> str:
    return path("segments", NEW, "done", file=name)


def _field_of(problem: SegpilotError) -> str:
    """Return the field that something is wrong with, empty for none of them."""
    if isinstance(problem, Conflict):
        return "segment"
    errors = problem.errors if isinstance(problem, Invalid) else []
    return next((_FIELDS[error["pointer"]] for error in errors if error["pointer"] in _FIELDS), "")


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Invalid("This is not a number.", remedy="Send the upload from the page for it.") from None


def _answer(request: Request, work: Callable[[], dict[str, object]]) -> Data:
    """Answer the script; what goes wrong is told with the form's field that it belongs to."""
    try:
        request.principal.require(Role.CONTRIBUTOR)
        return Data(orjson.dumps(work()))
    except SegpilotError as problem:
        told: dict[str, object] = {"message": say(problem.message), "remedy": say(problem.remedy)}
        told |= {"code": problem.reason, "field": _field_of(problem), "missing": _missing(problem)}
        return Data(orjson.dumps(told), problem.status)


def _missing(problem: SegpilotError) -> list[int]:
    """Return the numbers of the blocks that have to be sent again."""
    errors = problem.errors if isinstance(problem, Invalid) else []
    steps = (error["pointer"].split("/") for error in errors)
    return [int(step[2]) for step in steps if step[1:2] == ["blocks"]]
