"""CSV: whole blocks at once where all is regular, record by record where it is not."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from shared.domain.errors import SegmentUnreadable
from shared.pipeline.reading.delimiter import DELIMITERS, choose_delimiter, declared_delimiter
from shared.pipeline.reading.encoding import UNDECODABLE
from shared.pipeline.reading.header import is_header, name_columns
from shared.pipeline.reading.lines import LineBlock, LineWindow
from shared.pipeline.reading.rows import (
    MAX_RECORD_CHARACTERS,
    MAX_RECORD_LINES,
    BrokenCode,
    BrokenRow,
    OnBroken,
)

# The limit of the csv module is one for the whole process; ours is on the record, and smaller.
csv.field_size_limit(max(csv.field_size_limit(), 2 * MAX_RECORD_CHARACTERS))

_GUARD = ("",)
"""Fed after the last line, it comes back as a row of its own unless a quote is open."""

_MAX_VAIN_CHARACTERS = 256 * 1024 * 1024
"""How much may be read in search of closing quotes that never come, in one file."""


class CsvRows:
    """The rows of a CSV file. Raises SegmentUnreadable if there is no readable first row.

    ``delimiters`` are those to choose from when none is given. With ``fill_up`` a row that ends early is no broken
    one: what is missing is blank.
    """

    columns: list[str]

    def __init__(
        self,
        blocks: Iterator[LineBlock],
        on_broken: OnBroken,
        *,
        delimiter: str | None = None,
        has_header: bool | None = None,
        columns: Sequence[str] | None = None,
        delimiters: Sequence[str] = DELIMITERS,
        fill_up: bool = False,
    ) -> None:
        self._fill_up = fill_up
        self._window = LineWindow(blocks)
        self._on_broken = on_broken
        self._vain_characters = 0
        self._width: int | None = None
        declared = declared_delimiter(self._window.peek() or "")
        if declared is not None:
            self._window.skip()
        self._delimiter = delimiter or declared or choose_delimiter(self._window.rest(), delimiters)
        self._blanks = " \t".replace(self._delimiter, "")
        self.columns = self._read_header(has_header, columns)
        self._width = len(self.columns)

    def __iter__(self) -> Iterator[tuple[int, Sequence[object]]]:
        window = self._window
        while lines := window.rest():
            rows = self._parse_regular(lines) if window.plain else None
            if rows is not None:
                yield from enumerate(rows, window.number)
                window.skip(len(lines))
                continue
            end = window.number + len(lines)
            while window.number < end:
                number = window.number
                row, used = self._parse_record()
                window.skip(used)
                if isinstance(row, BrokenRow):
                    self._on_broken(row)
                elif row:
                    yield number, row

    def _parse_regular(self, lines: list[str]) -> list[list[str]] | None:
        """Return one row per line, or None if any line is not exactly one row of the right width."""
        try:
            rows = list(self._reader(chain(lines, _GUARD)))
        except csv.Error:
            return None
        if len(rows) != len(lines) + 1:
            return None
        rows.pop()
        if set(map(len, rows)) != {self._width}:
            return None
        # In a single column a blank line looks like a row.
        return None if self._width == 1 and not all(line.strip(self._blanks) for line in lines) else rows

    def _parse_record(self) -> tuple[list[str] | BrokenRow, int]:
        """Return the record at the current line and how many lines it takes; an empty one for a blank line."""
        line = self._window.peek() or ""
        if not line.strip(self._blanks):
            return [], 1
        if len(line) > MAX_RECORD_CHARACTERS:
            return self._broken(
                BrokenCode.LINE_TOO_LONG, f"the line has more than {MAX_RECORD_CHARACTERS:,} characters"
            ), 1
        rows = list(self._reader(chain([line], _GUARD)))
        row, used = (rows[0], 1) if len(rows) == 2 else self._join_lines()
        if not row:
            return self._broken(BrokenCode.UNCLOSED_QUOTE, "a quote is opened and not properly closed"), 1
        if self._fill_up and self._width is not None and len(row) < self._width:
            row += [""] * (self._width - len(row))
        if self._width is not None and len(row) != self._width:
            code = BrokenCode.TOO_MANY_FIELDS if len(row) > self._width else BrokenCode.TOO_FEW_FIELDS
            return self._broken(code, f"{self._width} fields expected, {len(row)} found"), used
        if not self._window.plain:
            for place, value in enumerate(row):
                if UNDECODABLE in value:
                    return self._broken(BrokenCode.BAD_ENCODING, "bytes that are not text", place), used
                if "\0" in value:
                    return self._broken(BrokenCode.NUL_BYTE, "a zero byte within a value", place), used
        return row, used

    def _join_lines(self) -> tuple[list[str], int]:
        """Return the record that begins with the current line and goes on in the next ones, and its lines.

        Here quotes have to be exactly as in RFC 4180 and the width has to be right: otherwise a quote that was
        left open would make one person of two. The record is empty if it is not so.
        """
        used = size = 0

        def lines() -> Iterator[str]:
            nonlocal used, size
            while used < MAX_RECORD_LINES and size <= MAX_RECORD_CHARACTERS:
                line = self._window.peek(used)
                if line is None:
                    return
                used += 1
                size += len(line)
                yield line + "\n"

        try:
            row = next(self._reader(lines(), strict=True))
        except csv.Error:
            row = []
        if size <= MAX_RECORD_CHARACTERS and (self._width is None or len(row) == self._width):
            return row, used
        self._vain_characters += size
        if self._vain_characters > _MAX_VAIN_CHARACTERS:
            raise SegmentUnreadable(
                "Too many quotes are opened and never closed.",
                code="unclosed-quotes",
                remedy="Double every quote within a value, or check which delimiter and quotes the file uses.",
            )
        return [], 1

    def _read_header(self, has_header: bool | None, known: Sequence[str] | None) -> list[str]:
        """Return the column names; the first row is consumed if it is what names them."""
        row: list[str] | BrokenRow = []
        while not row:
            if self._window.peek() is None:
                raise SegmentUnreadable(
                    "The file is empty.", code="empty-file", remedy="Upload the file again, with its rows."
                )
            row, used = self._parse_record()
            self._window.skip(0 if row else used)
        if isinstance(row, BrokenRow):
            raise SegmentUnreadable(
                f"The first row cannot be read: {row.detail}.",
                code="header-unreadable",
                remedy="Correct the first row: it names the columns.",
            )
        if has_header is None:
            has_header = known is None or is_header(row, known)
        if has_header:
            self._window.skip(used)
            return name_columns(row)
        if known is not None and len(known) != len(row):
            raise SegmentUnreadable(
                f"The file has {len(row):,} columns and no header, but {len(known):,} names are declared for it.",
                code="columns-mismatch",
                remedy="Correct the manifest, or export the file again.",
            )
        return name_columns(known if known is not None else [""] * len(row))

    def _reader(self, lines: Iterable[str], *, strict: bool = False) -> Iterator[list[str]]:
        return csv.reader(lines, delimiter=self._delimiter, skipinitialspace=True, strict=strict)

    def _broken(self, code: BrokenCode, detail: str, place: int | None = None) -> BrokenRow:
        column = None if place is None or self._width is None else self.columns[place]
        return BrokenRow(self._window.number, column, code, detail)
