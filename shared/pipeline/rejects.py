"""Rejects: rows that were not exported, each with file, line, column and reason code (docs/rejects.md)."""

import csv
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.domain.masking import mask, spreadsheet_safe
from shared.pipeline.row_log import RowNotes, RowOutcome

HEADER = ("segment", "file", "line", "column", "reason", "value")


class RejectReason(StrEnum):
    """Why a person was not exported, or not taken off a list, although the row and its address are in order."""

    DUPLICATE = "duplicate_email"
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"
    CONSENT_UNREADABLE = "consent_unreadable"
    NOT_REMOVED = "not_removed"


class RejectsFile:
    """Writes rejects as CSV rows without a header; values are masked and safe to open in a spreadsheet.

    ``notes`` gets a line of the row log for each.
    """

    def __init__(self, path: Path, segment: str, notes: RowNotes | None = None) -> None:
        self._segment, self._notes = spreadsheet_safe(segment), notes
        self._reasons: Counter[str] = Counter()
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\r\n")

    @property
    def reasons(self) -> Mapping[str, int]:
        """How many rows there are per reason code."""
        return self._reasons

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
        self._writer.writerow(
            (
                self._segment,
                spreadsheet_safe(file),
                "" if line is None else line,
                spreadsheet_safe(column or ""),
                reason,
                spreadsheet_safe(mask(email or value)),
            )
        )
        if self._notes:
            self._notes.add(outcome, email=email, reason=reason, file=file or None, line=line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def header_line() -> bytes:
    return (",".join(HEADER) + "\r\n").encode()
