"""Curves as SVG files, for docs/images: the same points always give the same file."""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 20, 52, 52
_COLOURS = ("#0b6bcb", "#c2410c", "#15803d", "#7c3aed", "#b91c1c", "#0f766e")
_INK, _FAINT, _GRID, _PAPER = "#1f2937", "#4b5563", "#e5e7eb", "#ffffff"
_MAX_DOTS = 40
_LETTER = 6.6
"""About how wide a letter of the legend is."""


class _Axis:
    """Where values go between two places, and which of them are named. Linear axes begin at 0 or below."""

    def __init__(self, values: Sequence[float], *, log: bool, places: tuple[float, float]) -> None:
        self._log, self._places = log, places
        low, high = min(values, default=1), max(values, default=1)
        if log:
            if low <= 0:
                raise ValueError("A logarithmic axis has no place for 0 or less.")
            first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
            last = max(last, first + 1)
            steps = (1, 2, 5) if last - first <= 2 else (1,)
            self.ticks = [step * 10.0**power for power in range(first, last) for step in steps] + [10.0**last]
        else:
            step = _round_step((high - min(low, 0)) / 6)
            first, last = math.floor(min(low, 0) / step + 1e-9), max(1, math.ceil(high / step - 1e-9))
            self.ticks = [round(count * step, 9) for count in range(first, last + 1)]
        self._from, self._to = self._measure(self.ticks[0]), self._measure(self.ticks[-1])

    def place(self, value: float) -> float:
        start, end = self._places
        return round(start + (self._measure(value) - self._from) / (self._to - self._from) * (end - start), 1)

    def _measure(self, value: float) -> float:
        return math.log10(value) if self._log else value


def draw(
    path: Path,
    title: str,
    x_label: str,
    y_label: str,
    series: Mapping[str, Points],
    *,
    log_x: bool = False,
    log_y: bool = False,
) -> None:
    """Write a line for each series, with dots where points are few. Raises ValueError for 0 or less on a logarithmic axis."""
    points = [point for line in series.values() for point in line]
    x_axis = _Axis([x for x, _ in points], log=log_x, places=(_LEFT, _WIDTH - _RIGHT))
    y_axis = _Axis([y for _, y in points], log=log_y, places=(_HEIGHT - _BOTTOM, _TOP))
    drawing = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{_FAINT}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="8" fill="{_PAPER}"/>',
        f'<text x="16" y="24" font-size="15" font-weight="600" fill="{_INK}">{escape(title)}</text>',
        *_grid(x_axis, y_axis),
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 12}" text-anchor="middle">{escape(x_label)}</text>',
        f'<text x="16" y="{(_TOP + _HEIGHT - _BOTTOM) / 2}" text-anchor="middle" '
        f'transform="rotate(-90 16 {(_TOP + _HEIGHT - _BOTTOM) / 2})">{escape(y_label)}</text>',
        *_lines(series, x_axis, y_axis),
        "</svg>",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(drawing) + "\n", encoding="utf-8")


def _grid(x_axis: _Axis, y_axis: _Axis) -> Iterator[str]:
    for value in y_axis.ticks:
        y = y_axis.place(value)
        yield f'<path d="M{_LEFT} {y}H{_WIDTH - _RIGHT}" stroke="{_GRID}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{_name(value)}</text>'
    for value in x_axis.ticks:
        x = x_axis.place(value)
        yield f'<path d="M{x} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="{_GRID}"/>'
        yield f'<text x="{x}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{_name(value)}</text>'


def _lines(series: Mapping[str, Points], x_axis: _Axis, y_axis: _Axis) -> Iterator[str]:
    legend = float(_LEFT)
    for place, (name, points) in enumerate(series.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        at = [(x_axis.place(x), y_axis.place(y)) for x, y in points]
        path = " ".join(f"{x} {y}" for x, y in at)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        if len(at) <= _MAX_DOTS:
            yield from (f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in at)
        yield f'<path d="M{legend:.1f} 39h18" stroke="{colour}" stroke-width="3"/>'
        yield f'<text x="{legend + 24:.1f}" y="43" fill="{_INK}">{escape(name)}</text>'
        legend += 46 + len(name) * _LETTER


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step)) if step > 0 else 1.0
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def _name(value: float) -> str:
    """Write a number as short as it can be read: 200k, 1.5M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):g}{letter}"
    return f"{value:g}"
