"""How runs end, what is said of it, and whether they are tried again."""

import dataclasses
import json
from datetime import timedelta

import pytest

from shared.domain.connection import ConnectionStatus
from shared.domain.errors import Conflict
from shared.domain.export import SegmentChoice
from shared.domain.run import Failure, RunStatus, Stage
from shared.pipeline.steps.begin import begin
from shared.pipeline.steps.context import RunContext
from shared.pipeline.steps.finish import FinishTask, finish
from tests.unit.plant import Plant, people

AWAY = Failure(code="unavailable", message="It is away.", transient=True)
NO = Failure(code="refused", message="It said no.")


def with_attempts(plant: Plant, attempts: int) -> RunContext:
    limits = dataclasses.replace(plant.context.limits, run_attempts=attempts, run_retry_after_s=1_800)
    return dataclasses.replace(plant.context, limits=limits)


def started(plant: Plant) -> str:
    plant.arrive("vip", *people(3))
    run_id = plant.order()
    begin(plant.context, run_id)
    return run_id


def fail(plant: Plant, failure: Failure, *, attempts: int = 3) -> tuple[str, tuple[str, ...]]:
    """A run that fails, and what is said of it."""
    run_id = started(plant)
    finish(with_attempts(plant, attempts), FinishTask(run_id=run_id, failure=failure))
    return run_id, plant.run_of(run_id).warnings


def retry_of(plant: Plant) -> tuple[str | None, object]:
    standing = plant.stores.standings.get("export-1").record
    return standing.retry_run, standing.retry_at


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ((), RunStatus.SUCCESSFUL),
        (("nobody",), RunStatus.SUCCESSFUL_WITH_REJECTS),
        (("p0@example.com",), RunStatus.SUCCESSFUL_WITH_REJECTS),
    ],
)
def test_partial_success_does_not_look_like_success(rows, status):
    plant = Plant()
    plant.arrive("vip", *people(3), *rows)
    run_id = plant.order()
    assert plant.run_to_end(run_id).status is status
    assert plant.alerts.runs[-1].status is status
    last = plant.stores.standings.get("export-1").record.last_run
    assert (last.id, last.status, last.ended_at) == (run_id, status, plant.clock())


def test_who_the_destination_refuses_makes_a_run_partial():
    plant = Plant()
    plant.arrive("vip", *people(3))
    plant.destination.refused["p1@example.com"] = "not_accepted"
    assert plant.run_to_end(plant.order()).status is RunStatus.SUCCESSFUL_WITH_REJECTS


def test_what_failed_in_passing_is_to_be_tried_again_and_says_when():
    plant = Plant()
    run_id, warnings = fail(plant, AWAY)
    assert retry_of(plant) == (run_id, plant.clock() + timedelta(seconds=1_800))
    assert warnings == ("It failed in passing (attempt 1 of 3) and is repeated at 2026-03-01 08:30 UTC.",)
    run = plant.run_of(run_id)
    assert (run.status, run.failure.transient) == (RunStatus.FAILED, True)


@pytest.mark.parametrize(("attempt", "again"), [(2, True), (3, False)])
def test_after_so_many_attempts_it_is_given_up(attempt, again):
    plant = Plant()
    run_id = started(plant)
    plant.context.change(run_id, attempt=attempt)
    finish(with_attempts(plant, 3), FinishTask(run_id=run_id, failure=AWAY))
    assert (retry_of(plant)[0] == run_id) is again
    if not again:
        assert "failed 3 times" in plant.run_of(run_id).warnings[-1]


def test_runs_of_one_outage_are_tried_again_together():
    plant = Plant("vip", "churn")
    plant.arrive("churn", *people(1))
    first, _ = fail(plant, AWAY)
    plant.clock.advance(600)
    second, warnings = fail(plant, AWAY)
    standing = plant.stores.standings.get("export-1").record
    assert standing.retries == (first, second)
    assert "2026-03-01 08:30 UTC" in warnings[0]


def test_what_failed_for_good_is_not_tried_again():
    plant = Plant()
    _, warnings = fail(plant, NO)
    assert retry_of(plant) == (None, None)
    assert warnings == ("Trying again would not help by itself, so the run is not repeated.",)


def test_a_cancelled_run_that_fails_is_not_tried_again():
    plant = Plant()
    run_id = started(plant)
    plant.cancel(run_id)
    finish(with_attempts(plant, 3), FinishTask(run_id=run_id, failure=AWAY))
    assert retry_of(plant) == (None, None)


def test_an_ending_that_is_repeated_is_told_again_and_changes_nothing():
    plant = Plant()
    run_id, _ = fail(plant, AWAY)
    run = plant.run_of(run_id)
    told = len(plant.alerts.runs)
    plant.clock.advance(60)
    finish(with_attempts(plant, 3), FinishTask(run_id=run_id, failure=AWAY))
    assert plant.run_of(run_id) == run
    assert plant.alerts.runs[told:] == [run]
    assert retry_of(plant)[1] == run.ended_at + timedelta(seconds=1_800)


def test_the_journal_has_the_beginning_and_the_end_of_a_run():
    plant = Plant()
    run_id, _ = fail(plant, NO)
    entries = [
        json.loads(line)
        for name, text in plant.logs.blobs.items()
        if name.startswith("runs/")
        for line in text.splitlines()
    ]
    assert [entry["event"] for entry in entries] == ["run.queued", "run.started", "run.ended"]
    assert (entries[-1]["run_id"], entries[-1]["failure"]["code"]) == (run_id, "refused")


@pytest.mark.parametrize("code", ["key-refused", "secret-unavailable"])
def test_a_refused_key_is_told_and_so_is_its_recovery(code):
    plant = Plant()
    fail(plant, Failure(code=code, message="The key was refused."))
    assert plant.stores.connections.get("connection-1").record.status is ConnectionStatus.NEEDS_ATTENTION
    assert plant.alerts.connections == [("connection-1", "The key was refused.")]
    plant.run_to_end(plant.order())
    assert plant.stores.connections.get("connection-1").record.status is ConnectionStatus.CONNECTED
    assert plant.alerts.connections[1:] == [("connection-1", None)]


def test_a_run_whose_connection_was_removed_says_so_and_can_be_finished():
    plant = Plant()
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    plant.stores.connections.remove("connection-1")
    with pytest.raises(Conflict) as raised:
        begin(plant.context, run_id)
    assert (raised.value.reason, raised.value.retryable) == ("no-connection", False)
    for code in ("no-connection", "key-refused"):
        failure = Failure(code=code, message="x")
        assert finish(plant.context, FinishTask(run_id=run_id, failure=failure)).status is RunStatus.FAILED


@pytest.mark.parametrize("connection", [None, "connection-2"])
def test_a_run_that_waited_while_its_export_was_detached_sends_nothing(connection):
    plant = Plant()
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    plant.edit(connection_id=connection)
    with pytest.raises(Conflict) as raised:
        begin(plant.context, run_id)
    assert raised.value.reason == "no-connection"
    assert plant.is_free()


def test_people_go_on_the_list_that_was_chosen_whatever_it_is_called():
    plant = Plant()
    chosen = plant.destination.create_list("Newsletter")
    plant.edit(segments=(SegmentChoice(name="vip", list_id=chosen),))
    plant.arrive("vip", *people(3))
    run_id = plant.order()
    plant.run_to_end(run_id)
    assert plant.members("Newsletter") == set(people(3))
    assert [segment.list_title for segment in plant.run_of(run_id).segments] == ["Newsletter"]
    assert set(plant.destination.lists) == {"Newsletter"}


def test_a_chosen_list_that_is_gone_is_not_made_anew():
    plant = Plant()
    plant.edit(segments=(SegmentChoice(name="vip", list_id="list-99"),))
    plant.arrive("vip", *people(3))
    run_id = plant.order()
    with pytest.raises(Conflict) as raised:
        begin(plant.context, run_id)
    assert raised.value.reason == "list-missing"
    assert "choose another list" in raised.value.remedy
    assert plant.destination.lists == {}


CHANGED = Failure(code="file-changed", message="The file 'vip/a.csv' was replaced or removed.")


@pytest.mark.parametrize(
    ("then", "status"),
    [
        (lambda plant: plant.arrive("vip", *people(4)), RunStatus.SKIPPED),
        (lambda plant: plant.blobs.put("vip/a.csv", "EMail,First\n"), RunStatus.SKIPPED),
        (lambda plant: plant.blobs.files.pop("vip/a.csv"), RunStatus.FAILED),
    ],
    ids=["a newer one has arrived", "a newer one is arriving", "it was removed"],
)
def test_a_file_that_is_gone_is_no_failure_when_a_newer_one_took_its_place(then, status):
    plant = Plant()
    run_id = started(plant)
    then(plant)
    assert finish(plant.context, FinishTask(run_id=run_id, failure=CHANGED)).status is status
    run = plant.run_of(run_id)
    assert (run.failure is None) is (status is RunStatus.SKIPPED)
    assert run.stage is Stage.DONE
