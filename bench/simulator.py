"""The Autopilot simulator as a process of its own, for benchmarks."""

import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import requests

KEY = "c0ffee00c0ffee00c0ffee00c0ffee00"
LIST_TITLE = "bench"
_TIMEOUT_S = 60


class Simulator:
    """``with Simulator({"latency_ms": 50}) as simulator:`` starts one with these switches, and ends it."""

    key = KEY

    def __init__(self, switches: Mapping[str, object] | None = None) -> None:
        self._switches = dict(switches or {})

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "devkit", "autopilot", "--key", KEY]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline().rpartition(":")[2])
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.switch(self._switches)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()

    def switch(self, switches: Mapping[str, object]) -> None:
        """Change some switches; the next call sees it."""
        self._control("POST", "switches", dict(switches))

    def empty(self) -> None:
        """Forget all people, lists and calls. Switches stay."""
        self._control("POST", "reset", {})

    def add_list(self) -> str:
        """Make a list; returns its id."""
        headers = {"autopilotapikey": KEY}
        answer = requests.post(
            f"{self.url}/list", json={"name": LIST_TITLE}, headers=headers, timeout=_TIMEOUT_S
        )
        answer.raise_for_status()
        return str(answer.json()["list_id"])

    def describe(self) -> dict[str, Any]:
        """Return ``contacts``, ``lists`` with their sizes, and ``calls`` by endpoint and outcome."""
        return self._control("GET", "state")

    def _control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.port}/control/{path}"
        answer = requests.request(method, url, json=body, timeout=_TIMEOUT_S)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
