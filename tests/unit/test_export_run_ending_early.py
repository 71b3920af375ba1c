"""The steps of a run that is cancelled, fails, or is over the limit."""

import pytest

from shared.domain.connection import ConnectionStatus
from shared.domain.destination import Stopped
from shared.domain.errors import (
    Conflict,
    Refused,
    SecretUnavailable,
    SegmentUnreadable,
    Unauthorized,
    Unavailable,
)
from shared.domain.run import Failure, RunStatus
from shared.pipeline.steps.begin import begin
from shared.pipeline.steps.finish import FinishTask, finish
from shared.pipeline.steps.guard import GuardTask, guard
from shared.pipeline.steps.prepare import PrepareTask, prepare
from shared.pipeline.steps.push import push
from shared.pipeline.steps.stage_segment import StageTask, stage_segment
from tests.unit.plant import Plant, people


def test_a_run_that_was_cancelled_before_it_began_touches_nothing():
    plant = Plant()
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    plant.cancel(run_id)
    assert begin(plant.context, run_id).segments == ()
    assert plant.is_free()
    assert finish(plant.context, FinishTask(run_id=run_id)).status is RunStatus.CANCELED
    assert plant.destination.lists == {}


@pytest.mark.parametrize("step", ["stage", "prepare", "push"])
def test_no_step_is_begun_once_the_run_was_cancelled(step):
    plant = Plant()
    plant.arrive("vip", *people(7))
    run_id = plant.order()
    begin(plant.context, run_id)
    steps = {
        "stage": lambda: stage_segment(plant.context, StageTask(run_id=run_id, segment="vip")),
        "prepare": lambda: prepare(plant.context, PrepareTask(run_id=run_id, staged=staged)),
        "push": lambda: push(plant.context, plant.tasks(run_id, staged, prepared)[0]),
    }
    staged: tuple = ()
    if step != "stage":
        staged = (steps["stage"](),)
    if step == "push":
        prepared = steps["prepare"]()
    contacts = dict(plant.destination.contacts)
    plant.cancel(run_id)
    with pytest.raises(Stopped):
        steps[step]()
    assert plant.destination.contacts == contacts
    finished = finish(plant.context, FinishTask(run_id=run_id, staged=staged))
    assert finished.status is RunStatus.CANCELED
    assert plant.is_free()
    assert plant.run_to_end(plant.order()).counts.sent == 7


def test_what_was_accepted_before_a_cancellation_stays_accepted():
    plant = Plant()
    plant.arrive("vip", *people(12))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    first, second = plant.tasks(run_id, staged, prepared)
    push(plant.context, first)
    plant.cancel(run_id)
    with pytest.raises(Stopped):
        push(plant.context, second)
    finished = finish(plant.context, FinishTask(run_id=run_id, staged=staged))
    assert (finished.status, finished.counts.sent) == (RunStatus.CANCELED, 6)
    again = plant.run_to_end(plant.order())
    assert (again.counts.unchanged, again.counts.sent) == (6, 6)
    assert plant.members("vip") == set(people(12))


def test_a_cancellation_after_the_last_chunk_does_not_undo_the_run():
    plant = Plant()
    plant.arrive("vip", *people(3))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    for task in plant.tasks(run_id, staged, prepared):
        push(plant.context, task)
    plant.cancel(run_id)
    finished = finish(plant.context, FinishTask(run_id=run_id, staged=staged, complete=True))
    assert finished.status is RunStatus.SUCCESSFUL


def test_a_failure_keeps_the_accepted_on_the_ledger_and_the_next_run_continues():
    plant = Plant()
    plant.arrive("vip", *people(12))
    plant.destination.faults["push"] = [None, None, Refused("It said no.", code="gone-bad")]
    run_id = plant.order()
    finished = plant.run_to_end(run_id)
    assert finished.status is RunStatus.FAILED
    assert plant.run_of(run_id).failure.code == "gone-bad"
    assert 0 < finished.counts.sent < 12
    again = plant.run_to_end(plant.order())
    assert again.status is RunStatus.SUCCESSFUL
    assert again.counts.sent == 12 - finished.counts.sent
    assert plant.members("vip") == set(people(12))


def test_a_failure_in_one_chunk_stops_the_other_workers():
    plant = Plant()
    plant.arrive("vip", *people(12))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    first, second = plant.tasks(run_id, staged, prepared)
    plant.destination.faults["push"] = [Refused("It said no."), Refused("It said no.")]
    assert push(plant.context, first).failure
    with pytest.raises(Stopped):
        push(plant.context, second)


def test_an_outage_leaves_what_is_still_to_be_done_and_the_run_goes_on():
    plant = Plant()
    plant.arrive("vip", *people(6))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    [task] = plant.tasks(run_id, staged, prepared)
    plant.destination.faults["push"] = [Unavailable("It is away.")]
    pushed = push(plant.context, task)
    assert pushed.retryable
    assert pushed.pending
    assert plant.run_of(run_id).failure is None
    rest = push(plant.context, task.model_copy(update={"pending": pushed.pending}))
    assert (rest.pending, rest.failure) == ((), None)
    assert plant.members("vip") == set(people(6))


@pytest.mark.parametrize(("key", "attention"), [("wrong-key", True), ("right-key", False)])
def test_a_refused_key_marks_the_connection(key, attention):
    plant = Plant()
    plant.arrive("vip", *people(1))
    plant.vault.secrets["key"] = key
    run_id = plant.order()
    try:
        plant.run_to_end(run_id)
    except Unauthorized as problem:
        failure = Failure(code=problem.reason, message=problem.message, remedy=problem.remedy)
        finish(plant.context, FinishTask(run_id=run_id, failure=failure))
    connection = plant.stores.connections.get("connection-1").record
    assert (connection.status is ConnectionStatus.NEEDS_ATTENTION) is attention
    assert (plant.run_of(run_id).status is RunStatus.FAILED) is attention
    assert plant.is_free()


def test_a_key_that_is_refused_in_the_middle_marks_the_connection_too():
    plant = Plant()
    plant.arrive("vip", *people(12))
    plant.destination.faults["push"] = [None, Unauthorized("The key was refused.")]
    plant.run_to_end(plant.order())
    assert plant.stores.connections.get("connection-1").record.status is ConnectionStatus.NEEDS_ATTENTION


def test_an_outage_of_the_vault_does_not_mark_the_connection():
    plant = Plant()
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    begin(plant.context, run_id)
    away = Failure(code=SecretUnavailable.code, message="The vault is away.", transient=True)
    assert finish(plant.context, FinishTask(run_id=run_id, failure=away)).status is RunStatus.FAILED
    assert plant.stores.connections.get("connection-1").record.status is ConnectionStatus.CONNECTED


def test_a_missing_secret_ends_the_beginning():
    plant = Plant()
    plant.arrive("vip", *people(1))
    plant.vault.secrets.clear()
    with pytest.raises(SecretUnavailable) as raised:
        begin(plant.context, plant.order())
    assert not raised.value.retryable


def test_a_run_whose_connection_is_gone_can_still_be_finished():
    plant = Plant()
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    plant.stores.connections.remove("connection-1")
    with pytest.raises(Conflict):
        begin(plant.context, run_id)
    failure = Failure(code="not-found", message="There is no connection.")
    assert finish(plant.context, FinishTask(run_id=run_id, failure=failure)).status is RunStatus.FAILED


def test_over_the_limit_nothing_is_sent_and_the_true_number_is_told():
    plant = Plant(max_profiles=5)
    plant.arrive("vip", *people(6))
    run_id = plant.order()
    finished = plant.run_to_end(run_id)
    failure = plant.run_of(run_id).failure
    assert (finished.status, failure.code) == (RunStatus.FAILED, "over-limit")
    assert "6" in failure.message
    assert (plant.destination.lists, plant.destination.contacts) == ({}, {})
    assert plant.run_of(run_id).counts.profiles == 6


def test_people_in_several_segments_count_once_against_the_limit():
    plant = Plant("vip", "churn", max_profiles=8)
    plant.arrive("vip", *people(6))
    plant.arrive("churn", *people(6, start=2))
    assert plant.run_to_end(plant.order()).status is RunStatus.SUCCESSFUL
    plant.arrive("churn", *people(6, start=3))
    run_id = plant.order()
    assert plant.run_to_end(run_id).status is RunStatus.FAILED
    assert "9" in plant.run_of(run_id).failure.message


def test_a_connection_may_have_a_lower_limit_of_its_own():
    plant = Plant(max_profiles=100)
    plant.limit_to(3)
    plant.arrive("vip", *people(4))
    assert plant.run_to_end(plant.order()).status is RunStatus.FAILED


def test_people_held_back_by_a_limit_that_was_raised_meanwhile_are_not_called_sent():
    plant = Plant(max_profiles=100)
    plant.limit_to(3)
    plant.arrive("vip", *people(4))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    plant.limit_to(10)
    with pytest.raises(Conflict) as raised:
        guard(plant.context, GuardTask(run_id=run_id, staged=staged))
    assert raised.value.reason == "limit-changed"


def test_a_file_that_was_replaced_meanwhile_fails_the_stage_by_name():
    plant = Plant()
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    begin(plant.context, run_id)
    plant.blobs.put("vip/a.csv", "EMail,First\n")
    with pytest.raises(SegmentUnreadable) as raised:
        stage_segment(plant.context, StageTask(run_id=run_id, segment="vip"))
    assert raised.value.reason == "file-changed"
