"""What a month of Segpilot costs, for three sizes: python -m bench.month

What a run takes comes from the last measurement of bench.capacity (bench/results.md), prices from bench.prices; a day is
simulated and multiplied. The table is the one in docs/operations.md.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import prices
from bench.capacity import DAYS, SEED, TELEMETRY_BYTES, compute_gb_s, price, simulate
from bench.capacity_day import DAY_S, INSTANCE_GB, Day, Export, Simulation, Start
from bench.capacity_runs import ACTIVITIES, Costs
from bench.markdown import table

RESULTS = Path(__file__).with_name("results.md")
READY_INSTANCES = 2  # infra/main.bicep: one for blobs, one for the orchestration
PRIVATE_ENDPOINTS = (
    6  # infra/main.bicep: blobs, queues and tables of one account, the vault, blobs and queues of the other
)
DNS_ZONES = 4  # one for each kind: blobs, queues, tables, vaults
TICKS = DAY_S / 60 * DAYS
TICK_GB_S = INSTANCE_GB  # an execution is billed as a second at least
"""The timer that looks once a minute whether anything is due."""
_SPAN_BYTES = 1_000
"""Of each batch, as measured: docs/telemetry.md."""
_HOURS = 730
_RECKONED_HERE = ("compute, GB-s", "executions", "Application Insights, GB")
_ROWS, _ALL_SENT_EVERY, _CHANGED = 10_000, 20, 0.03


@dataclass(frozen=True)
class Size:
    name: str
    day: Day


def read_costs(text: str) -> Costs:
    """Read what a run takes out of bench/results.md."""
    section = text.partition("## Capacity on paper")[2].partition("\n## ")[0]
    rows = {
        name.strip(): tuple(float(value) for value in values.split("|"))
        for name, values in re.findall(r"^\| ([a-z ]+) \|((?: [\d.]+ \|){2} [\d.]+) \|$", section, re.M)
    }
    turns = rows.pop("orchestrator turns")
    per_run, per_rows, per_people = (
        float(found) for found in re.findall(r"([\d.]+) s (?:a run|per million)", section)
    )
    fixed, per_chunk, per_second = ({kind: row[part] for kind, row in rows.items()} for part in range(3))
    cpu_s = (per_run, per_rows / 1e6, per_people / 1e6)
    return Costs(fixed, per_chunk, per_second, cpu_s, turns[:2], ACTIVITIES)


def draw_equal_exports(count: int) -> list[Export]:
    """Return the exports of a day, spread over it; one in twenty sends everybody, the others what has changed."""
    return [
        Export(
            connection=0,
            due_s=number * DAY_S / count,
            rows=_ROWS,
            sent=_ROWS if number % _ALL_SENT_EVERY == 0 else round(_ROWS * _CHANGED),
        )
        for number in range(count)
    ]


def find_sizes(costs: Costs) -> Iterator[Size]:
    for name, count in (("small: 10 exports a day", 10), ("medium: 100 exports a day", 100)):
        yield Size(name, Simulation(costs, 250, SEED).run(draw_equal_exports(count)))
    yield Size("large: 10,000 exports a day", simulate(costs, Start.SPREAD, 1))


def price_compute(day: Day, *, ready: bool) -> float:
    """Return what instances and executions cost in a month. The timer runs on demand in either case."""
    gb_s, executions, ticks_gb_s = compute_gb_s(day), day.executions * DAYS, TICKS * TICK_GB_S
    if not ready:
        compute = prices.beyond(gb_s + ticks_gb_s, prices.GB_S_FREE, prices.GB_S)
        return compute + prices.beyond(executions + TICKS, prices.EXECUTIONS_FREE, prices.EXECUTION)
    idle_gb_s = READY_INSTANCES * INSTANCE_GB * DAY_S * DAYS
    on_demand = prices.beyond(ticks_gb_s, prices.GB_S_FREE, prices.GB_S)
    standing = idle_gb_s * prices.GB_S_IDLE + gb_s * prices.GB_S_READY
    return standing + on_demand + executions * prices.EXECUTION


def price_rest(day: Day) -> float:
    """Return what storage, vault, network, telemetry and events cost in a month."""
    rest = sum(cost for kind, _, cost in price(day) if kind not in _RECKONED_HERE)
    log_gb = (day.executions * TELEMETRY_BYTES + day.calls * _SPAN_BYTES) * DAYS / 1e9
    telemetry = prices.beyond(log_gb, prices.GB_TELEMETRY_FREE, prices.GB_TELEMETRY)
    return rest + telemetry + prices.beyond(2 * day.runs * DAYS, prices.EVENTS_FREE, prices.EVENT)


def price_endpoints() -> float:
    return PRIVATE_ENDPOINTS * _HOURS * prices.ENDPOINT_HOUR + DNS_ZONES * prices.DNS_ZONE


def make_rows() -> list[list[object]]:
    endpoints = price_endpoints()
    rows: list[list[object]] = []
    for size in find_sizes(read_costs(RESULTS.read_text(encoding="utf-8"))):
        rest = price_rest(size.day)
        demand, ready = (price_compute(size.day, ready=ready) + rest for ready in (False, True))
        rows.append(
            [size.name, *(f"{sum_:.0f}" for sum_ in (demand, ready, demand + endpoints, ready + endpoints))]
        )
    return rows


def main() -> None:
    head = ("US$ a month", "on demand", "always ready", "on demand, private", "always ready, private")
    print(table(head, make_rows()))


if __name__ == "__main__":
    main()
