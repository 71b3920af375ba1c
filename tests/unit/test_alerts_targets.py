"""Receivers of alerts: for administrators, audited, and with nothing secret that comes back."""

import orjson
import pytest
from pydantic import ValidationError

from shared.domain.access import Principal, Role
from shared.domain.connection import AlertShape
from shared.domain.errors import Forbidden, Invalid, NotFound, SecretUnavailable
from shared.domain.run import RunStatus
from shared.usecases.alerts.targets import NewAlertTarget
from tests.unit.alert_office import ADA, URL, AlertOffice

SECRET = "segpilot-connection-1-alert"
OTHERS = [Principal("Carlos", Role.CONTRIBUTOR), Principal("Viorica", Role.VIEWER)]


@pytest.fixture
def office() -> AlertOffice:
    return AlertOffice(shape=None)


def audit(office: AlertOffice) -> list[dict]:
    return [
        orjson.loads(line)
        for name, data in office.logs.blobs.items()
        if name.startswith("audit/")
        for line in data.splitlines()
    ]


def test_address_and_key_are_in_the_vault_and_nowhere_else(office):
    added = office.set_target()
    assert orjson.loads(office.vault.secrets[SECRET]) == {"url": URL, "signing_key": added.signing_key}
    assert (added.host, added.added_by) == ("hooks.example", "Ada")
    kept = f"{office.stores.connections.rows} {office.logs.blobs} {office.targets.get('connection-1', ADA)!r}"
    assert "hooks.example" in kept
    assert "secret-token" not in kept
    assert added.signing_key not in kept


def test_the_address_does_not_show_when_a_request_is_printed():
    new = NewAlertTarget(url=URL)
    assert "secret-token" not in repr(new) + str(new) + new.model_dump_json()


@pytest.mark.parametrize("shape", [AlertShape.TEAMS, AlertShape.SLACK])
def test_only_the_generic_shape_has_a_signing_key(office, shape):
    assert office.set_target(shape=shape).signing_key is None


def test_every_setting_makes_a_new_key(office):
    assert len({office.set_target().signing_key for _ in range(3)}) == 3


def test_an_address_that_is_not_allowed_changes_nothing(office):
    office.set_target()
    before = dict(office.vault.secrets)
    with pytest.raises(Invalid):
        office.set_target(url="https://private.example/")
    assert office.vault.secrets == before
    assert office.targets.get("connection-1", ADA).host == "hooks.example"


@pytest.mark.parametrize("wrong", [{}, {"url": ""}, {"url": URL, "shape": "pager"}, {"url": URL, "more": 1}])
def test_a_request_that_makes_no_sense_is_refused_without_repeating_the_address(wrong):
    with pytest.raises(ValidationError):
        NewAlertTarget.model_validate(wrong)


def test_a_new_receiver_hears_of_what_is_not_well_yet(office):
    office.set_target()
    office.note(RunStatus.FAILED, "run-1")
    office.set_target(url="https://new.example/")
    office.note(RunStatus.FAILED, "run-2")
    assert [heard.url for heard in office.receivers.heard] == [URL, "https://new.example/"]


def test_what_became_of_the_last_alert_is_shown(office):
    office.set_target()
    assert office.targets.get("connection-1", ADA).last_delivery is None
    office.note(RunStatus.FAILED)
    view = office.targets.get("connection-1", ADA)
    assert (view.waiting, view.last_delivery.delivered_at, view.last_delivery.problem) == (
        0,
        office.clock(),
        None,
    )
    office.receivers.trouble = "no answer"
    office.clock.advance(1)
    office.note(RunStatus.SUCCESSFUL, "run-2")
    view = office.targets.get("connection-1", ADA)
    assert (view.waiting, view.last_delivery.delivered_at, view.last_delivery.problem) == (
        1,
        None,
        "no answer",
    )


def test_removing_a_receiver_removes_its_address(office):
    office.set_target()
    office.targets.remove("connection-1", ADA)
    assert office.vault.secrets == {}
    for again in (office.targets.remove, office.targets.get, office.targets.try_out):
        with pytest.raises(NotFound):
            again("connection-1", ADA)


def test_a_receiver_stays_while_its_address_cannot_be_removed_so_that_it_can_be_tried_again(office):
    office.set_target()
    office.vault.silent = True
    with pytest.raises(SecretUnavailable):
        office.targets.remove("connection-1", ADA)
    office.vault.silent = False
    office.targets.remove("connection-1", ADA)
    assert office.vault.secrets == {}


def test_nothing_stays_in_the_vault_for_a_connection_that_was_removed_meanwhile(office):
    store = office.vault.store

    def store_too_late(name: str, value: str) -> None:
        store(name, value)
        office.stores.connections.remove("connection-1")

    office.vault.store = store_too_late
    with pytest.raises(NotFound):
        office.set_target()
    assert office.vault.secrets == {}


def test_a_test_alert_tells_what_the_receiver_said(office):
    office.set_target()
    trial = office.targets.try_out("connection-1", ADA)
    assert (trial.delivered, trial.status, trial.duration_ms, trial.problem) == (True, 200, 5, None)
    assert office.events == ["test"]
    office.receivers.trouble = "hooks.example answered with status 503."
    trial = office.targets.try_out("connection-1", ADA)
    assert (trial.delivered, trial.status, trial.problem) == (False, 503, office.receivers.trouble)
    assert office.alerts == []


@pytest.mark.parametrize("principal", OTHERS, ids=lambda principal: principal.role)
def test_nobody_but_administrators_sees_or_changes_receivers(office, principal):
    office.set_target()
    kept = dict(office.vault.secrets)
    for attempt in (
        lambda: office.targets.set("connection-1", NewAlertTarget(url=URL), principal),
        lambda: office.targets.get("connection-1", principal),
        lambda: office.targets.remove("connection-1", principal),
        lambda: office.targets.try_out("connection-1", principal),
    ):
        with pytest.raises(Forbidden):
            attempt()
    assert (office.vault.secrets, office.events) == (kept, [])


def test_every_change_and_every_attempt_is_audited(office):
    office.set_target()
    office.targets.try_out("connection-1", ADA)
    office.targets.remove("connection-1", ADA)
    with pytest.raises(Forbidden):
        office.targets.remove("connection-1", OTHERS[1])
    entries = [(entry["action"], entry["who"], entry["result"]) for entry in audit(office)]
    assert entries == [
        ("alert.edit", "Ada", "done"),
        ("alert.test", "Ada", "done"),
        ("alert.remove", "Ada", "done"),
        ("alert.remove", "Viorica", "refused"),
    ]
    assert {entry["subject"] for entry in audit(office)} == {"connection-1"}
