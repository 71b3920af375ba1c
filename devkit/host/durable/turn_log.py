"""What each turn of an orchestration cost, as JSON lines: how long its history was then, and how long the turn took."""

import json
import threading
from pathlib import Path

from devkit.host.durable.events import Event, as_played


class TurnLog:
    """One line per turn: ``instance``, ``name``, ``events`` and ``bytes`` of the history after it, ``cpu_ms`` of the
    thread that took it. Thread-safe."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._lock = path, threading.Lock()

    def note(self, instance: str, name: str, past: list[str], new: list[Event], cpu_ms: float) -> None:
        size = sum(map(len, past)) + sum(len(as_played(each)) for each in new)
        line = {
            "instance": instance,
            "name": name,
            "events": len(past) + len(new),
            "bytes": size,
            "cpu_ms": round(cpu_ms, 2),
        }
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
