"""Connections: keys go to the vault and nowhere else, and what a check finds is recorded."""

import pytest
from pydantic import ValidationError

from shared.domain.access import Principal, Role
from shared.domain.connection import ConnectionStatus
from shared.domain.errors import (
    Conflict,
    Invalid,
    NotFound,
    Refused,
    SecretUnavailable,
    StorageUnavailable,
    Unavailable,
)
from shared.domain.export import Export, SegmentChoice
from shared.pipeline.journal import Journal
from shared.pipeline.pacing import PaceBook
from shared.usecases.connections import Connections, NewConnection
from tests.fakes import MemoryBlobs
from tests.fakes_stores import START, FakeClock, HeardAlerts, MemoryStores, MemoryVault, ScriptedDestination

ADMIN = Principal("admin", Role.ADMINISTRATOR)
CONSENT = {"agreed": True, "version": "1", "given_by": "Ada"}


class BrokenRecords:
    def add(self, record_id: str, record: object) -> str:
        raise StorageUnavailable("The table cannot be reached.")


class Office:
    def __init__(self) -> None:
        self.stores, self.vault, self.destination = MemoryStores(), MemoryVault(), ScriptedDestination()
        self.clock = FakeClock()
        self.connections = Connections(
            self.stores,
            self.vault,
            {"autopilot": self.destination},
            PaceBook(self.stores.paces),
            Journal(MemoryBlobs(), self.clock),
            HeardAlerts(),
            max_profiles_per_run=1_000,
            clock=self.clock,
        )

    def add(self, **wanted: object):
        wanted = {"display_name": "Ours", "consent": CONSENT, **wanted}
        if "secret_name" not in wanted:
            wanted = {"api_key": "right-key", **wanted}
        return self.connections.add(NewConnection.model_validate(wanted), ADMIN)


@pytest.fixture
def office() -> Office:
    return Office()


def test_the_key_is_in_the_vault_and_in_no_record(office):
    connection = office.add(api_key="  right-key \n")
    assert office.vault.secrets == {connection.secret_name: "right-key"}
    assert "right-key" not in repr(office.stores.connections.rows)
    assert "right-key" not in connection.model_dump_json()
    assert connection.status is ConnectionStatus.DRAFT


def test_the_key_does_not_show_when_a_request_is_printed():
    new = NewConnection.model_validate({"display_name": "Ours", "consent": CONSENT, "api_key": "right-key"})
    assert "right-key" not in repr(new) + str(new) + new.model_dump_json()


def test_consent_is_recorded_with_the_present_moment(office):
    consent = office.add().consent
    assert (consent.given_by, consent.version, consent.given_at) == ("Ada", "1", START)


def test_a_secret_that_exists_can_be_used_and_stays_when_the_connection_is_removed(office):
    office.vault.secrets["theirs"] = "right-key"
    connection = office.add(secret_name="theirs")
    assert office.connections.connect(connection.id).status is ConnectionStatus.CONNECTED
    office.connections.remove(connection.id)
    assert office.vault.secrets == {"theirs": "right-key"}


def test_a_secret_that_does_not_exist_is_refused_and_nothing_is_stored(office):
    with pytest.raises(Invalid) as raised:
        office.add(secret_name="missing")
    assert [error["pointer"] for error in raised.value.errors] == ["/secret_name"]
    assert office.connections.list() == []


@pytest.mark.parametrize("key", [" ", "clé", "a\nb", "a\0b"])
def test_a_text_that_is_no_key_is_refused(office, key):
    with pytest.raises(Invalid):
        office.add(api_key=key)
    assert (office.vault.secrets, office.connections.list()) == ({}, [])


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"api_key": "a", "secret_name": "b"},
        {"api_key": ""},
        {"secret_name": "not a name"},
        {"secret_name": "a/b"},
        {"api_key": "a", "display_name": "  "},
        {"api_key": "a", "consent": {"agreed": False, "version": "1"}},
        {"api_key": "a", "consent": None},
        {"api_key": "a", "max_profiles_per_run": 0},
        {"api_key": "a", "max_calls_per_s": -1},
        {"api_key": "a", "max_calls_per_s": float("inf")},
        {"api_key": "a", "max_calls_per_s": float("nan")},
        {"api_key": "a", "unknown": 1},
    ],
)
def test_a_request_that_makes_no_sense_is_refused_without_repeating_the_key(wrong):
    with pytest.raises(ValidationError):
        NewConnection.model_validate({"display_name": "Ours", "consent": CONSENT, **wrong})


def test_an_unknown_destination_is_refused_with_those_that_exist(office):
    with pytest.raises(Invalid) as raised:
        office.add(destination="nowhere")
    assert "autopilot" in raised.value.remedy


def test_the_limit_of_a_run_can_be_lowered_but_not_raised(office):
    assert office.add(max_profiles_per_run=1_000).max_profiles_per_run == 1_000
    with pytest.raises(Invalid) as raised:
        office.add(max_profiles_per_run=1_001)
    assert "1,000" in raised.value.message


def test_nothing_is_stored_when_the_vault_does_not_answer(office):
    office.vault.silent = True
    with pytest.raises(SecretUnavailable):
        office.add()
    assert office.connections.list() == []


def test_no_key_stays_behind_when_the_connection_cannot_be_stored(office):
    office.stores.connections = BrokenRecords()
    with pytest.raises(StorageUnavailable):
        office.add()
    assert office.vault.secrets == {}


def test_a_key_that_works_makes_the_connection_connected(office):
    office.destination.create_list("VIP")
    connection = office.connections.connect(office.add().id)
    assert connection.status is ConnectionStatus.CONNECTED
    assert connection.finding.ok
    assert (connection.finding.account, connection.finding.lists) == ("The account", 1)
    assert office.connections.get(connection.id) == connection


@pytest.mark.parametrize(
    "fault",
    [Unavailable("It does not answer."), Refused("It said no."), None],
    ids=["away", "refused", "key"],
)
def test_a_check_that_fails_is_a_finding_and_no_error(office, fault):
    office.destination.faults["check"] = [fault]
    connection = office.add(api_key="right-key" if fault else "wrong-key")
    checked = office.connections.connect(connection.id)
    assert checked.status is ConnectionStatus.NEEDS_ATTENTION
    assert not checked.finding.ok
    assert checked.finding.message
    assert "wrong-key" not in checked.model_dump_json()


def test_a_check_without_a_vault_is_a_finding_too(office):
    connection = office.add()
    office.vault.silent = True
    assert "vault" in office.connections.connect(connection.id).finding.message


def test_a_key_that_was_mended_makes_the_connection_connected_again(office):
    connection = office.add(api_key="wrong-key")
    office.connections.connect(connection.id)
    office.vault.secrets[connection.secret_name] = "right-key"
    assert office.connections.connect(connection.id).status is ConnectionStatus.CONNECTED


def test_removing_a_connection_removes_its_key(office):
    connection = office.add()
    office.connections.remove(connection.id)
    assert (office.vault.secrets, office.connections.list()) == ({}, [])
    with pytest.raises(NotFound):
        office.connections.remove(connection.id)


def test_a_connection_stays_when_its_key_cannot_be_removed_so_that_it_can_be_tried_again(office):
    connection = office.add()
    office.vault.silent = True
    with pytest.raises(SecretUnavailable):
        office.connections.remove(connection.id)
    office.vault.silent = False
    office.connections.remove(connection.id)
    assert (office.vault.secrets, office.connections.list()) == ({}, [])


def test_a_connection_in_use_is_not_removed(office):
    connection = office.add()
    export = Export(
        id="export-1",
        name="Weekly",
        connection_id=connection.id,
        email_column="EMail",
        segments=(SegmentChoice(name="vip"),),
        created_at=START,
        updated_at=START,
    )
    office.stores.exports.add(export.id, export)
    with pytest.raises(Conflict) as raised:
        office.connections.remove(connection.id)
    assert "Weekly" in raised.value.message
    assert office.vault.secrets
