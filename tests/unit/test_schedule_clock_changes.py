"""Schedules on the days when clocks change, and at any time."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.schedule import Schedule, Weekday, check_schedule, last_slot, next_slot, slots

# In 2026: the date, a time of day that is skipped or repeated, and the change before and after, in hours from UTC.
FORWARD = [
    ("Europe/Bucharest", "2026-03-29", "03:30", "2026-03-29 01:00", 2),
    ("Europe/Madrid", "2026-03-29", "02:30", "2026-03-29 01:00", 1),
    ("America/New_York", "2026-03-08", "02:30", "2026-03-08 07:00", -5),
    ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03 15:30", 10.5),
]
BACK = [
    ("Europe/Bucharest", "2026-10-25", "03:30", 3),
    ("Europe/Madrid", "2026-10-25", "02:30", 2),
    ("America/New_York", "2026-11-01", "01:30", -4),
    ("Australia/Lord_Howe", "2026-04-05", "01:45", 11),
]


def around(zone: str, day: str, at: str, recurrence: str = "daily") -> list[datetime]:
    """What is due on that local day."""
    times = [at] if recurrence == "daily" else []
    schedule = Schedule(recurrence=recurrence, times=times, time_zone=zone)
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    following = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone))
    return list(slots(schedule, midnight - timedelta(seconds=1), following - timedelta(seconds=1)))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("zone", "day", "at", "jump", "_before"), FORWARD)
def test_a_time_that_the_clock_jumps_over_comes_at_the_jump(zone, day, at, jump, _before):
    assert around(zone, day, at) == [utc(jump)]


@pytest.mark.parametrize(("zone", "day", "at", "offset_h"), BACK)
def test_a_time_that_the_clock_shows_twice_comes_the_first_time(zone, day, at, offset_h):
    assert around(zone, day, at) == [utc(f"{day} {at}") - timedelta(hours=offset_h)]


@pytest.mark.parametrize(("zone", "day", "at", "jump", "before_h"), FORWARD)
def test_other_times_of_a_day_with_a_jump_are_where_the_clock_shows_them(zone, day, at, jump, before_h):
    gap = timedelta(minutes=30) if zone == "Australia/Lord_Howe" else timedelta(hours=1)
    assert around(zone, day, "00:30") == [utc(f"{day} 00:30") - timedelta(hours=before_h)]
    assert around(zone, day, "12:00") == [utc(f"{day} 12:00") - timedelta(hours=before_h) - gap]


def test_two_times_that_fall_on_the_jump_are_one_slot():
    schedule = Schedule(recurrence="daily", times=["02:10", "02:50", "03:00"], time_zone="Europe/Madrid")
    assert list(slots(schedule, utc("2026-03-29"), utc("2026-03-29 12:00"))) == [utc("2026-03-29 01:00")]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [(zone, day, 23) for zone, day, *_ in FORWARD[:3]] + [(zone, day, 25) for zone, day, *_ in BACK[:3]],
)
def test_hourly_is_every_hour_of_a_shorter_or_longer_day(zone, day, hours):
    found = around(zone, day, "", "hourly")
    assert len(found) == hours
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(hours=1)}


def test_hourly_follows_a_clock_that_changes_by_half_an_hour():
    forward = around("Australia/Lord_Howe", "2026-10-04", "", "hourly")
    assert [f"{slot:%H:%M}" for slot in forward[:4]] == ["13:30", "14:30", "16:00", "17:00"]
    back = around("Australia/Lord_Howe", "2026-04-05", "", "hourly")
    assert [f"{slot:%H:%M}" for slot in back[:4]] == ["13:00", "14:00", "15:30", "16:30"]


ZONES = [*(zone for zone, *_ in FORWARD), "UTC", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia"]
TIMES = st.lists(
    st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.integers(0, 59)),
    min_size=1,
    max_size=4,
    unique=True,
)
SCHEDULES = st.sampled_from(ZONES).flatmap(
    lambda zone: st.one_of(
        st.builds(Schedule, recurrence=st.just("hourly"), minute=st.integers(0, 59), time_zone=st.just(zone)),
        st.builds(Schedule, recurrence=st.just("daily"), times=TIMES, time_zone=st.just(zone)),
        st.builds(
            Schedule,
            recurrence=st.just("weekly"),
            times=TIMES,
            weekdays=st.lists(st.sampled_from(list(Weekday)), min_size=1, unique=True),
            time_zone=st.just(zone),
        ),
        st.builds(
            Schedule,
            recurrence=st.just("monthly"),
            times=TIMES,
            days_of_month=st.lists(st.integers(1, 31), min_size=1, max_size=3, unique=True),
            time_zone=st.just(zone),
        ),
    )
)
MOMENTS = st.datetimes(datetime(2011, 12, 1), datetime(2037, 12, 1), timezones=st.just(UTC))


@given(SCHEDULES, MOMENTS)
def test_the_next_slot_is_the_first_and_never_far_away(schedule, moment):
    assert check_schedule(schedule) == []
    found = next_slot(schedule, moment)
    assert found == next(slots(schedule, moment, moment + timedelta(days=40)))
    assert moment < found <= moment + timedelta(days=32)


@given(SCHEDULES, MOMENTS, st.integers(0, 40))
def test_slots_rise_and_each_is_the_next_of_the_one_before(schedule, moment, days):
    found = list(slots(schedule, moment, moment + timedelta(days=days)))
    assert all(earlier < later for earlier, later in pairwise([moment, *found]))
    for earlier, later in list(pairwise([moment, *found]))[:5]:
        assert next_slot(schedule, earlier) == later
    if days <= 32:
        assert last_slot(schedule, moment, moment + timedelta(days=days)) == (found[-1] if found else None)


@given(SCHEDULES, MOMENTS)
def test_a_slot_is_at_its_local_time_unless_the_clock_jumps_over_it(schedule, moment):
    found = next_slot(schedule, moment)
    local = found.astimezone(ZoneInfo(schedule.time_zone))
    wanted = [f"{local:%H}:{schedule.minute:02}"] if schedule.recurrence == "hourly" else schedule.times
    before = (found - timedelta(minutes=1)).astimezone(ZoneInfo(schedule.time_zone))
    assert f"{local:%H:%M}" in wanted or before.utcoffset() < local.utcoffset()
