"""Which blobs a function has handled: a row per function, blob and ETag, so that a restart neither loses nor repeats one."""

import sqlite3
from datetime import UTC, datetime

_SCHEMA = """
create table if not exists blob_receipts(
    function text, container text, blob text, etag text, tries integer not null, finished integer not null,
    primary key (function, container, blob, etag)) without rowid;
create table if not exists poison_blobs(
    function text, container text, blob text, etag text, error text, at text,
    primary key (function, container, blob, etag)) without rowid;
"""


class BlobReceipts:
    """The receipts of one function and container."""

    def __init__(self, database: sqlite3.Connection, *, function: str, container: str) -> None:
        self._database = database
        self._key = (function, container)
        database.executescript(_SCHEMA)

    def read_finished(self) -> dict[str, set[str]]:
        """Return the ETags of each blob that needs no more work, whether it went well or was given up."""
        finished: dict[str, set[str]] = {}
        rows = self._database.execute(
            "select blob, etag from blob_receipts where function = ? and container = ? and finished",
            self._key,
        )
        for blob, etag in rows:
            finished.setdefault(blob, set()).add(etag)
        return finished

    def count_tries(self, blob: str, etag: str) -> int:
        """Return how often this version was tried, a try that a crash cut short included."""
        row = self._database.execute(
            "select tries from blob_receipts where function = ? and container = ? and blob = ? and etag = ?",
            (*self._key, blob, etag),
        ).fetchone()
        return row[0] if row else 0

    def begin_try(self, blob: str, etag: str) -> None:
        self._database.execute(
            "insert into blob_receipts values (?, ?, ?, ?, 1, 0) on conflict do update set tries = tries + 1",
            (*self._key, blob, etag),
        )

    def finish(self, blob: str, etag: str) -> None:
        self._database.execute(
            "insert into blob_receipts values (?, ?, ?, ?, 0, 1) on conflict do update set finished = 1",
            (*self._key, blob, etag),
        )

    def give_up(self, blob: str, etag: str, error: str) -> None:
        """Finish a version that failed too often and keep it in the table of poison blobs."""
        self._database.execute(
            "insert or replace into poison_blobs values (?, ?, ?, ?, ?, ?)",
            (*self._key, blob, etag, error, datetime.now(UTC).isoformat()),
        )
        self.finish(blob, etag)
