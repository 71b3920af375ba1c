"""``python -m tests.soak``: RUNS (50) runs of PROFILES (20,000) people, on STACKS (2) stacks, WIDTH (3) at a time on each.

SEED repeats what is chosen (not the moments at which it hits). The summary goes to stdout and, with all details, to
FOLDER (.segpilot/soak); a stack on which something was not true is kept there with its logs. Exit code 1 then.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from devkit.local.stack import REPOSITORY, LocalStack
from tests.soak.rounds import Report, Story, play
from tests.soak.summary import summarise
from tests.system.driver import Segpilot

_SETTINGS = {
    "SETTLE_TIME_S": "1",
    "MAX_CALLS_PER_S": "0",
    "AUTOPILOT_TIMEOUT_S": "5",
    "BATCHES_PER_CHUNK": "10",
    "PUSH_THREADS": "4",
    "KEY_PATIENCE_S": "30",
    "RUN_ATTEMPTS": "1",
}

_TOO_MANY = 5
"""Violations after which it ends."""


class Soak:
    """Stacks side by side until enough runs were made."""

    def __init__(self, folder: Path, seed: int, runs: int, profiles: int, width: int) -> None:
        self._folder, self._seed, self._profiles, self._width = folder, seed, profiles, width
        self._left, self._stories, self._lock = runs, 0, threading.Lock()
        self.reports: list[Report] = []
        self.violations: list[str] = []
        self.stop = threading.Event()

    def work(self) -> None:
        """Play stories on one stack after the other; one that was broken for good is kept and left alone."""
        while self._has_more():
            number = self._take_number()
            with self._stack(f"stack-{number}") as (app, clock_file):
                try:
                    while self._has_more():
                        self._play_stories(app, clock_file)
                except Exception:
                    self._violated(traceback.format_exc(), number)

    def _play_stories(self, app: Segpilot, clock_file: Path) -> None:
        number = self._take_number()
        seed = f"{self._seed}-{number}"
        stories = [
            Story(app, f"soak{number}x{place}", self._profiles, Random(f"{seed} {place}"))
            for place in range(self._width)
        ]
        for kind in ("first", "next"):
            if kind == "next":
                for story in stories:
                    story.go_on()
            if not self._book():
                break
            reports = play(app, stories, kind, clock_file, f"{seed} {kind}", self.stop)
            self.reports += reports
            for report in reports:
                _tell(f"{report.run_id} {report.state} after {report.seconds:.0f} s, {report.kills} kills")
            _tell(f"{len(self.reports)} runs; what broke: {reports[0].log}")
        app.clean_up()

    @contextmanager
    def _stack(self, name: str) -> Iterator[tuple[Segpilot, Path]]:
        folder = self._folder / name
        scratch, clock_file = folder / "scratch", folder / "clock"
        scratch.mkdir(parents=True)
        clock_file.write_text("0", encoding="ascii")
        settings = {
            **_SETTINGS,
            "TMPDIR": str(scratch),
            "PYTHONPATH": str(REPOSITORY / "tests" / "faults" / "clock"),
            "CLOCK_OFFSET_FILE": str(clock_file),
        }
        violations = len(self.violations)
        with LocalStack(folder, autopilot_switches={"bulk_list": "honoured"}, settings=settings) as stack:
            yield Segpilot(stack), clock_file
        if len(self.violations) == violations:
            shutil.rmtree(folder)

    def _violated(self, what: str, number: int) -> None:
        self.violations.append(f"stack-{number}\n{what}")
        _tell(f"VIOLATION on stack-{number}: {what}")

    def _take_number(self) -> int:
        with self._lock:
            self._stories += 1
            return self._stories

    def _has_more(self) -> bool:
        return self._left > 0 and len(self.violations) < _TOO_MANY and not self.stop.is_set()

    def _book(self) -> bool:
        with self._lock:
            if self._left <= 0:
                return False
            self._left -= self._width
            return True


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    seed = int(os.environ.get("SEED") or time.time())
    runs, profiles = int(os.environ.get("RUNS", "50")), int(os.environ.get("PROFILES", "20000"))
    stacks, width = int(os.environ.get("STACKS", "2")), int(os.environ.get("WIDTH", "3"))
    folder = Path(os.environ.get("FOLDER", REPOSITORY / ".segpilot" / "soak")) / f"seed-{seed}"
    folder.mkdir(parents=True)
    _tell(f"SEED={seed} RUNS={runs} PROFILES={profiles}, in {folder}")
    began_at, soak = time.monotonic(), Soak(folder, seed, runs, profiles, width)
    workers = [threading.Thread(target=soak.work) for _ in range(stacks)]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: soak.stop.set())
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    text = summarise(soak.reports, soak.violations, seed, profiles, time.monotonic() - began_at)
    details = {"reports": [report.as_dict() for report in soak.reports], "violations": soak.violations}
    (folder / "summary.json").write_text(json.dumps(details, indent=1), encoding="utf-8")
    (folder / "summary.md").write_text(text, encoding="utf-8")
    print(text)
    return 1 if soak.violations or len(soak.reports) < runs else 0


if __name__ == "__main__":
    sys.exit(main())
