"""NCRONTAB arithmetic: what it accepts, and that the next time is the first one that fits."""

import calendar
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devkit.host.cron import Schedule, ScheduleError

MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> tuple[str, set[int]]:
    """A field as text, with the values that it stands for."""
    numbers = st.integers(low, high)
    kind = draw(st.sampled_from(["*", "list", "range", "step", "range step"]))
    if kind == "*":
        return "*", set(range(low, high + 1))
    if kind == "list":
        values = draw(st.lists(numbers, min_size=1, max_size=3))
        return ",".join(map(str, values)), set(values)
    step = draw(st.integers(1, high - low))
    if kind == "step":
        return f"*/{step}", set(range(low, high + 1, step))
    first, last = sorted((draw(numbers), draw(numbers)))
    if kind == "range":
        return f"{first}-{last}", set(range(first, last + 1))
    return f"{first}-{last}/{step}", set(range(first, last + 1, step))


@st.composite
def expressions(draw: st.DrawFn) -> tuple[str, list[set[int]]]:
    """An expression that fires on any day of some hour, minute and second, so that the next time is near."""
    second, minute, hour = draw(fields(0, 59)), draw(fields(0, 59)), draw(fields(0, 23))
    day = draw(st.sampled_from([("*", set(range(1, 32))), ("1-15", set(range(1, 16)))]))
    weekday = draw(fields(0, 6))
    parts = [second, minute, hour, day, ("*", set(range(1, 13))), weekday]
    return " ".join(text for text, _ in parts), [values for _, values in parts]


def fits(moment: datetime, values: list[set[int]]) -> bool:
    weekday = (moment.weekday() + 1) % 7
    parts = (moment.second, moment.minute, moment.hour, moment.day, moment.month, weekday)
    return all(part in allowed for part, allowed in zip(parts, values, strict=True))


def first_fit(moment: datetime, values: list[set[int]]) -> datetime:
    """Look at every day, then at every second that its fields name: slow and plain."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    for offset in range(70):
        date = day + timedelta(days=offset)
        times = (
            date.replace(hour=hour, minute=minute, second=second)
            for hour in sorted(values[2])
            for minute in sorted(values[1])
            for second in sorted(values[0])
        )
        found = next((time for time in times if time > moment and fits(time, values)), None)
        if found:
            return found
    raise AssertionError("no such time within seventy days")


@settings(deadline=None)  # the comparison is slow on purpose
@given(expressions(), MOMENTS)
def test_the_next_time_is_the_first_one_that_fits(
    expression: tuple[str, list[set[int]]], moment: datetime
) -> None:
    text, values = expression
    assert Schedule(text).next_after(moment) == first_fit(moment, values)


@given(expressions(), MOMENTS)
def test_following_times_only_go_forward_and_each_fits(
    expression: tuple[str, list[set[int]]], moment: datetime
) -> None:
    schedule, last = Schedule(expression[0]), moment
    for _ in range(3):
        following = schedule.next_after(last)
        assert following > last
        assert fits(following, expression[1])
        last = following


@pytest.mark.parametrize(
    ("expression", "moment", "expected"),
    [
        ("0 */5 * * * *", "2026-11-22T08:34:00", "2026-11-22T08:35:00"),
        ("0 0 2 * * *", "2026-11-22T02:00:00", "2026-11-23T02:00:00"),
        ("0 30 9 * * Mon-Fri", "2026-11-20T10:00:00", "2026-11-23T09:30:00"),
        ("0 0 0 1 Jan,JUL *", "2026-02-01T00:00:00", "2026-07-01T00:00:00"),
        ("0 0 9-17/4 * * *", "2026-11-22T13:30:00", "2026-11-22T17:00:00"),
        ("0 0 0 29 2 *", "2026-11-22T00:00:00", "2028-02-29T00:00:00"),
        ("0 5/20 * * * *", "2026-11-22T08:06:00", "2026-11-22T08:25:00"),
    ],
)
def test_known_expressions_give_known_times(expression: str, moment: str, expected: str) -> None:
    following = Schedule(expression).next_after(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    assert following == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_day_must_match_both_the_day_and_the_weekday_field() -> None:
    friday_13th = Schedule("0 0 0 13 * 5").next_after(datetime(2026, 3, 14, tzinfo=UTC))
    assert friday_13th == datetime(2026, 11, 13, tzinfo=UTC)
    assert calendar.day_name[friday_13th.weekday()] == "Friday"


def test_a_moment_of_another_time_zone_is_understood_and_the_answer_is_utc() -> None:
    moment = datetime(2026, 11, 22, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert Schedule("0 0 0 * * *").next_after(moment) == datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "expression",
    [
        "*/5 * * * *",
        "0 0 0 * * * *",
        "60 * * * * *",
        "0 0 24 * * *",
        "0 0 0 0 * *",
        "0 0 0 * 13 *",
        "0 0 0 * * 7",
        "0 0 0 L * *",
        "0 0 0 ? * 1",
        "0 0 0 * * 1#2",
        "R * * * * *",
        "0 0 22-2 * * *",
        "0 */0 * * * *",
        "0 0 0 * foo *",
        "0 0 0 1, * *",
        "@daily",
        "",
    ],
)
def test_what_ncrontab_does_not_know_is_refused(expression: str) -> None:
    with pytest.raises(ScheduleError):
        Schedule(expression)


def test_a_date_that_never_comes_is_an_error_and_not_a_hang() -> None:
    with pytest.raises(ScheduleError):
        Schedule("0 0 0 30 2 *").next_after(datetime(2026, 1, 1, tzinfo=UTC))
