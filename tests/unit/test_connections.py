"""Connections: keys go to the vault and nowhere else, and people see of them what their role allows."""

import pytest
from pydantic import ValidationError

from shared.domain.connection import ConnectionStatus, Sharing
from shared.domain.errors import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    SecretUnavailable,
    StorageUnavailable,
)
from shared.usecases.connections.forms import ConnectionChanges, NewConnection
from shared.usecases.connections.views import ConnectionGlance, connection_version
from tests.fakes_stores import START
from tests.unit.connection_office import ADMIN, CONSENT, CONTRIBUTOR, VIEWER, Office


class BrokenRecords:
    def add(self, record_id: str, record: object) -> str:
        raise StorageUnavailable("The table cannot be reached.")


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


def test_a_secret_that_exists_can_be_used_and_is_not_written(office):
    office.vault.secrets["theirs"] = "right-key"
    connection = office.connected(secret_name="theirs")
    assert connection.status is ConnectionStatus.CONNECTED
    assert (connection.secret_name, connection.secret_owned) == ("theirs", False)
    assert office.vault.secrets == {"theirs": "right-key"}


def test_a_secret_that_does_not_exist_is_refused_and_nothing_is_stored(office):
    with pytest.raises(Invalid) as raised:
        office.add(secret_name="missing")
    assert [error["pointer"] for error in raised.value.errors] == ["/secret_name"]
    assert office.connections.list(ADMIN) == []


@pytest.mark.parametrize("key", [" ", "clé", "a\nb", "a\0b"])
def test_a_text_that_is_no_key_is_refused(office, key):
    with pytest.raises(Invalid):
        office.add(api_key=key)
    assert (office.vault.secrets, office.connections.list(ADMIN)) == ({}, [])


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
        {"api_key": "a", "shared_with": "everybody"},
        {"api_key": "a", "export_user": "Ada"},
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
    assert office.connections.list(ADMIN) == []


def test_no_key_stays_behind_when_the_connection_cannot_be_stored(office):
    office.stores.connections = BrokenRecords()
    with pytest.raises(StorageUnavailable):
        office.add()
    assert office.vault.secrets == {}


def test_a_connection_is_for_administrators_unless_it_is_shared(office):
    assert office.add().shared_with is Sharing.ADMINISTRATORS
    assert office.shared().shared_with is Sharing.CONTRIBUTORS


def test_who_adds_a_connection_is_recorded_and_becomes_its_export_user_unless_unwanted(office):
    connection = office.add()
    assert (connection.created_by, connection.updated_by, connection.export_user.name) == ("admin",) * 3
    assert (connection.export_user.added_at, connection.key_set_at) == (START, START)
    assert office.add(export_user=False).export_user is None


def test_an_agreement_to_another_version_of_the_text_is_refused(office):
    with pytest.raises(Invalid) as raised:
        office.add(consent={**CONSENT, "version": "0"})
    assert [error["pointer"] for error in raised.value.errors] == ["/consent/version"]


@pytest.mark.parametrize("name", ["segpilot-connection-abc", "SEGPILOT-x"])
def test_a_secret_of_segpilots_own_cannot_be_taken_for_another_connection(office, name):
    office.vault.secrets[name] = "right-key"
    with pytest.raises(Invalid) as raised:
        office.add(secret_name=name)
    assert [error["pointer"] for error in raised.value.errors] == ["/secret_name"]


def test_a_secret_that_may_not_be_read_is_no_mistake_of_the_callers(office):
    office.vault.secrets["theirs"] = "right-key"
    office.vault.forbidden.add("theirs")
    with pytest.raises(SecretUnavailable):
        office.add(secret_name="theirs")


def test_name_sharing_and_limits_can_be_changed_and_what_is_absent_stays(office):
    connection = office.add(max_calls_per_s=3, max_profiles_per_run=10)
    office.clock.advance(60)
    changed = office.edit(connection, display_name="Theirs", shared_with="contributors", max_calls_per_s=None)
    assert (changed.display_name, changed.shared_with) == ("Theirs", Sharing.CONTRIBUTORS)
    assert (changed.max_calls_per_s, changed.max_profiles_per_run) == (None, 10)
    assert (changed.created_at, changed.updated_at) == (START, office.clock.now)
    assert changed.secret_name == connection.secret_name


@pytest.mark.parametrize(
    "wrong",
    [
        {"display_name": " "},
        {"max_calls_per_s": -1},
        {"max_profiles_per_run": 0},
        {"api_key": "a"},
        {"status": "Connected"},
    ],
)
def test_a_change_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        ConnectionChanges.model_validate(wrong)


def test_a_change_cannot_raise_the_limit_of_the_app(office):
    with pytest.raises(Invalid) as raised:
        office.edit(office.add(), max_profiles_per_run=1_001)
    assert [error["pointer"] for error in raised.value.errors] == ["/max_profiles_per_run"]


def test_a_change_of_what_somebody_else_changed_meanwhile_is_refused(office):
    connection = office.add()
    office.edit(connection, display_name="First")
    with pytest.raises(PreconditionFailed):
        office.edit(connection, display_name="Second")
    with pytest.raises(PreconditionRequired):
        office.connections.edit(connection.id, ConnectionChanges(display_name="Third"), None, ADMIN)
    assert office.stored(connection).display_name == "First"
    office.connections.edit(connection.id, ConnectionChanges(display_name="Fourth"), "*", ADMIN)
    assert office.stored(connection).display_name == "Fourth"


def test_what_the_app_finds_out_does_not_stand_in_the_way_of_a_change(office):
    connection = office.add()
    office.clock.advance(60)
    office.connections.connect(connection.id, ADMIN)
    office.stores.connections.change(
        connection.id, lambda present: present.model_copy(update={"learnt": {"list_in_bulk": True}})
    )
    assert office.edit(connection, display_name="New").display_name == "New"


def test_exports_stay_when_their_connection_is_no_longer_shared(office):
    connection = office.shared()
    export = office.export(connection)
    office.edit(connection, shared_with="administrators")
    assert office.stores.exports.get(export.id).record == export


def test_the_export_user_is_the_caller_until_removed(office):
    connection = office.add(export_user=False)
    assert office.connections.add_export_user(connection.id, ADMIN).export_user.name == "admin"
    assert office.connections.remove_export_user(connection.id, ADMIN).export_user is None


def test_administrators_see_everything_and_how_many_exports_use_a_connection(office):
    connection = office.add()
    office.export(connection)
    office.export(connection, "export-2")
    seen = office.connections.get(connection.id, ADMIN)
    assert (seen.exports, seen.secret_name) == (2, connection.secret_name)
    assert office.connections.list(ADMIN) == [seen]


def test_contributors_see_name_and_type_of_what_is_shared_with_them_and_nothing_else(office):
    office.add(display_name="Hidden")
    shared = office.shared(display_name="Shared")
    glance = ConnectionGlance(id=shared.id, display_name="Shared", destination="autopilot")
    assert office.connections.list(CONTRIBUTOR) == [glance]
    assert office.connections.get(shared.id, CONTRIBUTOR) == glance
    assert set(glance.model_dump()) == {"id", "display_name", "destination"}


def test_what_somebody_may_not_use_is_not_shown(office):
    hidden, shared = office.add(), office.shared()
    assert office.connections.list(VIEWER) == []
    for connection, principal in ((hidden, CONTRIBUTOR), (hidden, VIEWER), (shared, VIEWER)):
        with pytest.raises(Forbidden):
            office.connections.get(connection.id, principal)
        with pytest.raises(Forbidden):
            office.connections.lists(connection.id, principal)


@pytest.mark.parametrize("principal", [CONTRIBUTOR, VIEWER], ids=["contributor", "viewer"])
def test_only_administrators_change_connections(office, principal):
    connection = office.shared()
    before, secrets = office.stored(connection), dict(office.vault.secrets)
    new = NewConnection.model_validate({"display_name": "Mine", "consent": CONSENT, "api_key": "k"})
    version = connection_version(connection)
    for attempt in (
        lambda: office.connections.add(new, principal),
        lambda: office.connections.edit(
            connection.id, ConnectionChanges(display_name="Mine"), version, principal
        ),
        lambda: office.connections.connect(connection.id, principal),
        lambda: office.connections.add_export_user(connection.id, principal),
        lambda: office.connections.remove_export_user(connection.id, principal),
    ):
        with pytest.raises(Forbidden):
            attempt()
    assert list(office.stores.connections.all()) == [before]
    assert office.vault.secrets == secrets


def test_what_is_not_there_is_not_found_whoever_asks(office):
    for principal in (ADMIN, CONTRIBUTOR, VIEWER):
        for attempt in (office.connections.get, office.connections.connect, office.connections.lists):
            with pytest.raises(NotFound):
                attempt("connection-none", principal)


def test_connections_are_sorted_by_any_column_both_ways(office):
    office.add(display_name="b")
    office.clock.advance(1)
    office.export(office.shared(display_name="A"))
    office.clock.advance(1)
    office.connections.connect(office.add(display_name="c").id, ADMIN)

    def order(sort: str) -> str:
        return "".join(view.display_name for view in office.connections.list(ADMIN, sort))

    assert {sort: order(sort) for sort in ("name", "-name", "created_at", "-created_at", "-updated_at")} == {
        "name": "Abc",
        "-name": "cbA",
        "created_at": "bAc",
        "-created_at": "cAb",
        "-updated_at": "cAb",
    }
    assert [
        order(sort) for sort in ("type", "status", "shared_with", "exports", "-exports", "created_by")
    ] == [
        "Abc",
        "cAb",
        "bcA",
        "bcA",
        "Abc",
        "Abc",
    ]


def test_there_is_no_sorting_by_what_is_not_seen(office):
    office.shared()
    assert len(office.connections.list(CONTRIBUTOR, "-name")) == 1
    for principal, sort in (
        (CONTRIBUTOR, "created_at"),
        (ADMIN, "secret_name"),
        (ADMIN, "--name"),
        (ADMIN, ""),
    ):
        with pytest.raises(Invalid):
            office.connections.list(principal, sort)


def test_every_change_is_recorded_with_who_made_it_and_without_the_key(office):
    connection = office.add(api_key="s3cr3t")
    office.edit(connection, display_name="New")
    office.connections.add_export_user(connection.id, ADMIN)
    office.connections.connect(connection.id, ADMIN)
    with pytest.raises(Forbidden):
        office.connections.connect(connection.id, VIEWER)
    audit = office.audit()
    assert [(entry["action"], entry["who"], entry["result"]) for entry in audit] == [
        ("connection.add", "admin", "done"),
        ("connection.edit", "admin", "done"),
        ("connection.add_export_user", "admin", "done"),
        ("connection.connect", "admin", "done"),
        ("connection.connect", "viewer", "refused"),
    ]
    assert {entry["subject"] for entry in audit} == {connection.id}
    assert audit[1]["changed"] == ["display_name"]
    assert "s3cr3t" not in str(audit)
