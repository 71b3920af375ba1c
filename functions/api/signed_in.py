"""All operations once more, for people who have signed in and hold no function key."""

from typing import Any

import azure.functions as func

from functions.api.registry import operations
from functions.door import METHODS, Door

_door = Door(operations)


@operations.blueprint.route(
    route="api/signed-in/{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS
)
@operations.blueprint.durable_client_input(client_name="client")
async def signed_in(req: func.HttpRequest, client: Any) -> func.HttpResponse:
    """The platform has checked the person's token or session; the door looks at what it found."""
    return await _door.answer(req, req.route_params.get("path", ""), client)
