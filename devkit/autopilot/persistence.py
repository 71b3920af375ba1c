"""Keeps the account in a SQLite file, so that it outlives the process.

Writes follow behind: every 0.2 s what changed since the last write is appended to a journal, one row for up to
2,000 contacts, which costs a fraction of a row per contact. Opening the file reads the journal; the latest entry of
a contact counts, and a journal with many outdated ones is written anew.

A clean stop (SIGTERM, SIGINT) writes everything. SIGKILL loses at most what changed in the last 0.2 s and what was
being written. Kept are contacts, lists with their members, custom fields and hooks; counts of calls, faults,
switches and key are not.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import orjson

from devkit.autopilot.contacts import Account, Contact, ContactList

FLUSH_INTERVAL_S = 0.2
_CONTACTS_PER_ROW = 2_000


class StateFile:
    """Reads the file into the account, then keeps the file up to date until `end`."""

    def __init__(self, path: Path, account: Account) -> None:
        """Raises sqlite3.DatabaseError when the file is something else."""
        self._account = account
        self._ending = asyncio.Event()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # The file must survive the end of this process, not a power cut, so nothing waits for the disk.
        self._database.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
            "CREATE TABLE IF NOT EXISTS journal (entry INTEGER PRIMARY KEY, contacts BLOB NOT NULL);"
            "CREATE TABLE IF NOT EXISTS account (one INTEGER PRIMARY KEY, document BLOB NOT NULL)"
        )
        self._load()
        account.touched = {}
        self._account_written = _describe(account)

    async def keep_writing(self) -> None:
        """Write what changed, again and again, until `end`."""
        while not self._ending.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), FLUSH_INTERVAL_S)
            await self._write()
        await self._write()

    def end(self) -> None:
        """Let `keep_writing` write the rest and return."""
        self._ending.set()

    def close(self) -> None:
        self._database.close()

    async def _write(self) -> None:
        touched, self._account.touched = self._account.touched or {}, {}
        rows = []
        for row in _rows(touched):
            rows.append(row)
            await asyncio.sleep(0)
        account = _describe(self._account)
        if rows or account != self._account_written:
            await asyncio.to_thread(self._store, rows, account)
            self._account_written = account

    def _store(self, rows: list[bytes], account: bytes, *, anew: bool = False) -> None:
        with self._database:
            self._database.execute("BEGIN")
            if anew:
                self._database.execute("DELETE FROM journal")
            self._database.executemany("INSERT INTO journal (contacts) VALUES (?)", ((row,) for row in rows))
            self._database.execute("INSERT OR REPLACE INTO account VALUES (1, ?)", (account,))

    def _load(self) -> None:
        account = self._account
        for (document,) in self._database.execute("SELECT document FROM account"):
            stored = orjson.loads(document)
            for list_id, title in stored["lists"]:
                account.lists[list_id] = ContactList(list_id, title)
            for name, field_type in stored["custom_fields"].items():
                account.custom_fields.create(name, field_type)
            account.hooks.update(stored["hooks"])
        entries, latest = 0, {}
        for (row,) in self._database.execute("SELECT contacts FROM journal ORDER BY entry"):
            stored = orjson.loads(row)
            entries += len(stored)
            latest.update(stored)
        contacts = {int(number): Contact(**kept) for number, kept in latest.items() if kept is not None}
        for contact in contacts.values():
            contact.lists = tuple(list_id for list_id in contact.lists if list_id in account.lists)
            account.admit(contact)
        account.continue_after(max(map(int, latest), default=0))
        if entries > 2 * len(contacts):
            self._store(list(_rows(contacts)), _describe(account), anew=True)


def _rows(contacts: Mapping[int, Contact | None]) -> Iterator[bytes]:
    """Yield JSON objects of up to 2,000 contacts by number, null for those that were deleted."""
    numbers = tuple(contacts)
    for start in range(0, len(numbers), _CONTACTS_PER_ROW):
        some = {number: contacts[number] for number in numbers[start : start + _CONTACTS_PER_ROW]}
        yield orjson.dumps(some, option=orjson.OPT_NON_STR_KEYS)


def _describe(account: Account) -> bytes:
    return orjson.dumps(
        {
            "lists": [(each.list_id, each.title) for each in account.lists.values()],
            "custom_fields": account.custom_fields.types,
            "hooks": account.hooks,
        }
    )
