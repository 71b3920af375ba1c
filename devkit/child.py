"""One child process of ours: its output goes to a log file, and it ends when it is told to."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

POLL_S = 0.02


class ChildError(RuntimeError):
    """A child process ended or stayed silent when it should have become ready; names its log."""


class Child:
    """A running process, started by the constructor, with stdout and stderr appended to `log_path`.

    It gets its own session, so that Ctrl-C in a terminal reaches only the parent, which then ends
    its children in the order it wants.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log_path: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.log_path = log_path
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 (a command of our own, no shell)
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while the process runs; minus the signal number if a signal ended it."""
        return self._process.poll()

    def output(self) -> str:
        """Return what this process has written so far."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def wait_for_output(self, pattern: str, *, timeout_s: float, count: int = 1) -> list[str]:
        """Wait until `pattern` was written `count` times; return its first group each time.

        Raises ChildError when the process ends before that, or after `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            ended = self.exit_code is not None
            found = [match[1] for match in re.finditer(pattern, self.output(), re.MULTILINE)]
            if len(found) >= count:
                return found
            if ended:
                raise ChildError(f"{self.name} ended with exit code {self.exit_code}.{self._log_hint()}")
            if time.monotonic() > deadline:
                raise ChildError(f"{self.name} was not ready after {timeout_s:g} s.{self._log_hint()}")
            time.sleep(POLL_S)

    def wait(self, timeout_s: float) -> int:
        """Wait until the process has ended; return its exit code. Raises subprocess.TimeoutExpired."""
        return self._process.wait(timeout_s)

    def stop(self, *, grace_s: float = 10) -> None:
        """End the process: SIGTERM, and SIGKILL after `grace_s`. Nothing that it started stays behind."""
        if self.exit_code is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_s)
        self.kill()

    def kill(self) -> None:
        """End the process at once with SIGKILL, as a crash would, with whatever it started itself."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def _log_hint(self) -> str:
        tail = "\n  ".join(self.output().splitlines()[-15:])
        return f" Log: {self.log_path}" + (f"\n  {tail}" if tail else "")
