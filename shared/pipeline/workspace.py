"""DuckDB within bounds: a database on scratch disk, a memory limit, and spilling beside it."""

import errno
import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING

from shared.domain.errors import DiskFull

if TYPE_CHECKING:
    import duckdb


_PREFIX, _IN_USE = "segpilot-", "in-use"
_FULL_FOR_DUCKDB = ("No space left on device", "max_temp_directory_size")
"""What its errors say; the second is its own limit of what it spills, nine tenths of the free disk."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder on local disk that is gone afterwards; so are those of processes that were killed.

    Whoever uses one holds a lock in it, which ends with the process. Raises DiskFull when what is written to it does
    not fit.
    """
    remove_abandoned_folders()
    try:
        with TemporaryDirectory(prefix=_PREFIX) as name:
            folder = Path(name)
            with (folder / "locking").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                (folder / "locking").rename(folder / _IN_USE)
                yield folder
    except OSError as problem:
        if problem.errno != errno.ENOSPC:
            raise
        raise _disk_full() from problem


def remove_abandoned_folders() -> None:
    """Remove the scratch folders that nobody uses any more: there are people in them."""
    for folder in Path(gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError), (folder / _IN_USE).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def open_database(folder: Path, memory_mb: int) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A DuckDB that stays within ``memory_mb`` and spills to ``folder``; it loads nothing from the network.

    Raises DiskFull when what it writes does not fit.
    """
    import duckdb

    database = duckdb.connect(
        str(folder / "stage.duckdb"),
        config={
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": str(folder / "spill"),
            "threads": 1,
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    # What is in it is thrown away: nothing of it has to reach the disk in order.
    database.execute("pragma disable_checkpoint_on_shutdown")
    try:
        yield database
    except duckdb.Error as problem:
        if not any(words in str(problem) for words in _FULL_FOR_DUCKDB):
            raise
        raise _disk_full() from problem
    finally:
        database.close()


def _disk_full() -> DiskFull:
    return DiskFull(
        "The files need more scratch disk than the instance has left.",
        remedy="Split the files into smaller ones, or give the app more or larger instances.",
    )
