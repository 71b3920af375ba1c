"""A portal with a connection for everybody and one for administrators only, for the pages of exports."""

from typing import Any

from shared.domain.access import Role
from shared.domain.connection import Connection, Consent, Sharing
from shared.domain.export import Export
from shared.domain.run import Counts, Run, RunStatus, Trigger
from shared.domain.segment import Segment, Snapshot, SnapshotFile
from shared.pipeline.standings import remember_run
from shared.usecases.exports.views import ExportView
from tests.fakes_stores import START
from tests.unit.export_office import PRIVATE, SHARED, form
from tests.unit.portal_client import PEOPLE, make_app

ADA = PEOPLE[Role.ADMINISTRATOR]
HOSTILE = "<img src=x onerror=alert(1)>"
LONG = "x" * 200
RTL = "شرائح \u202eevil"


def exports_app(**settings: str) -> Any:
    app = make_app(**settings)
    add_connection(app, SHARED, "Ours", Sharing.CONTRIBUTORS)
    add_connection(app, PRIVATE, "Secret", Sharing.ADMINISTRATORS)
    return app


def add_connection(app: Any, connection_id: str, name: str, sharing: Sharing) -> None:
    consent = Consent(given_by="Ada", given_at=START, version="1", language="en", text="I agree")
    connection = Connection(
        id=connection_id,
        destination="autopilot",
        display_name=name,
        shared_with=sharing,
        secret_name="key",
        secret_owned=True,
        consent=consent,
        created_at=START,
        updated_at=START,
    )
    app.stores.connections.add(connection.id, connection)


def add_export(app: Any, **wanted: object) -> ExportView:
    return app.exports.add(form(**wanted), ADA)


def arrive(app: Any, name: str, **more: object) -> None:
    file = SnapshotFile(name=f"{name}/a.csv", etag="1", size_bytes=1)
    snapshot = Snapshot(id=f"{name}-1", segment=name, arrived_at=app.clock(), files=(file,))
    app.stores.segments.add(name, Segment(name=name, source=f"{name}/", snapshot=snapshot, **more))


def add_run(app: Any, export: Export, run_id: str, status: RunStatus, **more: object) -> Run:
    run = Run(
        id=run_id,
        export_id=export.id,
        export_name=export.name,
        connection_id=export.connection_id or "",
        trigger=Trigger.SCHEDULE,
        requested_by="schedule",
        segments=(),
        status=status,
        counts=Counts(sent=1_234),
        created_at=app.clock(),
        **more,
    )
    app.stores.runs.add(run.id, run)
    remember_run(app.stores, run)
    return run
