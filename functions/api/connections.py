"""Connections. The key is only ever written."""

from typing import Annotated

from pydantic import BaseModel, RootModel, StringConstraints

from functions.api.registry import IF_MATCH, location, operations, versioned
from functions.decoding import Query
from functions.operation import Answer, Request
from shared.bootstrap import app
from shared.domain.consent import CONSENT_TEXTS, CONSENT_VERSION
from shared.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    SecretUnavailable,
    StorageUnavailable,
    TimedOut,
    Unauthorized,
)
from shared.usecases.connections.forms import ConnectionChanges, NewConnection, NewKey
from shared.usecases.connections.removal import Removal
from shared.usecases.connections.views import SORTS, ConnectionGlance, ConnectionView, connection_version

SortColumn = Annotated[str, StringConstraints(pattern=f"^-?({'|'.join(SORTS)})$")]


class ConsentText(BaseModel):
    """What has to be agreed to, by language."""

    version: str
    texts: dict[str, str]


class ShownConnection(RootModel[ConnectionView | ConnectionGlance]):
    """Contributors see which connections they may use; everything else is for administrators."""


class ConnectionList(BaseModel):
    connections: list[ConnectionView | ConnectionGlance]


class SecretNames(BaseModel):
    names: list[str]


class AccountList(BaseModel):
    """A list at the destination."""

    id: str
    title: str


class AccountLists(BaseModel):
    lists: list[AccountList]


@operations.add("GET", "consent", summary="Show what has to be agreed to", answer=ConsentText)
def get_consent(_request: Request) -> Answer:
    """A connection is added with the agreement to this version of the text."""
    return Answer(ConsentText(version=CONSENT_VERSION, texts=CONSENT_TEXTS))


@operations.add(
    "POST",
    "connections",
    summary="Add a connection",
    body=NewConnection,
    answer=ConnectionView,
    status=201,
    errors=(Invalid, Forbidden, SecretUnavailable, StorageUnavailable),
)
def add_connection(request: Request) -> Answer:
    """The API key is written to Key Vault and is never given back."""
    added = app().connections.add(request.body, request.principal)
    place = location(request, f"connections/{added.id}")
    return Answer(added, 201, {**place, **versioned(connection_version(added))})


@operations.add(
    "GET",
    "connections",
    summary="List connections",
    answer=ConnectionList,
    query={"sort": Query(f"The column: {', '.join(SORTS)}; -name = Z to A.", SortColumn, "name")},
    errors=(Invalid, StorageUnavailable),
)
def list_connections(request: Request) -> Answer:
    """Administrators see all of everything, contributors what they may use by name and type, viewers nothing."""
    found = app().connections.list(request.principal, request.query["sort"])
    return Answer(ConnectionList(connections=found))


@operations.add(
    "GET",
    "connections/{id}",
    summary="Show a connection",
    answer=ShownConnection,
    errors=(Forbidden, NotFound, StorageUnavailable),
)
def get_connection(request: Request) -> Answer:
    """Answers administrators with an ETag, which a change has to send back."""
    shown = app().connections.get(request.params["id"], request.principal)
    headers = versioned(connection_version(shown)) if isinstance(shown, ConnectionView) else {}
    return Answer(ShownConnection(shown), headers=headers)


@operations.add(
    "PATCH",
    "connections/{id}",
    summary="Change a connection",
    body=ConnectionChanges,
    answer=ConnectionView,
    headers=IF_MATCH,
    errors=(
        Invalid,
        Forbidden,
        NotFound,
        PreconditionFailed,
        PreconditionRequired,
        StorageUnavailable,
    ),
)
def change_connection(request: Request) -> Answer:
    """Exports keep the connection when it is no longer shared with those who made them."""
    id_, principal = request.params["id"], request.principal
    return _answer(app().connections.edit(id_, request.body, request.if_match, principal))


@operations.add(
    "PUT",
    "connections/{id}/key",
    summary="Replace the key",
    body=NewKey,
    answer=ConnectionView,
    errors=(Invalid, Forbidden, NotFound, Conflict, SecretUnavailable, StorageUnavailable),
)
def replace_key(request: Request) -> Answer:
    """The new key is tried first; one that the destination refuses is not stored. Runs that are under way go on with
    the new key. A typed key can give way to a Key Vault secret, but not the other way round."""
    return _answer(app().connection_keys.replace(request.params["id"], request.body, request.principal))


@operations.add(
    "GET",
    "secrets",
    summary="List the names of secrets that can hold a key",
    answer=SecretNames,
    errors=(Forbidden, SecretUnavailable),
)
def list_secrets(request: Request) -> Answer:
    """The names in Key Vault without Segpilot's own. Values are never shown."""
    return Answer(SecretNames(names=list(app().connection_keys.secret_names(request.principal))))


@operations.add(
    "POST",
    "connections/{id}/connect",
    summary="Try the key",
    answer=ConnectionView,
    errors=(Forbidden, NotFound, Conflict, StorageUnavailable),
)
def check_connection(request: Request) -> Answer:
    """Calls the destination with the key; ``finding`` says what came of it. A key that is refused or cannot be read
    makes the connection need attention; an outage does not."""
    return _answer(app().connections.connect(request.params["id"], request.principal))


@operations.add(
    "POST",
    "connections/{id}/export-user",
    summary="Add yourself as export user",
    answer=ConnectionView,
    errors=(Forbidden, NotFound, StorageUnavailable),
)
def add_export_user(request: Request) -> Answer:
    """Runs over the connection are made on your behalf and name you."""
    return _answer(app().connections.add_export_user(request.params["id"], request.principal))


@operations.add(
    "DELETE",
    "connections/{id}/export-user",
    summary="Remove the export user",
    answer=ConnectionView,
    errors=(Forbidden, NotFound, StorageUnavailable),
)
def remove_export_user(request: Request) -> Answer:
    """Later runs name nobody on whose behalf they are made."""
    return _answer(app().connections.remove_export_user(request.params["id"], request.principal))


@operations.add(
    "GET",
    "connections/{id}/lists",
    summary="Show the lists at the destination",
    answer=AccountLists,
    errors=(Forbidden, NotFound, Conflict, SecretUnavailable, StorageUnavailable, Unauthorized, TimedOut),
)
def list_account_lists(request: Request) -> Answer:
    """For choosing an existing list in an export."""
    found = app().connections.lists(request.params["id"], request.principal)
    return Answer(AccountLists(lists=[AccountList(id=each.id, title=each.title) for each in found]))


@operations.add(
    "DELETE",
    "connections/{id}",
    summary="Remove a connection that no export uses",
    answer=None,
    status=204,
    errors=(Forbidden, NotFound, Conflict, SecretUnavailable, StorageUnavailable),
)
def remove_connection(request: Request) -> Answer:
    """Its key is removed from Key Vault when Segpilot put it there. While exports use it, the problem names them in
    ``dependents``."""
    app().connection_removal.remove(request.params["id"], request.principal)
    return Answer(status=204)


@operations.add(
    "POST",
    "connections/{id}/removal",
    summary="Remove a connection and decide about its exports",
    body=Removal,
    answer=None,
    status=204,
    errors=(Invalid, Forbidden, NotFound, Conflict, SecretUnavailable, StorageUnavailable),
)
def remove_connection_in_use(request: Request) -> Answer:
    """Each export that uses it is removed or detached: it then stays, without a connection, until it gets another
    one. People stay on their lists."""
    decisions = request.body.decisions
    app().connection_removal.remove(request.params["id"], request.principal, decisions)
    return Answer(status=204)


def _answer(connection: ConnectionView) -> Answer:
    return Answer(connection, headers=versioned(connection_version(connection)))
