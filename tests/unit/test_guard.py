"""Between reading and sending: a run that asks a person, and what becomes of it."""

import json

import pytest

from shared.domain.destination import Stopped
from shared.domain.export import Leavers, TripWire
from shared.domain.run import Decision, RunStatus, Stage
from shared.pipeline import places
from shared.pipeline.steps.begin import begin
from shared.pipeline.steps.finish import Finished, FinishTask, finish
from shared.pipeline.steps.guard import Guarded, GuardTask, guard
from shared.pipeline.steps.review import Reviewed, review
from shared.pipeline.steps.stage_segment import StageTask, stage_segment
from shared.usecases.runs.runs import Verdict
from tests.unit.plant import ADA, Plant, people

WEEK_S = 7 * 86_400


def read(plant: Plant, run_id: str) -> Guarded:
    return guard(plant.context, GuardTask(run_id=run_id, staged=plant.stage_all(run_id)))


def filled(people_on_list: int = 40, *segments: str) -> Plant:
    """A plant whose lists have that many people, and whose export takes leavers off."""
    plant = Plant(*segments)
    plant.edit(leavers=Leavers.REMOVE)
    for name in segments or ("vip",):
        plant.arrive(name, *people(people_on_list))
    plant.run_to_end(plant.order())
    return plant


def asking(left: int = 10) -> tuple[Plant, str, Guarded]:
    """A plant with a run that waits, since only ``left`` of 40 people are in the file any more."""
    plant = filled()
    plant.arrive("vip", *people(left), "nobody")
    run_id = plant.order()
    return plant, run_id, read(plant, run_id)


def end(plant: Plant, run_id: str, guarded: Guarded, reviewed: Reviewed) -> Finished:
    """What the orchestration does when a wait has ended without an approval."""
    task = FinishTask(run_id=run_id, staged=guarded.staged, overtaken=reviewed.overtaken)
    return finish(plant.context, task)


def journal(plant: Plant, run_id: str) -> list[str]:
    """What the journal says of a run."""
    entries = [
        json.loads(line)
        for name, text in plant.logs.blobs.items()
        if name.startswith("runs/")
        for line in text.splitlines()
    ]
    return [entry["event"] for entry in entries if entry["run_id"] == run_id]


def test_a_run_that_would_take_off_too_many_waits_and_lets_others_have_the_connection():
    plant, run_id, guarded = asking()
    run = plant.run_of(run_id)
    assert (guarded.asked, guarded.failure) == (1, None)
    assert (run.status, run.stage) == (RunStatus.WAITING_FOR_APPROVAL, Stage.APPROVAL)
    assert (run.approval.removals, run.approval.rejects, run.approval.decision) == (30, 1, None)
    assert "30 of the 40 people" in run.approval.reasons[0]
    assert (run.approval.expires_at - run.approval.asked_at).total_seconds() == WEEK_S
    assert (run.counts.leavers, run.counts.unchanged) == (30, 10)
    assert plant.is_free()
    assert plant.members("vip") == set(people(40))
    assert plant.alerts.runs[-1].status is RunStatus.WAITING_FOR_APPROVAL
    assert plant.stores.standings.get("export-1").record.last_run.status is RunStatus.WAITING_FOR_APPROVAL
    assert journal(plant, run_id)[-1] == "run.waiting"


def test_while_a_run_waits_nobodys_address_is_kept_for_it():
    plant, run_id, guarded = asking()
    kept = {name for name in plant.state.blobs if not name.startswith("ledgers/") and run_id in name}
    folder = guarded.staged[0].folder
    assert kept == {
        places.plan(run_id),
        places.rejects(run_id),
        places.staged_rejects(folder),
        places.bookmark(run_id),
    }
    assert [row[4] for row in plant.rejects(run_id)] == ["email_no_at_sign"]
    assert all(b"p1@example.com" not in plant.state.blobs[name] for name in kept)


def test_a_guard_that_is_repeated_asks_the_same():
    plant, run_id, guarded = asking()
    run = plant.run_of(run_id)
    plant.clock.advance(60)
    assert guard(plant.context, GuardTask(run_id=run_id, staged=guarded.staged)) == guarded
    assert plant.run_of(run_id) == run
    assert plant.is_free()


def test_no_step_that_comes_late_takes_the_connection_of_a_run_that_waits():
    plant, run_id, _ = asking()
    with pytest.raises(Stopped):
        stage_segment(plant.context, StageTask(run_id=run_id, segment="vip"))
    begin(plant.context, run_id)
    assert plant.run_of(run_id).status is RunStatus.WAITING_FOR_APPROVAL
    assert plant.is_free()


def test_an_approved_run_reads_again_and_does_what_it_told_of():
    plant, run_id, _ = asking()
    plant.runs.approve(run_id, ADA, Verdict())
    assert review(plant.context, run_id) == Reviewed(approved=True)
    assert (plant.run_of(run_id).status, plant.run_of(run_id).stage) == (RunStatus.PROCESSING, Stage.WAITING)
    finished = plant.run_to_end(run_id)
    assert finished.status is RunStatus.SUCCESSFUL_WITH_REJECTS
    assert (finished.counts.leavers, finished.counts.removed) == (30, 30)
    assert plant.members("vip") == set(people(10))


def test_the_time_of_each_step_is_told():
    plant = filled()
    plant.arrive("vip", *people(10))
    plant.clock.advance(10)
    run_id = plant.order()
    plant.clock.advance(5)
    read(plant, run_id)
    plant.clock.advance(3_600)
    plant.runs.approve(run_id, ADA, Verdict())
    review(plant.context, run_id)
    plant.clock.advance(7)
    plant.run_to_end(run_id)
    steps = [
        (step.stage, step.segment, (step.ended_at - step.started_at).total_seconds())
        for step in plant.run_of(run_id).steps
    ]
    assert steps == [
        (Stage.WAITING, None, 5),
        (Stage.STAGING, "vip", 0),
        (Stage.APPROVAL, None, 3_600),
        (Stage.WAITING, None, 7),
        (Stage.STAGING, "vip", 0),
        (Stage.PUSHING, None, 0),
        (Stage.REMOVING, None, 0),
        (Stage.FINISHING, None, 0),
    ]


def test_a_refused_run_sends_nothing_and_says_who_refused_it():
    plant, run_id, guarded = asking()
    plant.runs.refuse(run_id, ADA, Verdict())
    finished = end(plant, run_id, guarded, review(plant.context, run_id))
    run = plant.run_of(run_id)
    assert (finished.status, run.stage, run.failure) == (RunStatus.CANCELED, Stage.DONE, None)
    assert run.warnings[-1] == "Ada refused what the run was going to do. Nothing was sent."
    assert plant.members("vip") == set(people(40))
    assert [row[4] for row in plant.rejects(run_id)] == ["email_no_at_sign"]
    assert (run.counts.rows, run.counts.sent, run.counts.removed) == (11, 0, 0)


@pytest.mark.parametrize(("seconds", "over"), [(WEEK_S - 1, False), (WEEK_S, True)])
def test_what_nobody_decides_for_a_week_expires(seconds, over):
    plant, run_id, guarded = asking()
    plant.clock.advance(seconds)
    reviewed = review(plant.context, run_id)
    assert (reviewed.wait_s is None) is over
    if not over:
        assert reviewed.wait_s == 1
        return
    assert plant.run_of(run_id).approval.decision is Decision.EXPIRED
    assert end(plant, run_id, guarded, reviewed).status is RunStatus.CANCELED
    assert "2026-03-08 08:00 UTC" in plant.run_of(run_id).warnings[-1]


def test_a_decision_in_time_counts_however_late_it_is_noticed():
    plant, run_id, _ = asking()
    plant.runs.approve(run_id, ADA, Verdict())
    plant.clock.advance(2 * WEEK_S)
    assert review(plant.context, run_id).approved


def test_a_run_that_waits_and_is_cancelled_ends():
    plant, run_id, guarded = asking()
    plant.cancel(run_id)
    assert review(plant.context, run_id) == Reviewed()
    assert end(plant, run_id, guarded, Reviewed()).status is RunStatus.CANCELED
    assert plant.run_of(run_id).warnings[-1] == "Ada cancelled the run."


def test_when_more_leave_than_was_approved_the_run_asks_again():
    plant, run_id, _ = asking()
    plant.runs.approve(run_id, ADA, Verdict())
    review(plant.context, run_id)
    # As if ten people had joined the list after the question was asked.
    approved = plant.run_of(run_id).approval.model_copy(update={"removals": 20})
    plant.context.change(run_id, approval=approved)
    guarded = read(plant, run_id)
    approval = plant.run_of(run_id).approval
    assert (guarded.asked, approval.round, approval.removals, approval.decision) == (2, 2, 30, None)
    assert approval.reasons[0] == "It is more than Ada approved: 20 removals, 1 rejects."
    assert plant.members("vip") == set(people(40))
    plant.runs.approve(run_id, ADA, Verdict(round=2))
    assert review(plant.context, run_id).approved
    assert plant.run_to_end(run_id).counts.removed == 30


def test_a_run_whose_file_has_a_newer_one_with_a_run_of_its_own_is_skipped():
    plant, run_id, guarded = asking()
    plant.clock.advance(60)
    plant.arrive("vip", *people(39))
    assert review(plant.context, run_id).wait_s
    newer = plant.order()
    plant.runs.approve(run_id, ADA, Verdict())
    reviewed = review(plant.context, run_id)
    assert reviewed == Reviewed(overtaken=True)
    assert end(plant, run_id, guarded, reviewed).status is RunStatus.SKIPPED
    assert "newer file" in plant.run_of(run_id).warnings[-1]
    assert plant.run_to_end(newer).counts.removed == 1


def test_a_dry_run_does_not_overtake_one_that_waits():
    plant, run_id, _ = asking()
    plant.clock.advance(60)
    plant.arrive("vip", *people(39))
    plant.order(dry=True)
    assert review(plant.context, run_id).wait_s


def test_too_many_rejects_ask_too():
    plant = Plant()
    plant.edit(trip_wire=TripWire(max_rejects=2))
    plant.arrive("vip", *people(5), "a", "b", "c")
    run_id = plant.order()
    assert read(plant, run_id).asked == 1
    assert plant.run_of(run_id).approval.rejects == 3
    assert plant.destination.lists == {}


def test_over_the_limit_a_run_fails_without_asking():
    plant, limit = filled(), 5
    plant.limit_to(limit)
    plant.arrive("vip", *people(limit + 1))
    run_id = plant.order()
    guarded = read(plant, run_id)
    assert (guarded.failure.code, guarded.asked) == ("over-limit", None)
