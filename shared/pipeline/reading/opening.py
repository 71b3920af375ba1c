"""The way in: from a file's bytes to the reader for its format."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from shared.domain.errors import SegmentUnreadable
from shared.domain.segment import SourceFormat
from shared.pipeline.reading.csv_rows import CsvRows
from shared.pipeline.reading.delimiter import DELIMITERS
from shared.pipeline.reading.encoding import decode_blocks
from shared.pipeline.reading.formats import (
    PARQUET_MAGIC,
    ZIP_MAGICS,
    FileFormat,
    name_ending,
    recognise_format,
)
from shared.pipeline.reading.json_rows import JsonRows
from shared.pipeline.reading.lines import cut_lines
from shared.pipeline.reading.markers import folder_leaves
from shared.pipeline.reading.rows import OnBroken, RowReader
from shared.pipeline.reading.shapes import shape_of
from shared.pipeline.reading.source import Budget, read_blocks
from shared.pipeline.reading.views import view_marked, view_table
from shared.pipeline.reading.zip_rows import ZipRows

DEFAULT_MAX_UNCOMPRESSED_BYTES = 16 * 1024**3


@dataclass(frozen=True, slots=True)
class _Opening:
    """What is known of a file before it is opened."""

    scratch: Path
    source_format: SourceFormat
    file_format: FileFormat | None
    delimiter: str | None
    has_header: bool | None
    columns: Sequence[str] | None
    max_uncompressed_bytes: int


def open_rows(
    stream: BinaryIO,
    *,
    name: str,
    on_broken: OnBroken,
    scratch: Path,
    source_format: SourceFormat = SourceFormat.AUTO,
    file_format: FileFormat | None = None,
    delimiter: str | None = None,
    has_header: bool | None = None,
    columns: Sequence[str] | None = None,
    max_uncompressed_bytes: int = DEFAULT_MAX_UNCOMPRESSED_BYTES,
) -> RowReader:
    """Open one segment file; ``stream`` is read once, from front to back, while the rows are iterated.

    What is None is found out: ``file_format`` from ``name`` and the first bytes, the others from the first rows.
    ``source_format`` says what rows mean; where they say who leaves, LEAVES_COLUMN is the last column. ``columns`` are
    the names that a manifest declares, or that earlier JSON files had. ``on_broken`` is called for each row that cannot
    be read, in file order. Memory stays within some tens of MB; Parquet and zip are kept in ``scratch`` meanwhile.
    Raises SegmentUnreadable, here or during iteration, if the file cannot be used, also when it is empty.
    """
    opening = _Opening(
        scratch, source_format, file_format, delimiter, has_header, columns, max_uncompressed_bytes
    )
    blocks = read_blocks(stream, Budget(max_uncompressed_bytes))
    first = next(blocks, b"")
    blocks = chain([first], blocks)
    rows: RowReader
    if first.startswith(ZIP_MAGICS):
        rows = _open_archive(opening, blocks, on_broken, Budget(max_uncompressed_bytes))
    else:
        rows = view_table(_open_blocks(opening, name, blocks, on_broken), source_format, on_broken)
    leaves = folder_leaves(name)
    return rows if leaves is None else view_marked(rows, leaves, on_broken)


def _open_archive(
    opening: _Opening, blocks: Iterator[bytes], on_broken: OnBroken, budget: Budget
) -> RowReader:
    def open_member(
        name: str, blocks: Iterator[bytes], on_broken: OnBroken, columns: Sequence[str]
    ) -> RowReader:
        return _open_blocks(opening, name, blocks, on_broken, columns)

    def view(rows: RowReader, on_broken: OnBroken) -> RowReader:
        return view_table(rows, opening.source_format, on_broken)

    return ZipRows(blocks, opening.scratch, budget, on_broken, open_member, view)


def _open_blocks(
    opening: _Opening, name: str, blocks: Iterator[bytes], on_broken: OnBroken, keys: Sequence[str] = ()
) -> RowReader:
    """Open what is no archive. ``keys`` are further columns that JSON objects may have."""
    first = next(blocks, b"")
    if not first:
        raise SegmentUnreadable(
            "The file is empty.", code="empty-file", remedy="Upload the file again, with its rows."
        )
    found = recognise_format(name, first)
    if found is not FileFormat.PARQUET and opening.file_format is not None:
        found = opening.file_format
    blocks = chain([first], blocks)
    if found is FileFormat.PARQUET:
        if not first.startswith(PARQUET_MAGIC):
            raise SegmentUnreadable(
                "The file is not Parquet, though it is said to be.",
                code="not-parquet",
                remedy="Give the file the ending of what it holds, or upload Parquet.",
            )
        from shared.pipeline.reading.parquet_rows import ParquetRows

        return ParquetRows(blocks, opening.scratch, Budget(opening.max_uncompressed_bytes), on_broken)
    texts = decode_blocks(blocks)
    if found is FileFormat.JSONL:
        shape = shape_of(opening.source_format)
        return JsonRows(texts, on_broken, columns=[*(opening.columns or ()), *keys], shape=shape)
    delimiter = opening.delimiter
    if delimiter is None and name_ending(name) in ("tsv", "tab"):
        delimiter = "\t"
    is_segment = opening.source_format is SourceFormat.SEGMENT
    return CsvRows(
        cut_lines(texts),
        on_broken,
        delimiter=delimiter,
        has_header=opening.has_header,
        columns=opening.columns,
        delimiters=(*DELIMITERS, ":") if is_segment else DELIMITERS,
        fill_up=is_segment,
    )
