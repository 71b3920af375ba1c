"""Parquet: kept on disk while it is read, because its table of contents stands at the end."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import duckdb

from shared.domain.errors import SegmentUnreadable
from shared.pipeline.reading.header import name_columns

_BATCH_ROWS = 2048
_MEMORY_LIMIT = "512MB"

_NATIVE = frozenset(
    [
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
        "FLOAT",
        "DOUBLE",
        "DECIMAL",
        "DATE",
        "VARCHAR",
        "TIMESTAMP",
    ]
)


class ParquetRows:
    """The rows of a Parquet file with native values; nested ones as JSON text, moments without zone in UTC.

    The content is kept in ``scratch`` until all rows were read. Raises SegmentUnreadable if it is damaged.
    """

    columns: list[str]

    def __init__(self, blocks: Iterator[bytes], scratch: Path) -> None:
        self._path = scratch / f"{uuid4().hex}.parquet"
        try:
            with self._path.open("wb") as file:
                file.writelines(blocks)
            self._database = duckdb.connect(
                config={
                    "threads": 1,
                    "memory_limit": _MEMORY_LIMIT,
                    "temp_directory": str(scratch),
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                }
            )
            source = "read_parquet(?, hive_partitioning = false)"
            described = self._query(f"DESCRIBE SELECT * FROM {source}").fetchall()
            self.columns = name_columns([str(column[0]) for column in described])
            selected = ", ".join(_select(str(column[0]), str(column[1])) for column in described)
            self._result = self._query(f"SELECT {selected} FROM {source}")
        except BaseException:
            self._path.unlink(missing_ok=True)
            raise

    def __iter__(self) -> Iterator[tuple[int, Sequence[object]]]:
        number = 1
        try:
            while rows := self._fetch():
                yield from enumerate(rows, number)
                number += len(rows)
        finally:
            self._database.close()
            self._path.unlink(missing_ok=True)

    def _query(self, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._database.execute(sql, [str(self._path)])
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            raise _damaged() from None

    def _fetch(self) -> list[tuple[object, ...]]:
        try:
            return self._result.fetchmany(_BATCH_ROWS)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            raise _damaged() from None


def _select(name: str, kind: str) -> str:
    column = '"' + name.replace('"', '""') + '"'
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"{column} AT TIME ZONE 'UTC'"
    if kind.startswith("TIMESTAMP_"):
        return f"{column}::TIMESTAMP"
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "JSON", "UNION")):
        return f"to_json({column})::VARCHAR"
    if kind == "BLOB":
        # Some writers do not say that their bytes are text.
        return f"TRY(decode({column}))"
    return column if kind.partition("(")[0] in _NATIVE else f"{column}::VARCHAR"


def _damaged() -> SegmentUnreadable:
    return SegmentUnreadable(
        "The Parquet file is damaged or cut off.",
        code="parquet-damaged",
        remedy="Upload the whole file again.",
    )
