"""Run orders: what starts a run, and what it is told to do."""

from datetime import timedelta

import pytest

from shared.domain.errors import Conflict, NotFound
from shared.domain.run import Plan, RunStatus, Trigger
from shared.domain.schedule import Schedule
from shared.pipeline import places
from shared.usecases.runs.orders import NewRun
from tests.fakes_stores import START
from tests.unit.run_office import ADA, Office


def test_a_run_on_demand_takes_all_segments_that_have_arrived_and_warns_of_the_others():
    office = Office("vip")
    run = office.order()
    assert [(segment.name, segment.list_title, segment.snapshot_id) for segment in run.segments] == [
        ("vip", "Our best", "vip-1")
    ]
    assert "churn" in run.warnings[0]
    assert (run.trigger, run.requested_by, run.status) == (Trigger.ON_DEMAND, "Ada", RunStatus.QUEUED)


def test_a_request_key_is_for_one_kind_of_run_and_an_empty_one_for_none():
    office = Office("vip")
    dry = office.order("key", dry=True)
    assert office.order("key", dry=True).id == dry.id
    with pytest.raises(Conflict, match="another kind of run"):
        office.order("key")
    assert office.order("").id != office.order("").id


def test_what_a_run_does_is_frozen_when_it_is_created():
    office = Office("vip")
    run = office.order()
    office.arrive("vip", "2")
    office.stores.exports.change(
        "export-1", lambda export: export.model_copy(update={"email_column": "Other"})
    )
    plan = Plan.model_validate_json(office.state.read(places.plan(run.id)))
    assert plan.export.email_column == "EMail"
    assert plan.snapshot("vip").id == "vip-1"


def test_segments_may_be_chosen_of_those_that_the_export_carries():
    office = Office("vip", "churn")
    assert [segment.name for segment in office.order(segments=["churn"]).segments] == ["churn"]
    with pytest.raises(Conflict) as raised:
        office.order(segments=["churn", "other"])
    assert "'other'" in raised.value.message


def test_of_segments_that_were_not_chosen_nothing_is_said():
    office = Office("vip")
    assert office.order(segments=["vip"]).warnings == ()
    assert len(office.order(segments=["vip", "churn"]).warnings) == 1


def test_a_run_says_as_whom_it_runs_and_whether_it_is_dry():
    office = Office("vip")
    office.connect()
    run = office.order(dry=True)
    assert (run.run_as, run.dry) == ("Eve", True)
    assert office.stores.standings.find("export-1") is None


def test_an_inactive_export_runs_on_demand_and_a_detached_one_not_at_all():
    office = Office("vip")
    office.edit(active=False)
    assert office.order().status is RunStatus.QUEUED
    office.edit(connection_id=None)
    with pytest.raises(Conflict) as raised:
        office.order()
    assert raised.value.reason == "no-connection"


def test_a_repeated_request_gets_its_run_although_the_export_was_detached_since():
    office = Office("vip")
    run = office.order("key-1")
    office.edit(connection_id=None)
    assert office.order("key-1") == run


def test_nothing_can_be_run_before_a_file_has_arrived():
    with pytest.raises(Conflict) as raised:
        Office().order()
    assert raised.value.reason == "segment-not-arrived"
    assert "vip/" in raised.value.remedy


def test_an_export_that_does_not_exist_cannot_be_run():
    with pytest.raises(NotFound):
        Office("vip").orders.on_demand("export-2", NewRun(), ADA)


def test_two_requests_are_two_runs_even_in_the_same_second():
    office = Office("vip")
    assert office.order().id != office.order().id


def test_the_same_request_key_gives_the_same_run_whenever_it_is_repeated():
    office = Office("vip")
    first = office.order("key-1")
    office.clock.advance(3_600)
    office.arrive("vip", "2")
    assert office.order("key-1") == first
    assert office.order("key-2").id != first.id
    assert len(office.stores.runs.rows) == 2


def test_the_same_snapshot_starts_one_run_per_export_that_carries_it():
    office = Office()
    vip, churn, other = office.arrive("vip"), office.arrive("churn"), office.arrive("other")
    first = office.orders.for_arrival([vip, churn, other])
    office.clock.advance(60)
    assert office.orders.for_arrival([churn]) == [first[1]]
    assert [[segment.name for segment in run.segments] for run in first] == [["vip"], ["churn"]]
    assert [run.warnings for run in first] == [(), ()]


@pytest.mark.parametrize(
    "changes",
    [
        {"active": False},
        {"connection_id": None},
        {"schedule": Schedule(recurrence="daily", times=["09:00"])},
    ],
)
def test_an_arrival_starts_only_exports_that_follow_the_refresh_and_are_in_service(changes):
    office = Office()
    office.edit(**changes)
    assert office.orders.for_arrival([office.arrive("vip")]) == []


def test_an_arrival_after_a_run_has_ended_does_not_start_it_again():
    office = Office()
    vip = office.arrive("vip")
    [run] = office.orders.for_arrival([vip])
    office.change(run.id, status=RunStatus.SUCCESSFUL)
    [again] = office.orders.for_arrival([vip])
    assert (again.id, again.status) == (run.id, RunStatus.SUCCESSFUL)


def test_a_slot_of_the_schedule_starts_one_run_per_export_with_files():
    office = Office("vip")
    slot = START + timedelta(hours=2)
    [first] = office.refresh(slot)
    assert office.refresh(slot) == [first]
    assert first.trigger is Trigger.REFRESH
    [second] = office.refresh(slot + timedelta(days=1))
    assert second.id != first.id
    assert Office().refresh(slot) == []


def test_of_two_creators_of_a_run_the_first_plan_counts_for_both():
    office, slot = Office("vip"), START + timedelta(hours=2)
    [first] = office.refresh(slot)
    office.stores.runs.remove(first.id)
    office.arrive("vip", "2")
    [second] = office.refresh(slot)
    assert second.id == first.id
    assert [segment.snapshot_id for segment in second.segments] == ["vip-1"]
