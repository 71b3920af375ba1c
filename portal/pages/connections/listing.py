"""The list of connections: everything for administrators, name and type of the shared ones for contributors."""

from portal.routing import pages
from portal.web import Outcome, Request, View
from shared.domain.access import Role
from shared.usecases.listing import page_after

_SIZE = 50


@pages.get("connections", Role.CONTRIBUTOR)
def show(request: Request) -> Outcome:
    request.principal.require(Role.CONTRIBUTOR)
    sort = request.query.get("sort") or "name"
    views = request.app.connections.list(request.principal, sort)
    shown, following = page_after(
        views, request.query.get("after") or None, _SIZE, lambda connection: connection.id
    )
    values = {"connections": shown, "next": following, "total": len(views), "sort": sort}
    if request.principal.role is Role.ADMINISTRATOR:
        return View("connections/list.html", values)
    return View("connections/shared.html", values)
