"""Several hosts on one database: who runs which activity, and who is still there.

Turns need no claim: an orchestrator changes nothing outside, and of two hosts that took the same turn only the first may
commit it (`turns.commit`). Activities are claimed. A host is there as long as it holds the lock on its file, which ends
with the process, however it ends; what it had is then free again. (Azure Storage knows neither: there a message comes
back after its visibility timeout, five minutes.)
"""

import fcntl
import uuid
from collections.abc import Callable
from pathlib import Path

from devkit.host.durable import queries
from devkit.host.durable.store import Transaction, Work

LOOK_AROUND_S = 0.1
"""How often a host looks whether others have changed something."""


class Membership:
    """This host among those that share a database. `folder` holds a file of each."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.id = uuid.uuid4().hex
        self._folder = folder
        self._file = (folder / self.id).open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def is_there(self, host: str) -> bool:
        """Whether a host, this one or another, still runs."""
        try:
            with (self._folder / host).open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def leave(self) -> None:
        """Be there no longer."""
        (self._folder / self.id).unlink(missing_ok=True)
        self._file.close()


def claim(tx: Transaction, work: Work, host: str) -> bool:
    """Take an activity for a host. Returns False when another has it, or nobody wants it any more."""
    claimed = tx.db.execute(
        "UPDATE work SET owner=? WHERE instance=? AND execution=? AND task=? AND (owner IS NULL OR owner=?)",
        (host, work.instance, work.execution, work.task, host),
    )
    return bool(claimed.rowcount)


def look_around(tx: Transaction, seen: int, is_there: Callable[[str], bool]) -> int:
    """If others have committed something since `seen`, or are gone, note everything that waits. Returns what to compare
    with the next time."""
    latest: int = tx.db.execute("PRAGMA data_version").fetchone()[0]
    if latest != seen or not all(map(is_there, queries.owners(tx))):
        queries.recover(tx, is_there)
    return latest
