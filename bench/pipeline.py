"""Segpilot's pipeline alone, from a file to the ledger: python -m bench.pipeline --latency-ms 50 [--profile]

The steps are those that the activities run, over folders and memory instead of Azure, against the simulator in a
process of its own. Prints one line of JSON; with ``--profile`` also, to stderr, which functions took how much processor
time, in all threads together.
"""

import argparse
import cProfile
import json
import pstats
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.folder_app import FolderApp
from bench.simulator import LIST_TITLE, Simulator
from bench.stage import peak_mb, write_segment


class Stages:
    """Seconds of the clock and of the processor, stage by stage."""

    def __init__(self) -> None:
        self.wall_s: dict[str, float] = {}
        self.cpu_s: dict[str, float] = {}
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def note(self, stage: str) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        self.wall_s[stage], self.cpu_s[stage] = round(wall - self._wall, 2), round(cpu - self._cpu, 2)
        self._wall, self._cpu = wall, cpu


def export(csv: Path, folder: Path, url: str, key: str, settings: dict[str, str]) -> dict[str, Any]:
    """Export a file in this process, and say what that took after everything was imported."""
    app = FolderApp(folder, key, {"AUTOPILOT_URL": url, **settings})
    imported_cpu_s = time.process_time()
    started, stages = time.perf_counter(), Stages()
    app.receive(csv)
    run = app.export(stages.note)
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_s": round(time.process_time() - imported_cpu_s, 2),
        "import_cpu_s": round(imported_cpu_s, 2),
        "peak_mb": peak_mb(),
        "in_flight": app.settings.push_lanes * app.settings.push_threads,
        "status": run.status,
        "failure": run.failure and run.failure.message,
        "sent": run.counts.sent,
        "calls": run.counts.calls,
        "stages_s": stages.wall_s,
        "stages_cpu_s": stages.cpu_s,
    }


@contextmanager
def profiled() -> Iterator[Callable[[], pstats.Stats]]:
    """Profile this thread and those that it starts, by their own processor time; yields what gives the result."""
    profiles = [cProfile.Profile(time.thread_time)]

    def join(*_event: object) -> None:
        profiles.append(cProfile.Profile(time.thread_time))
        profiles[-1].enable()

    def collect() -> pstats.Stats:
        return pstats.Stats(*profiles, stream=sys.stderr)

    threading.setprofile(join)
    profiles[0].enable()
    try:
        yield collect
    finally:
        profiles[0].disable()
        threading.setprofile(None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--latency-ms", type=int, default=50)
    parser.add_argument("--rate", type=float, help="calls per second that the simulator takes")
    parser.add_argument("--ceiling", type=float, default=0, help="MAX_CALLS_PER_S; 0 = none")
    parser.add_argument("--lanes", type=int, help="PUSH_LANES, else as in production")
    parser.add_argument("--threads", type=int, help="PUSH_THREADS, else as in production")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--child", nargs=3, metavar=("CSV", "FOLDER", "URL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        csv, folder, url = arguments.child
        limits = {
            "MAX_CALLS_PER_S": arguments.ceiling,
            "MAX_PROFILES_PER_RUN": arguments.rows,
            "PUSH_LANES": arguments.lanes,
            "PUSH_THREADS": arguments.threads,
        }
        settings = {name: str(value) for name, value in limits.items() if value is not None}
        if not arguments.profile:
            print(json.dumps(export(Path(csv), Path(folder), url, Simulator.key, settings)))
            return
        with profiled() as collect:
            figures = export(Path(csv), Path(folder), url, Simulator.key, settings)
        print(json.dumps(figures))
        collect().sort_stats("tottime").print_stats(40)
        return
    switches = {"latency_ms": arguments.latency_ms, "bulk_list": "honoured", "rate": arguments.rate}
    with TemporaryDirectory() as name, Simulator(switches) as simulator:
        csv = Path(name, "segment.csv")
        write_segment(csv, arguments.rows)
        command = [sys.executable, "-m", "bench.pipeline", *sys.argv[1:]]
        command += ["--child", str(csv), str(Path(name, "state")), simulator.url]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        state = simulator.describe()
    on_list = sum(each["size"] for each in state["lists"] if each["title"] == LIST_TITLE)
    told = {"rows": arguments.rows, "latency_ms": arguments.latency_ms, "rate": arguments.rate}
    print(json.dumps({**told, **json.loads(done.stdout), "on_list": on_list, "calls_seen": state["calls"]}))


if __name__ == "__main__":
    main()
