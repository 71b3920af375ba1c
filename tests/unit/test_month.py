"""What docs/operations.md says a month costs is what bench.month reckons, out of the last measurement."""

from pathlib import Path

from bench import prices
from bench.capacity_day import Day
from bench.markdown import table
from bench.month import RESULTS, make_rows, price_compute, price_endpoints, read_costs

DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"


def test_the_table_is_what_is_reckoned():
    head = ("US$ a month", "on demand", "always ready", "on demand, private", "always ready, private")
    assert table(head, make_rows()) in DOCUMENT.read_text(encoding="utf-8"), "python -m bench.month"


def test_what_a_run_takes_is_read_from_the_results():
    costs = read_costs(RESULTS.read_text(encoding="utf-8"))
    assert costs.fixed["table"] > costs.per_chunk["table"] > 0
    assert costs.cpu_s[0] > costs.cpu_s[1] * 1_000 > 0
    assert costs.turns[0] > costs.turns[1] > 0


def test_an_idle_month_costs_what_stands_ready_and_nothing_on_demand():
    assert price_compute(Day(), ready=False) == 0
    seconds = 86_400 * 30.4
    assert round(price_compute(Day(), ready=True), 2) == round(2 * 2 * seconds * prices.GB_S_IDLE, 2)
    assert price_endpoints() > 0
