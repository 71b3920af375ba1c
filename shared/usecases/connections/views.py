"""What people see of connections: administrators everything but the key, contributors which ones they may use."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel

from shared.domain.access import Principal, Role
from shared.domain.connection import Connection
from shared.domain.identifiers import version_of
from shared.domain.ports import Stores
from shared.usecases.listing import sort_by

_MADE_BY_THE_APP = frozenset({"status", "finding", "learnt", "exports", "updated_by", "updated_at"})


class ConnectionView(Connection):
    """``exports`` is how many exports use it."""

    exports: int = 0


class ConnectionGlance(BaseModel):
    """What somebody sees who may use a connection but not manage it."""

    id: str
    display_name: str
    destination: str


View = ConnectionView | ConnectionGlance


def connection_version(connection: Connection) -> str:
    """Return the version of what people edit; what the app finds out is no part of it."""
    return version_of(connection, without=_MADE_BY_THE_APP)


def view_fully(stores: Stores, connection: Connection) -> ConnectionView:
    """Return what an administrator sees of a connection."""
    exports = sum(export.connection_id == connection.id for export in stores.exports.glance())
    return ConnectionView.model_validate({**dict(connection), "exports": exports})


def view_all(stores: Stores, principal: Principal) -> list[View]:
    """Return the connections that somebody may use, as far as they see them: none for a viewer."""
    usable = [connection for connection in stores.connections.glance() if principal.may_use(connection)]
    if principal.role is not Role.ADMINISTRATOR:
        return [glance_at(connection) for connection in usable]
    exports = Counter(export.connection_id for export in stores.exports.glance())
    return [
        ConnectionView.model_validate({**dict(connection), "exports": exports[connection.id]})
        for connection in usable
    ]


def glance_at(connection: Connection) -> ConnectionGlance:
    return ConnectionGlance(
        id=connection.id, display_name=connection.display_name, destination=connection.destination
    )


_SORTS: dict[str, Callable[[Any], Any]] = {
    "name": lambda view: view.display_name.casefold(),
    "type": lambda view: view.destination,
    "status": lambda view: view.status,
    "shared_with": lambda view: view.shared_with,
    "exports": lambda view: view.exports,
    "created_at": lambda view: view.created_at,
    "created_by": lambda view: view.created_by.casefold(),
    "updated_at": lambda view: view.updated_at,
}
SORTS = tuple(_SORTS)
_AT_A_GLANCE = ("name", "type")


def sort_views(views: Sequence[View], column: str, principal: Principal) -> list[View]:
    """Sort by a column that the principal sees, equals by name. Raises Invalid for an unknown one."""
    seen = SORTS if principal.role is Role.ADMINISTRATOR else _AT_A_GLANCE
    columns = {name: _SORTS[name] for name in seen}
    return sort_by(views, columns, column, things="Connections", tie=_SORTS["name"])
