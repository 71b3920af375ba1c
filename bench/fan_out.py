"""A very large export through the fan-out of the local system: python -m bench.fan_out [ROWS …]

Azurite, vault, simulator and host run as processes of their own, the simulator without latency or limit. The limit of
profiles is raised by its setting. Beside the run, the memory of the host is looked at every second.
"""

import argparse
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

from bench.curves import draw
from bench.markdown import table
from bench.stage import write_segment
from bench.whole import SEGMENT, App
from devkit.local.stack import LocalStack

SIZES = (100_000, 500_000, 1_000_000, 5_000_000)
IMAGES = Path(__file__).parents[1] / "docs" / "images"
SETTINGS = {"MAX_PROFILES_PER_RUN": "100000000", "STAGE_MAX_FILE_MB": "16384"}
SWITCHES: dict[str, object] = {"latency_ms": 0, "bulk_list": "honoured"}


@contextmanager
def watching(look: Callable[[], float], every_s: float = 1.0) -> Iterator[list[float]]:
    """Collect what ``look`` returns at once and every second after it, until the block ends."""
    seen, over = [look()], threading.Event()

    def watch() -> None:
        while not over.wait(every_s):
            seen.append(look())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def cpu_s(pid: int) -> float:
    """Return the processor time of a process until now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(rows: int) -> dict[str, Any]:
    """Export so many people; returns what it took."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_segment(folder / "segment.csv", rows)
        with LocalStack(folder / "state", settings=SETTINGS, autopilot_switches=SWITCHES) as stack:
            app = App(stack)
            app.add_export(stack.autopilot_key, 0.0)
            pid = stack.host_pid
            before_s, started = cpu_s(pid), time.perf_counter()
            with watching(lambda: memory_mb(pid)) as seen:
                app.upload(f"{SEGMENT}/segment.csv", folder / "segment.csv")
                (folder / "segment.csv").unlink()
                run, stages = app.wait(set())
            seconds, host_cpu_s = time.perf_counter() - started, cpu_s(pid) - before_s
            lists = requests.get(f"{stack.autopilot_control}/state", timeout=60).json()["lists"]
            turns = [json.loads(line) for line in stack.turn_log.read_text().splitlines()]
        on_list = next((each["size"] for each in lists if each["title"] == SEGMENT), 0)
    return {
        "people": rows,
        "on_list": on_list,
        "status": run["status"],
        "failure": run["failure"],
        "seconds": round(seconds, 1),
        "cpu_s": round(host_cpu_s, 1),
        "stages_s": stages,
        "memory_mb": [round(each) for each in seen],
        "instances": len({turn["instance"] for turn in turns}),
        "turns": len(turns),
        "run": cost_of(turns, "export_run"),
        "lanes": cost_of(turns, "push_lane"),
    }


def cost_of(turns: Sequence[dict[str, Any]], name: str) -> dict[str, float]:
    """Return the longest history of any instance of an orchestrator, and what its turns took."""
    mine = [turn for turn in turns if turn["name"] == name]
    spent = [turn["cpu_ms"] for turn in mine]
    return {
        "turns": len(mine),
        "events": max(turn["events"] for turn in mine),
        "kb": round(max(turn["bytes"] for turn in mine) / 1000, 1),
        "median_ms": round(statistics.median(spent), 1),
        "max_ms": round(max(spent), 1),
    }


def memory_by_stage(seen_mb: Sequence[int], stages_s: dict[str, float]) -> list[int]:
    """Return the most memory while files were read; the median in the first and last fifth of sending; the most after
    that."""
    sending, finishing = round(stages_s["sending"]), round(stages_s["finishing"])
    sent_mb = seen_mb[sending + 1 : finishing] or seen_mb[sending : sending + 1]
    fifth = max(1, len(sent_mb) // 5)
    first, last = (round(statistics.median(part)) for part in (sent_mb[:fifth], sent_mb[-fifth:]))
    return [max(seen_mb[: sending + 1]), first, last, max(seen_mb[finishing:])]


def describe(seen: dict[str, Any]) -> tuple[list[object], list[object]]:
    """Return a line on the run and one on its orchestrations."""
    run, lanes = seen["run"], seen["lanes"]
    whole = [f"{seen['people']:,}", seen["on_list"], seen["status"], seen["seconds"], seen["cpu_s"]]
    whole += memory_by_stage(seen["memory_mb"], seen["stages_s"])
    inner = [f"{seen['people']:,}", seen["instances"], run["events"], run["kb"], lanes["events"], lanes["kb"]]
    for each in (run, lanes):
        inner.append(f"{each['median_ms']} / {each['max_ms']}")
    return whole, inner


def thin_out(seen_mb: Sequence[int], points: int = 50) -> list[tuple[float, float]]:
    """Return what was seen over the time of a run in %: the most of each part of it."""
    width = -(-len(seen_mb) // points)
    return [
        (round(100 * first / len(seen_mb), 1), max(seen_mb[first : first + width]))
        for first in range(0, len(seen_mb), width)
    ]


def draw_curves(all_seen: Sequence[dict[str, Any]]) -> None:
    draw(
        IMAGES / "fan-out-memory.svg",
        "Memory of the host while a run goes on",
        "% of the run",
        "MB",
        {f"{seen['people'] / 1e6:g} million": thin_out(seen["memory_mb"]) for seen in all_seen},
    )
    draw(
        IMAGES / "fan-out-history.svg",
        "The longest history of any orchestration",
        "people",
        "kB",
        {
            name: [(seen["people"], seen[key]["kb"]) for seen in all_seen]
            for name, key in (("the run", "run"), ("a lane", "lanes"))
        },
        log_x=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="*", default=SIZES)
    all_seen = []
    for rows in parser.parse_args().rows:
        print(f"{rows:,} people", file=sys.stderr, flush=True)
        all_seen.append(measure(rows))
        print(json.dumps(all_seen[-1]), file=sys.stderr, flush=True)
    draw_curves(all_seen)
    wholes, inners = zip(*map(describe, all_seen), strict=True)
    print("## A very large export\n")
    print(
        "From the upload to the end of the run on the local host, the simulator without latency or limit. *CPU s* and *MB* "
        "are those of the host, which reads, pushes and settles in one process; its memory is looked at every second: the most "
        "while it reads and settles, the median while it sends.\n"
    )
    stages = ("MB reading", "MB sending, first fifth", "MB sending, last fifth", "MB settling")
    print(table(["people", "on the list", "status", "seconds", "CPU s", *stages], wholes))
    print(
        "\nIts orchestrations: the longest history of any instance, and the processor time of a turn, which replays it "
        "(median / most).\n"
    )
    names = ("run, events", "run, kB", "lane, events", "lane, kB", "run, ms a turn", "lane, ms a turn")
    print(table(["people", "instances", *names], inners))


if __name__ == "__main__":
    main()
