"""Parquet: kept on disk while it is read, because its table of contents stands at the end."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from shared.domain.errors import SegmentUnreadable
from shared.pipeline.reading.header import name_columns
from shared.pipeline.reading.rows import BrokenCode, BrokenRow, OnBroken
from shared.pipeline.reading.source import Budget

_BATCH_ROWS = 128
_MAX_ROW_BYTES = 128 * 1024
"""Of the texts in a row. DuckDB unpacks some 2,000 rows at once, and few bytes may stand for many long texts."""

_MEMORY_LIMIT = "512MB"

# Pages are unpacked outside that limit, and the whole column of a row group may be one page.
_COUNT_BOMBS = (
    "SELECT count(*) FROM parquet_metadata(?)"
    f" WHERE total_uncompressed_size > {128 << 20} AND total_uncompressed_size > 64 * total_compressed_size"
)

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

    The content is kept in ``scratch`` until all rows were read. Of ``budget`` a row takes as many bytes as there are
    columns, and those of its texts: few bytes may stand for enormous tables. Raises SegmentUnreadable if the file is
    damaged, or takes more than the budget or more memory than there is.
    """

    columns: list[str]

    def __init__(self, blocks: Iterator[bytes], scratch: Path, budget: Budget, on_broken: OnBroken) -> None:
        self._budget, self._on_broken = budget, on_broken
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
            [(bomb,)] = self._query(_COUNT_BOMBS).fetchall()
            if bomb:
                raise _too_large()
            described = self._query(f"DESCRIBE SELECT * FROM {source}").fetchall()
            self.columns = name_columns([str(column[0]) for column in described])
            self._result = self._query(
                _select_measured([(str(column[0]), str(column[1])) for column in described], source)
            )
        except BaseException:
            self._path.unlink(missing_ok=True)
            raise

    def __iter__(self) -> Iterator[tuple[int, Sequence[object]]]:
        number = 1
        try:
            while rows := self._fetch():
                for place, (size_bytes, *values) in enumerate(rows, number):
                    if size_bytes > _MAX_ROW_BYTES:
                        detail = f"the row has more than {_MAX_ROW_BYTES:,} bytes"
                        self._on_broken(BrokenRow(place, None, BrokenCode.LINE_TOO_LONG, detail))
                    else:
                        yield place, values
                number += len(rows)
        finally:
            self._database.close()
            self._path.unlink(missing_ok=True)

    def _query(self, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._database.execute(sql, [str(self._path)])
        except (duckdb.Error, UnicodeDecodeError) as problem:
            raise _refusal(problem) from None

    def _fetch(self) -> list[tuple[Any, ...]]:
        try:
            rows: list[tuple[Any, ...]] = self._result.fetchmany(_BATCH_ROWS)
        except (duckdb.Error, UnicodeDecodeError) as problem:
            raise _refusal(problem) from None
        self._budget.take(sum(row[0] + len(row) for row in rows))
        return rows


def _select_measured(described: Sequence[tuple[str, str]], source: str) -> str:
    """Return a query for the size of each row's texts in bytes, then its values; of a row that is too long none."""
    values = [_select(name, kind) for name, kind in described]
    texts = [
        f"coalesce(strlen(v{place}), 0)" for place, (_, kind) in enumerate(described) if not _is_short(kind)
    ]
    inner = ", ".join(f"{value} AS v{place}" for place, value in enumerate(values))
    outer = ", ".join(f"CASE WHEN size <= {_MAX_ROW_BYTES} THEN v{place} END" for place in range(len(values)))
    return (
        f"SELECT size, {outer} FROM (SELECT *, {' + '.join(texts) or '0'} AS size FROM"
        f" (SELECT {inner} FROM {source}))"
    )


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


def _is_short(kind: str) -> bool:
    """Tell whether values of a type are no texts as they are selected, so that none can be long."""
    return kind.startswith("TIMESTAMP") or (kind != "VARCHAR" and kind.partition("(")[0] in _NATIVE)


def _too_large() -> SegmentUnreadable:
    return SegmentUnreadable(
        "The Parquet file cannot be read within the memory there is.",
        code="parquet-too-large",
        remedy="Write it with smaller row groups and shorter values.",
    )


def _refusal(problem: Exception) -> SegmentUnreadable:
    if isinstance(problem, duckdb.OutOfMemoryException):
        return _too_large()
    return SegmentUnreadable(
        "The Parquet file is damaged or cut off.",
        code="parquet-damaged",
        remedy="Upload the whole file again.",
    )
