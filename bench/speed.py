"""Segpilot against what people would use in its place: python -m bench.speed [--only floor,pipeline] [--rows N]

Everybody sends the same file to the same simulator. Prints the section of bench/results.md. The first time it installs
the others, each into an environment of its own (bench/rivals/).
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.markdown import table
from bench.rivals.contenders import CONTENDERS, SEGPILOT, Contender
from bench.rivals.environments import RIVALS, NotInstallable
from bench.simulator import LIST_TITLE, Simulator
from bench.stage import write_segment
from bench.watching import Watched, run_watched

LATENCIES_MS = (0, 50)
RATE_PER_S, PACED_ROWS = 20, 20_000
_REPEAT_BELOW_S, _REPETITIONS, _TIMEOUT_S = 5.0, 3, 150.0
_REPOSITORY = Path(__file__).parents[1]
_CLOSED = "http://127.0.0.1:9"
"""A proxy that is none: nobody reaches anything but this machine."""


@dataclass(frozen=True)
class Figures:
    """``remark`` says why it did not end well, or why there is nothing to see."""

    seconds: float | None = None
    cpu_s: float | None = None
    peak_mb: int | None = None
    calls: int | None = None
    throttled: int | None = None
    people: int | None = None
    remark: str = ""
    stages: str = ""


class Contest:
    """One file, one simulator."""

    def __init__(self, simulator: Simulator, csv: Path, rows: int, folder: Path) -> None:
        self._simulator, self._csv, self._rows, self._folder = simulator, csv, rows, folder

    def measure(self, contender: Contender) -> Figures:
        """Return the median of several runs when they are short, else the only one."""
        try:
            command, needed = contender.start()
        except NotInstallable as problem:
            return Figures(remark=f"cannot be installed here: {problem}")
        runs = [self._run(contender, command, needed)]
        short = runs[0].seconds is not None and runs[0].seconds < _REPEAT_BELOW_S
        while short and not runs[-1].remark and len(runs) < _REPETITIONS:
            runs.append(self._run(contender, command, needed))
        return sorted(runs, key=lambda run: run.seconds or 0)[len(runs) // 2]

    def _run(self, contender: Contender, command: list[str], needed: dict[str, str]) -> Figures:
        self._simulator.empty()
        list_id = self._simulator.add_list()
        before = self._simulator.describe()["calls"]
        with TemporaryDirectory(dir=self._folder) as home:
            if contender.name == SEGPILOT:
                command = [*command, str(self._csv), str(Path(home, "state")), self._simulator.url]
                command += ["--rows", str(self._rows)]
            env = {**_environment(Path(home)), **self._order(list_id), **contender.settings, **needed}
            is_ours = command[0] == sys.executable
            cwd = _REPOSITORY if is_ours else Path(home)
            watched = run_watched(command, env=env, cwd=cwd, timeout_s=_TIMEOUT_S)
        return self._judge(watched, before)

    def _order(self, list_id: str) -> dict[str, str]:
        order = {
            "csv": self._csv,
            "url": self._simulator.url,
            "key": Simulator.key,
            "list_id": list_id,
            "rows": self._rows,
        }
        return {f"CONTEST_{name.upper()}": str(value) for name, value in order.items()}

    def _judge(self, watched: Watched, before: dict[str, dict[str, int]]) -> Figures:
        state = self._simulator.describe()
        people = sum(each["size"] for each in state["lists"] if each["title"] == LIST_TITLE)
        told = _read_figures(watched.output)
        remark = ""
        if watched.exit_code is None:
            remark = f"ended after {_TIMEOUT_S:.0f} s"
        elif watched.exit_code or people != self._rows or told.get("failure"):
            remark = "gave up"
            print(watched.complaint[-2_000:], told.get("failure"), file=sys.stderr)
        stages = ", ".join(
            f"{stage} {seconds} s ({told['stages_cpu_s'][stage]})"
            for stage, seconds in told.get("stages_s", {}).items()
        )
        return Figures(
            seconds=round(told.get("seconds", watched.seconds), 2),
            cpu_s=round(told["cpu_s"], 2) if told else None,
            peak_mb=watched.peak_mb,
            calls=_count(state["calls"]) - _count(before),
            throttled=_count(state["calls"], "429"),
            people=people,
            remark=remark,
            stages=stages,
        )


def _environment(home: Path) -> dict[str, str]:
    """Everybody sees an empty home, and telemetry is off in every way that one of them knows."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "PYTHONPATH": str(RIVALS / "common"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DO_NOT_TRACK": "1",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "HTTP_PROXY": _CLOSED,
        "HTTPS_PROXY": _CLOSED,
        "NO_PROXY": "127.0.0.1,localhost",
    }


def _read_figures(output: str) -> dict[str, Any]:
    for line in reversed(output.splitlines()):
        if '"seconds"' in line:
            found: dict[str, Any] = json.loads(line)
            return found
    return {}


def _count(calls: dict[str, dict[str, int]], outcome: str | None = None) -> int:
    return sum(
        count
        for outcomes in calls.values()
        for each, count in outcomes.items()
        if outcome is None or each == outcome
    )


def measure_whole(rows: int, latency_ms: int) -> Figures:
    """Segpilot with everything around it, from the upload to Successful."""
    command = [sys.executable, "-m", "bench.whole", "--rows", str(rows), "--latency-ms", str(latency_ms)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    run = json.loads(done.stdout.splitlines()[-1])
    remark = "" if run["on_list"] == rows else run["status"]
    return Figures(run["seconds"], calls=run["calls"], people=run["on_list"], remark=remark)


def main() -> None:
    names = list(dict.fromkeys(["whole", *(each.name for each in CONTENDERS)]))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(names), help=", ".join(names))
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--paced-rows", type=int, default=PACED_ROWS)
    parser.add_argument("--skip-paced", action="store_true")
    options = parser.parse_args()
    chosen = options.only.split(",")
    if unknown := set(chosen) - set(names):
        parser.error(f"There is no {', '.join(sorted(unknown))}; there are {', '.join(names)}.")
    contenders = [each for each in CONTENDERS if each.name in chosen]
    # What runs is ended, too, when this program is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Told to end."))
    print("## Against the alternatives\n")
    with TemporaryDirectory() as name:
        folder = Path(name)
        show_speed(contenders, options.rows, folder, whole="whole" in chosen)
        if not options.skip_paced:
            show_paced([each for each in contenders if each.paced], options.paced_rows, folder)


def show_speed(contenders: Sequence[Contender], rows: int, folder: Path, *, whole: bool) -> None:
    csv = folder / "people.csv"
    write_segment(csv, rows)
    found = dict[str, dict[int, Figures]]()
    for latency_ms in LATENCIES_MS:
        with Simulator({"latency_ms": latency_ms, "bulk_list": "honoured"}) as simulator:
            contest = Contest(simulator, csv, rows, folder)
            for contender in contenders:
                if latency_ms and contender.bound_by_latency:
                    continue
                figures = contest.measure(contender)
                found.setdefault(contender.label, {})[latency_ms] = figures
                print(latency_ms, "ms", contender.label, figures, file=sys.stderr, flush=True)
        if whole:
            figures = measure_whole(rows, latency_ms)
            found.setdefault("**Segpilot whole**: upload to *Successful*", {})[latency_ms] = figures
            print(latency_ms, "ms whole", figures, file=sys.stderr, flush=True)
    ours = found.get(next((each.label for each in contenders if each.name == SEGPILOT), ""), {})
    print(
        f"{rows:,} rows with 13 columns, five of them mapped besides the e-mail address, all of them people for one "
        "list, to the simulator, whose answers take 0 or 50 ms. *Wall*, *CPU* (of all its processes, at 50 ms where measured) and *ratio* (wall to "
        "that of Segpilot's pipeline as delivered) do not hold what was imported before; *MB* is the peak of all its "
        "processes together. Medians of three where one takes less than 5 s. Segpilot's pipeline reads, compares, sends, "
        "and writes ledger and rejects; of the others, as they are set up here, only dlt keeps anything.\n"
    )
    slow, fast = LATENCIES_MS[1], LATENCIES_MS[0]
    head = [
        "who",
        "wall s, 0 ms",
        "ratio",
        "wall s, 50 ms",
        "ratio",
        "CPU s",
        "MB",
        "calls",
        "people",
        "",
    ]
    lines = []
    for label, by_latency in found.items():
        walls = [
            cell
            for latency_ms in LATENCIES_MS
            for figures in (by_latency.get(latency_ms, Figures()),)
            for cell in (figures.seconds, _ratio(figures, ours.get(latency_ms)))
        ]
        last = by_latency.get(slow) or by_latency[fast]
        lines.append([label, *walls, last.cpu_s, last.peak_mb, last.calls, last.people, last.remark])
    print(table(head, lines))
    if mine := ours.get(slow):
        print(f"\nSegpilot's pipeline at {slow} ms, wall and in brackets CPU s: {mine.stages}.")


def _ratio(figures: Figures, ours: Figures | None) -> str | None:
    if figures.seconds is None or ours is None or not ours.seconds:
        return None
    return f"{figures.seconds / ours.seconds:.2f}"


def show_paced(contenders: Sequence[Contender], rows: int, folder: Path) -> None:
    csv, lines = folder / "fewer.csv", []
    write_segment(csv, rows)
    for contender in contenders:
        switches = {"latency_ms": 0, "bulk_list": "honoured", "rate": RATE_PER_S}
        # A simulator for each: what one has used of the limit is not to be missing for the next.
        with Simulator(switches) as simulator:
            figures = Contest(simulator, csv, rows, folder).measure(contender)
        print("paced", contender.label, figures, file=sys.stderr, flush=True)
        ended = figures.remark or "all sent"
        lines.append(
            [contender.label, ended, figures.people, figures.seconds, figures.calls, figures.throttled]
        )
    print(
        f"\nWhen the account takes {RATE_PER_S} calls per second and answers more with 429, without `Retry-After`, and "
        f"nobody was told: {rows:,} rows, which take {rows / 100 / RATE_PER_S:.0f} s at that rate.\n"
    )
    print(table(["who", "how it ended", "people", "wall s", "calls", "of them 429"], lines))


if __name__ == "__main__":
    main()
