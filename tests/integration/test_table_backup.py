"""Tables that were saved come back as they were."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.data.tables import EdmType, EntityProperty

from devkit.azurite import AzuriteServer
from devkit.table_backup import connect, load, main, save
from shared.adapters.tables import TableStores
from shared.domain.connection import Connection, Consent
from shared.domain.run import Run, RunStatus, SegmentRun, Trigger

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CONNECTION = Connection(
    id="connection-1",
    destination="autopilot",
    display_name="Ñandú 👋",
    secret_name="key",
    secret_owned=True,
    consent=Consent(given_by="ada", given_at=NOW, version="1", language="en", text="I agree."),
    created_at=NOW,
    updated_at=NOW,
)
RUN = Run(
    id="run-1",
    export_id="export-1",
    export_name="Export",
    connection_id="connection-1",
    trigger=Trigger.UPLOAD,
    requested_by="ada",
    segments=(SegmentRun(name="VIP", list_title="VIP", snapshot_id="s1"),),
    created_at=NOW,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzuriteServer]:
    """Of its own, since the tables have fixed names."""
    with AzuriteServer(tmp_path_factory.mktemp("storage")) as running:
        yield running


@pytest.fixture
def account(server: AzuriteServer) -> str:
    """An account without tables."""
    with connect(server.connection_string) as service:
        for table in list(service.list_tables()):
            service.delete_table(table.name)
    return server.connection_string


def test_what_was_lost_is_there_again(
    account: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with connect(account) as service:
        stores = TableStores(service)
        stores.connections.add(CONNECTION.id, CONNECTION)
        stores.runs.add(RUN.id, RUN)
        stores.runs.remember_request("request-1", NOW)
        stores.runs.change("run-1", lambda run: run.model_copy(update={"status": RunStatus.FAILED}))
        before = stores.runs.get("run-1").record

        assert main(["save", account, str(tmp_path / "tables.jsonl")]) == 0
        for table in ("SegpilotCatalogue", "SegpilotRuns"):
            service.delete_table(table)
        assert main(["load", account, str(tmp_path / "tables.jsonl")]) == 0

        again = TableStores(service)
        assert list(again.connections.all()) == [CONNECTION]
        assert again.runs.get("run-1").record == before
        assert again.runs.page_with(RunStatus.FAILED, 10)[0] == [before]
        assert again.runs.remember_request("request-1", NOW + timedelta(hours=1)) == NOW
    saved, loaded = capsys.readouterr().out.splitlines()
    assert saved == loaded


def test_a_row_that_would_not_come_back_as_it_was_is_refused(account: str, tmp_path: Path) -> None:
    with connect(account) as service:
        TableStores(service)
        row = {"PartitionKey": "p", "RowKey": "r", "Number": EntityProperty(1 << 40, EdmType.INT64)}
        service.get_table_client("SegpilotRuns").create_entity(row)
        with pytest.raises(ValueError, match="Number"):
            save(service, tmp_path / "tables.jsonl")


def test_what_is_not_there_is_said(account: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["save", account, str(tmp_path / "tables.jsonl")]) == 1
    assert "Storage refused" in capsys.readouterr().out
    with connect(account) as service:
        (tmp_path / "empty.jsonl").touch()
        assert load(service, tmp_path / "empty.jsonl") == 0
