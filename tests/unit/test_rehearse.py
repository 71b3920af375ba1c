"""Dry runs: what they tell, and all that they leave alone."""

import json

import pytest

from shared.adapters.autopilot import Autopilot
from shared.domain.access import Principal, Role
from shared.domain.connection import ConnectionStatus
from shared.domain.export import Leavers
from shared.domain.ports import Pace
from shared.domain.run import RunStatus
from shared.pipeline import places
from shared.pipeline.steps.begin import begin
from shared.pipeline.steps.finish import Finished, FinishTask, finish
from shared.pipeline.steps.guard import GuardTask, guard
from shared.pipeline.steps.rehearse import RehearseTask, rehearse
from tests.unit.plant import ADA, Plant, people


def rehearsed(plant: Plant) -> tuple[str, Finished]:
    """What the orchestration does with a dry run."""
    run_id = plant.order(dry=True)
    guarded = guard(plant.context, GuardTask(run_id=run_id, staged=plant.stage_all(run_id)))
    assert guarded.asked is None
    if guarded.failure is None:
        rehearse(plant.context, RehearseTask(run_id=run_id, staged=guarded.staged))
    task = FinishTask(
        run_id=run_id,
        staged=guarded.staged,
        failure=guarded.failure,
        complete=guarded.failure is None,
    )
    return run_id, finish(plant.context, task)


def settled() -> Plant:
    """A plant that removes leavers and whose list has 40 people."""
    plant = Plant()
    plant.edit(leavers=Leavers.REMOVE)
    plant.arrive("vip", *people(40))
    plant.run_to_end(plant.order())
    return plant


def test_a_dry_run_counts_what_a_real_one_would_do():
    plant = settled()
    plant.arrive("vip", *people(35, start=10), "nobody")
    run_id, finished = rehearsed(plant)
    assert finished.status is RunStatus.SUCCESSFUL_WITH_REJECTS
    counts = finished.counts
    assert (counts.new, counts.changed, counts.unchanged, counts.leavers) == (5, 0, 30, 10)
    assert (counts.sent, counts.removed, counts.calls) == (0, 0, 1)
    assert finished.rejected == {"email_no_at_sign": 1}
    assert len(plant.rejects(run_id)) == 1
    real = plant.run_to_end(plant.order())
    assert (real.counts.new, real.counts.sent, real.counts.removed) == (5, 5, 10)


def test_a_dry_run_writes_nothing_and_tells_nobody():
    plant = settled()
    plant.arrive("vip", *people(20), names="other")
    ledgers = {name: blob for name, blob in plant.state.blobs.items() if name.startswith("ledgers/")}
    contacts, members = dict(plant.destination.contacts), plant.members("vip").copy()
    plant.stores.connections.change(
        "connection-1", lambda present: present.model_copy(update={"status": ConnectionStatus.DRAFT})
    )
    before, heard = (plant.stores.standings.rows.copy(), len(plant.alerts.runs))
    segment = plant.stores.segments.rows.copy()
    run_id, _ = rehearsed(plant)
    assert plant.stores.standings.rows == before
    assert (len(plant.alerts.runs), plant.alerts.connections) == (heard, [])
    assert plant.stores.segments.rows == segment
    assert plant.stores.connections.get("connection-1").record.status is ConnectionStatus.DRAFT
    assert (plant.destination.contacts, plant.members("vip")) == (contacts, members)
    assert ledgers == {name: blob for name, blob in plant.state.blobs.items() if name.startswith("ledgers/")}
    assert set(plant.state.names(f"runs/{run_id}/")) == {
        places.plan(run_id),
        places.rejects(run_id),
        places.samples(run_id),
    }


def test_a_dry_run_needs_no_connection_to_itself_and_keeps_nobody_from_it():
    plant = settled()
    real = plant.order()
    begin(plant.context, real)
    _, finished = rehearsed(plant)
    assert finished.status is RunStatus.SUCCESSFUL
    assert plant.stores.lanes.held["connection-1"] == real


@pytest.mark.parametrize(
    ("ceiling", "limit", "seconds"),
    [(0, None, None), (2, None, 3.0), (0, 12.0, 0.5), (2, 12.0, 3.0), (24, 12.0, 0.5), (None, None, None)],
    ids=["nothing known", "a ceiling", "learnt", "a low ceiling", "a high ceiling", "the setting"],
)
def test_calls_and_time_are_estimated_at_the_pace_that_is_known(ceiling, limit, seconds):
    plant = Plant()
    plant.stores.connections.change(
        "connection-1", lambda present: present.model_copy(update={"max_calls_per_s": ceiling})
    )
    if limit:
        plant.stores.paces.change("connection-1", lambda _: Pace(limit, limit, 0.0))
    plant.arrive("vip", *people(9))
    run_id, _ = rehearsed(plant)
    estimate = plant.run_of(run_id).estimate
    assert estimate.calls == 6  # lists, list, learn, and three batches of three
    assert estimate.seconds == seconds


@pytest.mark.parametrize(
    ("work", "learnt", "calls"),
    [
        (([201, 99], 50, 7, 0), {"list_in_bulk": True}, 3 + 1 + 7 + 1),
        (([201, 99], 50, 7, 0), {"list_in_bulk": False}, 3 + 1 + 7 + 50),
        (([201, 99], 50, 7, 0), {}, 3 + 1 + 7 + 50 + 4),
        (([201, 99], 300, 0, 2), {"list_in_bulk": True}, 3 + 1 + 1 + 1 + 2),
        (([201], 0, 0, 0), {"list_in_bulk": True}, 3),
        (([201], 0, 0, 0), {}, 3),
        (([], 0, 0, 0), {}, 0),
    ],
)
def test_calls_to_autopilot_depend_on_what_was_learnt_about_the_account(work, learnt, calls):
    names = ("sending", "joining", "leaving", "new_lists")
    people = dict(zip(names, work, strict=True))
    assert Autopilot("http://localhost", timeout_s=1).estimate_calls(**people, learnt=learnt) == calls


def test_a_list_that_is_there_needs_no_calls_and_leavers_do():
    plant = settled()
    plant.arrive("vip", *people(30))
    run_id, _ = rehearsed(plant)
    assert plant.run_of(run_id).estimate.calls == 11
    plant.edit(leavers=Leavers.KEEP)
    run_id, _ = rehearsed(plant)
    assert plant.run_of(run_id).estimate.calls == 1


def test_ten_people_are_shown_as_they_would_be_sent_with_masked_addresses():
    plant = Plant("vip", "churn")
    plant.arrive("vip", *people(20))
    plant.arrive("churn", *people(3, start=50))
    run_id, _ = rehearsed(plant)
    samples = plant.runs.samples(run_id, ADA).samples
    assert [sample.segment for sample in samples] == ["vip"] * 5 + ["churn"] * 3
    assert all(sample.body == {"Email": "***", "FirstName": "x"} for sample in samples)
    assert "example.com" not in plant.state.read(places.samples(run_id)).decode()


def test_a_dry_run_says_that_a_real_one_would_ask():
    plant = settled()
    plant.arrive("vip", *people(10))
    run_id, finished = rehearsed(plant)
    assert finished.status is RunStatus.SUCCESSFUL
    [warning] = plant.run_of(run_id).warnings
    assert warning.startswith("A real run would wait for approval: 30 of the 40 people")
    assert plant.run_of(run_id).approval is None


def test_over_the_limit_a_dry_run_fails_like_a_real_one():
    plant = settled()
    plant.limit_to(5)
    plant.arrive("vip", *people(6))
    run_id, finished = rehearsed(plant)
    assert finished.status is RunStatus.FAILED
    assert plant.run_of(run_id).failure.code == "over-limit"
    assert plant.stores.standings.get("export-1").record.retry_run is None


def test_a_dry_run_is_in_the_history_and_in_the_journal():
    plant = settled()
    run_id, _ = rehearsed(plant)
    viewer = Principal("Vera", Role.VIEWER)
    assert [run.dry for run in plant.runs.list(viewer).runs if run.id == run_id] == [True]
    lines = [
        line
        for name, text in plant.logs.blobs.items()
        if name.startswith("runs/")
        for line in text.splitlines()
    ]
    events = [entry["event"] for entry in map(json.loads, lines) if entry["run_id"] == run_id]
    assert events == ["run.queued", "run.started", "run.ended"]
