"""Rejects: rows that were not exported, each with file, line, column and reason code."""

import csv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.domain.masking import mask, spreadsheet_safe

HEADER = ("segment", "file", "line", "column", "reason", "value")


class RejectsFile:
    """Writes rejects as CSV rows without a header; values are masked and safe to open in a spreadsheet."""

    def __init__(self, path: Path, segment: str) -> None:
        self._segment = spreadsheet_safe(segment)
        self._reasons: Counter[str] = Counter()
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\r\n")

    @property
    def reasons(self) -> Mapping[str, int]:
        """How many rows there are per reason code."""
        return self._reasons

    def add(self, file: str, line: int, column: str | None, reason: str, value: str = "") -> None:
        self._reasons[reason] += 1
        self._writer.writerow(
            (
                self._segment,
                spreadsheet_safe(file),
                line,
                spreadsheet_safe(column or ""),
                reason,
                spreadsheet_safe(mask(value)),
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def header_line() -> bytes:
    return (",".join(HEADER) + "\r\n").encode()
