"""Rejects: rows that were not exported, each with file, line, column and reason code (docs/rejects.md)."""

import csv
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from shared.domain.masking import mask, spreadsheet_safe
from shared.pipeline.row_log import RowNotes, RowOutcome

HEADER = ("segment", "file", "line", "column", "reason", "value")
MAX_LISTED_BYTES = 128 << 20
"""Of one segment, with the lines of the row log: a few bytes of a file make some hundred of these."""


class RejectReason(StrEnum):
    """Why a person was not exported, or not taken off a list, although the row and its address are in order."""

    DUPLICATE = "duplicate_email"
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"
    CONSENT_UNREADABLE = "consent_unreadable"
    NOT_REMOVED = "not_removed"


class RejectsFile:
    """Writes rejects as CSV rows without a header; values are masked and safe to open in a spreadsheet.

    ``notes`` gets a line of the row log for each. The one with which both together reach ``max_bytes`` is the last that
    is written; the others are only counted.
    """

    def __init__(
        self, path: Path, segment: str, notes: RowNotes | None = None, max_bytes: int = MAX_LISTED_BYTES
    ) -> None:
        self._segment, self._notes, self._bytes_left = segment, notes, max_bytes
        self._shown_segment = spreadsheet_safe(segment)
        self._listed = 0
        self._reasons: Counter[str] = Counter()
        self._file = path.open("wb")
        self._writer = csv.writer(_Encoded(self._file), lineterminator="\r\n")

    @property
    def reasons(self) -> Mapping[str, int]:
        """How many rows there are per reason code."""
        return self._reasons

    @property
    def warnings(self) -> tuple[str, ...]:
        """Tell of rejects that are not listed."""
        if self._listed == self._reasons.total():
            return ()
        return (
            f"Only the first {self._listed:,} rejects of the segment '{self._segment}' are listed; all are counted.",
        )

    def add(
        self,
        file: str,
        line: int | None,
        column: str | None,
        reason: str,
        value: str = "",
        *,
        email: str | None = None,
        outcome: RowOutcome = RowOutcome.REJECTED,
    ) -> None:
        """``email`` is the row's normalised address where it has one; it is what is shown, masked, then."""
        self._reasons[reason] += 1
        if self._bytes_left <= 0:
            return
        self._listed += 1
        self._bytes_left -= self._writer.writerow(
            (
                self._shown_segment,
                spreadsheet_safe(file),
                "" if line is None else line,
                spreadsheet_safe(column or ""),
                reason,
                spreadsheet_safe(mask(email or value)),
            )
        )
        if self._notes:
            self._bytes_left -= self._notes.add(
                outcome, email=email, reason=reason, file=file or None, line=line
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class _Encoded:
    """What a CSV writer may write to; it tells bytes, not characters."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode())


def header_line() -> bytes:
    return (",".join(HEADER) + "\r\n").encode()
