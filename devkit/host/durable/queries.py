"""Questions about many instances at once: lists with filters, pages, purges, and what is waiting to be done."""

import base64
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass

from devkit.host.durable import instances
from devkit.host.durable.instances import COLUMNS, ENDED, Instance
from devkit.host.durable.store import Transaction, Work


@dataclass(frozen=True)
class Filter:
    """Which instances; None leaves a condition out. Times are microseconds since 1970, both inclusive."""

    created_from_us: int | None = None
    created_to_us: int | None = None
    statuses: Collection[str] | None = None
    id_prefix: str | None = None


@dataclass(frozen=True)
class Page:
    """Instances in order of creation, and the token that continues the list (None: that was all)."""

    instances: list[Instance]
    continuation: str | None


def list_page(tx: Transaction, wanted: Filter, size: int, continuation: str | None) -> Page:
    """One page of instances. Raises ValueError for a token that did not come from an earlier page."""
    condition, values = _where(wanted)
    if continuation:
        condition += " AND (created_us, id) > (?, ?)"
        values += _read_token(continuation)
    rows = tx.db.execute(
        f"SELECT {COLUMNS} FROM instances WHERE {condition} ORDER BY created_us, id LIMIT ?",  # noqa: S608 (names of our own; values are bound)
        [*values, size + 1],
    ).fetchall()
    found = [instances.from_row(row) for row in rows[:size]]
    last = found[-1] if len(rows) > size else None
    return Page(found, None if last is None else _make_token(last))


def purge(tx: Transaction, wanted: Filter) -> int:
    """Delete the instances that match and have ended; return how many."""
    condition, values = _where(wanted)
    rows = tx.db.execute(f"SELECT id, status FROM instances WHERE {condition}", values).fetchall()  # noqa: S608 (names of our own; values are bound)
    ended = [instance_id for instance_id, status in rows if status in ENDED]
    for instance_id in ended:
        instances.delete(tx, instance_id)
    return len(ended)


def purge_one(tx: Transaction, instance_id: str) -> int:
    """Delete one instance, 0 if it still runs. Raises InstanceNotFoundError."""
    instance = instances.find(tx, instance_id)
    if instance is None:
        raise instances.InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
    if not instance.has_ended:
        return 0
    instances.delete(tx, instance_id)
    return 1


def recover(tx: Transaction, is_there: Callable[[str], bool] = lambda _: False) -> None:
    """Note everything that waits as if it had just been posted: what a new start has to know. Activities of hosts that
    are no longer there are free again."""
    gone = [(owner,) for owner in owners(tx) if not is_there(owner)]
    tx.db.executemany("UPDATE work SET owner=NULL WHERE owner=?", gone)
    for target, due_us in tx.db.execute("SELECT target, min(due_us) FROM inbox GROUP BY target").fetchall():
        tx.wake(target, due_us)
    rows = tx.db.execute(
        "SELECT instance, work.execution, task, work.name, work.input, trace_parent "
        "FROM work JOIN instances ON id = instance WHERE owner IS NULL"
    ).fetchall()
    tx.changes.work += [Work(*row) for row in rows]


def owners(tx: Transaction) -> list[str]:
    """The hosts that have claimed activities."""
    return [owner for (owner,) in tx.db.execute("SELECT DISTINCT owner FROM work WHERE owner IS NOT NULL")]


def wake_due(tx: Transaction, now_us: int) -> int | None:
    """Wake whose messages are due; return when the next one will be."""
    for (target,) in tx.db.execute("SELECT DISTINCT target FROM inbox WHERE due_us<=?", (now_us,)).fetchall():
        tx.wake(target)
    return next_due(tx, now_us)


def next_due(tx: Transaction, now_us: int) -> int | None:
    """When the next message after `now_us` is due."""
    earliest: int | None = tx.db.execute(
        "SELECT min(due_us) FROM inbox WHERE due_us>?", (now_us,)
    ).fetchone()[0]
    return earliest


def _where(wanted: Filter) -> tuple[str, list[str | int]]:
    conditions, values = ["1"], list[str | int]()
    if wanted.created_from_us is not None:
        conditions.append("created_us >= ?")
        values.append(wanted.created_from_us)
    if wanted.created_to_us is not None:
        conditions.append("created_us <= ?")
        values.append(wanted.created_to_us)
    if wanted.statuses is not None:
        conditions.append(f"status IN ({','.join('?' * len(wanted.statuses))})")
        values += wanted.statuses
    if wanted.id_prefix:
        conditions.append("substr(id, 1, ?) = ?")
        values += [len(wanted.id_prefix), wanted.id_prefix]
    return " AND ".join(conditions), values


def _make_token(last: Instance) -> str:
    return base64.urlsafe_b64encode(json.dumps([last.created_us, last.id]).encode()).decode()


def _read_token(token: str) -> list[str | int]:
    created_us, instance_id = json.loads(base64.urlsafe_b64decode(token))
    return [int(created_us), str(instance_id)]
