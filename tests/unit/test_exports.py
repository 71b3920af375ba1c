"""Exports: what may be stored, and what removing one takes with it."""

import pytest
from pydantic import ValidationError

from shared.domain.access import Principal, Role
from shared.domain.connection import Connection, Consent
from shared.domain.errors import Conflict, Invalid, NotFound
from shared.domain.export import SegmentChoice
from shared.domain.identifiers import run_id
from shared.domain.run import Run, RunStatus, SegmentRun, Trigger
from shared.pipeline import places
from shared.pipeline.journal import Journal
from shared.usecases.exports import Exports, NewExport
from tests.fakes import MemoryBlobs
from tests.fakes_stores import START, FakeClock, MemorySegmentBlobs, MemoryStores, ScriptedDestination

ADMIN = Principal("admin", Role.ADMINISTRATOR)


class Office:
    def __init__(self) -> None:
        self.stores, self.state = MemoryStores(), MemoryBlobs()
        connection = Connection(
            id="connection-1",
            destination="autopilot",
            display_name="Ours",
            secret_name="key",
            secret_owned=True,
            consent=Consent(given_by="Ada", given_at=START, version="1", language="en", text="I agree"),
            created_at=START,
            updated_at=START,
        )
        self.stores.connections.add(connection.id, connection)
        self.exports = Exports(
            self.stores,
            self.state,
            MemorySegmentBlobs(),
            {"autopilot": ScriptedDestination()},
            Journal(MemoryBlobs(), FakeClock()),
            FakeClock(),
        )

    def add(self, **wanted: object):
        export = {
            "name": "Weekly",
            "connection_id": "connection-1",
            "email_column": "EMail",
            "segments": ["vip"],
        }
        return self.exports.add(NewExport.model_validate({**export, **wanted}), ADMIN)

    def add_run(self, export_id: str, cause: str, status: RunStatus) -> None:
        run = Run(
            id=run_id(export_id, cause, START),
            export_id=export_id,
            export_name="Weekly",
            connection_id="connection-1",
            trigger=Trigger.ON_DEMAND,
            requested_by="admin",
            segments=(SegmentRun(name="vip", list_title="vip", snapshot_id="s"),),
            status=status,
            created_at=START,
        )
        self.stores.runs.add(run.id, run)


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_segment_is_given_by_its_name_or_with_a_list_of_its_own(office):
    export = office.add(segments=["vip", {"name": "churn"}, {"name": "new", "list_name": "Welcome"}])
    assert export.segments == (
        SegmentChoice(name="vip"),
        SegmentChoice(name="churn"),
        SegmentChoice(name="new", list_name="Welcome"),
    )
    assert [choice.list_title for choice in export.segments] == ["vip", "churn", "Welcome"]
    assert office.exports.get(export.id) == export


def test_an_export_without_a_connection_is_refused_and_the_field_is_named(office):
    with pytest.raises(Invalid) as raised:
        office.add(connection_id="connection-2")
    assert raised.value.errors == [{"pointer": "/connection_id", "detail": "unknown"}]


def test_a_mapping_that_the_destination_cannot_take_is_refused_with_every_reason(office):
    with pytest.raises(Invalid) as raised:
        office.add(fields=[{"field": "Shoe", "column": "a"}, {"field": "Hat", "column": "b"}])
    assert [error["pointer"] for error in raised.value.errors] == ["/fields", "/fields"]
    assert office.exports.list() == []


@pytest.mark.parametrize("segments", [["vip", "vip"], ["vip", {"name": "vip", "list_name": "Other"}]])
def test_a_segment_that_is_named_twice_is_refused(office, segments):
    with pytest.raises(Invalid):
        office.add(segments=segments)


@pytest.mark.parametrize(
    ("wrong", "at"),
    [
        ({"segments": []}, ("segments",)),
        ({"segments": [""]}, ("segments", 0, "name")),
        ({"segments": ["a/b"]}, ("segments", 0, "name")),
        ({"segments": ["vip", {}]}, ("segments", 1, "name")),
        ({"segments": [{"name": "vip", "list": "x"}]}, ("segments", 0, "list")),
        ({"name": " "}, ("name",)),
        ({"email_column": ""}, ("email_column",)),
        ({"fields": [{"field": "A", "column": "a", "type": "money"}]}, ("fields", 0, "type")),
        ({"extra": 1}, ("extra",)),
    ],
)
def test_what_is_wrong_is_told_at_its_place(office, wrong, at):
    with pytest.raises(ValidationError) as raised:
        office.add(**wrong)
    assert [error["loc"] for error in raised.value.errors()] == [at]


def test_a_name_alone_is_part_of_the_schema_of_a_segment():
    item = NewExport.model_json_schema()["properties"]["segments"]["items"]
    assert any("$ref" in choice for choice in item["anyOf"])
    assert any(choice.get("type") == "string" for choice in item["anyOf"])


def test_removing_an_export_removes_its_ledgers_and_no_others(office):
    first, second = office.add(), office.add()
    for export in (first, second):
        office.state.write(places.ledger(export.id, "vip", "list-1"), b"ledger")
    office.exports.remove(first.id)
    assert list(office.state.blobs) == [places.ledger(second.id, "vip", "list-1")]
    with pytest.raises(NotFound):
        office.exports.get(first.id)


def test_a_running_export_is_not_removed_however_many_runs_came_after(office):
    export, other = office.add(), office.add()
    office.add_run(export.id, "long", RunStatus.PROCESSING)
    for number in range(250):
        office.add_run(other.id, str(number), RunStatus.SUCCESSFUL)
    with pytest.raises(Conflict) as raised:
        office.exports.remove(export.id)
    assert raised.value.reason == "export-running"
    assert office.exports.get(export.id) == export


def test_an_export_whose_runs_have_ended_is_removed(office):
    export = office.add()
    office.add_run(export.id, "past", RunStatus.FAILED)
    office.exports.remove(export.id)
    assert office.exports.list() == []
