"""The lists at the destination, asked for when somebody wants to see them."""

from portal.routing import pages
from portal.web import Outcome, Request, View
from shared.domain.access import Role
from shared.domain.errors import DestinationError, SecretUnavailable


@pages.get("connections/{id}/lists", Role.CONTRIBUTOR)
def show(request: Request) -> Outcome:
    connection = request.app.connections.get(request.params["id"], request.principal)
    lists, problem = None, None
    try:
        found = request.app.connections.lists(connection.id, request.principal)
        lists = sorted(found, key=lambda each: each.title.casefold())
    except (DestinationError, SecretUnavailable) as trouble:
        problem = trouble
    return View("connections/lists.html", {"connection": connection, "lists": lists, "problem": problem})
