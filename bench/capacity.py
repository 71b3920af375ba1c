"""1,000 connections and 10,000 exports a day in Azure, on paper: python -m bench.capacity

What a run takes is counted in runs of the local system (``capacity_runs``), a day is simulated (``capacity_day``), and
what the Durable extension adds on Azure Storage is reckoned: see docs/capacity.md, with the sources of prices and limits.
"""

import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import prices
from bench.capacity_day import INSTANCE_GB, Day, Simulation, Start, draw_exports
from bench.capacity_runs import Costs, measure
from bench.curves import draw
from bench.markdown import table

CONNECTIONS, EXPORTS = 1_000, 10_000
QUOTA = 250
DAYS = 30.4
SEED = 1
IMAGE = Path(__file__).parents[1] / "docs" / "images" / "capacity-two-o-clock.svg"
CASES = ((Start.SPREAD, 1), (Start.SPREAD, 5), *((Start.AT_TWO, scale) for scale in (1, 2, 5, 10)))

TURN_QUEUE, TURN_TABLE, ACTIVITY_QUEUE = 2, 3, 4
"""Requests of the Durable extension on Azure Storage: a turn takes a message off its control queue, reads the history,
adds to it and updates the instance; an activity is put, taken and removed, and its answer is put."""
TELEMETRY_BYTES = 2_000
"""Of each function that runs."""
_TURN_S, _PERSON_BYTES, _CALL_BYTES = 0.25, 250, 1_000


@dataclass(frozen=True)
class Limit:
    """``most`` is a second's worth."""

    name: str
    most: float
    kinds: dict[str, float]


LIMITS = (
    Limit("orchestrator messages, 4 partitions", 600, {"turns": 1}),
    Limit("table partition of all runs", 2_000, {"run partition": 1}),
    Limit(
        "requests of the storage account",
        20_000,
        {
            **dict.fromkeys(("blob write", "blob read", "blob delete", "table"), 1.0),
            "turns": TURN_QUEUE + TURN_TABLE,
            "activities": ACTIVITY_QUEUE,
        },
    ),
    Limit("reads of the vault", 400, {"secrets": 1}),
)


def find_uses(day: Day) -> dict[str, float]:
    """Return how much of each limit the busiest ten seconds took."""
    uses = {
        limit.name: sum(day.load(kind).peak(10) * weight for kind, weight in limit.kinds.items()) / limit.most
        for limit in LIMITS
    }
    return {**uses, "instances of the region": max(count for _, count in day.instances) / QUOTA}


def compute_gb_s(day: Day) -> float:
    """Return what a month of such days takes of instances."""
    return (day.active_s + day.load("turns").total * _TURN_S) * DAYS * INSTANCE_GB


def price(day: Day) -> Iterator[tuple[str, str, float]]:
    """Yield what a month of such days takes, and list prices in US dollars."""
    total = {kind: load.total * DAYS for kind, load in day.loads.items()}
    turns, activities = total["turns"], total["activities"]
    gb_s = compute_gb_s(day)
    yield "compute, GB-s", f"{gb_s:,.0f}", prices.beyond(gb_s, prices.GB_S_FREE, prices.GB_S)
    executions = day.executions * DAYS
    yield (
        "executions",
        f"{executions:,.0f}",
        prices.beyond(executions, prices.EXECUTIONS_FREE, prices.EXECUTION),
    )
    yield "blobs written and listed", f"{total['blob write']:,.0f}", total["blob write"] * prices.BLOB_WRITE
    yield "blobs read", f"{total['blob read']:,.0f}", total["blob read"] * prices.BLOB_READ
    yield "table requests", f"{total['table']:,.0f}", total["table"] * prices.TABLE_REQUEST
    ours = turns * TURN_TABLE
    yield "Durable's table requests", f"{ours:,.0f}", ours * prices.TABLE_REQUEST
    queue = turns * TURN_QUEUE + activities * ACTIVITY_QUEUE
    yield "Durable's queue requests", f"{queue:,.0f}", queue * prices.QUEUE_REQUEST
    yield "reads of the vault", f"{total['secrets']:,.0f}", total["secrets"] * prices.VAULT_READ
    out_gb = (day.people * _PERSON_BYTES + day.calls * _CALL_BYTES) * DAYS / 1e9
    yield "sent to Autopilot, GB", f"{out_gb:,.0f}", prices.beyond(out_gb, prices.GB_OUT_FREE, prices.GB_OUT)
    log_gb = executions * TELEMETRY_BYTES / 1e9
    yield (
        "Application Insights, GB",
        f"{log_gb:,.0f}",
        prices.beyond(log_gb, prices.GB_TELEMETRY_FREE, prices.GB_TELEMETRY),
    )


def simulate(costs: Costs, start: Start, scale: int) -> Day:
    exports = list(draw_exports(EXPORTS * scale, CONNECTIONS * scale, start, SEED))
    return Simulation(costs, QUOTA, SEED).run(exports)


def describe_costs(costs: Costs) -> str:
    kinds = [kind for kind in costs.fixed if kind != "run partition"]
    rows = [
        [kind, *(round(part.get(kind, 0.0), 1) for part in (costs.fixed, costs.per_chunk, costs.per_second))]
        for kind in [*kinds, "run partition"]
    ]
    rows.append(["orchestrator turns", round(costs.turns[0], 1), round(costs.turns[1], 1), 0])
    return table(["", "a run", "each 5,000 people", "each second of pushing"], rows)


def describe(start: Start, scale: int, day: Day) -> list[object]:
    slots = statistics.quantiles(day.queue_waits, n=20)
    lanes = statistics.quantiles(day.lane_waits, n=20)
    uses = find_uses(day)
    worst = max(uses, key=lambda name: uses[name])
    over = [f"**{name}** {use:.1f}" for name, use in uses.items() if use > 1]
    return [
        f"{start}, × {scale}",
        day.runs,
        max(count for _, count in day.instances),
        f"{lanes[9]:.0f} / {lanes[18]:.0f}",
        f"{slots[18]:.1f}",
        f"{(day.ended_s - day.first_s) / 60:.0f}",
        "; ".join(over) or f"none: {worst} {uses[worst]:.2f}",
    ]


def main() -> None:
    print("counting the requests of runs", file=sys.stderr, flush=True)
    costs = measure()
    days = {}
    for start, scale in CASES:
        print(f"{start}, x {scale}", file=sys.stderr, flush=True)
        days[start, scale] = simulate(costs, start, scale)
    draw(
        IMAGE,
        "Instances when all exports of a day are due at 02:00",
        "minutes after 02:00",
        "instances",
        {
            f"× {scale}": [
                (round((at - day.first_s) / 60, 2), count) for at, count in day.instances if at >= 7_200
            ]
            for (start, scale), day in days.items()
            if start is Start.AT_TWO
        },
    )
    print("## Capacity on paper\n")
    print(
        f"{CONNECTIONS:,} connections and {EXPORTS:,} exports a day, and multiples of both. What a run asks of storage, "
        "counted on the local system:\n"
    )
    print(describe_costs(costs))
    run_s, row_s, person_s = costs.cpu_s
    print(
        f"\nProcessor time: {run_s:.2f} s a run, {row_s * 1e6:.1f} s per million rows read, {person_s * 1e6:.1f} s per "
        "million people sent.\n\nA simulated day. *Lane*: how long runs wait for the one before them on their connection "
        "(median / 95 %, s); *slot*: how long activities wait for an instance (95 %, s); *over*: the limits that the "
        "busiest ten seconds exceed, and how many times; if none, the one that is nearest.\n"
    )
    head = ("exports due", "runs", "instances", "lane", "slot", "minutes", "over")
    print(table(head, [describe(start, scale, day) for (start, scale), day in days.items()]))
    lines = list(price(days[Start.SPREAD, 1]))
    dollars = sum(cost for *_, cost in lines)
    print("\nA month of it, × 1 through the day, at list prices:\n")
    print(table(["", "a month", "US$"], [[*line[:2], f"{line[2]:.2f}"] for line in lines]))
    print(f"\nTogether US$ {dollars:.0f} a month, {dollars / DAYS / EXPORTS * 1_000:.2f} for 1,000 exports.")


if __name__ == "__main__":
    main()
