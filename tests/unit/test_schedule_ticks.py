"""Ticks: every slot is served once, also when ticks are late, come twice or break off."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import StorageUnavailable
from shared.domain.export import Export, SegmentChoice
from shared.domain.run import Run, RunStatus, Trigger
from shared.domain.schedule import REFRESH_ID, Refresh, Schedule, slots
from shared.domain.segment import Segment, Snapshot, SnapshotFile
from shared.domain.standing import Standing
from shared.pipeline import places
from shared.pipeline.journal import Journal
from shared.pipeline.standings import remember_run
from shared.usecases.runs.orders import NewRun, RunOrders
from shared.usecases.runs.ticks import Ticks
from tests.fakes import MemoryBlobs
from tests.fakes_stores import START, FakeClock, HeardAlerts, MemoryStores
from tests.unit.run_office import ADA

DAILY = Schedule(recurrence="daily", times=["09:00"])
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Watch:
    """Exports of a segment that has arrived, and a clock at 8:00; whatever is started ends at once unless told not to."""

    def __init__(self) -> None:
        self.clock, self.stores, self.alerts = FakeClock(), MemoryStores(), HeardAlerts()
        self.state = MemoryBlobs()
        self.orders = RunOrders(self.stores, self.state, Journal(MemoryBlobs(), self.clock), self.clock)
        self.ticks = Ticks(self.stores, self.orders, self.alerts)
        self.arrive("vip")

    def arrive(self, name: str) -> None:
        file = SnapshotFile(name=f"{name}/a.csv", etag="1", size_bytes=1)
        snapshot = Snapshot(id=f"{name}-1", segment=name, arrived_at=START, files=(file,))
        self.stores.segments.add(name, Segment(name=name, source=f"{name}/", snapshot=snapshot))

    def add(self, name: str, schedule: Schedule = DAILY, segment: str = "vip", **changes: object) -> None:
        export = Export(
            id=name,
            name=name,
            connection_id="connection-1",
            email_column="EMail",
            segments=(SegmentChoice(name=segment),),
            schedule=schedule,
            created_at=START,
            updated_at=self.clock(),
        )
        self.stores.exports.add(name, export.model_copy(update=changes))

    def edit(self, name: str, **changes: object) -> None:
        changes["updated_at"] = self.clock()
        self.stores.exports.change(name, lambda export: export.model_copy(update=changes))

    def set_refresh(self, **refresh: object) -> None:
        wanted = Refresh(**refresh, updated_at=self.clock())
        self.stores.refreshes.upsert(REFRESH_ID, lambda present: wanted)

    def tick(self, *, ends: bool = True) -> list[Run]:
        runs = self.ticks.tick(self.clock())
        for run in runs if ends else []:
            self.end(run, RunStatus.SUCCESSFUL)
        return runs

    def end(self, run: Run, status: RunStatus, **changes: object) -> Run:
        changes |= {"status": status, "ended_at": self.clock()}
        ended = self.stores.runs.change(run.id, lambda present: present.model_copy(update=changes))
        remember_run(self.stores, ended)
        return ended

    def at(self, moment: datetime, *, ends: bool = True) -> list[str]:
        """Go to a moment and tick: the exports that run, in order."""
        self.clock.now = moment
        return sorted(run.export_id for run in self.tick(ends=ends))

    def fail_in_passing(self, run: Run, retry_at: datetime) -> Run:
        failed = self.end(run, RunStatus.FAILED)
        self.stores.standings.change(
            run.export_id,
            lambda present: present.model_copy(update={"retry_at": retry_at, "retry_run": run.id}),
        )
        return failed


def test_an_export_runs_at_the_slots_of_its_own_schedule():
    watch = Watch()
    watch.add("daily")
    watch.add("hourly", Schedule(recurrence="hourly", minute=30))
    assert watch.at(START + 29 * MINUTE) == []
    assert watch.at(START + 30 * MINUTE) == ["hourly"]
    assert watch.at(START + HOUR) == ["daily"]
    assert watch.at(START + HOUR + MINUTE) == []


def test_a_run_says_that_a_schedule_started_it():
    watch = Watch()
    watch.add("daily")
    watch.clock.now = START + HOUR
    [run] = watch.tick()
    assert (run.trigger, run.requested_by) == (Trigger.SCHEDULE, "schedule")


def test_missed_slots_are_caught_up_once():
    watch = Watch()
    watch.add("daily")
    watch.at(START)
    assert watch.at(START + 3 * DAY + 4 * HOUR) == ["daily"]
    assert watch.at(START + 3 * DAY + 5 * HOUR) == []
    assert watch.at(START + 4 * DAY + HOUR) == ["daily"]


def test_a_slot_that_was_missed_before_the_first_tick_is_caught_up_too():
    watch = Watch()
    watch.add("daily")
    assert watch.at(START + 2 * HOUR) == ["daily"]


def test_slots_from_before_a_schedule_was_set_do_not_count():
    watch = Watch()
    watch.add("daily")
    watch.at(START)
    watch.clock.now = START + 3 * HOUR
    watch.edit("daily", schedule=Schedule(recurrence="daily", times=["10:00", "12:00"]))
    assert watch.at(START + 3 * HOUR) == []
    assert watch.at(START + 4 * HOUR) == ["daily"]


def test_slots_from_while_an_export_was_switched_off_or_followed_the_refresh_do_not_count():
    watch = Watch()
    watch.add("off")
    watch.add("follower")
    watch.at(START)
    watch.edit("off", active=False)
    watch.edit("follower", schedule=Schedule())
    assert watch.at(START + 2 * HOUR) == []
    watch.edit("off", active=True)
    watch.edit("follower", schedule=DAILY)
    assert watch.at(START + 3 * HOUR) == []
    assert watch.at(START + DAY + HOUR) == ["follower", "off"]


def test_slots_from_while_an_export_was_switched_off_do_not_count_although_a_run_went_on_meanwhile():
    watch = Watch()
    watch.add("daily")
    watch.at(START)
    run = watch.end(watch.orders.on_demand("daily", NewRun(), ADA), RunStatus.PROCESSING)
    watch.edit("daily", active=False)
    assert watch.at(START + 30 * MINUTE) == []
    watch.clock.now = START + 2 * HOUR
    watch.edit("daily", active=True)
    assert watch.at(START + 2 * HOUR) == []
    watch.end(run, RunStatus.SUCCESSFUL)
    assert watch.at(START + 3 * HOUR) == []
    assert watch.at(START + DAY + HOUR) == ["daily"]


def test_an_edit_of_something_else_loses_no_slot():
    watch = Watch()
    watch.add("daily")
    watch.at(START)
    watch.clock.now = START + HOUR + timedelta(seconds=1)
    watch.edit("daily", email_column="Other")
    assert watch.at(START + HOUR + timedelta(seconds=2)) == ["daily"]


@pytest.mark.parametrize("changes", [{"active": False}, {"connection_id": None}])
def test_exports_that_are_off_or_detached_do_not_run_by_themselves(changes):
    watch = Watch()
    watch.add("own", **changes)
    watch.add("follower", Schedule(), **changes)
    watch.set_refresh(recurrence="daily", times=["09:00"])
    assert watch.at(START) == []
    assert watch.at(START + 2 * HOUR) == []


def test_a_slot_of_an_export_for_which_nothing_has_arrived_passes():
    watch = Watch()
    watch.add("daily", segment="later")
    assert watch.at(START + HOUR) == []
    watch.arrive("later")
    assert watch.at(START + 2 * HOUR) == []
    assert watch.at(START + DAY + HOUR) == ["daily"]


def test_the_refresh_runs_what_has_no_schedule_of_its_own():
    watch = Watch()
    watch.add("own")
    watch.add("follower", Schedule())
    watch.add("later", Schedule(), segment="later")
    watch.set_refresh(recurrence="weekly", times=["10:00", "22:00"], weekdays=["sunday"])
    assert watch.at(START) == []
    watch.clock.now = START + 2 * HOUR
    runs = watch.tick()
    assert {run.export_id: (run.trigger, run.requested_by) for run in runs} == {
        "follower": (Trigger.REFRESH, "refresh"),
        "own": (Trigger.SCHEDULE, "schedule"),
    }
    assert watch.at(START + 14 * HOUR) == ["follower"]
    assert watch.at(START + DAY + 14 * HOUR) == ["own"]


def test_the_refresh_does_not_run_for_the_time_before_it_was_set_and_catches_up_once():
    watch = Watch()
    watch.add("follower", Schedule())
    watch.at(START + HOUR)
    watch.set_refresh(recurrence="daily", times=["08:30"])
    assert watch.at(START + 2 * HOUR) == []
    assert watch.at(START + 3 * DAY + 2 * HOUR) == ["follower"]
    assert watch.at(START + 3 * DAY + 3 * HOUR) == []
    watch.set_refresh(recurrence="off")
    assert watch.at(START + 5 * DAY) == []


def test_a_slot_is_served_once_although_it_is_not_written_down():
    watch = Watch()
    watch.add("own")
    watch.add("follower", Schedule())
    watch.set_refresh(recurrence="daily", times=["09:00"])
    watch.clock.now = START + HOUR
    first = watch.tick()
    watch.stores.standings.rows.clear()
    watch.clock.advance(30)
    assert {run.id for run in watch.tick()} == {run.id for run in first}
    assert len(watch.stores.runs.rows) == 2


def test_slots_of_a_schedule_wait_while_the_export_runs_and_then_count_once():
    watch = Watch()
    watch.add("hourly", Schedule(recurrence="hourly"))
    watch.clock.now = START + HOUR
    [run] = watch.tick(ends=False)
    watch.stores.runs.change(
        run.id, lambda present: present.model_copy(update={"status": RunStatus.PROCESSING})
    )
    assert watch.at(START + 2 * HOUR) == []
    assert watch.at(START + 3 * HOUR) == []
    watch.end(run, RunStatus.SUCCESSFUL)
    assert watch.at(START + 3 * HOUR + MINUTE) == ["hourly"]
    assert watch.at(START + 3 * HOUR + 2 * MINUTE) == []


def test_a_run_that_never_ends_does_not_stop_its_schedule_for_ever():
    watch = Watch()
    watch.add("daily")
    watch.clock.now = START + HOUR
    [run] = watch.tick(ends=False)
    watch.stores.runs.change(
        run.id, lambda present: present.model_copy(update={"status": RunStatus.PROCESSING})
    )
    assert watch.at(START + 7 * DAY) == []
    assert watch.at(START + 9 * DAY) == ["daily"]


def test_a_schedule_that_cannot_be_served_does_not_hold_up_the_others():
    watch = Watch()
    watch.add("a", DAILY.model_copy(update={"time_zone": "Mars/Phobos"}))
    watch.add("b")
    assert watch.at(START + HOUR) == ["b"]


def test_when_storage_fails_the_next_tick_goes_on():
    watch = Watch()
    watch.add("daily")
    find = watch.stores.segments.find

    def fail(name: str) -> None:
        raise StorageUnavailable("no answer")

    watch.stores.segments.find = fail
    with pytest.raises(StorageUnavailable):
        watch.at(START + HOUR)
    watch.stores.segments.find = find
    assert watch.at(START + HOUR + MINUTE) == ["daily"]


def test_a_run_that_failed_in_passing_is_tried_again_when_its_time_has_come():
    watch = Watch()
    watch.add("export", Schedule())
    first = watch.orders.on_demand("export", NewRun(full=True), ADA)
    watch.fail_in_passing(first, START + HOUR)
    assert watch.at(START + 59 * MINUTE) == []
    watch.clock.now = START + HOUR
    [again] = watch.tick(ends=False)
    assert (again.trigger, again.attempt, again.full, again.requested_by) == (Trigger.RETRY, 2, True, "Ada")
    assert watch.stores.standings.get("export").record.retry_run is None
    assert watch.at(START + HOUR + MINUTE) == []
    watch.fail_in_passing(again, START + 2 * HOUR)
    watch.clock.now = START + 2 * HOUR
    assert [run.attempt for run in watch.tick()] == [3]


def test_all_runs_of_an_export_that_an_outage_has_ended_are_tried_again():
    watch = Watch()
    watch.add("export", Schedule())
    orders = [watch.orders.on_demand("export", NewRun(full=full), ADA) for full in (True, False)]
    for run in orders:
        watch.end(run, RunStatus.FAILED)
        watch.stores.standings.change(
            "export", lambda present, run=run: present.with_retry(run.id, START + HOUR)
        )
    watch.clock.now = START + HOUR
    assert [run.full for run in watch.tick()] == [True, False]
    assert watch.stores.standings.get("export").record.retries == ()
    assert watch.at(START + HOUR + MINUTE) == []


def test_a_second_attempt_that_is_interrupted_is_not_a_third_one():
    watch = Watch()
    watch.add("export", Schedule())
    first = watch.orders.on_demand("export", NewRun(), ADA)
    watch.fail_in_passing(first, START + HOUR)
    watch.clock.now = START + HOUR
    [again] = watch.tick()
    watch.stores.standings.change(
        "export",
        lambda present: present.model_copy(update={"retry_at": START + HOUR, "retry_run": first.id}),
    )
    watch.clock.advance(60)
    assert [run.id for run in watch.tick()] == [again.id]


@pytest.mark.parametrize("changes", [{"active": False}, {"connection_id": None}, {"connection_id": "other"}])
def test_nothing_is_tried_again_for_an_export_that_was_taken_out_of_service_and_people_hear_of_the_failure(
    changes,
):
    watch = Watch()
    watch.add("export", Schedule())
    failed = watch.fail_in_passing(watch.orders.on_demand("export", NewRun(), ADA), START + HOUR)
    watch.edit("export", **changes)
    assert watch.at(START + HOUR) == []
    assert watch.alerts.runs == [failed]
    assert watch.stores.standings.get("export").record.retry_run is None


def test_a_second_attempt_of_which_nothing_is_known_any_more_does_not_hold_up_the_others():
    watch = Watch()
    watch.add("export", Schedule())
    failed = watch.fail_in_passing(watch.orders.on_demand("export", NewRun(), ADA), START + HOUR)
    watch.edit("export", active=False)
    watch.state.remove([places.plan(failed.id)])
    watch.add("other", Schedule())
    watch.fail_in_passing(watch.orders.on_demand("other", NewRun(), ADA), START + HOUR)
    assert watch.at(START + HOUR) == ["other"]
    assert watch.alerts.runs == [failed]


def test_an_inactive_export_that_was_run_on_demand_is_tried_again():
    watch = Watch()
    watch.add("export", Schedule(), active=False)
    watch.fail_in_passing(watch.orders.on_demand("export", NewRun(), ADA), START + HOUR)
    assert watch.at(START + HOUR) == ["export"]


def test_what_belongs_to_a_removed_export_is_forgotten():
    watch = Watch()
    watch.add("export", Schedule())
    watch.fail_in_passing(watch.orders.on_demand("export", NewRun(), ADA), START + HOUR)
    watch.stores.exports.remove("export")
    watch.stores.standings.add("ghost", Standing(subject="ghost", retry_at=START, retry_run="run-1"))
    assert watch.at(START + HOUR) == []
    assert [standing.retry_run for standing in watch.stores.standings.all()] == [None, None]


@given(
    st.sampled_from(["Europe/Bucharest", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.lists(st.integers(1, 600), min_size=1, max_size=60),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC)),
)
def test_however_late_ticks_come_each_serves_what_fell_due_since_the_one_before_once(zone, gaps, begin):
    schedule = Schedule(recurrence="daily", times=["02:30", "14:00"], time_zone=zone)
    watch, before = Watch(), begin
    watch.clock.now = begin
    watch.add("export", schedule)
    for gap in gaps:
        now = before + gap * MINUTE
        due = list(slots(schedule, before, now))
        assert watch.at(now) == ["export"] * bool(due)
        assert not due or watch.stores.standings.get("export").record.slot_at == due[-1]
        before = now
