"""An export is removed after a page has told what stays."""

from portal.pages.exports.show import require_permission
from portal.reader import gettext as _
from portal.routing import pages
from portal.templating import path
from portal.web import Outcome, Redirect, Request, View
from shared.domain.access import Role
from shared.domain.errors import Conflict, SegpilotError


@pages.get("exports/{id}/remove", Role.CONTRIBUTOR)
def ask(request: Request) -> Outcome:
    return _ask(request)


@pages.post("exports/{id}/remove", Role.CONTRIBUTOR)
def remove(request: Request) -> Outcome:
    name = require_permission(request).name
    try:
        request.app.exports.remove(request.params["id"], request.principal)
    except Conflict as problem:
        return _ask(request, problem)
    return Redirect(path("exports"), _("The export “%(name)s” has been removed.", name=name[:100]))


def _ask(request: Request, problem: SegpilotError | None = None) -> View:
    values = {"export": require_permission(request), "problem": problem}
    return View("exports/remove.html", values, problem.status if problem else 200)
