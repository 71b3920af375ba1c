"""Run orders of people: who may give them, run all, and retry rejects."""

import pytest

from shared.domain.access import Principal, Role
from shared.domain.connection import Sharing
from shared.domain.errors import Conflict, Forbidden, NotFound
from shared.domain.run import RunStatus, Trigger
from shared.pipeline import places
from shared.usecases.runs.orders import NewRun, PassedOver
from tests.unit.run_office import ADA, Office

CARL, VERA = Principal("Carl", Role.CONTRIBUTOR), Principal("Vera", Role.VIEWER)


def ended(office: Office, *refused: str) -> str:
    """A run that has ended, with people of these segments that could be tried again; its id."""
    run = office.order()
    office.change(run.id, status=RunStatus.SUCCESSFUL_WITH_REJECTS, ended_at=office.clock())
    for name in refused:
        office.state.write(places.retry_set(run.id, name), b"x")
    return run.id


@pytest.mark.parametrize(
    ("principal", "sharing", "may"),
    [
        (ADA, Sharing.ADMINISTRATORS, True),
        (CARL, Sharing.CONTRIBUTORS, True),
        (CARL, Sharing.ADMINISTRATORS, False),
        (VERA, Sharing.CONTRIBUTORS, False),
    ],
)
def test_who_may_use_the_connection_may_run_the_export_and_retry_its_rejects(principal, sharing, may):
    office = Office("vip")
    office.connect(sharing=sharing)
    failed = ended(office, "vip")
    for order in (
        lambda: office.orders.on_demand("export-1", NewRun(), principal),
        lambda: office.orders.on_demand("export-1", NewRun(dry=True), principal),
        lambda: office.orders.retry_rejects(failed, principal),
    ):
        if may:
            assert order().requested_by == principal.name
        else:
            with pytest.raises(Forbidden):
                order()


def test_what_is_not_there_is_not_found_whoever_asks():
    office = Office("vip")
    for order in (
        lambda: office.orders.on_demand("export-2", NewRun(), VERA),
        lambda: office.orders.retry_rejects("run-1", VERA),
    ):
        with pytest.raises(NotFound):
            order()


def test_orders_are_audited_with_their_end():
    office = Office("vip")
    office.connect()
    run_id = ended(office, "vip")
    with pytest.raises(Forbidden):
        office.orders.on_demand("export-1", NewRun(), VERA)
    office.orders.retry_rejects(run_id, CARL)
    office.orders.run_all(CARL)
    assert office.audited() == [
        ("export.run", "export-1", "Ada", "done"),
        ("export.run", "export-1", "Vera", "refused"),
        ("run.retry", run_id, "Carl", "done"),
        ("export.run_all", None, "Carl", "done"),
    ]


def test_run_all_runs_what_is_active_and_says_why_it_passed_over_the_rest():
    office = Office("vip")
    office.connect()
    office.connect("connection-2", Sharing.ADMINISTRATORS)
    export = office.stores.exports.get("export-1").record
    for number, changes in enumerate(
        [
            {"active": False},
            {"connection_id": None},
            {"connection_id": "connection-2"},
            {"segments": export.segments[1:]},
        ],
        start=2,
    ):
        other = export.model_copy(update={"id": f"export-{number}", "name": f"No. {number}", **changes})
        office.stores.exports.add(other.id, other)
    outcome = office.orders.run_all(CARL)
    [run] = outcome.runs
    assert (run.export_id, run.trigger, run.requested_by) == ("export-1", Trigger.RUN_ALL, "Carl")
    assert outcome.passed_over == (
        PassedOver(export_id="export-2", export_name="No. 2", reason="It is not active."),
        PassedOver(export_id="export-3", export_name="No. 3", reason="The export 'No. 3' has no connection."),
        PassedOver(
            export_id="export-4",
            export_name="No. 4",
            reason="The connection 'Ours' is for administrators only.",
        ),
        PassedOver(
            export_id="export-5",
            export_name="No. 5",
            reason="No file has arrived yet for the segments of 'No. 5': churn.",
        ),
    )
    assert {run.export_id for run in office.orders.run_all(ADA).runs} == {"export-1", "export-4"}


def test_viewers_may_not_run_all():
    with pytest.raises(Forbidden):
        Office("vip").orders.run_all(VERA)


def test_a_repeated_request_to_run_all_gives_the_same_runs_and_another_person_gets_others():
    office = Office("vip")
    office.connect()
    [first] = office.orders.run_all(CARL, "key").runs
    office.clock.advance(60)
    assert office.orders.run_all(CARL, "key").runs == (first,)
    assert office.orders.run_all(ADA, "key").runs != (first,)
    assert office.orders.run_all(CARL).runs != (first,)


def test_retrying_rejects_sends_those_segments_that_have_some_as_they_are_now():
    office = Office("vip", "churn")
    run_id = ended(office, "vip")
    office.arrive("vip", "2")
    retried = office.orders.retry_rejects(run_id, ADA)
    assert (retried.trigger, retried.retries, retried.attempt) == (Trigger.RETRY, run_id, 1)
    assert [(segment.name, segment.snapshot_id) for segment in retried.segments] == [("vip", "vip-2")]
    assert retried.warnings == ()


def test_rejects_may_be_retried_twice_but_one_request_is_one_run():
    office = Office("vip")
    run_id = ended(office, "vip")
    first = office.orders.retry_rejects(run_id, ADA, "key")
    assert office.orders.retry_rejects(run_id, ADA, "key") == first
    assert office.orders.retry_rejects(run_id, ADA).id != first.id


def test_rejects_cannot_be_retried_before_the_end_nor_without_any_nor_over_another_connection():
    office = Office("vip")
    going_on, clean, moved = office.order().id, ended(office), ended(office, "vip")
    for run_id, reason in ((going_on, "run-not-ended"), (clean, "nothing-to-retry")):
        with pytest.raises(Conflict) as raised:
            office.orders.retry_rejects(run_id, ADA)
        assert raised.value.reason == reason
    for connection_id in ("connection-2", None):
        office.edit(connection_id=connection_id)
        with pytest.raises(Conflict) as raised:
            office.orders.retry_rejects(moved, ADA)
        assert raised.value.reason == "connection-changed"


def test_a_segment_that_the_export_no_longer_carries_is_not_retried():
    office = Office("vip", "churn")
    run_id = ended(office, "vip")
    office.edit(segments=office.stores.exports.get("export-1").record.segments[1:])
    with pytest.raises(Conflict) as raised:
        office.orders.retry_rejects(run_id, ADA)
    assert raised.value.reason == "nothing-to-retry"
