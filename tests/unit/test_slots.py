"""The next slot as lists show it: that of the schedule, although it is looked up once a minute only."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.schedule import Refresh, Schedule, next_slot
from shared.usecases.exports.slots import next_slot_of

JUMP = datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC)  # half a minute before Europe's clocks jump
SCHEDULES = [
    {"recurrence": "hourly", "minute": 0},
    {"recurrence": "hourly", "minute": 59, "time_zone": "Asia/Kathmandu"},
    {"recurrence": "daily", "times": ["01:00", "03:00"], "time_zone": "Europe/Bucharest"},
    {"recurrence": "weekly", "times": ["02:30"], "weekdays": ["sunday"], "time_zone": "Europe/Madrid"},
    {"recurrence": "monthly", "times": ["23:59"], "days_of_month": [31]},
    {"recurrence": "refresh"},
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda each: each["recurrence"])
def test_the_slot_is_the_schedules_at_every_second_around_a_slot(schedule):
    wanted, refresh = Schedule.model_validate(schedule), Refresh(recurrence="daily", times=("01:00",))
    for second in range(0, 120, 5):
        now = JUMP + timedelta(seconds=second, microseconds=second)
        assert next_slot_of(wanted, now, refresh) == next_slot(wanted, now, refresh)


def test_another_refresh_gives_another_slot_within_the_same_minute():
    follows, now = Schedule(), JUMP
    at_five, at_six = (Refresh(recurrence="daily", times=(each,)) for each in ("05:00", "06:00"))
    assert next_slot_of(follows, now, at_five).hour == 5
    assert next_slot_of(follows, now, at_six).hour == 6
    assert next_slot_of(follows, now, None) is None
