"""NCRONTAB schedules: `{second} {minute} {hour} {day} {month} {day of week}`, in UTC.

Each field is `*`, a value, a range `a-b`, any of these with a step `/n`, or several of them with commas; months and
weekdays also by three letters (Jan, Mon). Unlike in Unix cron, a day must match both the day and the day-of-week field, and
weekdays count 0 (Sunday) to 6 (Microsoft Learn, "Timer trigger: NCRONTAB expressions"; atifaziz/NCrontab).
"""

import re
from datetime import UTC, date, datetime, time, timedelta

_VALUE = r"(?:\d+|[a-z]+)"
_ITEM = re.compile(rf"(?P<first>\*|{_VALUE})(?:-(?P<last>{_VALUE}))?(?:/(?P<step>\d+))?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _WEEKDAYS),
)
_DAYS_TO_LOOK_AHEAD = 41 * 366  # 29 February on a given weekday can be 40 years away


class ScheduleError(ValueError):
    """An expression that NCRONTAB does not accept, or that never comes (30 February)."""


class Schedule:
    """A parsed NCRONTAB expression. Raises `ScheduleError` when it is not one."""

    def __init__(self, expression: str) -> None:
        texts = expression.lower().split()
        if len(texts) != len(_FIELDS):
            raise ScheduleError(
                f"{expression!r} has {len(texts)} fields; NCRONTAB has six, the seconds first"
            )
        values = [_parse_field(text, *field) for text, field in zip(texts, _FIELDS, strict=True)]
        self.expression = expression
        self._seconds, self._minutes, self._hours, self._days, self._months, self._weekdays = values

    def next_after(self, moment: datetime) -> datetime:
        """Return the first time strictly after `moment` (an aware datetime), in UTC, or raise `ScheduleError`."""
        earliest = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        if self._has(earliest.date()) and (found := self._first_time(earliest.time())):
            return datetime.combine(earliest.date(), found, UTC)
        for offset in range(1, _DAYS_TO_LOOK_AHEAD):
            day = earliest.date() + timedelta(days=offset)
            if self._has(day):
                return datetime.combine(day, time(self._hours[0], self._minutes[0], self._seconds[0]), UTC)
        raise ScheduleError(f"{self.expression!r} never comes")

    def _has(self, day: date) -> bool:
        return day.month in self._months and day.day in self._days and day.isoweekday() % 7 in self._weekdays

    def _first_time(self, earliest: time) -> time | None:
        for hour in (hour for hour in self._hours if hour >= earliest.hour):
            for minute in self._minutes:
                for second in self._seconds:
                    if (found := time(hour, minute, second)) >= earliest:
                        return found
        return None


def _parse_field(text: str, field: str, lowest: int, highest: int, names: tuple[str, ...]) -> list[int]:
    values: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if match is None or (match["first"] == "*" and match["last"]):
            raise ScheduleError(f"{item!r} is not a value, range or step of the field {field!r}")
        step = int(match["step"] or 1)
        if step == 0:
            raise ScheduleError(f"{item!r}: a step of 0 never moves")
        if match["first"] == "*":
            first, last = lowest, highest
        else:
            first = _parse_value(match["first"], field, lowest, highest, names)
            last = highest if match["step"] else first
            if match["last"]:
                last = _parse_value(match["last"], field, lowest, highest, names)
        if first > last:
            raise ScheduleError(f"{item!r}: the range ends before it begins")
        values.update(range(first, last + 1, step))
    return sorted(values)


def _parse_value(text: str, field: str, lowest: int, highest: int, names: tuple[str, ...]) -> int:
    if text.isdigit():
        number = int(text)
    else:
        if text not in names:
            raise ScheduleError(f"{text!r} is no name in the field {field!r}")
        number = names.index(text) + lowest
    if not lowest <= number <= highest:
        raise ScheduleError(f"{text!r} is outside {lowest}-{highest} in the field {field!r}")
    return number
