"""Keeps the account in a SQLite file, so that it outlives the process.

Writes follow behind: every 0.2 s what changed since the last write goes to the file in one transaction. A clean stop
(SIGTERM, SIGINT) writes everything; SIGKILL loses at most what changed in the last 0.2 s and in a write under way.
Kept are contacts, lists with members, custom fields and hooks; counts of calls, faults, switches and key are not.
"""

import asyncio
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from devkit.autopilot.contacts import Account, Contact, ContactList

FLUSH_INTERVAL_S = 0.2
_CONTACTS_AT_ONCE = 2_000  # so that the event loop is never held up for long


class StateFile:
    """Reads the file into the account, then keeps the file up to date until `end`."""

    def __init__(self, path: Path, account: Account) -> None:
        self._account = account
        self._closing = asyncio.Event()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # The file must survive the end of this process, not a power cut, so nothing waits for the disk.
        self._database.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
            "CREATE TABLE IF NOT EXISTS contacts (number INTEGER PRIMARY KEY, document BLOB NOT NULL);"
            "CREATE TABLE IF NOT EXISTS account (one INTEGER PRIMARY KEY, document BLOB NOT NULL)"
        )
        self._load()
        account.touched = {}
        self._account_written = orjson.dumps(_describe(account))

    def _load(self) -> None:
        account = self._account
        for (document,) in self._database.execute("SELECT document FROM account"):
            stored = orjson.loads(document)
            for list_id, title in stored["lists"]:
                account.lists[list_id] = ContactList(list_id, title)
            for name, field_type in stored["custom_fields"].items():
                account.custom_fields.create(name, field_type)
            account.hooks.update(stored["hooks"])
        number = 0
        for number, document in self._database.execute("SELECT * FROM contacts ORDER BY number"):
            *values, list_ids = orjson.loads(document)
            contact = Contact(number, *values)
            contact.lists = tuple(list_id for list_id in list_ids if list_id in account.lists)
            account.admit(contact)
        account.continue_after(number)

    async def keep_writing(self) -> None:
        """Write what changed, again and again, until `end`."""
        while not self._closing.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), FLUSH_INTERVAL_S)
            await self._write()
        await self._write()

    def end(self) -> None:
        """Let `keep_writing` write the rest and return."""
        self._closing.set()

    def close(self) -> None:
        self._database.close()

    async def _write(self) -> None:
        touched, self._account.touched = self._account.touched or {}, {}
        numbers = tuple(touched)
        rows, gone = [], []
        for start in range(0, len(numbers), _CONTACTS_AT_ONCE):
            for number in numbers[start : start + _CONTACTS_AT_ONCE]:
                contact = touched[number]
                if contact is None:
                    gone.append((number,))
                else:
                    rows.append((number, _document(contact)))
            await asyncio.sleep(0)
        account = orjson.dumps(_describe(self._account))
        if rows or gone or account != self._account_written:
            await asyncio.to_thread(self._write_rows, rows, gone, account)
            self._account_written = account

    def _write_rows(self, rows: list[tuple[int, bytes]], gone: list[tuple[int]], account: bytes) -> None:
        self._database.execute("BEGIN")
        self._database.executemany("INSERT OR REPLACE INTO contacts VALUES (?, ?)", rows)
        self._database.executemany("DELETE FROM contacts WHERE number = ?", gone)
        self._database.execute("INSERT OR REPLACE INTO account VALUES (1, ?)", (account,))
        self._database.execute("COMMIT")


def _describe(account: Account) -> dict[str, Any]:
    return {
        "lists": [(each.list_id, each.title) for each in account.lists.values()],
        "custom_fields": account.custom_fields.types,
        "hooks": account.hooks,
    }


def _document(contact: Contact) -> bytes:
    return orjson.dumps(
        (
            contact.contact_id,
            contact.email,
            contact.fields,
            contact.custom,
            contact.created_ms,
            contact.updated_ms,
            contact.unsubscribed,
            contact.lists,
        )
    )
