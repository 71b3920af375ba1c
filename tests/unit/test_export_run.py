"""The steps of a run, one after the other, when all goes well."""

import pytest

from shared.domain.destination import Stopped
from shared.domain.errors import (
    Conflict,
)
from shared.domain.run import Failure, RunStatus, Stage
from shared.pipeline import places
from shared.pipeline.steps.begin import begin
from shared.pipeline.steps.context import is_over
from shared.pipeline.steps.finish import FinishTask, finish
from shared.pipeline.steps.prepare import PrepareTask, prepare
from shared.pipeline.steps.push import push
from shared.pipeline.steps.stage_segment import StageTask, stage_segment
from tests.unit.plant import Plant, people


def test_a_run_puts_the_people_of_a_segment_on_the_list_with_its_name():
    plant = Plant()
    plant.arrive("vip", *people(10), "nobody")
    run_id = plant.order()
    finished = plant.run_to_end(run_id)
    assert finished.status is RunStatus.SUCCESSFUL_WITH_REJECTS
    assert plant.members("vip") == set(people(10))
    run = plant.run_of(run_id)
    assert (run.counts.rows, run.counts.profiles, run.counts.new, run.counts.sent) == (11, 10, 10, 10)
    assert (run.stage, run.failure, run.ended_at) == (Stage.DONE, None, plant.clock())
    assert run.counts.calls == 7  # lists, list, learn, and four batches of three
    assert run.rejected == {"email_no_at_sign": 1}
    assert plant.rejects(run_id) == [["vip", "vip/a.csv", "12", "EMail", "email_no_at_sign", "no***"]]
    assert plant.is_free()


def test_the_next_run_sends_only_what_is_new_or_changed():
    plant = Plant()
    plant.arrive("vip", *people(5))
    plant.run_to_end(plant.order())
    plant.destination.contacts.clear()
    plant.arrive("vip", *people(7))
    finished = plant.run_to_end(plant.order())
    assert set(plant.destination.contacts) == set(people(2, start=5))
    assert (finished.counts.new, finished.counts.unchanged, finished.counts.sent) == (2, 5, 2)
    plant.destination.contacts.clear()
    plant.arrive("vip", *people(7), names="y")
    assert plant.run_to_end(plant.order()).counts.changed == 7


def test_a_run_without_anything_to_send_makes_no_list_and_ends_well():
    plant = Plant()
    plant.arrive("vip")
    finished = plant.run_to_end(plant.order())
    assert (finished.status, finished.counts.profiles) == (RunStatus.SUCCESSFUL, 0)
    assert plant.destination.lists == {}


def test_a_full_run_sends_everybody_again():
    plant = Plant()
    plant.arrive("vip", *people(5))
    plant.run_to_end(plant.order())
    plant.destination.contacts.clear()
    assert plant.run_to_end(plant.order(full=True)).counts.sent == 5
    assert len(plant.destination.contacts) == 5


def test_a_full_run_puts_those_back_who_were_taken_off_the_list_by_others():
    plant = Plant()
    plant.arrive("vip", *people(5))
    plant.run_to_end(plant.order())
    plant.members("vip").clear()
    plant.run_to_end(plant.order())
    assert plant.members("vip") == set()
    finished = plant.run_to_end(plant.order(full=True))
    assert plant.members("vip") == set(people(5))
    assert (finished.counts.new, finished.counts.changed, finished.counts.sent) == (0, 5, 5)


def test_every_segment_has_its_list_and_its_ledger():
    plant = Plant("vip", "churn")
    plant.arrive("vip", *people(4))
    plant.arrive("churn", *people(4, start=2))
    finished = plant.run_to_end(plant.order())
    assert plant.members("vip") == set(people(4))
    assert plant.members("churn") == set(people(4, start=2))
    assert finished.counts.sent == 8
    assert len(plant.state.names("ledgers/export-1/")) == 2
    assert plant.run_to_end(plant.order()).counts.to_send == 0


def test_those_whom_the_destination_refuses_are_rejects_and_are_tried_again_by_the_next_run():
    plant = Plant()
    plant.arrive("vip", *people(4))
    plant.destination.refused["p2@example.com"] = "not_accepted"
    run_id = plant.order()
    finished = plant.run_to_end(run_id)
    assert finished.status is RunStatus.SUCCESSFUL_WITH_REJECTS
    assert (finished.counts.sent, finished.counts.refused) == (3, 1)
    assert plant.rejects(run_id) == [["vip", "vip/a.csv", "4", "EMail", "not_accepted", "p***@example.com"]]
    plant.destination.refused.clear()
    assert plant.run_to_end(plant.order()).counts.sent == 1


def test_a_list_that_was_removed_is_made_anew_and_everybody_joins_it():
    plant = Plant()
    plant.arrive("vip", *people(5))
    plant.run_to_end(plant.order())
    plant.destination.remove_list("vip")
    finished = plant.run_to_end(plant.order())
    assert finished.counts.new == 5
    assert plant.members("vip") == set(people(5))


def test_a_second_run_waits_while_another_has_the_connection():
    plant = Plant()
    plant.arrive("vip", *people(1))
    first, second = plant.order(), plant.order()
    begin(plant.context, first)
    assert begin(plant.context, second).wait_s > 0
    assert plant.run_of(second).status is RunStatus.QUEUED
    finish(plant.context, FinishTask(run_id=first))
    assert begin(plant.context, second).segments == ("vip",)


def test_the_connection_of_a_run_that_vanished_becomes_free_by_itself():
    plant = Plant()
    plant.arrive("vip", *people(1))
    first, second = plant.order(), plant.order()
    begin(plant.context, first)
    plant.clock.advance(16 * 60)
    assert begin(plant.context, second).wait_s is None
    with pytest.raises(Conflict) as raised:
        stage_segment(plant.context, StageTask(run_id=first, segment="vip"))
    assert raised.value.reason == "lane-lost"
    finish(plant.context, FinishTask(run_id=first, failure=Failure(code="lane-lost", message="x")))
    assert plant.stores.lanes.held["connection-1"] == second


def test_a_push_that_takes_long_keeps_the_connection():
    plant = Plant()
    plant.arrive("vip", *people(6))
    run_id, other = plant.order(), plant.order()
    staged = plant.stage_all(run_id)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    plant.destination.on_call = lambda call: plant.clock.advance(600 if call == "push" else 0)
    [task] = plant.tasks(run_id, staged, prepared)
    push(plant.context, task)
    assert begin(plant.context, other).wait_s


def test_a_push_that_has_lost_the_connection_begins_nothing_more_and_fails():
    plant = Plant()
    plant.arrive("vip", *people(6))
    run_id, other = plant.order(), plant.order()
    staged = plant.stage_all(run_id)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))

    def sleep_and_lose(call: str) -> None:
        if call == "push" and not plant.run_of(other).started_at:
            plant.clock.advance(16 * 60)
            assert begin(plant.context, other).wait_s is None

    plant.destination.on_call = sleep_and_lose
    [task] = plant.tasks(run_id, staged, prepared)
    pushed = push(plant.context, task)
    assert (pushed.failure.code, pushed.retryable) == ("lane-lost", False)
    assert plant.stores.lanes.held["connection-1"] == other


def test_runs_have_the_connection_in_the_order_in_which_they_asked():
    plant = Plant()
    plant.arrive("vip", *people(1))
    first, second, third = plant.order(), plant.order(), plant.order()
    begin(plant.context, first)
    waits = [begin(plant.context, run).wait_s for run in (second, third)]
    finish(plant.context, FinishTask(run_id=first))
    assert begin(plant.context, third).wait_s
    assert begin(plant.context, second).wait_s is None
    assert waits[0] < waits[1], "who comes next asks most often"


def test_a_run_that_is_cancelled_while_it_waits_holds_nobody_up():
    plant = Plant()
    plant.arrive("vip", *people(1))
    first, second, third = plant.order(), plant.order(), plant.order()
    begin(plant.context, first)
    begin(plant.context, second)
    begin(plant.context, third)
    plant.cancel(second)
    finish(plant.context, FinishTask(run_id=second))
    finish(plant.context, FinishTask(run_id=first))
    assert begin(plant.context, third).wait_s is None


def test_every_step_keeps_the_connection_for_a_while_longer():
    plant = Plant("vip", "churn")
    plant.arrive("vip", *people(4))
    plant.arrive("churn", *people(1))
    run_id, other = plant.order(), plant.order()
    begin(plant.context, run_id)
    staged = []
    for name in ("vip", "churn"):
        plant.clock.advance(600)
        staged.append(stage_segment(plant.context, StageTask(run_id=run_id, segment=name)))
    plant.clock.advance(600)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=tuple(staged)))
    for task in plant.tasks(run_id, tuple(staged), prepared):
        plant.clock.advance(600)
        push(plant.context, task)
        assert begin(plant.context, other).wait_s


def test_the_numbers_of_people_and_of_rows_are_kept_with_the_segment_and_its_trend():
    plant = Plant()
    plant.arrive("vip", *people(4), "p0@example.com")
    plant.stage_all(plant.order())
    segment = plant.stores.segments.get("vip").record
    assert (segment.profiles, segment.rows) == (4, 5)
    assert [point.profiles for point in segment.trend] == [4]


def test_the_number_of_an_older_snapshot_is_not_kept_with_a_newer_one():
    plant = Plant()
    plant.arrive("vip", *people(4))
    run_id = plant.order()
    plant.stores.segments.change(
        "vip",
        lambda present: present.model_copy(
            update={"snapshot": present.snapshot.model_copy(update={"id": "newer"})}
        ),
    )
    plant.stage_all(run_id)
    assert plant.stores.segments.get("vip").record.profiles is None


def test_every_step_may_be_repeated_and_changes_nothing():
    plant = Plant("vip", "churn")
    plant.arrive("vip", *people(7), "nobody")
    plant.arrive("churn", *people(2))
    plant.destination.refused["p1@example.com"] = "not_accepted"
    run_id = plant.order()
    begin(plant.context, run_id)
    plant.stage_all(run_id)
    staged = plant.stage_all(run_id)
    for _ in range(2):
        prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    for task in plant.tasks(run_id, staged, prepared):
        for _ in range(2):
            push(plant.context, task)
    task = FinishTask(run_id=run_id, staged=staged, complete=True)
    finished = finish(plant.context, task)
    run, files, rejects = plant.run_of(run_id), dict(plant.state.blobs), plant.rejects(run_id)
    assert (finished.counts.sent, finished.counts.refused, finished.counts.new) == (7, 2, 9)
    assert finished.rejected == {"email_no_at_sign": 1, "not_accepted": 2}
    plant.clock.advance(60)
    assert finish(plant.context, task) == finished
    assert (plant.run_of(run_id), plant.state.blobs, plant.rejects(run_id)) == (run, files, rejects)


def test_a_beginning_that_is_repeated_late_does_not_set_the_run_back():
    plant = Plant()
    plant.arrive("vip", *people(7))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    run = plant.run_of(run_id)
    assert begin(plant.context, run_id).resumed
    assert plant.run_of(run_id) == run


def test_no_step_that_is_repeated_after_the_end_takes_the_connection_or_sends():
    plant = Plant()
    plant.arrive("vip", *people(3))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    [task] = plant.tasks(run_id, staged, prepared)
    push(plant.context, task)
    finish(plant.context, FinishTask(run_id=run_id, staged=staged, complete=True))
    assert begin(plant.context, run_id).over
    for step in (
        lambda: stage_segment(plant.context, StageTask(run_id=run_id, segment="vip")),
        lambda: prepare(plant.context, PrepareTask(run_id=run_id, staged=staged)),
        lambda: push(plant.context, task),
    ):
        with pytest.raises(Stopped):
            step()
    assert plant.is_free()


def test_no_address_stays_behind_but_on_the_ledger_and_in_what_a_retry_needs():
    plant = Plant("vip", "churn")
    plant.arrive("vip", *people(7), "nobody")
    plant.arrive("churn", *people(2))
    plant.destination.refused["p1@example.com"] = "not_accepted"
    run_id = plant.order()
    plant.stage_all(run_id)  # an attempt whose answer was lost
    plant.run_to_end(run_id)
    assert {name for name in plant.state.blobs if not name.startswith("ledgers/")} == {
        f"runs/{run_id}/plan.json",
        f"runs/{run_id}/rejects.csv",
        places.retry_set(run_id, "vip"),
        places.retry_set(run_id, "churn"),
    }
    assert b"p1@example.com" not in plant.state.read(places.rejects(run_id))
    assert plant.stores.runs.reports == {}


def test_what_a_connection_was_found_to_do_is_remembered():
    plant = Plant()
    plant.arrive("vip", *people(1))
    plant.run_to_end(plant.order())
    assert plant.stores.connections.get("connection-1").record.learnt == {"list_in_bulk": True}


def test_a_connection_is_asked_to_learn_only_from_people_who_join():
    plant = Plant("vip", "churn")
    plant.arrive("vip", *people(1))
    plant.run_to_end(plant.order())
    plant.stores.connections.change("connection-1", lambda present: present.model_copy(update={"learnt": {}}))
    plant.arrive("vip", *people(1), names="changed")
    plant.run_to_end(plant.order())
    assert plant.stores.connections.get("connection-1").record.learnt == {}


def test_a_run_is_over_when_cancelled_or_failed_only():
    plant = Plant()
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    assert not is_over(plant.context.run(run_id))
    plant.cancel(run_id)
    assert is_over(plant.context.run(run_id))


def test_no_result_of_a_step_holds_an_address_or_the_key():
    plant = Plant()
    plant.arrive("vip", *people(7), "broken address")
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    results = [*staged, prepared]
    results += [push(plant.context, task) for task in plant.tasks(run_id, staged, prepared)]
    results.append(finish(plant.context, FinishTask(run_id=run_id, staged=staged, complete=True)))
    text = "".join(result.model_dump_json() for result in [*results, plant.run_of(run_id)])
    assert "example.com" not in text
    assert "right-key" not in text
    assert "broken" not in text
