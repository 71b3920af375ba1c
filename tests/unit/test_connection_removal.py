"""Removing connections: nothing that depends on one is left hanging, and nothing of it stays behind."""

import pytest

from shared.domain.connection import AlertShape, AlertTarget
from shared.domain.errors import Conflict, Forbidden, InUse, NotFound, SecretUnavailable
from shared.domain.ports import Pace
from shared.domain.run import RunStatus
from shared.domain.standing import Standing
from shared.pipeline import places
from shared.usecases.connections.removal import ConnectionRemoval, Decision
from shared.usecases.exports.checks import ExportChecks
from shared.usecases.exports.exports import Exports
from shared.usecases.exports.views import ExportViews
from tests.fakes_stores import START
from tests.unit.connection_office import ADMIN, CONTRIBUTOR, VIEWER, Office

REMOVE, DETACH = Decision.REMOVE, Decision.DETACH


class Desk(Office):
    """An office where connections are removed."""

    def __init__(self) -> None:
        super().__init__()
        views = ExportViews(self.stores, self.clock, max_profiles_per_run=1_000)
        checks = ExportChecks(self.stores, {"autopilot": self.destination})
        exports = Exports(self.stores, self.state, checks, views, self.journal, self.clock)
        self.removal = ConnectionRemoval(
            self.stores, self.state, self.vault, exports, self.journal, self.clock
        )

    def remove(self, connection, **decisions: Decision) -> None:
        by_id = {export_id.replace("_", "-"): decision for export_id, decision in decisions.items()}
        self.removal.remove(connection.id, ADMIN, by_id)

    def is_there(self, connection) -> bool:
        return self.stores.connections.find(connection.id) is not None


@pytest.fixture
def office() -> Desk:
    return Desk()


def test_a_connection_that_nothing_uses_goes_with_its_key(office):
    connection = office.add()
    office.remove(connection)
    assert (office.vault.secrets, office.is_there(connection)) == ({}, False)
    with pytest.raises(NotFound):
        office.remove(connection)


def test_a_secret_that_is_not_segpilots_stays(office):
    office.vault.secrets["theirs"] = "right-key"
    office.remove(office.add(secret_name="theirs"))
    assert office.vault.secrets == {"theirs": "right-key"}


def test_everything_that_was_kept_for_a_connection_goes_and_that_of_others_stays(office):
    connection, other = office.add(), office.add()
    for each in (connection, other):
        office.state.write(places.suppression(each.id), b"")
        office.stores.standings.add(each.id, Standing(subject=each.id))
        office.stores.paces.change(each.id, lambda _: Pace(5.0, None, 0.0))
    target = AlertTarget(
        shape=AlertShape.SLACK, host="x", secret_name="segpilot-alert", added_by="Ada", added_at=START
    )
    office.stores.connections.change(
        connection.id, lambda present: present.model_copy(update={"alert": target})
    )
    office.vault.secrets["segpilot-alert"] = "https://x/token"

    office.remove(connection)

    assert office.vault.secrets == {other.secret_name: "right-key"}
    assert list(office.state.blobs) == [places.suppression(other.id)]
    assert list(office.stores.standings.rows) == [other.id]
    assert list(office.stores.paces.known) == [other.id]
    assert office.stores.lanes.held == {}


def test_a_connection_in_use_stays_and_the_exports_are_named(office):
    connection = office.add()
    office.export(connection, "export-2", "Weekly")
    office.export(connection, "export-1", "Monthly")
    office.export(office.add(), "export-3", "Elsewhere")
    with pytest.raises(InUse) as raised:
        office.remove(connection)
    assert raised.value.reason == "connection-in-use"
    assert raised.value.dependents == [
        {"id": "export-1", "name": "Monthly"},
        {"id": "export-2", "name": "Weekly"},
    ]
    assert office.is_there(connection)
    assert office.vault.secrets[connection.secret_name]


def test_every_export_needs_a_decision_before_anything_happens(office):
    connection = office.add()
    office.export(connection, "export-1", "Weekly")
    office.export(connection, "export-2", "Monthly")
    with pytest.raises(InUse) as raised:
        office.remove(connection, export_1=REMOVE)
    assert raised.value.dependents == [{"id": "export-2", "name": "Monthly"}]
    assert len(list(office.stores.exports.all())) == 2


def test_exports_are_removed_with_their_ledgers_or_stay_without_a_connection(office):
    connection = office.add()
    goes = office.export(connection, "export-1")
    stays = office.export(connection, "export-2")
    office.export(office.add(), "export-3")

    office.remove(connection, export_1=REMOVE, export_2=DETACH)

    assert not office.is_there(connection)
    assert office.stores.exports.find(goes.id) is None
    detached = office.stores.exports.get(stays.id).record
    assert (detached.connection_id, detached.active, detached.segments) == (None, False, stays.segments)
    assert office.stores.exports.get("export-3").record.connection_id is not None


@pytest.mark.parametrize("decision", Decision)
@pytest.mark.parametrize("status", [status for status in RunStatus if not status.ended])
def test_a_connection_stays_while_one_of_its_exports_runs_and_nothing_happens(office, decision, status):
    connection = office.add()
    office.export(connection, "export-1")
    office.run(office.export(connection, "export-2"), status)
    with pytest.raises(Conflict) as raised:
        office.remove(connection, export_1=decision, export_2=decision)
    assert raised.value.reason == "export-running"
    assert [each.connection_id for each in office.stores.exports.all()] == [connection.id] * 2
    assert office.is_there(connection)


def test_a_connection_stays_while_something_else_is_using_it(office):
    connection = office.add()
    office.stores.lanes.take(connection.id, "run-1", office.clock(), 900)
    with pytest.raises(Conflict) as raised:
        office.remove(connection)
    assert raised.value.reason == "connection-busy"
    assert "run-1" in raised.value.message
    office.stores.lanes.leave(connection.id, "run-1")
    office.remove(connection)
    assert not office.is_there(connection)


def test_a_removal_that_the_vault_stopped_goes_on_when_it_is_repeated(office):
    connection = office.add()
    office.export(connection, "export-1")
    office.vault.silent = True
    with pytest.raises(SecretUnavailable):
        office.remove(connection, export_1=REMOVE)
    assert office.is_there(connection)
    assert office.stores.lanes.held == {}
    office.vault.silent = False
    office.remove(connection, export_1=REMOVE)
    assert (office.vault.secrets, office.is_there(connection)) == ({}, False)


@pytest.mark.parametrize("principal", [CONTRIBUTOR, VIEWER], ids=["contributor", "viewer"])
def test_only_administrators_remove_connections(office, principal):
    connection = office.shared()
    with pytest.raises(Forbidden):
        office.removal.remove(connection.id, principal)
    assert office.is_there(connection)


def test_a_removal_is_recorded_with_what_was_decided(office):
    connection = office.add()
    office.export(connection, "export-1")
    office.remove(connection, export_1=DETACH)
    entry = office.audit()[-1]
    assert (entry["action"], entry["subject"], entry["result"]) == (
        "connection.remove",
        connection.id,
        "done",
    )
    assert entry["decisions"] == {"export-1": "detach"}
