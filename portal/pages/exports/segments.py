"""Segments come into an export and leave it; people stay on their lists."""

from portal.forms import FieldErrors, check
from portal.pages.exports.actions import act
from portal.pages.exports.show import show_export
from portal.reader import gettext as _
from portal.routing import pages
from portal.web import Outcome, Request
from shared.domain.access import Role
from shared.usecases.exports.forms import NewSegmentChoice

_FIELDS = {"/name": "segment-name", "/list_name": "list-name"}


@pages.post("exports/{id}/segments", Role.CONTRIBUTOR)
def add(request: Request) -> Outcome:
    form, errors = request.form, FieldErrors()
    wanted = {"name": form.get("segment-name"), "list_name": form.get("list-name") or None}
    choice = check(NewSegmentChoice, wanted, _FIELDS, errors)
    if choice is None:
        return show_export(request, errors=errors, typed=form)
    return act(
        request,
        lambda: request.app.exports.add_segment(request.params["id"], choice, request.principal),
        _("The export contains the segment “%(name)s” from its next run on.", name=choice.name[:100]),
    )


@pages.post("exports/{id}/segments/remove", Role.CONTRIBUTOR)
def remove(request: Request) -> Outcome:
    name = request.form.raw("segment")
    return act(
        request,
        lambda: request.app.exports.remove_segment(request.params["id"], name, request.principal),
        _(
            "The export no longer contains the segment “%(name)s”. Its people stay on the list.",
            name=name[:100],
        ),
    )
