"""Dates and moments as text: ISO 8601, and day, month and year in a declared order."""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

from shared.domain.cast_failure import CastFailure
from shared.domain.export import DateOrder

_CLOCK = (
    r"(?:[T ]\s*(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
    r"(?:\s*(?P<zone>[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?)?"
)
_YEAR_FIRST = re.compile(
    r"(?P<year>[0-9]{4})(?P<mark>[-/.])(?P<month>[0-9]{1,2})(?P=mark)(?P<day>[0-9]{1,2})" + _CLOCK
).fullmatch
_COMPACT = re.compile(r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})" + _CLOCK).fullmatch
_YEAR_LAST = {
    DateOrder.MDY: re.compile(
        r"(?P<month>[0-9]{1,2})(?P<mark>[-/.])(?P<day>[0-9]{1,2})(?P=mark)(?P<year>[0-9]{4})" + _CLOCK
    ).fullmatch,
    DateOrder.DMY: re.compile(
        r"(?P<day>[0-9]{1,2})(?P<mark>[-/.])(?P<month>[0-9]{1,2})(?P=mark)(?P<year>[0-9]{4})" + _CLOCK
    ).fullmatch,
}
_has_two_digit_year = re.compile(r"[0-9]{1,2}([-/.])[0-9]{1,2}\1[0-9]{2}(?:[T ].*)?", re.DOTALL).fullmatch

_MAX_CHARACTERS = 64

DateParser = Callable[[str], date | CastFailure]


def make_date_parser(order: DateOrder) -> DateParser:
    """Return a parser of stripped text.

    It gives a ``date`` where there is no time of day, else a ``datetime`` in UTC (a time without a zone is taken
    as UTC), or NOT_A_DATE, TWO_DIGIT_YEAR or IMPOSSIBLE_DATE. Year-first forms are read in any order.
    """
    forms = (_YEAR_FIRST, _COMPACT, *filter(None, [_YEAR_LAST.get(order)]))

    # Days repeat: a century has 36,525 of them.
    @lru_cache(maxsize=36_525)
    def parse_short(text: str) -> date | CastFailure:
        for form in forms:
            if (found := form(text)) is not None:
                return _build(found)
        return CastFailure.TWO_DIGIT_YEAR if _has_two_digit_year(text) else CastFailure.NOT_A_DATE

    def parse(text: str) -> date | CastFailure:
        return parse_short(text) if len(text) <= _MAX_CHARACTERS else CastFailure.NOT_A_DATE

    return parse


def _build(found: re.Match[str]) -> date | CastFailure:
    year, month, day = int(found["year"]), int(found["month"]), int(found["day"])
    if year < 1 or not 1 <= month <= 12 or not 1 <= day <= monthrange(year, month)[1]:
        return CastFailure.IMPOSSIBLE_DATE
    if found["hour"] is None:
        return date(year, month, day)
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    if found["half"]:
        if not 1 <= hour <= 12:
            return CastFailure.IMPOSSIBLE_DATE
        hour = hour % 12 + (12 if found["half"] in "pP" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return CastFailure.IMPOSSIBLE_DATE
    microsecond = int((found["fraction"] or "0")[:6].ljust(6, "0"))
    return _in_utc(datetime(year, month, day, hour, minute, second, microsecond, UTC), found["zone"])


def _in_utc(moment: datetime, zone: str | None) -> datetime | CastFailure:
    if zone is None or zone[0] not in "+-":
        return moment
    hours, minutes = int(zone[1:3]), int(zone[-2:]) if len(zone) > 3 else 0
    if hours > 14 or minutes > 59:
        return CastFailure.IMPOSSIBLE_DATE
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
    return to_utc(moment.replace(tzinfo=timezone(offset)))


def to_utc(moment: datetime) -> datetime | CastFailure:
    """Return the moment in UTC; one without a zone is taken as UTC. IMPOSSIBLE_DATE beyond the years 1 to 9999."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return CastFailure.IMPOSSIBLE_DATE
