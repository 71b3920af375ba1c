"""DuckDB within bounds: a database on scratch disk, a memory limit, and spilling beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder on local disk that is gone afterwards."""
    with TemporaryDirectory(prefix="segpilot-") as folder:
        yield Path(folder)


@contextmanager
def open_database(folder: Path, memory_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that stays within ``memory_mb`` and spills to ``folder``; it loads nothing from the network."""
    database = duckdb.connect(
        str(folder / "stage.duckdb"),
        config={
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": str(folder / "spill"),
            "threads": 2,
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    try:
        yield database
    finally:
        database.close()
