"""The key of a session: a replaced one is found, one that is being replaced is waited for."""

import pytest

from shared.domain.connection import ConnectionStatus
from shared.pipeline.pushing.key_reading import KeyReader
from tests.unit.plant import Plant


class Desk:
    """A session's reader over the plant's connection. ``pauses_s`` are the waits; ``during`` happens in the next one."""

    def __init__(self, patience_s: float = 60, status: ConnectionStatus = ConnectionStatus.CONNECTED) -> None:
        self.plant, self.pauses_s, self.during = Plant(), list[float](), lambda: None
        connection = self.plant.stores.connections.get("connection-1").record
        self.read = KeyReader(
            self.plant.stores,
            self.plant.vault,
            connection.model_copy(update={"status": status}),
            self.pause,
            patience_s,
        )

    def pause(self, seconds: float) -> None:
        self.pauses_s.append(seconds)
        self.during()


@pytest.mark.parametrize("status", ConnectionStatus)
def test_a_key_that_was_replaced_is_read_without_waiting(status):
    desk = Desk(status=status)
    assert desk.read(False) == "right-key"
    desk.plant.vault.secrets["key"] = "new-key"
    assert (desk.read(True), desk.pauses_s) == ("new-key", [])


def test_a_refused_key_is_waited_for_until_it_is_replaced():
    desk = Desk()
    desk.read(False)
    desk.during = lambda: len(desk.pauses_s) == 3 and desk.plant.vault.store("key", "new-key")
    assert desk.read(True) == "new-key"
    assert len(desk.pauses_s) == 3


def test_a_refused_key_that_nobody_replaces_is_given_back_when_the_patience_is_over_for_all():
    desk = Desk(patience_s=60)
    desk.read(False)
    assert desk.read(True) == "right-key"
    assert sum(desk.pauses_s) == 60
    assert desk.read(True) == "right-key"
    assert sum(desk.pauses_s) == 60


@pytest.mark.parametrize("status", [ConnectionStatus.DRAFT, ConnectionStatus.NEEDS_ATTENTION])
def test_nobody_waits_for_a_key_that_never_worked(status):
    desk = Desk(status=status)
    desk.read(False)
    assert (desk.read(True), desk.pauses_s) == ("right-key", [])


def test_a_connection_that_got_another_secret_meanwhile_is_followed():
    desk = Desk()
    desk.read(False)
    desk.plant.vault.secrets = {"theirs": "new-key"}
    desk.plant.stores.connections.change(
        "connection-1", lambda present: present.model_copy(update={"secret_name": "theirs"})
    )
    assert desk.read(True) == "new-key"
