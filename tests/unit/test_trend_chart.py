"""Where the line of a segment's trend goes."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.trend_chart import HEIGHT, WIDTH, draw_trend
from shared.domain.segment import TrendPoint
from tests.fakes_stores import START


def points(*counts: int, apart_s: float = 3600) -> list[TrendPoint]:
    return [
        TrendPoint(at=START + timedelta(seconds=apart_s * at), profiles=count)
        for at, count in enumerate(counts)
    ]


def places(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path)]


@pytest.mark.parametrize("counts", [(), (5,)])
def test_one_arrival_is_no_trend(counts):
    assert draw_trend(points(*counts)) is None


def test_a_line_goes_from_the_first_arrival_to_the_last_by_time():
    chart = draw_trend([*points(0, 50), TrendPoint(at=START + timedelta(hours=4), profiles=100)])
    assert chart.top == 100
    assert places(chart.line) == [(0, HEIGHT), (WIDTH / 4, HEIGHT / 2), (WIDTH, 0)]


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=60), st.sampled_from([0, 1, 86_400]))
def test_every_point_is_within_the_drawing_in_the_order_of_arrivals(counts, apart_s):
    chart = draw_trend(points(*counts, apart_s=apart_s))
    found = places(chart.line)
    assert len(found) == len(counts)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in found)
    assert found == sorted(found, key=lambda place: place[0])
    assert max(counts) <= chart.top <= max(4, 2 * max(counts))


@pytest.mark.parametrize(
    ("most", "top"), [(0, 4), (3, 4), (9, 10), (100, 100), (101, 200), (90_000, 100_000), (61, 80)]
)
def test_the_upper_edge_is_a_round_number(most, top):
    assert draw_trend(points(0, most)).top == top
