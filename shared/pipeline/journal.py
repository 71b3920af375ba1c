"""The journal: what was changed, by whom, and what runs did, as JSON lines in the customer's own storage.

``audit/{yyyy}/{MM}/{dd}.jsonl`` holds every change that was asked for, also those that were refused;
``runs/{yyyy}/{MM}/{dd}.jsonl`` the beginnings and ends of runs; below ``rows/{yyyy}/{MM}/{dd}/`` are the people of
runs. Days are UTC. No entry holds a customer's e-mail address or a key; docs/logs.md describes the fields.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from shared.domain.access import Principal
from shared.domain.errors import SegpilotError
from shared.domain.ports import StateBlobs
from shared.domain.record import Clock
from shared.domain.run import Run

AUDIT, RUNS, ROWS = "audit", "runs", "rows"


class Journal:
    """Writes entries. One that cannot be stored goes to the app's log and stops nothing."""

    def __init__(self, blobs: StateBlobs, clock: Clock) -> None:
        self._blobs, self._clock = blobs, clock

    @contextmanager
    def audited(
        self, principal: Principal, action: str, subject: str | None = None
    ) -> Iterator[dict[str, object]]:
        """Record what the block does, and how it ends. ``action`` is ``thing.verb``.

        The block may add details to the mapping it gets, among them ``subject`` when it is only then known; other
        fields of the entry cannot be changed by them.
        """
        details: dict[str, object] = {}
        entry: dict[str, object] = {
            "at": self._clock(),
            "action": action,
            "subject": subject,
            "who": principal.name,
            "role": principal.role,
            "from": principal.address,
        }
        try:
            yield details
        except SegpilotError as problem:
            self._write(AUDIT, _joined(entry, details, result="refused", code=problem.reason))
            raise
        except BaseException:
            self._write(AUDIT, _joined(entry, details, result="failed"))
            raise
        self._write(AUDIT, _joined(entry, details, result="done"))

    def note_run(self, event: str, run: Run) -> None:
        """Record that a run was ``queued``, ``started``, ``waiting`` or ``ended``."""
        begun, ended = run.started_at or run.created_at, run.ended_at
        self._write(
            RUNS,
            {
                "at": self._clock(),
                "event": f"run.{event}",
                "run_id": run.id,
                "export_id": run.export_id,
                "export": run.export_name,
                "connection_id": run.connection_id,
                "segments": [segment.name for segment in run.segments],
                "trigger": run.trigger,
                "attempt": run.attempt,
                "requested_by": run.requested_by,
                "run_as": run.run_as,
                "dry": run.dry,
                "status": run.status,
                "submitted_at": run.created_at,
                "started_at": run.started_at,
                "ended_at": ended,
                "duration_ms": ended and round((ended - begun).total_seconds() * 1000),
                "trace_id": run.trace_id,
                "counts": run.counts.model_dump(),
                "rejected": run.rejected,
                "failure": run.failure and run.failure.model_dump(),
            },
        )

    def read_audit(self, day: date, size: int) -> list[dict[str, Any]]:
        """Return up to ``size`` entries on the changes of one day, newest first."""
        folder, entries = f"{AUDIT}/{day:%Y/%m/%d}", list[dict[str, Any]]()
        # A log that was full goes on in one with a longer name.
        for name in sorted(self._blobs.names(folder), key=len, reverse=True):
            lines = self._blobs.read(name).splitlines()
            entries += map(json.loads, reversed(lines[-(size - len(entries)) :]))
            if len(entries) == size:
                break
        return entries

    def _write(self, stream: str, entry: Mapping[str, object]) -> None:
        # What came from outside may hold half a character; that must not keep the entry from being written.
        line = json.dumps(entry, default=_as_text, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        try:
            self._blobs.append(f"{stream}/{entry['at']:%Y/%m/%d}.jsonl", line)
        except SegpilotError:
            logging.warning("The journal cannot be written: %s", line.decode())


def _joined(
    entry: Mapping[str, object], details: Mapping[str, object], **ending: object
) -> Mapping[str, object]:
    fixed = {**entry, "subject": details.get("subject", entry["subject"]), **ending}
    return fixed | {name: value for name, value in details.items() if name not in fixed}


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
