"""A world in memory for the use cases of exports: a connection for everybody and one for administrators only."""

import json

import duckdb

from shared.domain.access import Principal, Role
from shared.domain.connection import Connection, Consent, Sharing
from shared.domain.identifiers import run_id
from shared.domain.run import Run, RunStatus, Trigger
from shared.domain.segment import Segment, Snapshot
from shared.pipeline import places
from shared.pipeline.journal import Journal
from shared.pipeline.standings import remember_run
from shared.usecases.exports.checks import ExportChecks
from shared.usecases.exports.exports import Exports
from shared.usecases.exports.forms import NewExport
from shared.usecases.exports.search import ExportList, ExportPage, ExportQuery
from shared.usecases.exports.views import ExportView, ExportViews
from tests.fakes import MemoryBlobs
from tests.fakes_stores import START, FakeClock, MemorySegmentBlobs, MemoryStores, ScriptedDestination

ADMIN = Principal("Ada", Role.ADMINISTRATOR, "10.0.0.1")
CONTRIBUTOR = Principal("Carmen", Role.CONTRIBUTOR)
VIEWER = Principal("Vlad", Role.VIEWER)
SHARED, PRIVATE = "connection-shared", "connection-private"
LIMIT = 1_000


class ExportOffice:
    def __init__(self) -> None:
        self.stores, self.state, self.logs = MemoryStores(), MemoryBlobs(), MemoryBlobs()
        self.clock, self.blobs, self.destination = FakeClock(), MemorySegmentBlobs(), ScriptedDestination()
        self.destinations = {"autopilot": self.destination}
        self.journal = Journal(self.logs, self.clock)
        self.views = ExportViews(self.stores, self.clock, max_profiles_per_run=LIMIT)
        self.checks = ExportChecks(self.stores, self.destinations)
        self.exports = Exports(self.stores, self.state, self.checks, self.views, self.journal, self.clock)
        self.list = ExportList(self.stores, self.views)
        self.add_connection(SHARED, "Ours", Sharing.CONTRIBUTORS)
        self.add_connection(PRIVATE, "Secret", Sharing.ADMINISTRATORS)

    def add_connection(self, connection_id: str, name: str, shared_with: Sharing, **more: object) -> None:
        connection = Connection(
            id=connection_id,
            destination="autopilot",
            display_name=name,
            shared_with=shared_with,
            secret_name="key",
            secret_owned=True,
            consent=Consent(given_by="Ada", given_at=START, version="1", language="en", text="I agree"),
            created_at=START,
            updated_at=START,
            **more,
        )
        self.stores.connections.add(connection.id, connection)

    def add(self, principal: Principal = ADMIN, **wanted: object) -> ExportView:
        return self.exports.add(form(**wanted), principal)

    def add_detached(self, **wanted: object) -> ExportView:
        return self.add(**{"connection_id": None, "active": False, **wanted})

    def replace(self, export: ExportView, principal: Principal = ADMIN, **wanted: object) -> ExportView:
        return self.exports.replace(export.id, form(**wanted), export.version, principal)

    def get(self, export_id: str) -> ExportView:
        return self.exports.get(export_id, ADMIN)

    def page(self, principal: Principal = ADMIN, **query: object) -> ExportPage:
        return self.list.page(ExportQuery(**query), principal)

    def names(self, **query: object) -> list[str]:
        return [view.name for view in self.page(**query).exports]

    def add_run(
        self,
        export_id: str,
        status: RunStatus,
        cause: str = "cause",
        trigger: Trigger = Trigger.ON_DEMAND,
        *,
        dry: bool = False,
    ) -> Run:
        now = self.clock()
        run = Run(
            id=run_id(export_id, cause, now),
            export_id=export_id,
            export_name="Weekly",
            connection_id=SHARED,
            trigger=trigger,
            requested_by="Ada",
            segments=(),
            status=status,
            dry=dry,
            created_at=now,
        )
        self.stores.runs.add(run.id, run)
        remember_run(self.stores, run)
        return run

    def arrive(self, segment: str, content: str, name: str = "a.csv", **more: object) -> None:
        file = self.blobs.put(f"{segment}/{name}", content, self.clock())
        snapshot = Snapshot(id=f"s{file.etag}", segment=segment, arrived_at=self.clock(), files=(file,))
        self.stores.segments.remove(segment)
        self.stores.segments.add(
            segment, Segment(name=segment, source=f"{segment}/", snapshot=snapshot, **more)
        )

    def write_ledger(self, export_id: str, *emails: str, tmp_path) -> str:
        """Put people on a ledger of the export, as a run would."""
        path = tmp_path / "ledger.parquet"
        rows = ", ".join(f"('{email}', 1::ubigint, 'person')" for email in emails)
        duckdb.sql(f"copy (from (values {rows}) as t(email, hash, contact_id)) to '{path}' (format parquet)")
        name = places.ledger(export_id, "vip", "list-1")
        self.state.upload(name, path)
        return name

    def audit(self) -> list[dict[str, object]]:
        """Everything that was recorded, oldest first."""
        return [json.loads(line) for text in self.logs.blobs.values() for line in text.splitlines()]


def form(**wanted: object) -> NewExport:
    plain = {"name": "Weekly", "connection_id": SHARED, "email_column": "EMail", "segments": ["vip"]}
    return NewExport.model_validate({**plain, **wanted})
