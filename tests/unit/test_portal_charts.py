"""The home page's charts: what they draw of little, of nothing and of much."""

import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from portal.charts import HEIGHT, KINDS, WIDTH, add_up, compact, draw_days, draw_line, draw_lists, round_up
from portal.languages import language
from portal.reader import Reader, reading
from shared.domain.segment import TrendPoint
from shared.usecases.overview import DayFigures, ListFigures

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def day(ago: int = 0, **figures: int) -> DayFigures:
    return DayFigures(day=date(2026, 3, 1) - timedelta(days=ago), **figures)


def month(**figures: int) -> list[DayFigures]:
    return [day(ago, **figures) for ago in reversed(range(30))]


def figures_of(people: int, *trend: int) -> ListFigures:
    points = tuple(TrendPoint(at=NOON + timedelta(days=at), profiles=each) for at, each in enumerate(trend))
    return ListFigures(
        export_id="e", export_name="E", segment="s", list_title="L", people=people, at=NOON, trend=points
    )


def steps(line: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.-]+) ([\d.-]+)", line)]


def test_parts_of_a_day_stand_on_each_other_and_are_as_high_as_their_numbers():
    [column] = draw_days([day(sent=50, left=30, rejected=20)]).columns
    assert [bar.kind for bar in column.bars] == list(KINDS)
    assert [(bar.y, bar.height) for bar in column.bars] == [(50, 50), (20, 30), (0, 20)]


def test_every_day_has_a_place_within_the_drawing():
    chart = draw_days(month(sent=7))
    assert len(chart.columns) == 30
    places = [(column.x, column.x + column.width) for column in chart.columns]
    assert places == sorted(places)
    assert all(left_end <= right for (_, left_end), (right, _) in pairwise(places))
    assert places[0][0] == 0
    assert places[-1][1] < WIDTH


def test_days_without_anything_have_no_bars_and_a_scale_all_the_same():
    chart = draw_days(month())
    assert {column.bars for column in chart.columns} == {()}
    assert (chart.top, chart.middle, chart.told) == ("1", "", "0 sent, 0 taken off lists, 0 rejected")


def test_no_days_at_all_are_drawn_as_nothing():
    assert draw_days([]).columns == ()


def test_what_is_little_beside_much_can_still_be_seen():
    chart = draw_days([*month(sent=1), day(sent=10**15 - 1, rejected=1)])
    assert {bar.height for column in chart.columns[:-1] for bar in column.bars} == {1.0}
    sent, rejected = chart.columns[-1].bars
    assert (sent.height, rejected.kind, rejected.height) == (HEIGHT, "rejected", 1.0)
    assert chart.top == "1000T"


def test_each_day_says_its_figures_and_every_seventh_its_name():
    chart = draw_days(month(sent=1_200, rejected=3))
    assert chart.columns[-1].told == "Mar 1: 1,200 sent, 0 taken off lists, 3 rejected"
    assert [column.name for column in chart.columns if column.name] == [
        "Feb 1",
        "Feb 8",
        "Feb 15",
        "Feb 22",
        "Mar 1",
    ]


@pytest.mark.parametrize(
    ("code", "told", "top"),
    [
        ("es", "1 mar: Enviadas: 1.200.000; quitadas de listas: 0; rechazadas: 3", "1,6 M"),
        ("ro", "1 mar.: Trimise: 1.200.000; scoase de pe liste: 0; respinse: 3", "1,6 mil."),
    ],
)
def test_charts_speak_the_readers_language(code, told, top):
    with reading(Reader(language(code), UTC, NOON)):
        chart = draw_days([day(sent=1_200_000, rejected=3)])
        assert (chart.columns[0].told, chart.top.replace("\u00a0", " ")) == (told, top)


@pytest.mark.parametrize(
    ("count", "rounded"),
    [(0, 1), (1, 1), (2, 2), (3, 4), (9, 10), (10, 10), (11, 12), (99, 100), (101, 120), (117_000, 120_000)],
)
def test_scales_end_at_round_numbers(count, rounded):
    assert round_up(count) == rounded


def test_a_scales_half_is_a_whole_number_and_nothing_is_higher_than_its_end():
    for count in [*range(2, 2_000), 10**6 + 1, 10**18 - 1]:
        assert round_up(count) >= count
        assert round_up(count) % 2 == 0


def test_numbers_on_a_scale_are_short():
    assert [compact(each) for each in (0, 999, 1_200, 120_000, 4_000_000_000)] == [
        "0",
        "999",
        "1.2K",
        "120K",
        "4B",
    ]


def test_a_months_figures_are_added_up():
    total = add_up([day(1, sent=1, rejected=2, left=3, runs=4, failed=5), day(sent=10)])
    assert (total.sent, total.rejected, total.left, total.runs, total.failed) == (11, 2, 3, 4, 5)
    assert add_up([]).runs == 0


def test_the_largest_lists_bar_is_as_long_as_there_is_room():
    bars = draw_lists([figures_of(200), figures_of(50), figures_of(0)])
    assert [bar.share for bar in bars] == [100, 25, 0]
    assert [bar.share for bar in draw_lists([figures_of(0)])] == [0]
    assert draw_lists([]) == []


def test_a_trend_goes_from_its_least_to_its_greatest_number():
    assert steps(draw_line(figures_of(1, 10, 30, 20).trend)) == [(0, 100), (50, 0), (100, 50)]


def test_a_trend_of_one_number_is_a_level_line():
    assert steps(draw_line(figures_of(1, 5, 5).trend)) == [(0, 50), (100, 50)]


def test_one_point_or_none_is_no_trend():
    assert draw_line(()) == draw_line(figures_of(1, 5).trend) == ""


def test_points_of_the_same_moment_do_not_lie_on_each_other():
    points = [TrendPoint(at=NOON, profiles=count) for count in (1, 2, 3)]
    assert [x for x, _ in steps(draw_line(points))] == [0, 50, 100]
