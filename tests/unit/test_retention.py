"""What is kept, for how long, and what goes."""

from datetime import datetime, timedelta

import orjson
import pytest

from shared.domain.erasure import Erasure
from shared.domain.errors import StorageUnavailable
from shared.domain.identifiers import run_id
from shared.domain.run import Counts, Run, RunStatus, SegmentRun, Trigger
from shared.domain.standing import Alert, AlertEvent, Condition
from shared.pipeline import places
from shared.pipeline.journal import Journal
from shared.usecases.retention import Keeping, Purge, Purged, Retention
from tests.fakes import MemoryBlobs
from tests.fakes_stores import FakeClock, MemoryRuns, MemoryStores

DAY = timedelta(days=1)
KEEPING = Keeping(runs=90 * DAY, rejects=30 * DAY, logs=365 * DAY)


class House:
    def __init__(self, at_once: int = 500) -> None:
        self.clock, self.stores = FakeClock(), MemoryStores()
        self.state, self.logs = MemoryBlobs(), MemoryBlobs()
        journal = Journal(self.logs, self.clock)
        self.retention = Retention(
            self.stores, self.state, self.logs, journal, KEEPING, self.clock, at_once=at_once
        )

    def ago(self, days: float) -> datetime:
        return self.clock() - timedelta(days=days)

    def add_run(
        self,
        days: float,
        status: RunStatus = RunStatus.SUCCESSFUL,
        *,
        took_days: float = 0,
        export: str = "e1",
    ) -> str:
        """A run that was made so many days ago, with all the files that a run may have."""
        at = self.ago(days)
        wanted_id = run_id(export, f"{status}", at)
        run = Run(
            id=wanted_id,
            export_id=export,
            export_name="Export",
            connection_id="c1",
            trigger=Trigger.UPLOAD,
            requested_by="ada",
            segments=(SegmentRun(name="vip", list_title="vip", snapshot_id="s1"),),
            status=status,
            created_at=at,
            ended_at=at + timedelta(days=took_days) if status.ended else None,
        )
        self.stores.runs.add(run.id, run)
        folder = places.stage_folder(run.id, "vip", "a")
        self.write(places.plan(run.id), at)
        self.write(places.rejects(run.id), at)
        self.write(places.samples(run.id), at)
        self.write(places.retry_set(run.id, "vip"), at)
        self.write(places.chunk(folder, 0), at)
        self.write(f"{places.results_folder(run.id, 'vip')}1.tsv", at)
        self.write(places.refused(run.id, "vip"), at)
        return run.id

    def write(self, name: str, at: datetime) -> None:
        self.state.write(name, b"x")
        self.state.written_at[name] = at

    def files(self, wanted_id: str) -> set[str]:
        """The kinds of files that are left of a run."""
        folder = places.run_folder(wanted_id)
        return {name.removeprefix(folder).split("/")[0] for name in self.state.names(folder)}


@pytest.fixture
def house() -> House:
    return House()


PLAN, REJECTS = {"plan.json"}, {"rejects.csv", "samples.json", "retry"}
WORKING = {"stage", "results", "refused"}


def test_runs_go_when_they_have_been_kept_long_enough(house: House) -> None:
    old, young = house.add_run(91), house.add_run(89)
    house.stores.runs.report(old, "push", Counts(sent=1))

    assert house.retention.purge(Purge.RUNS) == Purged(count=1)
    assert house.retention.purge(Purge.RUNS) == Purged(count=0)

    assert [run.id for run in house.stores.runs.all()] == [young]
    assert (house.files(old), house.files(young)) == (set(), PLAN | REJECTS | WORKING)
    assert house.stores.runs.progress(old) == Counts()


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.PROCESSING, RunStatus.WAITING_FOR_APPROVAL])
def test_a_run_that_has_not_ended_stays_however_old_it_is(house: House, status: RunStatus) -> None:
    wanted_id = house.add_run(400, status)

    for what in Purge:
        assert house.retention.purge(what) == Purged(count=0)

    assert house.stores.runs.find(wanted_id) is not None
    assert house.files(wanted_id) == PLAN | REJECTS | WORKING


def test_a_runs_time_counts_from_its_end(house: House) -> None:
    wanted_id = house.add_run(91, took_days=5)

    assert house.retention.purge(Purge.RUNS) == Purged(count=0)
    house.clock.advance(5 * 86_400)
    assert house.retention.purge(Purge.RUNS) == Purged(count=1)
    assert house.stores.runs.find(wanted_id) is None


def test_runs_that_stay_do_not_hide_older_ones() -> None:
    house = House(at_once=2)
    for days in range(100, 105):
        house.add_run(days, RunStatus.PROCESSING)
    house.add_run(110)

    assert house.retention.purge(Purge.RUNS) == Purged(count=1)


@pytest.mark.parametrize("what", [Purge.RUNS, Purge.REJECTS, Purge.LEFTOVERS, Purge.ALERTS, Purge.LOGS])
def test_a_long_purge_goes_in_parts(what: Purge) -> None:
    house = House(at_once=2)
    for number in range(5):
        house.add_run(400 + number)
        house.stores.alerts.add(f"a{number}", alert(f"a{number}", house.ago(31)))
        house.logs.write(f"rows/2020/01/0{number + 1}/run/vip.jsonl", b"")
    counts = []
    while (purged := house.retention.purge(what)).more:
        counts.append(purged.count)

    assert set(counts) == {2}
    assert purged.count in (1, 2)
    assert house.retention.purge(what) == Purged(count=0)


def test_a_purge_that_broke_down_is_finished_by_the_next_one(house: House) -> None:
    class Breaking(MemoryRuns):
        def forget_progress(self, run_id: str) -> None:
            raise StorageUnavailable("Gone.")

    wanted_id, whole = house.add_run(91), house.stores.runs
    house.stores.runs = Breaking()
    house.stores.runs.rows = whole.rows
    with pytest.raises(StorageUnavailable):
        house.retention.purge(Purge.RUNS)
    house.stores.runs = whole

    assert house.retention.purge(Purge.RUNS) == Purged(count=1)
    assert (house.stores.runs.find(wanted_id), house.files(wanted_id)) == (None, set())


def test_what_tells_of_people_goes_before_the_run_does(house: House) -> None:
    old, young = house.add_run(31), house.add_run(29)

    assert house.retention.purge(Purge.REJECTS) == Purged(count=3)

    assert house.files(old) == PLAN | WORKING
    assert house.files(young) == PLAN | REJECTS | WORKING
    assert house.stores.runs.find(old) is not None


def test_rejects_that_were_changed_by_an_erasure_go_at_their_time(house: House) -> None:
    wanted_id = house.add_run(31)
    house.write(places.rejects(wanted_id), house.clock())

    house.retention.purge(Purge.REJECTS)

    assert house.files(wanted_id) == PLAN | WORKING


def test_rejects_of_a_run_that_took_long_are_kept_from_its_end(house: House) -> None:
    wanted_id = house.add_run(31, took_days=7)

    assert house.retention.purge(Purge.REJECTS) == Purged(count=0)
    assert house.files(wanted_id) == PLAN | REJECTS | WORKING


def test_what_a_crash_left_behind_goes_after_a_day(house: House) -> None:
    ended, fresh, running = house.add_run(2), house.add_run(0.5), house.add_run(3, RunStatus.PROCESSING)
    orphan = run_id("e9", "never made", house.ago(2))
    house.write(places.chunk(places.stage_folder(orphan, "vip", "a"), 0), house.ago(2))

    assert house.retention.purge(Purge.LEFTOVERS) == Purged(count=4)

    assert house.files(ended) == PLAN | REJECTS
    assert house.files(orphan) == set()
    for untouched in (fresh, running):
        assert house.files(untouched) == PLAN | REJECTS | WORKING


def test_old_request_keys_are_forgotten(house: House) -> None:
    house.stores.runs.requests = {"old": house.ago(8), "young": house.ago(6)}

    assert house.retention.purge(Purge.REQUESTS) == Purged(count=1)
    assert list(house.stores.runs.requests) == ["young"]


def alert(alert_id: str, at: datetime) -> Alert:
    return Alert(
        id=alert_id,
        event=AlertEvent.RUN_FAILED,
        condition=Condition.FAILED,
        connection_id="c1",
        connection_name="Ours",
        title="t",
        message="m",
        created_at=at,
    )


def test_old_alerts_go(house: House) -> None:
    for name, days in (("old", 31), ("young", 29)):
        house.stores.alerts.add(name, alert(name, house.ago(days)))

    assert house.retention.purge(Purge.ALERTS) == Purged(count=1)
    assert list(house.stores.alerts.rows) == ["young"]


def test_logs_go_by_the_day_in_their_names(house: House) -> None:
    old, first_kept = house.ago(366), house.ago(365)
    gone = [
        f"audit/{old:%Y/%m/%d}.jsonl",
        f"audit/{old:%Y/%m/%d}+.jsonl",
        f"rows/{old:%Y/%m/%d}/run-1/vip.jsonl",
        f"runs/{old:%Y/%m/%d}.jsonl",
    ]
    kept = [
        f"audit/{first_kept:%Y/%m/%d}.jsonl",
        "rows/9999/99/99/x.jsonl",
        "somebody/2001/01/01/else.jsonl",
        "audit/readme.txt",
    ]
    for name in gone + kept:
        house.logs.write(name, b"")

    assert house.retention.purge(Purge.LOGS) == Purged(count=4)
    assert house.logs.names("") == sorted(kept)


def test_receipts_ledgers_and_suppressions_stay(house: House) -> None:
    house.stores.erasures.add(
        "erasure-1", Erasure(id="erasure-1", requested_by="a", requested_at=house.ago(9_999))
    )
    kept = [places.ledger("e1", "vip", "l1"), places.suppression("c1"), places.sent("c1", "e1")]
    for name in kept:
        house.write(name, house.ago(9_999))

    for what in Purge:
        house.retention.purge(what)

    assert house.state.names("") == sorted(kept)
    assert house.stores.erasures.find("erasure-1") is not None


def test_the_journal_tells_what_was_purged(house: House) -> None:
    house.retention.note({"runs": 3, "alerts": 0}, ["history"])

    [entry] = [orjson.loads(line) for line in house.logs.read("audit/2026/03/01.jsonl").splitlines()]
    assert (entry["action"], entry["who"]) == ("retention.purged", "housekeeping")
    assert (entry["counts"], entry["failed"]) == ({"runs": 3}, ["history"])
