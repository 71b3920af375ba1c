"""The way in: from a file's bytes to the reader for its format."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from shared.domain.errors import SegmentUnreadable
from shared.pipeline.reading.csv_rows import CsvRows
from shared.pipeline.reading.encoding import decode_blocks
from shared.pipeline.reading.formats import PARQUET_MAGIC, FileFormat, name_ending, recognise_format
from shared.pipeline.reading.json_rows import JsonRows
from shared.pipeline.reading.lines import cut_lines
from shared.pipeline.reading.parquet_rows import ParquetRows
from shared.pipeline.reading.rows import OnBroken, RowReader
from shared.pipeline.reading.source import read_blocks

DEFAULT_MAX_UNCOMPRESSED_BYTES = 16 * 1024**3


def open_rows(
    stream: BinaryIO,
    *,
    name: str,
    on_broken: OnBroken,
    scratch: Path,
    file_format: FileFormat | None = None,
    delimiter: str | None = None,
    has_header: bool | None = None,
    columns: Sequence[str] | None = None,
    max_uncompressed_bytes: int = DEFAULT_MAX_UNCOMPRESSED_BYTES,
) -> RowReader:
    """Open one segment file; ``stream`` is read once, from front to back, while the rows are iterated.

    What is None is found out: ``file_format`` from ``name`` and the first bytes, the others from the first rows.
    ``columns`` are the names that a manifest declares. ``on_broken`` is called for each row that cannot be read,
    in file order. Memory stays within some tens of MB; Parquet is kept in ``scratch`` meanwhile. Raises
    SegmentUnreadable, here or during iteration, if the file cannot be used, also when it is empty.
    """
    blocks = read_blocks(stream, max_uncompressed_bytes)
    first = next(blocks, b"")
    if not first:
        raise SegmentUnreadable(
            "The file is empty.", code="empty-file", remedy="Upload the file again, with its rows."
        )
    found = recognise_format(name, first)
    if found is not FileFormat.PARQUET and file_format is not None:
        found = file_format
    blocks = chain([first], blocks)
    if found is FileFormat.PARQUET:
        if not first.startswith(PARQUET_MAGIC):
            raise SegmentUnreadable(
                "The file is not Parquet, though it is said to be.",
                code="not-parquet",
                remedy="Give the file the ending of what it holds, or upload Parquet.",
            )
        return ParquetRows(blocks, scratch)
    lines = cut_lines(decode_blocks(blocks))
    if found is FileFormat.JSONL:
        return JsonRows(lines, on_broken, columns=columns)
    if delimiter is None and name_ending(name) in ("tsv", "tab"):
        delimiter = "\t"
    return CsvRows(lines, on_broken, delimiter=delimiter, has_header=has_header, columns=columns)
