"""Schedules: what can be wrong with one, and when it is due."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.schedule import (
    Refresh,
    Schedule,
    check_refresh,
    check_schedule,
    last_slot,
    next_slot,
    slots,
)

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def due(schedule: Schedule | Refresh, after: datetime, days: int) -> list[str]:
    """The slots of some days, as ``MM-DD HH:MM`` in UTC."""
    return [f"{slot:%m-%d %H:%M}" for slot in slots(schedule, after, after + timedelta(days=days))]


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(),
        Schedule(recurrence="hourly", minute=59, time_zone="Asia/Kathmandu"),
        Schedule(recurrence="daily", times=["00:00", "23:59"], time_zone="Europe/Madrid"),
        Schedule(recurrence="weekly", times=["08:00"], weekdays=["monday", "sunday"]),
        Schedule(recurrence="monthly", times=["08:00"], days_of_month=[1, 31], time_zone="America/New_York"),
    ],
)
def test_complete_schedules_are_accepted(schedule):
    assert check_schedule(schedule) == []


@pytest.mark.parametrize(
    ("schedule", "complaint"),
    [
        ({"time_zone": "Mars/Phobos"}, "'Mars/Phobos' is not a time zone"),
        ({"time_zone": ""}, "'' is not a time zone"),
        ({"time_zone": "Europe"}, "'Europe' is not a time zone"),
        ({"time_zone": "../../etc/passwd"}, "is not a time zone"),
        ({"time_zone": "right/Europe/Madrid"}, "is not a time zone"),
        ({"recurrence": "daily"}, "needs at least one time of day"),
        ({"recurrence": "weekly", "weekdays": ["monday"]}, "needs at least one time of day"),
        ({"recurrence": "weekly", "times": ["08:00"]}, "needs at least one day of the week"),
        ({"recurrence": "monthly", "times": ["08:00"]}, "needs at least one day of the month"),
        ({"recurrence": "daily", "times": ["08:00", "08:00"]}, "time of day is given twice"),
        (
            {"recurrence": "monthly", "times": ["08:00"], "days_of_month": [3, 3]},
            "day of the month is given twice",
        ),
        ({"recurrence": "hourly", "times": ["08:00"]}, "hourly takes no time of day"),
        (
            {"recurrence": "daily", "times": ["08:00"], "weekdays": ["monday"]},
            "daily takes no day of the week",
        ),
        ({"weekdays": ["monday"]}, "refresh takes no day of the week"),
    ],
)
def test_what_is_wrong_with_a_schedule_is_said_in_one_sentence_each(schedule, complaint):
    [problem] = check_schedule(Schedule(**schedule))
    assert complaint in problem
    assert problem.endswith(".")


def test_everything_that_is_wrong_is_said_at_once():
    assert len(check_schedule(Schedule(recurrence="monthly", time_zone="Nowhere"))) == 3


def test_the_refresh_is_off_or_at_up_to_four_times_a_day():
    assert check_refresh(Refresh()) == []
    assert check_refresh(Refresh(recurrence="daily", times=["02:00", "08:00", "14:00", "20:00"])) == []
    assert len(check_refresh(Refresh(recurrence="weekly", time_zone="Nowhere"))) == 3
    assert "off takes no time of day" in check_refresh(Refresh(times=["02:00"]))[0]
    with pytest.raises(ValueError, match="at most 4"):
        Refresh(recurrence="daily", times=[f"{hour:02}:00" for hour in range(5)])


def test_hourly_is_at_its_minute_of_every_hour():
    schedule = Schedule(recurrence="hourly", minute=20)
    assert due(schedule, MONDAY + timedelta(minutes=20), 1)[:2] == ["03-02 01:20", "03-02 02:20"]
    assert len(due(schedule, MONDAY, 1)) == 24


def test_hourly_is_at_the_minute_that_the_clock_of_its_zone_shows():
    assert due(Schedule(recurrence="hourly", time_zone="Asia/Kathmandu"), MONDAY, 1)[0] == "03-02 00:15"


def test_daily_is_at_its_times_in_their_order():
    schedule = Schedule(recurrence="daily", times=["18:30", "06:00"], time_zone="America/New_York")
    assert due(schedule, MONDAY, 1) == ["03-02 11:00", "03-02 23:30"]


def test_a_day_is_one_of_the_time_zone():
    schedule = Schedule(
        recurrence="weekly", times=["00:30"], weekdays=["tuesday"], time_zone="Europe/Bucharest"
    )
    assert due(schedule, MONDAY, 8) == ["03-02 22:30", "03-09 22:30"]


def test_weekly_is_on_its_days():
    schedule = Schedule(recurrence="weekly", times=["08:00"], weekdays=["friday", "monday"])
    assert due(schedule, MONDAY, 8) == ["03-02 08:00", "03-06 08:00", "03-09 08:00"]


def test_monthly_is_on_the_last_day_of_months_that_are_too_short():
    schedule = Schedule(recurrence="monthly", times=["08:00"], days_of_month=[30, 31])
    assert due(schedule, datetime(2027, 1, 30, 12, tzinfo=UTC), 65) == [
        "01-31 08:00",
        "02-28 08:00",
        "03-30 08:00",
        "03-31 08:00",
    ]
    assert due(schedule, datetime(2028, 2, 1, tzinfo=UTC), 29) == ["02-29 08:00"]


def test_a_schedule_that_follows_the_refresh_has_no_slots_of_its_own():
    refresh = Refresh(recurrence="weekly", times=["08:00"], weekdays=["wednesday"])
    assert list(slots(Schedule(), MONDAY, MONDAY + timedelta(days=60))) == []
    assert next_slot(Schedule(), MONDAY) is None
    assert next_slot(Schedule(), MONDAY, Refresh()) is None
    assert next_slot(Schedule(), MONDAY, refresh) == datetime(2026, 3, 4, 8, tzinfo=UTC)
    assert next_slot(refresh, MONDAY) == datetime(2026, 3, 4, 8, tzinfo=UTC)


def test_a_slot_is_after_the_beginning_and_not_after_the_end():
    schedule, slot = Schedule(recurrence="daily", times=["08:00"]), MONDAY + timedelta(hours=8)
    second = timedelta(seconds=1)
    assert list(slots(schedule, slot - second, slot)) == [slot]
    assert list(slots(schedule, slot, slot + second)) == []
    assert list(slots(schedule, slot - second, slot - second)) == []


def test_of_missed_slots_the_last_one_counts():
    schedule = Schedule(recurrence="daily", times=["08:00"])
    assert last_slot(schedule, MONDAY, MONDAY + timedelta(days=400)) == MONDAY + timedelta(days=399, hours=8)
    assert last_slot(schedule, MONDAY, MONDAY + timedelta(hours=7)) is None
