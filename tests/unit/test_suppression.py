"""Suppression: who is never sent is kept as hashes, per connection, for administrators."""

import pytest
from pydantic import ValidationError

from shared.domain import suppression as rules
from shared.domain.email_address import email_hash
from shared.domain.errors import Conflict, Forbidden, Invalid, NotFound
from shared.pipeline import places
from shared.usecases.connections.suppression import Address, Suppression, SuppressionChange
from tests.unit.connection_office import ADMIN, CONTRIBUTOR, VIEWER, Office


class Desk:
    """An office with one connection, and its suppression."""

    def __init__(self) -> None:
        self.office = Office()
        self.connection_id = self.office.shared().id
        self.suppression = Suppression(self.office.stores, self.office.state, self.office.journal)

    def change(self, **wanted: list[str]) -> int:
        change = SuppressionChange.model_validate(wanted)
        return self.suppression.change(self.connection_id, change, ADMIN).count

    def is_suppressed(self, email: str) -> bool:
        return self.suppression.check(self.connection_id, Address(email=email), ADMIN).suppressed

    @property
    def blob(self) -> bytes:
        return self.office.state.blobs[places.suppression(self.connection_id)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_nobody_is_suppressed_at_first(desk):
    shown = desk.suppression.show(desk.connection_id, ADMIN)
    assert (shown.count, shown.updated_at) == (0, None)
    assert not desk.is_suppressed("ada@example.com")


def test_addresses_in_any_spelling_and_hashes_name_the_same_people(desk):
    assert (
        desk.change(add=[" Ada@Example.com ", email_hash("ada@example.com").upper(), "ben@example.com"]) == 2
    )
    assert [
        desk.is_suppressed(email) for email in ("ADA@example.com", "ben@example.com", "eve@example.com")
    ] == [
        True,
        True,
        False,
    ]
    assert desk.change(remove=["ADA@EXAMPLE.COM", "eve@example.com"]) == 1
    assert not desk.is_suppressed("ada@example.com")


def test_only_sorted_hashes_are_stored(desk):
    emails = [f"p{number}@example.com" for number in range(50)]
    desk.change(add=emails[:30])
    desk.change(add=emails[20:])
    assert desk.blob.decode() == "".join(f"{each}\n" for each in sorted(map(email_hash, emails)))


def test_when_the_list_changed_last_is_shown(desk):
    desk.change(add=["ada@example.com"])
    assert desk.suppression.show(desk.connection_id, ADMIN).updated_at == desk.office.state.now


def test_each_connection_has_a_list_of_its_own(desk):
    desk.change(add=["ada@example.com"])
    other = desk.office.add()
    assert desk.suppression.show(other.id, ADMIN).count == 0


def test_every_wrong_entry_is_pointed_at_and_nothing_is_changed(desk):
    with pytest.raises(Invalid) as raised:
        desk.change(add=["ada@example.com", "nobody", "f" * 63], remove=["", "ben@example.com"])
    assert [error["pointer"] for error in raised.value.errors] == ["/add/1", "/add/2", "/remove/0"]
    assert not desk.is_suppressed("ada@example.com")


def test_nobody_can_be_added_and_removed_at_once(desk):
    with pytest.raises(Invalid):
        desk.change(add=["ada@example.com"], remove=["ADA@example.com"])


def test_ten_thousand_entries_are_taken_and_not_one_more(desk):
    emails = [f"p{number}@example.com" for number in range(10_001)]
    assert desk.change(add=emails[:10_000]) == 10_000
    with pytest.raises(ValidationError):
        desk.change(add=emails)
    with pytest.raises(Invalid):
        desk.change(add=emails[:9_000], remove=emails[9_000:])


def test_a_full_list_takes_nobody_more_but_lets_people_go(desk):
    full = b"".join(b"%064x\n" % number for number in range(rules.MAX_SUPPRESSED))
    desk.office.state.blobs[places.suppression(desk.connection_id)] = full
    with pytest.raises(Conflict) as raised:
        desk.change(add=["ada@example.com"])
    assert raised.value.reason == "suppression-full"
    assert desk.blob == full
    assert desk.change(remove=[f"{7:064x}"], add=["ada@example.com"]) == rules.MAX_SUPPRESSED


def test_only_an_address_can_be_looked_up(desk):
    with pytest.raises(Invalid) as raised:
        desk.is_suppressed("nobody")
    assert [error["pointer"] for error in raised.value.errors] == ["/email"]


@pytest.mark.parametrize("principal", [CONTRIBUTOR, VIEWER], ids=["contributor", "viewer"])
def test_suppression_is_for_administrators(desk, principal):
    for attempt in (
        lambda: desk.suppression.show(desk.connection_id, principal),
        lambda: desk.suppression.change(desk.connection_id, SuppressionChange(add=["a@b.com"]), principal),
        lambda: desk.suppression.check(desk.connection_id, Address(email="a@b.com"), principal),
    ):
        with pytest.raises(Forbidden):
            attempt()
    assert desk.office.state.blobs == {}


def test_a_connection_that_is_not_there_suppresses_nobody(desk):
    for attempt in (
        lambda: desk.suppression.show("connection-none", VIEWER),
        lambda: desk.suppression.change("connection-none", SuppressionChange(), ADMIN),
        lambda: desk.suppression.check("connection-none", Address(email="a@b.com"), ADMIN),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert desk.office.state.blobs == {}


def test_changes_are_recorded_by_number_without_addresses(desk):
    desk.change(add=["ada@example.com", "ben@example.com"], remove=["eve@example.com"])
    entry = desk.office.audit()[-1]
    assert (entry["action"], entry["added"], entry["removed"]) == ("suppression.change", 2, 1)
    assert "@" not in str(entry)
