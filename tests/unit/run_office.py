"""Where runs are ordered: one export, and what has arrived for it."""

import json
from datetime import datetime

from shared.domain.access import Principal, Role
from shared.domain.connection import Connection, Consent, ExportUser, Sharing
from shared.domain.export import Export, SegmentChoice
from shared.domain.run import Run
from shared.domain.segment import Segment, Snapshot, SnapshotFile
from shared.pipeline.journal import Journal
from shared.usecases.runs.orders import NewRun, RunOrders
from shared.usecases.runs.runs import Runs
from tests.fakes import MemoryBlobs
from tests.fakes_stores import START, FakeClock, MemoryStores

ADA = Principal("Ada", Role.ADMINISTRATOR)


class Office:
    """One export that carries the segments vip and churn."""

    def __init__(self, *arrived: str) -> None:
        self.stores, self.state, self.clock = MemoryStores(), MemoryBlobs(), FakeClock()
        self.logs = MemoryBlobs()
        journal = Journal(self.logs, self.clock)
        self.orders = RunOrders(self.stores, self.state, journal, self.clock)
        self.runs = Runs(self.stores, self.state, journal, self.clock)
        export = Export(
            id="export-1",
            name="Weekly",
            connection_id="connection-1",
            email_column="EMail",
            segments=(SegmentChoice(name="vip", list_name="Our best"), SegmentChoice(name="churn")),
            created_at=START,
            updated_at=START,
        )
        self.stores.exports.add(export.id, export)
        for name in arrived:
            self.arrive(name)

    def arrive(self, name: str, version: str = "1") -> Snapshot:
        snapshot = Snapshot(
            id=f"{name}-{version}",
            segment=name,
            arrived_at=self.clock(),
            files=(SnapshotFile(name=f"{name}/a.csv", etag=version, size_bytes=1),),
        )
        self.stores.segments.remove(name)
        self.stores.segments.add(name, Segment(name=name, source=f"{name}/", snapshot=snapshot))
        return snapshot

    def connect(self, connection_id: str = "connection-1", sharing: Sharing = Sharing.CONTRIBUTORS) -> None:
        """Add the connection, with an export user."""
        consent = Consent(given_by="Ada", given_at=START, version="1", language="en", text="I agree")
        connection = Connection(
            id=connection_id,
            destination="autopilot",
            display_name="Ours",
            shared_with=sharing,
            secret_name="key",
            secret_owned=True,
            consent=consent,
            export_user=ExportUser(name="Eve", added_at=START),
            created_at=START,
            updated_at=START,
        )
        self.stores.connections.add(connection.id, connection)

    def edit(self, **changes: object) -> None:
        self.stores.exports.change("export-1", lambda export: export.model_copy(update=changes))

    def audited(self) -> list[tuple[object, ...]]:
        """What was recorded of changes: action, subject, who, result."""
        entries = [
            json.loads(line)
            for name, text in self.logs.blobs.items()
            if name.startswith("audit/")
            for line in text.splitlines()
        ]
        return [(entry["action"], entry["subject"], entry["who"], entry["result"]) for entry in entries]

    def order(self, request_key: str | None = None, **order: object):
        return self.orders.on_demand("export-1", NewRun(**order), ADA, request_key)

    def refresh(self, slot: datetime) -> list[Run]:
        return self.orders.for_refresh(self.stores.exports.all(), slot)

    def change(self, run_id: str, **changes: object) -> None:
        self.stores.runs.change(run_id, lambda run: run.model_copy(update=changes))
