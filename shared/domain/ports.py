"""What the core needs from the outside: one small protocol per kind of store. Adapters implement them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Generic, Protocol, TypeVar

from shared.domain.connection import Connection
from shared.domain.erasure import Erasure
from shared.domain.export import Export
from shared.domain.record import Record
from shared.domain.run import Counts, Run, RunStatus
from shared.domain.schedule import Refresh
from shared.domain.segment import Segment, SegmentSource, SnapshotFile
from shared.domain.standing import Alert, Standing
from shared.domain.tally import Tally

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Versioned(Generic[R]):
    """A record and the ETag it was read with."""

    record: R
    etag: str


class Records(Protocol[R]):
    """Records of one kind by id, with optimistic concurrency."""

    def get(self, record_id: str) -> Versioned[R]:
        """Raises NotFound."""

    def find(self, record_id: str) -> Versioned[R] | None: ...

    def add(self, record_id: str, record: R) -> str:
        """Store a new record and return its ETag; raises Conflict when the id is taken."""

    def replace(self, record_id: str, record: R, etag: str) -> str:
        """Store a new version; raises PreconditionFailed when ``etag`` is not the present one."""

    def change(self, record_id: str, change: Callable[[R], R]) -> R:
        """Read, change and store until no one else came between; raises NotFound."""

    def upsert(self, record_id: str, change: Callable[[R | None], R]) -> R:
        """Like ``change``, for a record that may not exist yet: then ``change`` gets None."""

    def remove(self, record_id: str) -> None:
        """Remove; nothing happens when it is not there."""

    def page(self, size: int, after: str | None = None) -> tuple[list[R], str | None]:
        """Return up to ``size`` records in the order of their keys, and a token for the next page or None."""

    def all(self) -> Iterator[R]: ...


class Catalogue(Records[R], Protocol[R]):
    """Records that are few enough to be looked at all together."""

    def glance(self) -> Sequence[R]:
        """Return all records, from this process's memory as long as nobody anywhere has changed one of this kind.

        It may be up to 30 s late when a writer died between its write and telling of it: what must not be decided on
        something outdated reads ``all``.
        """


class Runs(Records[Run], Protocol):
    """Runs, newest first, with live progress kept beside them."""

    def page_of(self, export_id: str, size: int, after: str | None = None) -> tuple[list[Run], str | None]:
        """Like ``page``, for the runs of one export."""

    def page_with(
        self, status: RunStatus, size: int, after: str | None = None
    ) -> tuple[list[Run], str | None]:
        """Like ``page``, for the runs with one status. Of runs that go on only so many are looked at for a page: it may
        hold fewer than there are, or none, and say where to go on."""

    def unfinished(self) -> Sequence[str]:
        """Return the ids of all runs that have not ended, newest first. One that has just ended may be among them."""

    def read_unfinished(self, run_ids: Sequence[str]) -> list[Run]:
        """Read runs that ``unfinished`` has named, in this order. Those that have ended since are left out."""

    def report(self, run_id: str, part: str, counts: Counts) -> None:
        """Store the progress of one part of a run, in place of what that part said before."""

    def progress(self, run_id: str) -> Counts:
        """Add up what all parts reported."""

    def forget_progress(self, run_id: str) -> None: ...

    def remember_request(self, key: str, at: datetime) -> datetime:
        """Return when a request with this idempotency key was first seen."""

    def forget_requests(self, before: datetime) -> int:
        """Forget the idempotency keys that were first seen before; returns how many."""


class Lanes(Protocol):
    """One run at a time per connection."""

    def take(self, connection_id: str, run_id: str, now: datetime, hold_s: float) -> str | None:
        """Take or prolong the lane. Returns None on success, else the id of the run that has it or comes before."""

    def queue(self, connection_id: str, run_id: str, now: datetime) -> int:
        """Wait for the lane in the order of coming; returns the place, 1 = next. Who does not ask again loses it."""

    def leave(self, connection_id: str, run_id: str) -> None:
        """Neither have the lane nor wait for it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A connection's pace, shared by all workers: calls per second (None = not known yet) and the next free moment.

    ``limit_per_s`` is what the destination was last found to accept; ``throttled_at`` is when it last refused a call
    as one too many. Since then moments for ``calls`` calls were given away, and the pace grows by ``growth_per_s``, a
    part of it per second; 0 = it is settled.
    """

    rate_per_s: float | None
    limit_per_s: float | None
    next_free_at: float
    throttled_at: float | None = None
    growth_per_s: float = 0.0
    calls: int = 0


class Paces(Protocol):
    def find(self, connection_id: str) -> Pace | None: ...

    def change(self, connection_id: str, change: Callable[[Pace | None], Pace]) -> Pace:
        """Read, change and store atomically; returns what was stored."""

    def forget(self, connection_id: str) -> None:
        """Remove a pace; nothing happens when there is none."""


class Stores(Protocol):
    """All records."""

    @property
    def connections(self) -> Catalogue[Connection]: ...
    @property
    def exports(self) -> Catalogue[Export]: ...
    @property
    def segments(self) -> Catalogue[Segment]: ...
    @property
    def sources(self) -> Records[SegmentSource]: ...
    @property
    def standings(self) -> Catalogue[Standing]: ...
    @property
    def tallies(self) -> Catalogue[Tally]:
        """By day, as in ``2026-03-01``."""

    @property
    def refreshes(self) -> Records[Refresh]: ...
    @property
    def alerts(self) -> Records[Alert]: ...
    @property
    def erasures(self) -> Records[Erasure]: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def lanes(self) -> Lanes: ...
    @property
    def paces(self) -> Paces: ...

    def ping(self) -> None:
        """Raises StorageUnavailable."""


class SegmentBlobs(Protocol):
    """The container that segments arrive in. Read only."""

    def list(self, prefix: str) -> Iterator[tuple[SnapshotFile, datetime]]:
        """Yield every blob below ``prefix`` with the moment of its last change."""

    def find(self, name: str) -> tuple[SnapshotFile, datetime] | None: ...

    def open(self, file: SnapshotFile) -> BinaryIO:
        """Stream exactly the version that ``file`` pins; raises SegmentUnreadable when it is gone."""

    def read(self, file: SnapshotFile) -> bytes: ...

    def ping(self) -> None: ...


class SegmentUploads(Protocol):
    """Writes new files into the container that segments arrive in. Nothing there is ever replaced."""

    def stage_block(self, name: str, block_id: str, data: bytes) -> None:
        """Keep a block of a file that is still to be committed, in place of one with the same id.

        All block ids of a file have the same length.
        """

    def staged(self, name: str) -> dict[str, int]:
        """Return the sizes in bytes of the blocks that wait, by id. Raises Conflict when the file was committed."""

    def commit(self, name: str, block_ids: Sequence[str]) -> None:
        """Make a file of its blocks, in this order.

        Raises Conflict when there is such a file already, Invalid when a block is missing.
        """

    def put(self, name: str, data: bytes) -> None:
        """Write a whole file. Raises Conflict when there is one of this name already."""


class StateBlobs(Protocol):
    """Blobs of our own: chunks, results, ledgers, rejects, logs."""

    def write(self, name: str, data: bytes | Iterable[bytes]) -> None: ...

    def write_once(self, name: str, data: bytes) -> bytes:
        """Write unless there is such a blob; returns what it holds now."""

    def change(self, name: str, change: Callable[[bytes | None], bytes]) -> bytes:
        """Read, change and store until no one else came between; a missing blob is None. Returns what was stored."""

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of a blob, which is made when it is missing. Writers at the same time do not mix."""

    def upload(self, name: str, path: Path) -> None: ...

    def read(self, name: str) -> bytes:
        """Raises NotFound."""

    def download(self, name: str, path: Path) -> bool:
        """Return False when there is no such blob."""

    def names(self, prefix: str) -> list[str]: ...

    def changed_at(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """Yield every blob below ``prefix`` with the moment of its last change."""

    def stream(self, name: str) -> Iterator[bytes]: ...

    def remove(self, names: Sequence[str]) -> None: ...

    def ping(self) -> None: ...


class Alerts(Protocol):
    """Tells people of changes of state. It never raises: an alert that cannot be sent is tried again later."""

    def note_run(self, run: Run) -> None:
        """Take note of a run that ended or waits for approval."""

    def note_connection(self, connection_id: str, problem: str | None) -> None:
        """Take note of what is wrong with a connection; None = it works."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of sending an alert. ``status`` is the receiver's HTTP status, ``problem`` why it counts as not
    delivered."""

    duration_ms: int
    status: int | None = None
    problem: str | None = None


class Webhooks(Protocol):
    """Sends alerts to addresses that people gave, and only to those that are allowed."""

    def check(self, url: str) -> str:
        """Return the host of an address that alerts may go to; raises Invalid."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Delivery:
        """Send JSON. It never raises, and takes no longer than ``timeout_s`` once the host's name is resolved."""


class Vault(Protocol):
    """API keys. A key is written once and only ever read to talk to the destination."""

    def names(self) -> list[str]:
        """Return the names of all secrets that are enabled, sorted. Raises SecretUnavailable."""

    def store(self, name: str, value: str) -> None: ...

    def read(self, name: str, *, fresh: bool = False) -> str:
        """Raises SecretUnavailable. ``fresh`` passes by the memory of what was read before."""

    def remove(self, name: str) -> None: ...

    def ping(self) -> None: ...
