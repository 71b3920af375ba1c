"""What reading gives: rows, and the rows that could not be read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

MAX_RECORD_CHARACTERS = 1024 * 1024
MAX_RECORD_LINES = 1000
MAX_COLUMNS = 2000
MAX_NAME_CHARACTERS = 1000

LEAVES_COLUMN = "__leaves"
"""The last column of files that say who leaves: True for somebody who does, False for somebody who is in the segment.
Readers add it; a column of a file is never called so."""


class BrokenCode(StrEnum):
    """Why a row could not be read; a reason code of the rejects."""

    TOO_MANY_FIELDS = "too_many_fields"
    TOO_FEW_FIELDS = "too_few_fields"
    UNCLOSED_QUOTE = "unclosed_quote"
    LINE_TOO_LONG = "line_too_long"
    BAD_ENCODING = "bad_encoding"
    NUL_BYTE = "nul_byte"
    BAD_JSON = "bad_json"
    NOT_AS_DECLARED = "not_as_declared"


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that could not be read. ``line`` is its first physical line; ``detail`` holds none of its values."""

    line: int
    column: str | None
    code: BrokenCode
    detail: str


class NotAsDeclared(Exception):
    """A row is not what files of its source format hold; ``column`` is where it differs."""

    def __init__(self, detail: str, column: str | None = None) -> None:
        super().__init__(detail)
        self.detail, self.column = detail, column


OnBroken = Callable[[BrokenRow], None]


class RowReader(Protocol):
    """The rows of one file; to be iterated once."""

    columns: list[str]

    def __iter__(self) -> Iterator[tuple[int, Sequence[object]]]:
        """Yield ``(line, values)``: the row's first physical line, from 1, and its values in column order.

        Values are text in CSV and native in JSON and Parquet, where None stands for a missing one and the line is
        the row's number in Parquet. Raises SegmentUnreadable where the rest of the file cannot be used.
        """
