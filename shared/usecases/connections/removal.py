"""Removing connections: what depends on one is removed or detached first, by somebody's decision."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.access import Principal, Role
from shared.domain.connection import Connection
from shared.domain.errors import Conflict, InUse
from shared.domain.export import Export
from shared.domain.ports import StateBlobs, Stores, Vault
from shared.domain.record import Clock
from shared.pipeline import places
from shared.pipeline.journal import Journal

_HOLD_S = 120


class Decision(StrEnum):
    """What becomes of an export: it goes, or it stays without a connection."""

    REMOVE = "remove"
    DETACH = "detach"


class Removal(BaseModel):
    """A decision for each export that uses the connection, by the export's id."""

    model_config = ConfigDict(extra="forbid")
    decisions: Annotated[dict[str, Decision], Field(max_length=10_000)]


class Dependents(Protocol):
    """What ends an export's use of a connection; both raise Conflict while the export runs."""

    def remove(self, export_id: str, principal: Principal) -> object: ...

    def detach(self, export_id: str, principal: Principal) -> object: ...


class ConnectionRemoval:
    """The use case of removing a connection. Repeated after a failure, it goes on where it stopped."""

    def __init__(
        self,
        stores: Stores,
        state: StateBlobs,
        vault: Vault,
        exports: Dependents,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._stores, self._state, self._vault = stores, state, vault
        self._exports, self._journal, self._clock = exports, journal, clock

    def remove(
        self, connection_id: str, principal: Principal, decisions: Mapping[str, Decision] | None = None
    ) -> None:
        """Remove the connection with everything that was kept for it; people stay on their lists.

        Raises InUse that names every export without a decision, Conflict while a run uses the connection, and
        SecretUnavailable.
        """
        with self._journal.audited(principal, "connection.remove", connection_id) as details:
            connection = self._stores.connections.get(connection_id).record
            principal.require(Role.ADMINISTRATOR)
            decided = decisions or {}
            self._require_decisions(connection, decided)
            self._hold(connection)
            try:
                details["decisions"] = {each.id: decided[each.id] for each in self._using(connection_id)}
                for export_id, decision in decided.items():
                    self._end(connection_id, export_id, decision, principal)
                self._require_decisions(connection, {})
                self._forget(connection)
            finally:
                self._stores.lanes.leave(connection_id, _holder(connection_id))

    def _using(self, connection_id: str) -> list[Export]:
        return [each for each in self._stores.exports.all() if each.connection_id == connection_id]

    def _require_decisions(self, connection: Connection, decided: Mapping[str, Decision]) -> None:
        using = self._using(connection.id)
        open_ones = sorted((each for each in using if each.id not in decided), key=lambda each: each.name)
        if open_ones:
            named = ", ".join(f"'{each.name}'" for each in open_ones[:10])
            raise InUse(
                f"The connection '{connection.display_name}' is used by {len(open_ones)} exports that nothing was "
                f"decided about: {named}{' and others' if len(open_ones) > 10 else ''}.",
                dependents=[{"id": each.id, "name": each.name} for each in open_ones],
                code="connection-in-use",
                remedy="Decide for each of them: remove or detach (POST /api/connections/{id}/removal).",
            )
        for export in using:
            for run in self._stores.runs.page_of(export.id, 100)[0]:
                if not run.status.ended:
                    raise Conflict(
                        f"The export '{export.name}' is running.",
                        code="export-running",
                        remedy=f"Wait for the run '{run.id}' to end, or cancel it.",
                    )

    def _hold(self, connection: Connection) -> None:
        """Keep runs from beginning; one may still be going on whose export was detached."""
        taken_by = self._stores.lanes.take(connection.id, _holder(connection.id), self._clock(), _HOLD_S)
        if taken_by is not None:
            raise Conflict(
                f"'{taken_by}' is using the connection '{connection.display_name}'.",
                code="connection-busy",
                remedy="Wait for it to end, or cancel it.",
            )

    def _end(self, connection_id: str, export_id: str, decision: Decision, principal: Principal) -> None:
        found = self._stores.exports.find(export_id)
        if found is None or found.record.connection_id != connection_id:
            return
        if decision is Decision.REMOVE:
            self._exports.remove(export_id, principal)
        else:
            self._exports.detach(export_id, principal)

    def _forget(self, connection: Connection) -> None:
        # The record goes last: were anything to fail after it is gone, nobody could remove the rest any more.
        if connection.secret_owned:
            self._vault.remove(connection.secret_name)
        if connection.alert:
            self._vault.remove(connection.alert.secret_name)
        self._state.remove([places.suppression(connection.id)])
        self._stores.standings.remove(connection.id)
        self._stores.paces.forget(connection.id)
        self._stores.connections.remove(connection.id)


def _holder(connection_id: str) -> str:
    return f"removal of {connection_id}"
