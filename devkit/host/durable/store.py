"""One SQLite database, one thread, one connection; writes that arrive together share one commit.

Every operation is a function of a `Transaction`. It runs on the store's thread, is undone alone if it
raises, and its future is resolved only after the commit that holds it has reached the disk (WAL with
synchronous=FULL). What a commit put in motion is told to a listener, so that nobody has to poll.
"""

import json
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from devkit.host.durable.events import Event

P = ParamSpec("P")
T = TypeVar("T")

_LARGEST_GROUP = 256

_SCHEMA = """
CREATE TABLE IF NOT EXISTS instances(
    id TEXT PRIMARY KEY, execution TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,
    input TEXT, output TEXT, custom_status TEXT, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL,
    parent TEXT, parent_execution TEXT, parent_task INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS instances_by_time ON instances(created_us, id);
CREATE TABLE IF NOT EXISTS history(
    instance TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL, PRIMARY KEY(instance, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inbox(
    id INTEGER PRIMARY KEY, target TEXT NOT NULL, execution TEXT, timer INTEGER, due_us INTEGER NOT NULL,
    message TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS inbox_by_target ON inbox(target, due_us, id);
CREATE INDEX IF NOT EXISTS inbox_by_time ON inbox(due_us);
CREATE TABLE IF NOT EXISTS work(
    instance TEXT NOT NULL, execution TEXT NOT NULL, task INTEGER NOT NULL, name TEXT NOT NULL, input TEXT,
    PRIMARY KEY(instance, execution, task)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entities(id TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
"""
_COLUMNS_ADDED = (
    ("instances", "version", "TEXT NOT NULL DEFAULT ''"),
    ("instances", "trace_parent", "TEXT NOT NULL DEFAULT ''"),
    ("work", "owner", "TEXT"),
)


@dataclass(frozen=True)
class Work:
    """One activity to run. `input` is JSON text, encoded once; `trace_parent` is that of its orchestration."""

    instance: str
    execution: str
    task: int
    name: str
    input: str | None
    trace_parent: str = ""


@dataclass
class Changes:
    """What a commit put in motion."""

    due: set[tuple[str, int]] = field(
        default_factory=set
    )  # (target, due_us): each moment counts, not only the first
    work: list[Work] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)  # instances
    dropped: set[str] = field(default_factory=set)  # executions whose remaining work must not run

    def add(self, other: "Changes") -> None:
        self.due |= other.due
        self.work += other.work
        self.ended |= other.ended
        self.dropped |= other.dropped


class Transaction:
    """What an operation works with: the connection, and a note of what it sets in motion."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.changes = Changes()

    def post(
        self,
        target: str,
        message: Event,
        *,
        due_us: int,
        execution: str | None = None,
        timer: int | None = None,
    ) -> None:
        """Put a message into the inbox of an instance or an entity, to be seen from `due_us` on. With
        `execution` it is meant for that execution only; `timer` is its number if it is a timer firing."""
        self.db.execute(
            "INSERT INTO inbox(target, execution, timer, due_us, message) VALUES(?,?,?,?,?)",
            (target, execution, timer, due_us, json.dumps(message)),
        )
        self.wake(target, due_us)

    def wake(self, target: str, due_us: int = 0) -> None:
        self.changes.due.add((target, due_us))


class Store:
    """Opens (and creates) the database. Unless it is `shared`, raises sqlite3.OperationalError if another process has
    it open."""

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        self.listener: Callable[[Changes], None] = lambda _: None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=30 if shared else 2
        )
        if not shared:
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)
        self._add_columns()
        self._requests: queue.SimpleQueue[tuple[Future[Any], Callable[[Transaction], Any]] | None] = (
            queue.SimpleQueue()
        )
        self._gate = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="durable-store", daemon=True)
        self._thread.start()

    def submit(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Run an operation; thread-safe. The future holds its result once it is on disk, or its exception."""
        future: Future[T] = Future()
        with self._gate:
            if self._closed:
                raise RuntimeError("The durable store is closed.")
            self._requests.put((future, lambda tx: operation(tx, *args, **kwargs)))
        return future

    def close(self) -> None:
        """Finish what was submitted, then close; may be called twice."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._requests.put(None)
        self._thread.join()

    def _add_columns(self) -> None:
        """A database of an earlier version of the host goes on being used."""
        for table, column, kind in _COLUMNS_ADDED:
            known = {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")}
            if column not in known:
                self._db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")

    def _serve(self) -> None:
        closing = False
        while not closing:
            group = [self._requests.get()]
            while len(group) < _LARGEST_GROUP and not self._requests.empty():
                group.append(self._requests.get())
            closing = None in group
            self._commit([request for request in group if request is not None])
        self._db.close()

    def _commit(self, group: list[tuple[Future[Any], Callable[[Transaction], Any]]]) -> None:
        changes = Changes()
        outcomes: list[tuple[Future[Any], Any, Exception | None]] = []
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for future, operation in group:
                if not future.set_running_or_notify_cancel():
                    continue
                tx = Transaction(self._db)
                self._db.execute("SAVEPOINT operation")
                try:
                    outcomes.append((future, operation(tx), None))
                    changes.add(tx.changes)
                except Exception as error:
                    self._db.execute("ROLLBACK TO operation")
                    outcomes.append((future, None, error))
                self._db.execute("RELEASE operation")
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            outcomes = [(future, None, error) for future, _ in group if not future.cancelled()]
            changes = Changes()
        self.listener(changes)
        for future, result, failure in outcomes:
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)
