"""The row log: what became of each person of a run, as JSON lines without addresses."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from shared.domain.email_address import email_hash
from shared.domain.identifiers import storage_key
from shared.domain.run import Run
from shared.pipeline.journal import ROWS


class RowLog(StrEnum):
    """Who is written to it: nobody, those who were refused, or everybody a run dealt with."""

    OFF = "off"
    REJECTS = "rejects"
    ALL = "all"


class RowOutcome(StrEnum):
    """REJECTED: never sent. REFUSED: sent, and not taken. NOT_REMOVED: a leaver who is on the list still."""

    SENT = "sent"
    REFUSED = "refused"
    REMOVED = "removed"
    NOT_REMOVED = "not_removed"
    REJECTED = "rejected"


def row_log_name(run: Run, segment: str) -> str:
    """Return the blob's name; the day is that of the order, so that a repeated ending writes the same blob."""
    return f"{ROWS}/{run.created_at:%Y/%m/%d}/{run.id}/{storage_key(segment)}.jsonl"


class RowNotes:
    """Writes notes on the people of one segment to a file on disk."""

    def __init__(self, path: Path, run: Run, segment: str, at: datetime) -> None:
        self._common = {"run_id": run.id, "export_id": run.export_id, "segment": segment}
        self._at = at.isoformat()
        self._file = path.open("wb")

    def add(
        self,
        outcome: RowOutcome,
        *,
        email: str | None = None,
        reason: str | None = None,
        file: str | None = None,
        line: int | None = None,
        contact_id: str | None = None,
    ) -> int:
        """Return how many bytes it takes. ``email`` is a normalised address, None where a row had none."""
        note = {
            **self._common,
            "outcome": outcome,
            "reason": reason,
            "file": file,
            "line": line,
            "email_sha256": email and email_hash(email),
            "contact_id": contact_id,
            "at": self._at,
        }
        return self._file.write(orjson.dumps(note) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
