"""Replacing keys: what works is stored, what is somebody else's is never touched."""

import pytest

from shared.domain.connection import ConnectionStatus
from shared.domain.errors import Conflict, Forbidden, Invalid, NotFound, SecretUnavailable, Unavailable
from shared.usecases.connections.forms import KeyTrial, NewKey
from tests.unit.connection_office import ADMIN, CONTRIBUTOR, VIEWER, Office


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_typed_key_takes_the_place_of_the_old_one_and_is_tried_at_once(office):
    connection = office.connected(api_key="old-key")
    office.clock.advance(60)
    replaced = office.replace_key(connection, api_key=" right-key\n")
    assert office.vault.secrets == {connection.secret_name: "right-key"}
    assert (replaced.status, replaced.finding.ok) == (ConnectionStatus.CONNECTED, True)
    assert replaced.key_set_at == replaced.updated_at == office.clock.now
    assert "right-key" not in replaced.model_dump_json()
    assert [problem is None for _, problem in office.alerts.connections] == [False, True]


def test_a_new_key_that_is_refused_is_not_stored(office):
    connection = office.connected()
    office.vault.secrets["theirs"] = "wrong-key"
    before, secrets = office.stored(connection), dict(office.vault.secrets)
    for key, pointer in (({"api_key": "wrong-key"}, "/api_key"), ({"secret_name": "theirs"}, "/secret_name")):
        with pytest.raises(Invalid) as raised:
            office.replace_key(connection, **key)
        assert [error["pointer"] for error in raised.value.errors] == [pointer]
        assert raised.value.reason == "key-refused"
        assert "wrong-key" not in raised.value.message
    assert (office.stored(connection), office.vault.secrets) == (before, secrets)


def test_a_new_key_that_cannot_be_tried_is_stored_and_the_connection_is_a_draft(office):
    connection = office.connected()
    office.destination.faults["check"] = [Unavailable("It does not answer.")]
    replaced = office.replace_key(connection, api_key="new-key")
    assert office.vault.secrets == {connection.secret_name: "new-key"}
    assert (replaced.status, replaced.finding.ok, replaced.finding.reachable) == (
        ConnectionStatus.DRAFT,
        False,
        False,
    )
    assert office.alerts.connections == [(connection.id, None)]


def test_a_typed_key_gives_way_to_a_secret_and_the_one_that_segpilot_wrote_goes(office):
    connection = office.connected()
    office.vault.secrets["theirs"] = "right-key"
    replaced = office.replace_key(connection, secret_name="theirs")
    assert (replaced.secret_name, replaced.secret_owned) == ("theirs", False)
    assert replaced.status is ConnectionStatus.CONNECTED
    assert office.vault.secrets == {"theirs": "right-key"}


def test_a_key_that_could_not_be_removed_goes_when_the_secret_is_chosen_again(office):
    connection = office.connected()
    office.vault.secrets["theirs"] = "right-key"
    office.vault.keeps = True
    with pytest.raises(SecretUnavailable):
        office.replace_key(connection, secret_name="theirs")
    assert connection.secret_name in office.vault.secrets

    office.vault.keeps = False
    office.replace_key(connection, secret_name="theirs")
    assert office.vault.secrets == {"theirs": "right-key"}


def test_a_vault_that_lets_nothing_be_removed_does_not_keep_one_secret_from_giving_way_to_another(office):
    connection = office.connected()
    office.vault.secrets |= {"theirs": "right-key", "other": "right-key"}
    office.replace_key(connection, secret_name="theirs")
    office.vault.keeps = True
    assert office.replace_key(connection, secret_name="other").secret_name == "other"


def test_a_secret_cannot_give_way_to_a_typed_key(office):
    office.vault.secrets["theirs"] = "right-key"
    connection = office.add(secret_name="theirs")
    with pytest.raises(Conflict) as raised:
        office.replace_key(connection, api_key="right-key")
    assert raised.value.reason == "key-in-vault"
    assert "new connection" in raised.value.remedy
    assert office.vault.secrets == {"theirs": "right-key"}


def test_one_secret_gives_way_to_another_and_both_stay(office):
    office.vault.secrets.update(theirs="right-key", newer="right-key")
    connection = office.add(secret_name="theirs")
    assert office.replace_key(connection, secret_name="newer").secret_name == "newer"
    assert office.vault.secrets == {"theirs": "right-key", "newer": "right-key"}


@pytest.mark.parametrize("name", ["missing", "segpilot-connection-other"])
def test_a_secret_that_is_missing_or_segpilots_own_is_refused(office, name):
    office.vault.secrets["segpilot-connection-other"] = "right-key"
    connection = office.connected()
    with pytest.raises(Invalid) as raised:
        office.replace_key(connection, secret_name=name)
    assert [error["pointer"] for error in raised.value.errors] == ["/secret_name"]
    assert office.stored(connection).secret_name == connection.secret_name


def test_nothing_changes_when_the_vault_is_away(office):
    connection = office.connected()
    before = office.stored(connection)
    office.vault.silent = True
    with pytest.raises(SecretUnavailable):
        office.replace_key(connection, api_key="right-key")
    assert office.stored(connection) == before


def test_a_text_that_is_no_key_is_refused(office):
    connection = office.connected()
    with pytest.raises(Invalid) as raised:
        office.replace_key(connection, api_key="clé")
    assert [error["pointer"] for error in raised.value.errors] == ["/api_key"]


def test_names_of_secrets_are_shown_without_segpilots_own(office):
    office.add()
    office.vault.secrets.update({"theirs": "a", "another": "b", "SegPilot-alert": "c"})
    assert office.keys.secret_names(ADMIN) == ["another", "theirs"]


@pytest.mark.parametrize("principal", [CONTRIBUTOR, VIEWER], ids=["contributor", "viewer"])
def test_keys_are_for_administrators(office, principal):
    connection = office.shared()
    before = dict(office.vault.secrets)
    with pytest.raises(Forbidden):
        office.keys.secret_names(principal)
    with pytest.raises(Forbidden):
        office.keys.replace(connection.id, NewKey(api_key="right-key"), principal)
    assert office.vault.secrets == before


def test_a_connection_that_is_not_there_gets_no_key(office):
    with pytest.raises(NotFound):
        office.keys.replace("connection-none", NewKey(api_key="right-key"), ADMIN)
    assert office.vault.secrets == {}


def test_a_replaced_key_is_recorded_but_not_the_key(office):
    connection = office.connected()
    office.replace_key(connection, api_key="right-key")
    assert office.audit()[-1]["action"] == "connection.replace_key"
    assert office.audit()[-1]["secret"] == "typed"
    assert "right-key" not in str(office.audit())


@pytest.mark.parametrize(
    "given", [{"api_key": " right-key\n"}, {"secret_name": "theirs"}], ids=["typed", "secret"]
)
def test_a_key_can_be_tried_before_there_is_a_connection_and_nothing_is_kept_of_it(office, given):
    office.vault.secrets["theirs"] = "right-key"
    office.destination.create_list("VIP")
    finding = office.keys.try_key(KeyTrial(**given), ADMIN)
    assert (finding.ok, finding.key_accepted, finding.account, finding.lists) == (
        True,
        True,
        "The account",
        1,
    )
    assert office.vault.secrets == {"theirs": "right-key"}
    assert list(office.stores.connections.all()) == []
    assert office.audit()[-1]["action"] == "connection.try_key"
    assert "right-key" not in f"{office.audit()} {finding}"


def test_a_key_that_is_refused_when_it_is_tried_is_a_finding(office):
    finding = office.keys.try_key(KeyTrial(api_key="wrong-key"), ADMIN)
    assert (finding.ok, finding.reachable, finding.key_accepted) == (False, True, False)
    assert "wrong-key" not in finding.message
    assert office.alerts.connections == []


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"api_key": "clé"}, Invalid),
        ({"secret_name": "missing"}, Invalid),
        ({"secret_name": "segpilot-other"}, Invalid),
        ({"api_key": "right-key", "destination": "elsewhere"}, Conflict),
    ],
)
def test_what_cannot_be_tried_is_refused(office, given, error):
    with pytest.raises(error):
        office.keys.try_key(KeyTrial(**given), ADMIN)


@pytest.mark.parametrize("principal", [CONTRIBUTOR, VIEWER], ids=["contributor", "viewer"])
def test_only_administrators_try_keys(office, principal):
    called = []
    office.destination.on_call = called.append
    with pytest.raises(Forbidden):
        office.keys.try_key(KeyTrial(api_key="right-key"), principal)
    assert called == []
    assert office.audit()[-1]["result"] == "refused"
