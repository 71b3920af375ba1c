"""Connections."""

from pydantic import BaseModel

from functions.api.registry import location, operations
from functions.operation import Answer, Request
from shared.bootstrap import app
from shared.domain.connection import Connection
from shared.domain.errors import Conflict, Invalid, NotFound, SecretUnavailable, StorageUnavailable
from shared.usecases.connections import NewConnection


class ConnectionList(BaseModel):
    connections: list[Connection]


@operations.add(
    "POST",
    "connections",
    summary="Add a connection",
    body=NewConnection,
    answer=Connection,
    status=201,
    errors=(Invalid, SecretUnavailable, StorageUnavailable),
)
def add_connection(request: Request) -> Answer:
    """The API key is written to Key Vault and is never given back."""
    connection = app().connections.add(request.body, request.principal)
    return Answer(connection, 201, location(request, f"connections/{connection.id}"))


@operations.add(
    "GET", "connections", summary="List connections", answer=ConnectionList, errors=(StorageUnavailable,)
)
def list_connections(_request: Request) -> Answer:
    return Answer(ConnectionList(connections=app().connections.list()))


@operations.add(
    "GET",
    "connections/{id}",
    summary="Show a connection",
    answer=Connection,
    errors=(NotFound, StorageUnavailable),
)
def get_connection(request: Request) -> Answer:
    return Answer(app().connections.get(request.params["id"]))


@operations.add(
    "DELETE",
    "connections/{id}",
    summary="Remove a connection",
    answer=None,
    status=204,
    errors=(NotFound, Conflict, SecretUnavailable, StorageUnavailable),
)
def remove_connection(request: Request) -> Answer:
    """Its key is removed from Key Vault when Segpilot put it there."""
    app().connections.remove(request.params["id"])
    return Answer(status=204)


@operations.add(
    "POST",
    "connections/{id}/connect",
    summary="Try the key",
    answer=Connection,
    errors=(NotFound, StorageUnavailable),
)
def check_connection(request: Request) -> Answer:
    """Calls the destination with the key; ``finding`` says what came of it."""
    return Answer(app().connections.connect(request.params["id"]))
