"""What a look at a connection finds, and what it makes of the connection."""

import pytest

from shared.domain.connection import ConnectionStatus
from shared.domain.destination import DestinationList, Stopped
from shared.domain.errors import (
    Refused,
    SecretUnavailable,
    Throttled,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from tests.fakes_stores import START
from tests.unit.connection_office import ADMIN, CONTRIBUTOR, Office


@pytest.fixture
def office() -> Office:
    return Office()


PASSING = {
    "away": (Unavailable("It does not answer."), False),
    "throttled": (Throttled("Too many calls."), True),
    "refused": (Refused("It said no."), True),
    "slow": (Stopped(), False),
}
passing = pytest.mark.parametrize(("fault", "reachable"), PASSING.values(), ids=PASSING)


def test_a_key_that_works_makes_the_connection_connected(office):
    office.destination.create_list("VIP")
    connection = office.connected()
    finding = connection.finding
    assert connection.status is ConnectionStatus.CONNECTED
    assert (finding.ok, finding.reachable, finding.key_accepted, finding.checked_at) == (
        True,
        True,
        True,
        START,
    )
    assert (finding.account, finding.lists) == ("The account", 1)
    assert office.connections.get(connection.id, ADMIN) == connection


def test_a_key_that_is_refused_needs_attention_and_people_are_told(office):
    connection = office.connected(api_key="wrong-key")
    finding = connection.finding
    assert connection.status is ConnectionStatus.NEEDS_ATTENTION
    assert (finding.ok, finding.reachable, finding.key_accepted) == (False, True, False)
    assert "wrong-key" not in connection.model_dump_json()
    assert office.alerts.connections == [(connection.id, finding.message)]


@pytest.mark.parametrize("trouble", ["missing", "forbidden"])
def test_a_secret_that_cannot_be_read_needs_attention(office, trouble):
    connection = office.connected()
    if trouble == "missing":
        office.vault.secrets.clear()
    else:
        office.vault.forbidden.add(connection.secret_name)
    checked = office.connections.connect(connection.id, ADMIN)
    assert checked.status is ConnectionStatus.NEEDS_ATTENTION
    assert (checked.finding.ok, checked.finding.reachable, checked.finding.key_accepted) == (
        False,
        None,
        None,
    )
    assert office.alerts.connections[-1] == (connection.id, checked.finding.message)


@passing
def test_what_passes_is_a_finding_that_leaves_a_connected_connection_connected(office, fault, reachable):
    connection = office.connected()
    office.destination.faults["check"] = [fault]
    checked = office.connections.connect(connection.id, ADMIN)
    assert checked.status is ConnectionStatus.CONNECTED
    assert (checked.finding.ok, checked.finding.reachable, checked.finding.key_accepted) == (
        False,
        reachable,
        None,
    )
    assert checked.finding.message
    assert office.alerts.connections == [(connection.id, None)]


@passing
def test_what_passes_neither_makes_a_draft_connected_nor_mends_anything(office, fault, reachable):
    draft, broken = office.add(), office.connected(api_key="wrong-key")
    office.destination.faults["check"] = [fault, fault]
    assert office.connections.connect(draft.id, ADMIN).status is ConnectionStatus.DRAFT
    assert office.connections.connect(broken.id, ADMIN).status is ConnectionStatus.NEEDS_ATTENTION


def test_an_outage_of_the_vault_passes_too(office):
    connection = office.connected()
    office.vault.silent = True
    checked = office.connections.connect(connection.id, ADMIN)
    assert checked.status is ConnectionStatus.CONNECTED
    assert "vault" in checked.finding.message


def test_a_key_that_was_mended_makes_the_connection_connected_again_and_people_are_told(office):
    connection = office.connected(api_key="wrong-key")
    office.vault.secrets[connection.secret_name] = "right-key"
    assert office.connections.connect(connection.id, ADMIN).status is ConnectionStatus.CONNECTED
    assert office.alerts.connections[-1] == (connection.id, None)


def test_a_look_at_a_key_that_was_replaced_meanwhile_says_nothing(office):
    connection = office.connected(api_key="old-key")

    def replace_meanwhile(_call: str) -> None:
        office.destination.on_call = lambda _call: None
        office.clock.advance(1)
        office.replace_key(connection, api_key="right-key")
        office.destination.faults["check"] = [Unauthorized("The old key was refused.")]

    office.destination.on_call = replace_meanwhile
    assert office.connections.connect(connection.id, ADMIN).status is ConnectionStatus.CONNECTED
    assert office.alerts.connections[-1] == (connection.id, None)


def test_the_lists_of_the_account_are_shown_to_whoever_may_use_the_connection(office):
    connection = office.shared()
    list_id = office.destination.create_list("VIP")
    for principal in (ADMIN, CONTRIBUTOR):
        assert office.connections.lists(connection.id, principal) == [DestinationList(list_id, "VIP")]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Unavailable("Away."), Unavailable),
        (Unauthorized("The key was refused."), Unauthorized),
        (Stopped(), TimedOut),
    ],
)
def test_lists_that_cannot_be_had_are_an_error(office, fault, error):
    connection = office.shared()
    office.destination.faults["lists"] = [fault]
    with pytest.raises(error):
        office.connections.lists(connection.id, CONTRIBUTOR)


def test_lists_without_a_vault_are_an_error(office):
    connection = office.shared()
    office.vault.silent = True
    with pytest.raises(SecretUnavailable):
        office.connections.lists(connection.id, CONTRIBUTOR)


def test_only_administrators_are_told_the_name_of_a_secret_that_is_gone(office):
    office.vault.secrets["their-key"] = "right-key"
    connection = office.shared(secret_name="their-key")
    office.vault.secrets.clear()
    messages = []
    for principal in (ADMIN, CONTRIBUTOR):
        with pytest.raises(SecretUnavailable) as raised:
            office.connections.lists(connection.id, principal)
        assert raised.value.missing
        messages.append(raised.value.message)
    assert ["their-key" in message for message in messages] == [True, False]


def test_connections_whose_secret_has_gone_are_found_and_people_are_told(office):
    gone, hidden, fine = office.connected(), office.connected(), office.connected()
    del office.vault.secrets[gone.secret_name]
    office.vault.forbidden.add(hidden.secret_name)
    office.alerts.connections.clear()
    office.clock.advance(60)

    office.connections.check_secrets()

    assert [office.stored(each).status for each in (gone, hidden, fine)] == [
        ConnectionStatus.NEEDS_ATTENTION,
        ConnectionStatus.NEEDS_ATTENTION,
        ConnectionStatus.CONNECTED,
    ]
    assert office.stored(gone).finding.checked_at == office.clock.now
    assert dict(office.alerts.connections).keys() == {gone.id, hidden.id}
    assert all(problem for _, problem in office.alerts.connections)


def test_a_connection_that_is_removed_during_the_daily_round_does_not_end_it(office):
    removed, gone = office.connected(), office.connected()

    class Vanishing(dict):
        """While its secrets are looked at, one connection is removed."""

        def __contains__(self, name: object) -> bool:
            office.stores.connections.remove(removed.id)
            return False

    office.vault.secrets = Vanishing(office.vault.secrets)
    office.connections.check_secrets()
    assert office.stored(gone).status is ConnectionStatus.NEEDS_ATTENTION
    assert office.stores.connections.find(removed.id) is None


def test_an_outage_of_the_vault_on_the_daily_round_changes_nothing(office):
    connection = office.connected()
    before = office.stored(connection)
    office.vault.silent = True
    office.connections.check_secrets()
    assert office.stored(connection) == before
    assert office.alerts.connections == [(connection.id, None)]
