"""Reading segment files: one file's bytes in, rows with their exact line numbers out. See docs/segment-files.md."""

from shared.pipeline.reading.formats import FileFormat
from shared.pipeline.reading.json_rows import JsonRows
from shared.pipeline.reading.opening import open_rows
from shared.pipeline.reading.rows import LEAVES_COLUMN, BrokenCode, BrokenRow, OnBroken, RowReader

__all__ = [
    "LEAVES_COLUMN",
    "BrokenCode",
    "BrokenRow",
    "FileFormat",
    "JsonRows",
    "OnBroken",
    "RowReader",
    "open_rows",
]
