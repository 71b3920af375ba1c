"""Stand-ins for what the core talks to: in memory, without sleeping."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from shared.domain.destination import Stopped
from shared.domain.errors import Conflict, Invalid, NotFound, StorageUnavailable
from shared.domain.ports import Pace


class MemoryPaces:
    """Paces in memory; ``change`` is atomic."""

    def __init__(self) -> None:
        self.known: dict[str, Pace] = {}
        self._lock = threading.Lock()

    def find(self, connection_id: str) -> Pace | None:
        return self.known.get(connection_id)

    def change(self, connection_id: str, change: Callable[[Pace | None], Pace]) -> Pace:
        with self._lock:
            self.known[connection_id] = change(self.known.get(connection_id))
            return self.known[connection_id]

    def forget(self, connection_id: str) -> None:
        self.known.pop(connection_id, None)


class PatientPacer:
    """Never waits, but remembers for how long it was asked to; ``stop`` ends the next wait."""

    def __init__(self) -> None:
        self.pauses_s: list[float] = []
        self.retry_after_s: list[float | None] = []
        self.stop = False

    def wait(self) -> None:
        if self.stop:
            raise Stopped

    def pause(self, seconds: float) -> None:
        self.wait()
        self.pauses_s.append(seconds)

    def succeeded(self) -> None: ...

    def throttled(self, retry_after_s: float | None) -> None:
        self.retry_after_s.append(retry_after_s)

    def refused(self) -> None: ...

    def failed(self) -> None: ...


def at_place(trace_parent: str = "") -> Any:
    """What a function sees of the host's context: where in a trace it is."""
    return SimpleNamespace(trace_context=SimpleNamespace(trace_parent=trace_parent, trace_state=""))


class MemoryBlobs:
    """State blobs in memory. ``written_at`` overrides ``now`` as the moment of a blob's last change. While it
    ``keeps``, nothing can be removed."""

    def __init__(self) -> None:
        self.keeps = False
        self.blobs: dict[str, bytes] = {}
        self.written_at: dict[str, datetime] = {}
        self.now = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)

    def write(self, name: str, data: bytes | Iterable[bytes]) -> None:
        self.blobs[name] = data if isinstance(data, bytes) else b"".join(data)

    def write_once(self, name: str, data: bytes) -> bytes:
        return self.blobs.setdefault(name, data)

    def change(self, name: str, change: Callable[[bytes | None], bytes]) -> bytes:
        self.blobs[name] = change(self.blobs.get(name))
        return self.blobs[name]

    def append(self, name: str, data: bytes) -> None:
        self.blobs[name] = self.blobs.get(name, b"") + data

    def upload(self, name: str, path: Path) -> None:
        self.blobs[name] = path.read_bytes()

    def read(self, name: str) -> bytes:
        if name not in self.blobs:
            raise NotFound(f"There is no stored file '{name}'.")
        return self.blobs[name]

    def stream(self, name: str) -> Iterator[bytes]:
        yield self.read(name)

    def download(self, name: str, path: Path) -> bool:
        if name in self.blobs:
            path.write_bytes(self.blobs[name])
        return name in self.blobs

    def names(self, prefix: str) -> list[str]:
        return sorted(name for name in self.blobs if name.startswith(prefix))

    def changed_at(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        return ((name, self.written_at.get(name, self.now)) for name in self.names(prefix))

    def remove(self, names: Sequence[str]) -> None:
        if self.keeps:
            raise StorageUnavailable("Storage does not answer.")
        for name in names:
            self.blobs.pop(name, None)

    def ping(self) -> None: ...


class MemoryUploads:
    """A container that files are written into. ``written`` maps name to content, ``waiting`` name to blocks by id."""

    def __init__(self) -> None:
        self.written: dict[str, bytes] = {}
        self.waiting: dict[str, dict[str, bytes]] = {}

    def stage_block(self, name: str, block_id: str, data: bytes) -> None:
        self.waiting.setdefault(name, {})[block_id] = data

    def staged(self, name: str) -> dict[str, int]:
        self._require_new(name)
        return {block_id: len(data) for block_id, data in self.waiting.get(name, {}).items()}

    def commit(self, name: str, block_ids: Sequence[str]) -> None:
        self._require_new(name)
        blocks = self.waiting.get(name, {})
        if not blocks.keys() >= set(block_ids):
            raise Invalid(f"Parts of the file '{name}' are missing.")
        self.written[name] = b"".join(blocks[block_id] for block_id in block_ids)
        self.waiting.pop(name, None)

    def put(self, name: str, data: bytes) -> None:
        self._require_new(name)
        self.written[name] = data

    def _require_new(self, name: str) -> None:
        if name in self.written:
            raise Conflict(f"There is already a file '{name}'.")
