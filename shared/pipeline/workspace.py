"""DuckDB within bounds: a database on scratch disk, a memory limit, and spilling beside it."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


_PREFIX, _IN_USE = "segpilot-", "in-use"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder on local disk that is gone afterwards; so are those of processes that were killed.

    Whoever uses one holds a lock in it, which ends with the process.
    """
    remove_abandoned_folders()
    with TemporaryDirectory(prefix=_PREFIX) as name:
        folder = Path(name)
        with (folder / "locking").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / "locking").rename(folder / _IN_USE)
            yield folder


def remove_abandoned_folders() -> None:
    """Remove the scratch folders that nobody uses any more: there are people in them."""
    for folder in Path(gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError), (folder / _IN_USE).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def open_database(folder: Path, memory_mb: int) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A DuckDB that stays within ``memory_mb`` and spills to ``folder``; it loads nothing from the network."""
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
    finally:
        database.close()
