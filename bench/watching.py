"""Running a program and watching how much memory it and its children take together."""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_LOOK_EVERY_S = 0.03


class Watched(NamedTuple):
    """``exit_code`` is None when it took too long and was ended."""

    exit_code: int | None
    output: str
    complaint: str
    seconds: float
    peak_mb: int


def run_watched(command: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout_s: float) -> Watched:
    """Run a program to its end. It gets a session of its own, which is ended as a whole when it takes too long."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as complaints:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=env, cwd=cwd, stdout=output, stderr=complaints, start_new_session=True
        )
        peak_kb, in_time = 0, True
        try:
            while process.poll() is None and in_time:
                peak_kb = max(peak_kb, _memory_kb(process.pid), _own_peak_kb(process.pid))
                time.sleep(_LOOK_EVERY_S)
                in_time = time.perf_counter() - started < timeout_s
        finally:
            # Those that it started end with it, also when this program is told to end.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        seconds = time.perf_counter() - started
        for file in (output, complaints):
            file.seek(0)
        exit_code = process.returncode if in_time else None
        return Watched(exit_code, output.read(), complaints.read(), seconds, peak_kb // 1024)


def _memory_kb(pid: int) -> int:
    """What a process and all its descendants have in memory now."""
    return sum(_status_kb(each, "VmRSS:") for each in _family(pid))


def _own_peak_kb(pid: int) -> int:
    """The most that a process without its children ever had: short peaks fall between two looks."""
    return _status_kb(pid, "VmHWM:")


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                yield from _family(int(child))


def _status_kb(pid: int, name: str) -> int:
    try:
        rest = Path(f"/proc/{pid}/status").read_text().partition(name)[2].split()
    except OSError:
        return 0
    return int(rest[0]) if rest else 0
