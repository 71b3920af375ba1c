"""When each timer last fired and is due next, kept so that a time missed while the host was down is caught up once."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

_SCHEMA = """
create table if not exists timers(
    function text primary key, expression text not null, last text, next text not null, updated text not null);
"""


@dataclass(frozen=True)
class TimerStatus:
    """All times are aware and in UTC; `last` is None until the timer fired."""

    expression: str
    last: datetime | None
    next: datetime
    updated: datetime


class TimerStatuses:
    """The statuses of all timers of a host."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        database.executescript(_SCHEMA)

    def read(self, function: str) -> TimerStatus | None:
        row = self._database.execute(
            "select expression, last, next, updated from timers where function = ?", (function,)
        ).fetchone()
        if row is None:
            return None
        expression, last, next_, updated = row
        return TimerStatus(
            expression,
            datetime.fromisoformat(last) if last else None,
            datetime.fromisoformat(next_),
            datetime.fromisoformat(updated),
        )

    def write(self, function: str, status: TimerStatus) -> None:
        last = status.last.isoformat() if status.last else None
        self._database.execute(
            "insert or replace into timers values (?, ?, ?, ?, ?)",
            (function, status.expression, last, status.next.isoformat(), status.updated.isoformat()),
        )
