"""Start the local host with a small app of the test's own, as a process of its own."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

REPOSITORY = Path(__file__).parents[2]


def write_app(folder: Path, source: str, host_json: Mapping[str, Any] | None = None) -> Path:
    """Write `function_app.py` and `host.json` into a folder and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "function_app.py").write_text(textwrap.dedent(source))
    (folder / "host.json").write_text(json.dumps({"version": "2.0", **(host_json or {})}))
    return folder


class RunningHost:
    """A host that listens. `settings` are what local.settings.json would hold."""

    def __init__(
        self,
        app_dir: Path,
        state_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        wait: bool = True,
    ) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        settings_file = state_dir / "local.settings.json"
        settings_file.write_text(json.dumps({"IsEncrypted": False, "Values": dict(settings or {})}))
        self.state_dir = state_dir
        self._log_path = state_dir / "host.log"
        command = [sys.executable, "-m", "devkit.host", "--port", "0", "--app", str(app_dir)]
        command += ["--state", str(state_dir), "--settings", str(settings_file), *arguments]
        with self._log_path.open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=log, text=True, env=dict(os.environ)
            )
        self.url = ""
        if wait:
            line = self.process.stdout.readline().strip()
            assert line.startswith("host listening on http://127.0.0.1:"), self.log
            self.url = line.removeprefix("host listening on ")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()
        self.process.stdout.close()

    @property
    def log(self) -> str:
        return self._log_path.read_text()

    @property
    def keys(self) -> dict[str, Any]:
        return json.loads((self.state_dir / "keys.json").read_text())

    @property
    def function_key(self) -> str:
        return self.keys["functionKeys"]["default"]

    @property
    def master_key(self) -> str:
        return self.keys["masterKey"]

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, self.url + path, timeout=30, allow_redirects=False, **options)

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)


def wait_until(is_true: Callable[[], bool], *, timeout_s: float = 30.0) -> None:
    """Return once the condition holds; fails the test when it never does."""
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline, "the awaited state never came"
        time.sleep(0.05)
