"""A run whose orchestration was lost goes on where it was. Batches are of three people, chunks of two batches."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.export import Leavers, TripWire
from shared.domain.run import RunStatus, Stage
from shared.domain.standing import Condition
from shared.pipeline import places
from shared.pipeline.pushing.chunk_push import PushTask
from shared.pipeline.steps.begin import Begun, begin
from shared.pipeline.steps.finish import Finished, FinishTask, finish
from shared.pipeline.steps.guard import GuardTask, guard
from shared.pipeline.steps.prepare import PrepareTask, prepare
from shared.pipeline.steps.push import push
from shared.pipeline.steps.review import review
from shared.usecases.runs.runs import Verdict
from tests.unit.plant import ADA, Plant, people

LANE_HOLD_S = 900


def prepared(plant: Plant, run_id: str) -> list[PushTask]:
    """Go as far as the first chunk; return what there is to push."""
    staged = guard(plant.context, GuardTask(run_id=run_id, staged=plant.stage_all(run_id))).staged
    return plant.tasks(run_id, staged, prepare(plant.context, PrepareTask(run_id=run_id, staged=staged)))


def rest_of(begun: Begun, run_id: str) -> list[PushTask]:
    """What the orchestration makes of a beginning: the chunks that are left."""
    assert begun.resumed
    left, state, place = [], begun.resumed.state, 0
    for one in begun.staged:
        for chunk in range(one.leaver_chunks if begun.resumed.removals else one.chunks):
            if place in state.left:
                left.append(
                    PushTask(
                        run_id=run_id,
                        segment=one.segment,
                        list_id=begun.resumed.prepared.lists[one.segment],
                        folder=one.folder,
                        chunk=chunk,
                        removals=begun.resumed.removals,
                        pending=state.begun.get(str(place)),
                    )
                )
            place += 1
    assert place == state.next
    return left


def end(plant: Plant, run_id: str, begun: Begun) -> Finished:
    for task in rest_of(begun, run_id):
        push(plant.context, task)
    return finish(plant.context, FinishTask(run_id=run_id, staged=begun.staged, complete=True))


def test_only_who_has_no_answer_is_sent():
    plant = Plant("vip", "churn")
    plant.arrive("vip", *people(14))
    plant.arrive("churn", *people(9, start=20))
    run_id = plant.order()
    tasks = prepared(plant, run_id)
    push(plant.context, tasks[0])
    push(plant.context, tasks[1].model_copy(update={"pending": (1,)}))
    push(plant.context, tasks[4])
    begun = begin(plant.context, run_id)
    rest = [(task.segment, task.chunk, task.pending) for task in rest_of(begun, run_id)]
    assert rest == [("vip", 1, (0,)), ("vip", 2, None), ("churn", 0, None)]
    ended = end(plant, run_id, begun)
    assert (ended.status, ended.counts.profiles, ended.counts.sent) == (RunStatus.SUCCESSFUL, 23, 23)
    assert plant.members("vip") == set(people(14))
    assert plant.is_free()


@given(st.sets(st.integers(0, 6)), st.sets(st.integers(0, 19)))
def test_whatever_was_answered_everybody_gets_one_answer(batches, refused):
    plant = Plant()
    plant.arrive("vip", *people(20))
    plant.destination.refused = {people(20)[number]: "spam" for number in refused}
    run_id = plant.order()
    tasks = prepared(plant, run_id)
    done = {batch for batch in batches if batch // 2 < len(tasks)}
    for batch in sorted(done):
        push(plant.context, tasks[batch // 2].model_copy(update={"pending": (batch % 2,)}))
    begun = begin(plant.context, run_id)
    left = {
        task.chunk * 2 + place
        for task in rest_of(begun, run_id)
        for place in (task.pending or range(2 if task.chunk < 3 else 1))
    }
    assert left == set(range(7)) - done
    ended = end(plant, run_id, begun)
    assert (ended.counts.sent, ended.counts.refused) == (20 - len(refused), len(refused))


def test_leavers_come_after_everybody_was_sent():
    plant = Plant()
    plant.edit(leavers=Leavers.REMOVE, trip_wire=TripWire(max_removals_share=None))
    plant.arrive("vip", *people(30))
    plant.run_to_end(plant.order())
    plant.arrive("vip", *people(24, start=14))
    run_id = plant.order()
    tasks = prepared(plant, run_id)
    sending = [task for task in tasks if not task.removals]
    push(plant.context, sending[0])
    assert not begin(plant.context, run_id).resumed.removals, "some are not sent yet"
    for task in sending[1:]:
        push(plant.context, task)
    removing = [task for task in tasks if task.removals]
    push(plant.context, removing[0].model_copy(update={"pending": (0,)}))
    begun = begin(plant.context, run_id)
    assert [(task.removals, task.pending) for task in rest_of(begun, run_id)] == [(True, (1,))]
    ended = end(plant, run_id, begun)
    assert (ended.counts.sent, ended.counts.removed) == (8, 14)
    assert plant.members("vip") == set(people(24, start=14))


def test_a_run_that_was_lost_at_its_end_has_nothing_left_to_send():
    plant = Plant()
    plant.arrive("vip", *people(7))
    run_id = plant.order()
    for task in prepared(plant, run_id):
        push(plant.context, task)
    plant.context.enter(run_id, Stage.FINISHING)
    begun = begin(plant.context, run_id)
    assert rest_of(begun, run_id) == []
    assert end(plant, run_id, begun).counts.sent == 7


def test_what_was_read_is_told_by_a_run_that_is_cancelled_after_it_was_lost():
    plant = Plant()
    plant.arrive("vip", *people(14), "nobody")
    run_id = plant.order()
    push(plant.context, prepared(plant, run_id)[0])
    plant.cancel(run_id)
    begun = begin(plant.context, run_id)
    ended = finish(plant.context, FinishTask(run_id=run_id, staged=begun.staged))
    assert (ended.status, ended.counts.profiles, ended.counts.sent) == (RunStatus.CANCELED, 14, 6)
    assert len(plant.rejects(run_id)) == 1


def test_a_run_that_waits_for_approval_waits_on():
    plant = Plant()
    plant.edit(leavers=Leavers.REMOVE)
    plant.arrive("vip", *people(40))
    plant.run_to_end(plant.order())
    plant.arrive("vip", *people(5), "nobody")
    run_id = plant.order()
    guard(plant.context, GuardTask(run_id=run_id, staged=plant.stage_all(run_id)))
    begun = begin(plant.context, run_id)
    assert (begun.asked, begun.resumed) == (1, None)
    assert [one.counts.leavers for one in begun.staged] == [35]
    plant.runs.refuse(run_id, ADA, Verdict(round=1))
    ended = finish(plant.context, FinishTask(run_id=run_id, staged=begun.staged))
    assert (ended.status, ended.counts.profiles, ended.rejected) == (
        RunStatus.CANCELED,
        5,
        {"email_no_at_sign": 1},
    )


def test_a_run_that_was_lost_while_its_lists_were_made_is_read_again_after_an_approval():
    plant = Plant()
    plant.edit(leavers=Leavers.REMOVE)
    plant.arrive("vip", *people(40))
    plant.run_to_end(plant.order())
    plant.arrive("vip", *people(9, start=35))
    run_id = plant.order()
    guard(plant.context, GuardTask(run_id=run_id, staged=plant.stage_all(run_id)))
    plant.runs.approve(run_id, ADA, Verdict(round=1))
    review(plant.context, run_id)
    guard(plant.context, GuardTask(run_id=run_id, staged=plant.stage_all(run_id)))
    plant.context.enter(run_id, Stage.PUSHING)
    assert begin(plant.context, run_id).segments == ("vip",)
    assert plant.run_to_end(run_id).counts.removed == 35


def test_another_run_that_has_the_connection_now_is_waited_for():
    plant = Plant()
    plant.arrive("vip", *people(14))
    run_id = plant.order()
    push(plant.context, prepared(plant, run_id)[0])
    plant.clock.advance(LANE_HOLD_S + 1)
    another = plant.order()
    begin(plant.context, another)
    assert begin(plant.context, run_id).wait_s
    finish(plant.context, FinishTask(run_id=another))
    assert len(rest_of(begin(plant.context, run_id), run_id)) == 2


def test_a_newer_file_that_was_sent_meanwhile_ends_the_run():
    plant = Plant()
    plant.arrive("vip", *people(14))
    run_id = plant.order()
    push(plant.context, prepared(plant, run_id)[0])
    plant.clock.advance(LANE_HOLD_S + 1)
    plant.arrive("vip", *people(14, start=3))
    assert plant.run_to_end(plant.order()).counts.sent == 14
    begun = begin(plant.context, run_id)
    assert begun.overtaken
    task = FinishTask(run_id=run_id, staged=begun.staged, overtaken=True)
    assert (finish(plant.context, task).status, plant.run_of(run_id).counts.sent) == (RunStatus.SKIPPED, 6)
    assert "The rest was not sent." in plant.run_of(run_id).warnings[-1]


def test_without_a_bookmark_everything_is_read_again():
    plant = Plant()
    plant.arrive("vip", *people(7))
    run_id = plant.order()
    prepared(plant, run_id)
    plant.state.remove([places.bookmark(run_id)])
    assert begin(plant.context, run_id).segments == ("vip",)
    assert plant.run_to_end(run_id).counts.sent == 7
    assert plant.stores.standings.get("export-1").record.condition is Condition.WELL
