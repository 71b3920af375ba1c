"""Which connection a page is about."""

from typing import cast

from portal.web import Request
from shared.domain.access import Role
from shared.usecases.connections.views import ConnectionView


def find_managed(request: Request) -> ConnectionView:
    """Return the connection of the page's path as administrators see it. Raises NotFound and Forbidden."""
    request.principal.require(Role.ADMINISTRATOR)
    # Administrators always see the whole of it.
    return cast("ConnectionView", request.app.connections.get(request.params["id"], request.principal))
