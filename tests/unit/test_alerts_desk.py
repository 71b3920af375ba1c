"""Alerts: one per change of state, none lost, none twice, in order, and never a reason to fail."""

import pytest

from shared.domain.errors import StorageUnavailable
from shared.domain.run import RunStatus
from shared.domain.standing import Condition
from tests.unit.alert_office import AlertOffice, approval, run

FAILED, WELL = RunStatus.FAILED, RunStatus.SUCCESSFUL
PARTIAL, WAITING = RunStatus.SUCCESSFUL_WITH_REJECTS, RunStatus.WAITING_FOR_APPROVAL


@pytest.fixture
def office() -> AlertOffice:
    return AlertOffice()


@pytest.mark.parametrize(
    ("statuses", "events"),
    [
        ([WELL], []),
        ([FAILED], ["run.failed"]),
        ([FAILED, FAILED, FAILED], ["run.failed"]),
        ([FAILED, WELL, WELL], ["run.failed", "run.recovered"]),
        ([FAILED, WELL, FAILED], ["run.failed", "run.recovered", "run.failed"]),
        ([PARTIAL, PARTIAL, WELL], ["run.partial", "run.recovered"]),
        ([FAILED, PARTIAL, FAILED], ["run.failed", "run.partial", "run.failed"]),
        ([WAITING, WELL], ["run.approval_needed", "run.recovered"]),
        ([WAITING, WAITING], ["run.approval_needed"] * 2),
        ([FAILED, RunStatus.SKIPPED, FAILED], ["run.failed"]),
        ([FAILED, RunStatus.CANCELED, WELL], ["run.failed", "run.recovered"]),
        ([RunStatus.CANCELED, RunStatus.SKIPPED, RunStatus.PROCESSING, RunStatus.QUEUED], []),
    ],
)
def test_each_change_of_state_is_told_once(office, statuses, events):
    for number, status in enumerate(statuses):
        office.clock.advance(60)
        office.note(status, f"run-{number}")
    assert office.events == events


@pytest.mark.parametrize("status", RunStatus)
def test_a_dry_run_tells_nothing_and_changes_nothing(office, status):
    office.note(status, dry=True)
    assert (office.events, office.stores.standings.find("export-1")) == ([], None)


def test_a_run_that_is_noted_twice_is_told_once(office):
    for _ in range(2):
        office.note(FAILED)
    for _ in range(2):
        office.note(WAITING, "run-2")
    assert office.events == ["run.failed", "run.approval_needed"]


def test_a_run_that_asks_again_is_told_again(office):
    office.note(WAITING)
    office.note(WAITING, approval=approval(2))
    assert office.events == ["run.approval_needed"] * 2


def test_a_failure_that_is_tried_again_is_told_only_when_the_last_attempt_fails(office):
    office.retry_later("run-1")
    office.note(FAILED, "run-1")
    assert office.events == []
    office.note(FAILED, "run-2", attempt=2)
    assert office.events == ["run.failed"]
    assert "2 times" in office.receivers.heard[0].document["message"]


def test_a_failure_that_mends_itself_is_never_told(office):
    office.retry_later("run-1")
    office.note(FAILED, "run-1")
    office.note(WELL, "run-2", attempt=2)
    assert office.events == []


def test_a_connection_that_needs_attention_and_works_again_is_told_once_each(office):
    for problem in (None, "The key was refused.", "The key was refused.", None, None):
        office.desk.note_connection("connection-1", problem)
    assert office.events == ["connection.needs_attention", "connection.recovered"]
    assert office.receivers.heard[0].document["message"] == "The key was refused."


def test_a_connection_and_its_exports_have_states_of_their_own(office):
    office.desk.note_connection("connection-1", "The key was refused.")
    office.note(FAILED)
    office.desk.note_connection("connection-1", None)
    assert office.events == ["connection.needs_attention", "run.failed", "connection.recovered"]


@pytest.mark.parametrize("connection_id", ["connection-2", "connection-removed"])
def test_nothing_is_stored_for_a_connection_without_a_receiver(office, connection_id):
    office.note(FAILED, connection_id=connection_id)
    office.desk.note_connection(connection_id, "The key was refused.")
    assert (office.alerts, list(office.stores.standings.all())) == ([], [])


def test_an_alert_holds_neither_names_of_people_nor_their_addresses(office):
    failure = run(FAILED).failure.model_copy(update={"message": "Autopilot refused ana@example.com."})
    office.note(FAILED, failure=failure)
    office.desk.note_connection("connection-1", "It was 'ana@example.com' again.")
    text = b"".join(heard.body for heard in office.receivers.heard).decode()
    assert "@" not in text
    assert "Autopilot refused ***" in text


def test_an_alert_that_was_lost_on_the_way_is_made_again_by_whoever_repeats_the_step(office):
    class Crash(BaseException):
        pass

    def crash(*_: object) -> None:
        raise Crash

    office.stores.standings.upsert, upsert = crash, office.stores.standings.upsert
    with pytest.raises(Crash):
        office.note(FAILED)
    assert office.events == []
    office.stores.standings.upsert = upsert
    office.note(FAILED)
    assert office.events == ["run.failed"]
    assert len(office.alerts) == 1


def test_two_runs_that_fail_at_the_same_time_are_told_once(office):
    add = office.stores.alerts.add

    def note_the_other_first(record_id: str, record: object) -> str:
        office.stores.alerts.add = add
        office.note(FAILED, "run-2")
        return add(record_id, record)

    office.stores.alerts.add = note_the_other_first
    office.note(FAILED, "run-1")
    assert office.events == ["run.failed"]
    assert office.stores.standings.get("export-1").record.condition is Condition.FAILED


def test_what_does_not_get_through_is_kept_and_tried_again(office):
    office.receivers.trouble = "hooks.example answered with status 503."
    office.note(FAILED)
    [alert] = office.alerts
    assert (alert.tries, alert.sent_at, alert.problem) == (1, None, office.receivers.trouble)
    office.receivers.trouble = None
    office.pass_minutes(1)
    [alert] = office.alerts
    assert (alert.tries, alert.sent_at, alert.problem) == (2, office.clock(), None)
    office.pass_minutes(90)
    assert office.events == ["run.failed"]


def test_the_pauses_between_tries_double_up_to_an_hour_and_end_after_a_day(office):
    office.receivers.trouble = "no answer"
    office.note(FAILED)
    tried = []
    for minute in range(1, 25 * 60):
        before = office.alerts[0].tries
        office.pass_minutes(1)
        if office.alerts[0].tries > before:
            tried.append(minute)
    assert tried[:8] == [1, 3, 7, 15, 31, 63, 123, 183]
    assert tried[-1] < 24 * 60 <= tried[-1] + 60
    assert office.alerts[0].problem == "no answer"


def test_every_try_sends_the_same(office):
    office.receivers.trouble = "no answer"
    office.note(FAILED)
    office.receivers.trouble = None
    office.stores.runs.rows.clear()
    office.stores.exports.remove("export-1")
    office.pass_minutes(1)
    heard = office.receivers.heard[0]
    assert heard.document["export"] == {"id": "export-1", "name": "Weekly"}
    assert heard.headers["X-Segpilot-Delivery"] == office.alerts[0].id == heard.document["id"]


def test_alerts_arrive_in_the_order_in_which_things_happened(office):
    office.receivers.trouble = "no answer"
    office.note(FAILED, "run-1")
    office.clock.advance(30)
    office.note(WELL, "run-2")
    office.receivers.trouble = None
    office.clock.advance(5)
    office.note(FAILED, "run-3")
    assert office.events == ["run.failed", "run.recovered", "run.failed"]


def test_trouble_with_one_receiver_does_not_hold_up_another(office):
    office.set_target("connection-2", url="https://other.example/")
    office.receivers.trouble = "no answer"
    office.note(FAILED)
    office.desk.note_connection("connection-2", "The key was refused.")
    office.vault.secrets.pop("segpilot-connection-1-alert")
    office.receivers.trouble = None
    office.pass_minutes(1)
    assert office.events == ["connection.needs_attention"]
    assert "segpilot-connection-1-alert" in office.alerts[0].problem


def test_alerts_that_wait_for_a_receiver_that_was_removed_are_dropped(office):
    office.receivers.trouble = "no answer"
    office.note(FAILED)
    office.stores.connections.change(
        "connection-1", lambda present: present.model_copy(update={"alert": None})
    )
    office.pass_minutes(1)
    assert office.alerts == []


def test_old_alerts_are_forgotten(office):
    office.note(FAILED)
    office.clock.advance(29 * 86_400)
    office.desk.deliver_due(office.clock())
    assert len(office.alerts) == 1
    office.clock.advance(2 * 86_400)
    office.desk.deliver_due(office.clock())
    assert office.alerts == []


def test_no_trouble_of_storage_or_vault_reaches_those_who_note(office):
    office.vault.silent = True
    office.note(FAILED)
    assert "vault" in office.alerts[0].problem

    def fail(*_: object) -> None:
        raise StorageUnavailable("The table cannot be reached.")

    office.stores.connections.find = office.stores.alerts.all = fail
    office.note(WELL)
    office.desk.note_connection("connection-1", "The key was refused.")
    office.desk.deliver_due(office.clock())


def test_a_secret_that_somebody_else_wrote_is_a_problem_of_the_delivery(office):
    office.vault.secrets["segpilot-connection-1-alert"] = "https://hooks.example/T0/secret-token"
    office.note(FAILED)
    assert "secret-token" not in office.alerts[0].problem
    assert "not what Segpilot wrote" in office.alerts[0].problem
