"""What turns of orchestrations cost, and what happened in them, as JSON lines."""

import json
import threading
from pathlib import Path

from devkit.host.durable.events import Event, as_played
from devkit.host.durable.turns import Loaded, Outcome


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


class HistoryLog:
    """One line per turn: ``instance``, ``execution``, ``name``, ``version``, ``input``, how many events were ``past``, which
    ``events`` are new, the ``status`` and ``output`` after it, and what the next generation ``continues`` with; so that
    histories can be had when the database has dropped them. Thread-safe."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._lock = path, threading.Lock()

    def note(self, loaded: Loaded, outcome: Outcome) -> None:
        instance = loaded.instance
        line = {
            "instance": instance.id,
            "execution": instance.execution,
            "name": instance.name,
            "version": instance.version,
            "input": instance.input,
            "past": len(loaded.past),
            "events": outcome.events,
            "status": outcome.status,
            "output": outcome.output,
            "continues": outcome.continue_with and outcome.continue_with.get("input"),
        }
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
