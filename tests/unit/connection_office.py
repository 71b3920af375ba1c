"""A world in memory for the use cases of connections."""

import json

from shared.domain.access import Principal, Role
from shared.domain.connection import Connection, Sharing
from shared.domain.export import Export, SegmentChoice
from shared.domain.run import Run, RunStatus, SegmentRun, Trigger
from shared.pipeline.journal import Journal
from shared.pipeline.pushing.pacing import PaceBook
from shared.usecases.connections.connections import Connections
from shared.usecases.connections.forms import ConnectionChanges, NewConnection, NewKey
from shared.usecases.connections.keys import ConnectionKeys
from shared.usecases.connections.probe import ConnectionProbe
from shared.usecases.connections.views import ConnectionView, connection_version
from tests.fakes import MemoryBlobs
from tests.fakes_stores import START, FakeClock, HeardAlerts, MemoryStores, MemoryVault, ScriptedDestination

ADMIN = Principal("admin", Role.ADMINISTRATOR)
CONTRIBUTOR = Principal("contributor", Role.CONTRIBUTOR)
VIEWER = Principal("viewer", Role.VIEWER)
CONSENT = {"agreed": True, "version": "1", "given_by": "Ada"}


class Office:
    def __init__(self) -> None:
        self.stores, self.vault, self.destination = MemoryStores(), MemoryVault(), ScriptedDestination()
        self.state, self.logs, self.clock, self.alerts = (
            MemoryBlobs(),
            MemoryBlobs(),
            FakeClock(),
            HeardAlerts(),
        )
        self.journal = Journal(self.logs, self.clock)
        probe = ConnectionProbe(
            self.vault, {"autopilot": self.destination}, PaceBook(self.stores.paces), self.clock
        )
        self.connections = Connections(
            self.stores,
            self.vault,
            probe,
            self.journal,
            self.alerts,
            max_profiles_per_run=1_000,
            clock=self.clock,
        )
        self.keys = ConnectionKeys(self.stores, self.vault, probe, self.journal, self.alerts, self.clock)

    def add(self, **wanted: object) -> ConnectionView:
        wanted = {"display_name": "Ours", "consent": CONSENT, **wanted}
        if "secret_name" not in wanted:
            wanted = {"api_key": "right-key", **wanted}
        return self.connections.add(NewConnection.model_validate(wanted), ADMIN)

    def shared(self, **wanted: object) -> ConnectionView:
        return self.add(shared_with=Sharing.CONTRIBUTORS, **wanted)

    def connected(self, **wanted: object) -> ConnectionView:
        return self.connections.connect(self.add(**wanted).id, ADMIN)

    def edit(self, connection: Connection, **changes: object) -> ConnectionView:
        wanted = ConnectionChanges.model_validate(changes)
        return self.connections.edit(connection.id, wanted, connection_version(connection), ADMIN)

    def replace_key(self, connection: Connection, **key: str) -> ConnectionView:
        return self.keys.replace(connection.id, NewKey.model_validate(key), ADMIN)

    def stored(self, connection: Connection) -> Connection:
        return self.stores.connections.get(connection.id).record

    def export(self, connection: Connection, export_id: str = "export-1", name: str = "Weekly") -> Export:
        export = Export(
            id=export_id,
            name=name,
            connection_id=connection.id,
            email_column="EMail",
            segments=(SegmentChoice(name="vip"),),
            created_at=START,
            updated_at=START,
        )
        self.stores.exports.add(export.id, export)
        return export

    def run(self, export: Export, status: RunStatus) -> Run:
        run = Run(
            id="run-20260301T080000Z-1",
            export_id=export.id,
            export_name=export.name,
            connection_id=export.connection_id or "",
            trigger=Trigger.ON_DEMAND,
            requested_by="Ada",
            status=status,
            segments=(SegmentRun(name="vip", list_title="vip", snapshot_id="s1"),),
            created_at=START,
        )
        self.stores.runs.add(run.id, run)
        return run

    def audit(self) -> list[dict[str, object]]:
        """Everything that was recorded, oldest first."""
        return [json.loads(line) for text in self.logs.blobs.values() for line in text.splitlines()]
