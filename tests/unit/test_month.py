"""What docs/operations.md says a month costs is what bench.month reckons, out of the last measurement."""

import re
from pathlib import Path

import pytest

from bench import prices
from bench.capacity_day import Day
from bench.markdown import table
from bench.month import DNS_ZONES, RESULTS, make_rows, price_compute, price_endpoints, read_costs

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_is_what_is_reckoned():
    head = ("US$ a month", "on demand", "always ready", "on demand, private", "always ready, private")
    assert table(head, make_rows()) in (DOCS / "operations.md").read_text(encoding="utf-8"), (
        "python -m bench.month"
    )


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


def test_private_link_names_what_its_endpoints_and_zones_cost():
    page = (DOCS / "private-link.md").read_text(encoding="utf-8")
    zones = DNS_ZONES * prices.DNS_ZONE
    assert f"0.01 an hour each | {price_endpoints() - zones:.2f} |" in page
    assert f"0.50 each | {zones:.2f} |" in page
    assert f"[about US$ {price_endpoints():.0f} a month]" in page


def test_capacity_names_the_prices_that_are_reckoned_with():
    table_ = (
        (DOCS / "capacity.md").read_text(encoding="utf-8").partition("| priced |")[2].partition("\n\n")[0]
    )
    told = re.findall(r"\d[\d.]*", " ".join(row.rpartition(" | ")[2] for row in table_.splitlines()[2:]))
    assert [float(price) for price in told] == [
        prices.GB_S,
        pytest.approx(prices.EXECUTION * 1e6),
        *(
            pytest.approx(price * 1e4)
            for price in (
                prices.BLOB_WRITE,
                prices.BLOB_READ,
                prices.TABLE_REQUEST,
                prices.QUEUE_REQUEST,
                prices.VAULT_READ,
            )
        ),
        prices.GB_OUT,
        prices.GB_TELEMETRY,
    ]
