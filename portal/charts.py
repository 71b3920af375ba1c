"""The home page's charts: where their bars and lines go. Templates draw them, and say the same in tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from babel import dates, numbers

from portal.reader import gettext as _
from portal.reader import number, reader
from shared.domain.segment import TrendPoint
from shared.usecases.overview import DayFigures, ListFigures

WIDTH, HEIGHT = 900.0, 100.0
"""A drawing's own units; it is stretched to the room that there is."""
KINDS = ("sent", "left", "rejected")
"""What a day's bar is made of, from its foot upwards."""
_LEAST = 1.0  # what is not nothing can be seen
_BAR_SHARE = 0.72
_DAYS_NAMED = 7


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a column; ``kind`` is one of KINDS."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """A day. ``told`` says its figures in a sentence; ``name`` is empty for days that are not named on the axis."""

    x: float
    width: float
    bars: tuple[Bar, ...]
    name: str
    told: str


@dataclass(frozen=True, slots=True)
class DayChart:
    """``top`` and ``middle`` are the numbers at the upper edge and half-way; zero is at the lower edge."""

    columns: tuple[Column, ...]
    top: str
    middle: str
    told: str


@dataclass(frozen=True, slots=True)
class ListBar:
    """A list; ``share`` is how long its bar is, from 0 to 100, ``line`` the path of its segment's trend, or empty."""

    figures: ListFigures
    share: float
    line: str


def draw_days(days: Sequence[DayFigures]) -> DayChart:
    """Return the chart of what happened to people, a column for each day."""
    totals = [day.sent + day.left + day.rejected for day in days]
    top = round_up(max(totals, default=0))
    step = WIDTH / max(1, len(days))
    columns = tuple(
        Column(
            x=round(step * place, 1),
            width=round(step * _BAR_SHARE, 1),
            bars=_stack(day, top),
            name=short_day(day.day) if (len(days) - 1 - place) % _DAYS_NAMED == 0 else "",
            told=_("%(day)s: %(figures)s", day=short_day(day.day), figures=_tell(day)),
        )
        for place, day in enumerate(days)
    )
    middle = compact(top // 2) if top % 2 == 0 else ""
    return DayChart(columns, compact(top), middle, _tell(add_up(days)))


def add_up(days: Sequence[DayFigures]) -> DayFigures:
    """Return the sums of all days, under the last one's date."""
    return DayFigures(
        day=days[-1].day if days else date.min,
        runs=sum(day.runs for day in days),
        failed=sum(day.failed for day in days),
        sent=sum(day.sent for day in days),
        rejected=sum(day.rejected for day in days),
        left=sum(day.left for day in days),
    )


def draw_lists(lists: Sequence[ListFigures]) -> list[ListBar]:
    """Return a bar for each list; the largest one's is as long as there is room."""
    largest = max((each.people for each in lists), default=0)
    return [
        ListBar(each, round(100 * each.people / largest, 2) if largest else 0.0, draw_line(each.trend))
        for each in lists
    ]


def draw_line(points: Sequence[TrendPoint]) -> str:
    """Return the path of a trend between its least and its greatest number, or nothing for less than two points."""
    if len(points) < 2:
        return ""
    counts = [point.profiles for point in points]
    least, span = min(counts), max(counts) - min(counts)
    begin = points[0].at
    span_s = (points[-1].at - begin).total_seconds()
    steps = []
    for place, point in enumerate(points):
        along = (point.at - begin).total_seconds() / span_s if span_s else place / (len(points) - 1)
        up = (point.profiles - least) / span if span else 0.5
        steps.append(f"{along * 100:.1f} {100 - up * 100:.1f}")
    return f"M{' L'.join(steps)}"


def round_up(count: int) -> int:
    """Return a round number that is not less, and never 0; its half is a whole number, but for 1."""
    if count <= 10:
        return next(step for step in (1, 2, 4, 6, 8, 10) if step >= count)
    power: int = 10 ** (len(str(count)) - 2)
    return next(step * power for step in (10, 12, 16, 20, 30, 40, 50, 60, 80, 100) if step * power >= count)


def short_day(day: date) -> str:
    return str(dates.format_skeleton("MMMd", day, locale=reader().locale))


def compact(count: int) -> str:
    """Return a number as short as it can be read: 1.2M."""
    return numbers.format_compact_decimal(count, fraction_digits=1, locale=reader().locale)


def _stack(day: DayFigures, top: int) -> tuple[Bar, ...]:
    bars, foot = [], HEIGHT
    for kind in KINDS:
        if count := getattr(day, kind):
            height = max(_LEAST, HEIGHT * count / top)
            foot -= height
            bars.append(Bar(kind, round(foot, 2), round(height, 2)))
    return tuple(bars)


def _tell(figures: DayFigures) -> str:
    return _(
        "%(sent)s sent, %(left)s taken off lists, %(rejected)s rejected",
        sent=number(figures.sent),
        left=number(figures.left),
        rejected=number(figures.rejected),
    )
