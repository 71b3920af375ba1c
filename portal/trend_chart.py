"""The chart of how many people a segment had: where its line goes. The template draws it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

from shared.domain.segment import TrendPoint

WIDTH, HEIGHT = 1000.0, 100.0
"""The drawing's own units; it is stretched to the room that there is."""


@dataclass(frozen=True, slots=True)
class TrendChart:
    """``line`` and ``area`` are paths, ``dots`` a path of points without length; ``top`` is the number at the upper
    edge, zero is at the lower one."""

    points: tuple[TrendPoint, ...]
    top: int
    line: str
    area: str
    dots: str

    @property
    def first(self) -> TrendPoint:
        return self.points[0]

    @property
    def last(self) -> TrendPoint:
        return self.points[-1]

    @property
    def changes(self) -> list[tuple[TrendPoint, int | None]]:
        """Each point, newest first, with what has changed since the one before."""
        before = [None, *(point.profiles for point in self.points[:-1])]
        pairs = zip(self.points, before, strict=True)
        return [(point, None if was is None else point.profiles - was) for point, was in pairs][::-1]


def draw_trend(points: Sequence[TrendPoint]) -> TrendChart | None:
    """Return the chart, or None for less than two points, which show no trend."""
    if len(points) < 2:
        return None
    top = _round_up(max(point.profiles for point in points))
    begin = points[0].at
    span_s = (points[-1].at - begin).total_seconds()
    places = [
        (
            WIDTH * ((point.at - begin).total_seconds() / span_s if span_s else at / (len(points) - 1)),
            HEIGHT * (1 - point.profiles / top),
        )
        for at, point in enumerate(points)
    ]
    steps = " L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    return TrendChart(
        points=tuple(points),
        top=top,
        line=f"M{steps}",
        area=f"M0 {HEIGHT:.0f} L{steps} L{WIDTH:.0f} {HEIGHT:.0f}Z",
        dots=" ".join(f"M{x:.1f} {y:.1f}h0" for x, y in places),
    )


def _round_up(count: int) -> int:
    """Return the next number with one digit and zeros that is 1, 2, 4, 5, 6, 8 or 10 of a power of ten."""
    if count <= 4:
        return 4
    power: int = 10 ** floor(log10(count))
    return next(step * power for step in (1, 2, 4, 5, 6, 8, 10) if step * power >= count)
