"""Runs of one export that get the connection in another order than they were made in."""

import pytest

from shared.domain.export import Leavers, TripWire
from shared.domain.run import RunStatus
from shared.domain.segment import SnapshotMode
from shared.pipeline.steps.begin import Begun, begin
from shared.pipeline.steps.finish import FinishTask, finish
from shared.pipeline.steps.guard import GuardTask, guard
from shared.pipeline.steps.review import review
from tests.unit.plant import Plant, people


def make_plant(*segments: str) -> Plant:
    plant = Plant(*segments)
    plant.edit(leavers=Leavers.REMOVE, trip_wire=TripWire(max_removals_share=None))
    for segment in segments or ("vip",):
        plant.arrive(segment, *people(3))
    plant.run_to_end(plant.order())
    return plant


def order_after(plant: Plant) -> str:
    plant.clock.advance(60)
    return plant.order()


def test_an_older_file_is_not_exported_after_a_newer_one():
    plant = make_plant()
    plant.arrive("vip", *people(4), file_name="b.csv")
    older = order_after(plant)
    plant.arrive("vip", *people(6), file_name="c.csv")
    plant.run_to_end(order_after(plant))
    assert begin(plant.context, older) == Begun(overtaken=True)
    finish(plant.context, FinishTask(run_id=older, overtaken=True))
    assert plant.run_of(older).status is RunStatus.SKIPPED
    assert plant.members("vip") == set(people(6))
    assert plant.is_free()


def test_an_older_file_is_exported_when_the_newer_one_was_not():
    plant = make_plant()
    plant.arrive("vip", *people(4), file_name="b.csv")
    older = order_after(plant)
    plant.arrive("vip", *people(6), file_name="c.csv")
    newer = order_after(plant)
    plant.cancel(newer)
    finish(plant.context, FinishTask(run_id=newer))
    assert plant.run_to_end(older).counts.new == 1


def test_of_several_segments_only_those_with_something_newer_are_passed_over():
    plant = make_plant("vip", "churn")
    plant.arrive("vip", *people(4), file_name="b.csv")
    plant.arrive("churn", *people(5), file_name="b.csv")
    older = order_after(plant)
    plant.arrive("vip", *people(6), file_name="c.csv")
    plant.run_to_end(order_after(plant))
    finished = plant.run_to_end(older)
    assert finished.status is RunStatus.SUCCESSFUL
    assert (plant.members("vip"), plant.members("churn")) == (set(people(6)), set(people(5)))
    assert ["'vip' was passed over" in warning for warning in plant.run_of(older).warnings] == [True]


@pytest.mark.parametrize(
    ("older_mode", "newer_mode"),
    [(SnapshotMode.PARTIAL, SnapshotMode.PARTIAL), (SnapshotMode.FULL, SnapshotMode.DELTA)],
)
def test_what_a_newer_file_does_not_hold_is_exported_after_it(older_mode, newer_mode):
    plant = make_plant()
    plant.arrive("vip", *people(3), *people(2, start=10), file_name="b.csv", mode=older_mode)
    older = order_after(plant)
    plant.arrive("vip", *people(3, start=20), file_name="c.csv", mode=newer_mode)
    plant.run_to_end(order_after(plant))
    plant.run_to_end(older)
    assert plant.members("vip") >= set(people(2, start=10))


def test_a_part_of_a_segment_that_waits_for_approval_is_not_overtaken_by_another_part():
    plant = Plant()
    plant.edit(trip_wire=TripWire(max_rejects=1))
    plant.arrive("vip", "a", "b", mode=SnapshotMode.PARTIAL)
    run_id = plant.order()
    assert guard(plant.context, GuardTask(run_id=run_id, staged=plant.stage_all(run_id))).asked == 1
    plant.arrive("vip", *people(3), file_name="b.csv", mode=SnapshotMode.PARTIAL)
    order_after(plant)
    assert review(plant.context, run_id).wait_s
