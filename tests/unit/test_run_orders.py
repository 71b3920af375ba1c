"""Run orders: what starts a run, and what it is told to do."""

from datetime import timedelta

import pytest

from shared.domain.errors import Conflict, NotFound
from shared.domain.run import Plan, RunStatus, Trigger
from shared.pipeline import places
from shared.usecases.run_orders import NewRun
from shared.usecases.runs import is_unstarted
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
    assert is_unstarted(run)


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


def test_an_arrival_after_a_run_has_ended_does_not_start_it_again():
    office = Office()
    vip = office.arrive("vip")
    [run] = office.orders.for_arrival([vip])
    office.change(run.id, status=RunStatus.SUCCESSFUL)
    [again] = office.orders.for_arrival([vip])
    assert not is_unstarted(again)


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
