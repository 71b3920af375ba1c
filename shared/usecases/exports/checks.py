"""What an export may be: the connection checked against who asks, the mapping against the destination."""

from collections.abc import Mapping

from shared.domain.access import Principal, Role
from shared.domain.connection import Connection
from shared.domain.destination import Destination
from shared.domain.errors import Invalid
from shared.domain.export import Export, FieldMapping, TripWire
from shared.domain.ports import Stores
from shared.usecases.exports.forms import NewExport


class ExportChecks:
    """Answers with what was checked, or raises."""

    def __init__(self, stores: Stores, destinations: Mapping[str, Destination]) -> None:
        self._stores, self._destinations = stores, destinations

    def require_use(self, export: Export, principal: Principal) -> None:
        """Raise Forbidden unless somebody may manage the export."""
        principal.require_use(self._find(export.connection_id))

    def usable(self, connection_id: str, principal: Principal) -> Connection:
        """Return a connection that somebody wants to use. Raises Invalid when there is none, and Forbidden."""
        principal.require(Role.CONTRIBUTOR)
        connection = self._find(connection_id)
        if connection is None:
            raise Invalid(
                f"There is no connection '{connection_id}'.",
                errors=[{"pointer": "/connection_id", "detail": "unknown"}],
                remedy="Add the connection first: POST /api/connections.",
            )
        principal.require_use(connection)
        return connection

    def check_mapping(self, fields: tuple[FieldMapping, ...], connection: Connection) -> None:
        """Raise Invalid with every reason why the destination cannot take the mapping."""
        if problems := self._destinations[connection.destination].check_mapping(fields):
            raise Invalid(
                "The mapping does not fit the destination: " + " ".join(problems),
                errors=[{"pointer": "/fields", "detail": problem} for problem in problems],
            )

    def settings(self, new: NewExport, principal: Principal) -> dict[str, object]:
        """Return what a form sets, as an export holds it. Raises Invalid, and Forbidden for the connection it names."""
        principal.require(Role.CONTRIBUTOR)
        fields = new.mappings()
        if new.connection_id is not None:
            self.check_mapping(fields, self.usable(new.connection_id, principal))
        segments = tuple(choice.as_choice() for choice in new.segments)
        if len({choice.name for choice in segments}) < len(segments):
            raise Invalid(
                "A segment is named twice.", errors=[{"pointer": "/segments", "detail": "repeated"}]
            )
        return {
            "name": new.name,
            "connection_id": new.connection_id,
            "email_column": new.email_column,
            "consent_column": new.consent_column,
            "fields": fields,
            "segments": segments,
            "schedule": new.schedule.checked(),
            "active": new.active,
            "leavers": new.leavers,
            "trip_wire": TripWire(**new.trip_wire.model_dump()),
        }

    def _find(self, connection_id: str | None) -> Connection | None:
        found = self._stores.connections.find(connection_id) if connection_id else None
        return found.record if found else None
