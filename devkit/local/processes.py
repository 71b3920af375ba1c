"""Which process is meant by a pid in a file: the number alone may have gone to somebody else since."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path


def birth(pid: int) -> str | None:
    """Return what tells this process from an earlier or later one with its pid; None if it has ended."""
    try:
        if Path("/proc/self/stat").exists():
            # The name in brackets may itself hold spaces and brackets; state and start time come after it.
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            return None if fields[0] in "ZX" else fields[19]
    except OSError:
        return None
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (no shell, a number)
    state, _, started = found.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else started.strip()


def end(pid: int, born: str, *, grace_s: float) -> bool:
    """End that very process: SIGTERM, and SIGKILL after `grace_s`. Return whether there was any to end."""
    if birth(pid) != born:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        if not _wait(pid, born, grace_s):
            os.kill(pid, signal.SIGKILL)
            _wait(pid, born, grace_s)
    return True


def _wait(pid: int, born: str, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while birth(pid) == born:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
