"""What stays of runs for the home page: a tally for each day, and how many people lists have."""

from datetime import date, datetime, timedelta

import pytest

from shared.domain.errors import Refused
from shared.domain.export import Leavers, SegmentChoice, TripWire
from shared.domain.run import Failure, RunStatus
from shared.domain.standing import ListSize
from shared.domain.tally import RUNS_REMEMBERED, Tally
from shared.pipeline.standings import count_run, remember_lists
from shared.pipeline.steps.finish import FinishTask, finish
from shared.usecases.retention import Keeping, Purge, Purged, Retention
from tests.fakes_stores import START
from tests.unit.plant import Plant, people

FAILURE = Failure(code="outage", message="Autopilot did not answer.")


def tallies(plant: Plant) -> dict[str, Tally]:
    return {record_id: plant.stores.tallies.get(record_id).record for record_id in plant.stores.tallies.rows}


def figures(tally: Tally) -> tuple[int, ...]:
    """Runs, failed ones, people sent, rejected, taken off."""
    return (tally.runs, tally.failed, tally.sent, tally.rejected, tally.left)


def lists(plant: Plant) -> list[tuple[str, str, int]]:
    known = plant.stores.standings.get("export-1").record.lists
    return [(size.segment, size.list_title, size.people) for size in known]


def removing() -> Plant:
    plant = Plant()
    plant.edit(leavers=Leavers.REMOVE, trip_wire=TripWire(max_removals_share=None))
    return plant


def test_a_day_adds_up_what_its_runs_did():
    plant = removing()
    plant.arrive("vip", *people(5), "nobody")
    plant.run_to_end(plant.order())
    plant.clock.advance(60)
    plant.destination.refused["p9@example.com"] = "not_accepted"
    plant.arrive("vip", *people(3), "p9@example.com")
    plant.run_to_end(plant.order())
    assert {day: figures(tally) for day, tally in tallies(plant).items()} == {"2026-03-01": (2, 0, 5, 2, 2)}


def test_who_is_left_out_on_purpose_is_not_counted_as_rejected():
    plant = Plant()
    plant.arrive("vip", *people(2))
    run = plant.stores.runs.get(plant.order()).record
    rejected = {"no_consent": 800, "suppressed": 5, "email_no_at_sign": 2}
    count_run(
        plant.stores,
        run.model_copy(update={"status": RunStatus.SUCCESSFUL, "ended_at": START, "rejected": rejected}),
    )
    assert figures(tallies(plant)["2026-03-01"]) == (1, 0, 0, 2, 0)


def test_each_day_has_a_tally_of_its_own_by_the_end_of_the_run():
    plant = Plant()
    plant.arrive("vip", *people(1))
    plant.clock.now = datetime.fromisoformat("2026-03-01T23:59:59Z")
    run_id = plant.order()
    plant.clock.advance(2)
    plant.run_to_end(run_id)
    assert [tally.day for tally in tallies(plant).values()] == [date(2026, 3, 2)]


def test_a_finish_that_is_repeated_counts_once():
    plant = Plant()
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    for _ in range(3):
        finish(plant.context, FinishTask(run_id=run_id, failure=FAILURE))
    assert figures(tallies(plant)["2026-03-01"]) == (1, 1, 0, 0, 0)


def test_a_dry_run_counts_nowhere():
    plant = Plant()
    plant.arrive("vip", *people(3))
    plant.run_to_end(plant.order(dry=True))
    assert tallies(plant) == {}
    assert plant.stores.standings.find("export-1") is None


@pytest.mark.parametrize("status", [each for each in RunStatus if each.ended])
def test_a_run_counts_whatever_became_of_it(status):
    plant = Plant()
    plant.arrive("vip", *people(1))
    run = plant.run_of(plant.order()).model_copy(update={"status": status, "ended_at": START})
    count_run(plant.stores, run)
    assert figures(tallies(plant)["2026-03-01"]) == (1, status is RunStatus.FAILED, 0, 0, 0)


def test_a_tally_remembers_only_so_many_runs():
    plant = Plant()
    plant.arrive("vip", *people(1))
    run, tally = plant.run_of(plant.order()), Tally(day=START.date())
    for number in range(RUNS_REMEMBERED + 5):
        tally = tally.with_run(run.model_copy(update={"id": f"run-{number}"}))
    assert tally.runs == RUNS_REMEMBERED + 5
    assert len(tally.noted) == RUNS_REMEMBERED
    assert tally.with_run(run.model_copy(update={"id": f"run-{RUNS_REMEMBERED}"})) == tally


def test_a_list_has_as_many_people_as_were_put_on_it_and_not_taken_off():
    plant = removing()
    plant.destination.refused["p4@example.com"] = "not_accepted"
    plant.arrive("vip", *people(5))
    plant.run_to_end(plant.order())
    assert lists(plant) == [("vip", "vip", 4)]
    plant.arrive("vip", *people(2))
    plant.run_to_end(plant.order())
    assert lists(plant) == [("vip", "vip", 2)]


def test_a_run_that_changes_nothing_leaves_the_size_as_it_was():
    plant = Plant()
    plant.arrive("vip", *people(5))
    plant.run_to_end(plant.order())
    plant.clock.advance(3600)
    plant.run_to_end(plant.order())
    (size,) = plant.stores.standings.get("export-1").record.lists
    assert size == ListSize(segment="vip", list_title="vip", people=5, at=START)


def test_a_run_that_failed_on_its_way_tells_how_far_the_list_has_come():
    plant = Plant()
    plant.arrive("vip", *people(12))
    plant.destination.faults["push"] = [None, None, Refused("It said no.")]
    finished = plant.run_to_end(plant.order())
    assert 0 < finished.counts.sent < 12
    assert lists(plant) == [("vip", "vip", finished.counts.sent)]


def test_each_segment_keeps_its_size_until_the_export_carries_it_no_longer():
    plant = Plant("vip", "churn")
    plant.arrive("vip", *people(3))
    plant.arrive("churn", *people(2))
    plant.run_to_end(plant.order())
    assert lists(plant) == [("vip", "vip", 3), ("churn", "churn", 2)]
    plant.edit(segments=(SegmentChoice(name="churn", list_name="Lost"),))
    plant.clock.advance(60)
    plant.run_to_end(plant.order())
    assert lists(plant) == [("churn", "Lost", 2)]


def test_an_export_that_is_gone_leaves_no_sizes_behind():
    plant = Plant()
    size = ListSize(segment="vip", list_title="vip", people=3, at=START)
    plant.stores.exports.remove("export-1")
    remember_lists(plant.stores, "export-1", [size])
    assert plant.stores.standings.find("export-1") is None


def test_tallies_of_more_than_a_year_ago_go():
    plant, days = Plant(), (401, 400, 0)
    for ago in days:
        day = (START - timedelta(days=ago)).date()
        plant.stores.tallies.add(day.isoformat(), Tally(day=day))
    keeping = Keeping(runs=timedelta(90), rejects=timedelta(30), logs=timedelta(365))
    retention = Retention(plant.stores, plant.state, plant.logs, plant.journal, keeping, plant.clock)
    assert retention.purge(Purge.TALLIES) == Purged(count=1)
    assert [(START.date() - tally.day).days for tally in plant.stores.tallies.all()] == [400, 0]
