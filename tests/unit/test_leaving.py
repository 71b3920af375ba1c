"""Runs that take people off lists: who goes, who stays because somebody else wants them, and what is remembered."""

import pytest

from shared.domain.errors import Refused, Unavailable
from shared.domain.export import Leavers, SegmentChoice, TripWire
from shared.domain.run import RunStatus, Stage
from shared.pipeline import places
from shared.pipeline.erasure.sent_traces import was_sent
from shared.pipeline.leaving import drop_still_wanted
from shared.pipeline.steps.finish import FinishTask, finish
from shared.pipeline.steps.guard import GuardTask, guard
from shared.pipeline.steps.prepare import PrepareTask, prepare
from shared.pipeline.steps.push import push
from shared.usecases.runs.orders import NewRun
from tests.unit.plant import ADA, Plant, people

NEVER = TripWire(max_removals_share=None)


def make_plant(*segments: str, shared_list: bool = False) -> Plant:
    plant = Plant(*segments)
    plant.edit(leavers=Leavers.REMOVE, trip_wire=NEVER)
    if shared_list:
        plant.edit(segments=tuple(SegmentChoice(name=name, list_name="all") for name in segments))
    return plant


def run(plant: Plant, **arrivals: list[str]):
    for segment, addresses in arrivals.items():
        plant.arrive(segment, *addresses)
    return plant.run_to_end(plant.order())


def test_who_has_left_is_taken_off_the_list_and_stays_a_contact():
    plant = make_plant()
    run(plant, vip=people(5))
    finished = run(plant, vip=people(2))
    assert (finished.status, finished.counts.leavers, finished.counts.removed) == (RunStatus.SUCCESSFUL, 3, 3)
    assert plant.members("vip") == set(people(2))
    assert set(plant.destination.contacts) == set(people(5))
    assert run(plant).counts.leavers == 0


def test_leavers_stay_unless_the_export_says_otherwise():
    plant = make_plant()
    plant.edit(leavers=Leavers.KEEP)
    run(plant, vip=people(5))
    finished = run(plant, vip=people(2))
    assert (finished.counts.leavers, finished.counts.removed) == (3, 0)
    assert plant.members("vip") == set(people(5))
    plant.edit(leavers=Leavers.REMOVE)
    assert run(plant).counts.removed == 3


def test_who_comes_back_joins_again():
    plant = make_plant()
    for addresses in (people(3), people(1), people(3)):
        finished = run(plant, vip=addresses)
        assert plant.members("vip") == set(addresses)
    assert finished.counts.new == 2


def test_people_whom_somebody_else_put_on_the_list_stay():
    plant = make_plant()
    run(plant, vip=people(3))
    plant.members("vip").add("by-hand@example.com")
    run(plant, vip=people(1))
    assert plant.members("vip") == {"p0@example.com", "by-hand@example.com"}


def test_everybody_is_sent_before_anybody_is_taken_off():
    plant = make_plant()
    run(plant, vip=people(12))
    calls = []
    plant.destination.on_call = calls.append
    run(plant, vip=people(12, start=6))
    assert calls == ["lists", "push", "push", "remove"]


def test_a_person_who_cannot_be_taken_off_is_a_reject_and_tried_again_by_the_next_run():
    plant = make_plant()
    run(plant, vip=people(4))
    plant.destination.refused["p3@example.com"] = "whatever"
    plant.arrive("vip", *people(2))
    run_id = plant.order()
    finished = plant.run_to_end(run_id)
    assert (finished.status, finished.counts.removed) == (RunStatus.SUCCESSFUL_WITH_REJECTS, 1)
    assert finished.rejected == {"not_removed": 1}
    assert plant.rejects(run_id) == [["vip", "", "", "EMail", "not_removed", "p***@example.com"]]
    assert finished.counts.refused == 0
    assert plant.members("vip") == {*people(2), "p3@example.com"}
    plant.destination.refused.clear()
    assert run(plant).counts.removed == 1
    assert plant.members("vip") == set(people(2))


def test_somebody_who_has_left_one_segment_stays_for_the_other_with_the_same_list():
    plant = make_plant("vip", "churn", shared_list=True)
    run(plant, vip=people(4), churn=people(4, start=2))
    finished = run(plant, vip=people(1))
    assert (finished.counts.leavers, finished.counts.removed) == (1, 1)
    assert plant.members("all") == {"p0@example.com", *people(4, start=2)}
    assert run(plant, churn=[*people(1, start=2), "new@example.com"]).counts.removed == 3
    assert plant.members("all") == {"p0@example.com", "p2@example.com", "new@example.com"}


def test_somebody_who_moves_from_one_segment_to_the_other_stays_on_their_list():
    plant = make_plant("vip", "churn", shared_list=True)
    run(plant, vip=people(3), churn=people(1, start=5))
    calls = []
    plant.destination.on_call = calls.append
    moved = run(plant, vip=people(2), churn=[*people(1, start=5), "p2@example.com"])
    assert "remove" not in calls
    assert (moved.counts.leavers, moved.counts.removed, moved.counts.new) == (0, 0, 1)
    assert run(plant).counts.leavers == 0
    assert run(plant, churn=people(1, start=5)).counts.removed == 1
    assert plant.members("all") == {*people(2), "p5@example.com"}


def test_somebody_who_leaves_both_segments_is_taken_off():
    plant = make_plant("vip", "churn", shared_list=True)
    run(plant, vip=people(3), churn=people(3))
    run(plant, vip=people(2), churn=people(2))
    assert plant.members("all") == set(people(2))
    assert run(plant).counts.leavers == 0


def test_who_leaves_both_segments_halfway_and_comes_back_is_on_their_list_again():
    plant = make_plant("vip", "churn", shared_list=True)
    everybody = people(3)
    run(plant, vip=everybody, churn=everybody)
    plant.destination.faults["remove"] = [None, Refused("It said no.")]
    assert run(plant, vip=people(2), churn=people(2)).counts.removed == 1
    assert "p2@example.com" not in plant.members("all")
    run(plant, churn=everybody)
    assert plant.members("all") == set(everybody)


def test_somebody_whom_another_export_has_on_the_list_stays():
    plant = make_plant()
    other = plant.stores.exports.get("export-1").record.model_copy(
        update={"id": "export-2", "segments": (SegmentChoice(name="other", list_name="vip"),)}
    )
    plant.stores.exports.add("export-2", other)
    plant.arrive("other", "p2@example.com")
    run(plant, vip=people(3))
    plant.run_to_end(plant.orders.on_demand("export-2", NewRun(), ADA).id)
    assert run(plant, vip=people(1)).counts.removed == 1
    assert plant.members("vip") == {"p0@example.com", "p2@example.com"}
    plant.arrive("other", "someone@example.com")
    plant.run_to_end(plant.orders.on_demand("export-2", NewRun(), ADA).id)
    assert plant.members("vip") == {"p0@example.com", "someone@example.com"}


def test_other_lists_make_no_difference():
    plant = make_plant("vip", "churn")
    run(plant, vip=people(3), churn=people(3))
    assert run(plant, vip=people(1)).counts.removed == 2
    assert plant.members("churn") == set(people(3))


def test_finding_out_who_is_still_wanted_may_be_repeated():
    plant = make_plant("vip", "churn", shared_list=True)
    run(plant, vip=people(30), churn=people(4, start=2))
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    record = plant.run_of(run_id)
    once = drop_still_wanted(plant.context, record, staged)
    files = dict(plant.state.blobs)
    assert drop_still_wanted(plant.context, record, staged) == once
    assert drop_still_wanted(plant.context, record, once) == once
    assert plant.state.blobs == files
    assert (once[0].counts.leavers, once[0].leaver_chunks) == (25, 2)


def test_when_everybody_is_still_wanted_there_is_nothing_to_do():
    plant = make_plant("vip", "churn", shared_list=True)
    run(plant, vip=people(4), churn=people(4))
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    staged = drop_still_wanted(plant.context, plant.run_of(run_id), staged)
    assert (staged[0].counts.leavers, staged[0].leaver_chunks) == (0, 0)


@pytest.mark.parametrize("fault", [Refused("It said no."), Unavailable("It is away.")])
def test_who_was_taken_off_before_a_failure_is_off_the_ledger(fault):
    plant = make_plant()
    run(plant, vip=people(31))
    plant.destination.faults["remove"] = [None, fault]
    failed = run(plant, vip=people(1))
    assert (failed.status, failed.counts.removed) == (RunStatus.FAILED, 10)
    again = run(plant)
    assert (again.counts.leavers, again.counts.removed) == (20, 20)
    assert plant.members("vip") == {"p0@example.com"}


def test_a_run_that_takes_people_off_says_so_while_it_does():
    plant = make_plant()
    run(plant, vip=people(12))
    plant.arrive("vip", *people(1))
    run_id, stages = plant.order(), []
    plant.destination.on_call = lambda call: stages.append((call, plant.run_of(run_id).stage))
    plant.run_to_end(run_id)
    assert ("remove", Stage.REMOVING) in stages


def test_every_step_of_a_removal_may_be_repeated():
    plant = make_plant()
    run(plant, vip=people(8))
    plant.destination.refused["p7@example.com"] = "whatever"
    plant.arrive("vip", *people(2))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    for _ in range(2):
        guarded = guard(plant.context, GuardTask(run_id=run_id, staged=staged))
    for _ in range(2):
        prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=guarded.staged))
    for task in plant.tasks(run_id, guarded.staged, prepared):
        pushed = [push(plant.context, task) for _ in range(2)]
        assert [each.counts.removed for each in pushed] == [5, 5]
    task = FinishTask(run_id=run_id, staged=guarded.staged, complete=True)
    finished = finish(plant.context, task)
    assert (finished.counts.removed, finished.rejected) == (5, {"not_removed": 1})
    assert finish(plant.context, task) == finished


def test_whoever_was_taken_off_can_still_be_found_by_an_erasure():
    plant = make_plant("vip", "churn", shared_list=True)
    run(plant, vip=people(4), churn=people(2, start=1))
    assert not was_sent(plant.state, "connection-1", "p3@example.com")
    run(plant, vip=people(1))
    assert was_sent(plant.state, "connection-1", "p3@example.com")


def test_a_lost_ledger_is_a_new_baseline():
    plant = make_plant()
    run(plant, vip=people(3))
    plant.state.remove(plant.state.names(places.ALL_LEDGERS))
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    finished = plant.run_to_end(run_id)
    assert (finished.counts.leavers, finished.counts.sent) == (0, 1)
    assert any("new baseline" in warning for warning in plant.run_of(run_id).warnings)
    assert plant.members("vip") == set(people(3))


def test_the_first_run_to_a_list_that_was_there_before_is_no_new_baseline():
    plant = make_plant()
    plant.destination.create_list("vip")
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    plant.run_to_end(run_id)
    assert ["first run" in warning for warning in plant.run_of(run_id).warnings] == [True]
