"""What runs take of storage, processors and the orchestration, counted in runs of the local system."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.fan_out import SETTINGS, SWITCHES, cpu_s
from bench.stage import write_segment
from bench.whole import SEGMENT, App
from devkit.local.stack import LocalStack

PEOPLE_PER_CHUNK = 5_000
ACTIVITIES = (6.0, 1.0)
"""Begin, stage, guard, prepare, finish and a look at the arrival; then one for each chunk."""
_REQUEST = re.compile(r'"(?P<verb>\w+) /devstoreaccount1/(?P<path>\S*) HTTP')
_LANE_LEFT = "DELETE /devstoreaccount1/SegpilotCoordination(PartitionKey='lane'"
_SETTLES_S = 1.5

Requests = Mapping[str, float]


@dataclass(frozen=True)
class Costs:
    """What a run takes: at all, for each chunk, and for each second of pushing at a limited rate. ``requests`` are by
    kind; ``cpu_s`` is processor time of the host for a run, a row that is read, a person who is sent."""

    fixed: Requests
    per_chunk: Requests
    per_second: Requests
    cpu_s: tuple[float, float, float]
    turns: tuple[float, float]
    activities: tuple[float, float]


@dataclass(frozen=True)
class _Seen:
    rows: int
    sent: int
    chunks: int
    pushing_s: float
    cpu_s: float
    turns: int
    requests: Counter[str]


def measure() -> Costs:
    """Run the local system twice, once without a limit and once at 20 calls/s."""
    with _app(ceiling=0.0) as (stack, app, folder):
        _export(stack, app, folder, 2_000)
        some = _export(stack, app, folder, 20_000)
        many = _export(stack, app, folder, 70_000)
        few = _export(stack, app, folder, 70_000, changed=True)
    with _app(ceiling=20.0) as (stack, app, folder):
        _export(stack, app, folder, 2_000)
        slow = _export(stack, app, folder, 20_000)
    per_chunk = _divided(many.requests, few.requests, many.chunks - few.chunks)
    fixed = {kind: max(0.0, few.requests[kind] - few.chunks * per_chunk[kind]) for kind in per_chunk}
    per_second = _divided(slow.requests, some.requests, slow.pushing_s - some.pushing_s)
    person_s = max(0.0, (many.cpu_s - few.cpu_s) / (many.sent - few.sent))
    row_s = (few.cpu_s - some.cpu_s - person_s * (few.sent - some.sent)) / (few.rows - some.rows)
    run_s = max(0.0, few.cpu_s - row_s * few.rows - person_s * few.sent)
    turns_per_chunk = (many.turns - few.turns) / (many.chunks - few.chunks)
    fixed_turns = few.turns - turns_per_chunk * few.chunks
    return Costs(
        fixed,
        per_chunk,
        per_second,
        (run_s, row_s, person_s),
        (fixed_turns, turns_per_chunk),
        ACTIVITIES,
    )


def _divided(more: Counter[str], less: Counter[str], by: float) -> dict[str, float]:
    return {kind: max(0.0, (more[kind] - less[kind]) / by) for kind in more | less}


@contextmanager
def _app(ceiling: float) -> Iterator[tuple[LocalStack, App, Path]]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        with LocalStack(
            folder / "state", settings=SETTINGS, autopilot_switches=SWITCHES, log_requests=True
        ) as stack:
            app = App(stack)
            app.add_export(stack.autopilot_key, ceiling)
            yield stack, app, folder


def _export(stack: LocalStack, app: App, folder: Path, rows: int, *, changed: bool = False) -> _Seen:
    """Let a file arrive and count what its run does; nobody asks the app anything meanwhile."""
    log = stack.state / "logs" / "storage.log"
    write_segment(folder / "segment.csv", rows, changed=changed)
    before, lines, turns = cpu_s(stack.host_pid), _lines(log), len(_lines(stack.turn_log))
    left = sum(_LANE_LEFT in line for line in lines)
    app.upload(f"{SEGMENT}/segment.csv", folder / "segment.csv")
    while sum(_LANE_LEFT in line for line in _lines(log)) == left:
        time.sleep(0.3)
    time.sleep(_SETTLES_S)
    requests = Counter(kind for line in _lines(log)[len(lines) :] for kind in _kinds(line))
    spent, taken = cpu_s(stack.host_pid) - before, len(_lines(stack.turn_log)) - turns
    [run, *_] = app.call("GET", "runs")["runs"]
    sent = run["counts"]["sent"]
    pushing_s = sum(_seconds(step) for step in run["steps"] if step["stage"] == "sending")
    return _Seen(rows, sent, -(-sent // PEOPLE_PER_CHUNK), pushing_s, spent, taken, requests)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _seconds(step: Mapping[str, str]) -> float:
    return (
        datetime.fromisoformat(step["ended_at"]) - datetime.fromisoformat(step["started_at"])
    ).total_seconds()


def _kinds(line: str) -> Iterator[str]:
    """Tell what a logged request is billed as, and whether it goes to the table partition that holds all runs."""
    if not (request := _REQUEST.search(line)):
        return
    verb, path = request["verb"], request["path"]
    if path.startswith("Segpilot"):
        yield "table"
        if path.startswith("SegpilotRuns(PartitionKey='run'"):
            yield "run partition"
    elif path == "segments?restype=container&comp=list":
        return  # how the local host learns of files; in Azure, Event Grid tells
    elif verb == "DELETE":
        yield "blob delete"
    elif verb in ("PUT", "POST") or "comp=list" in path:
        yield "blob write"
    else:
        yield "blob read"


if __name__ == "__main__":
    print(json.dumps(measure().__dict__, indent=1))
