"""The journal: what was changed, by whom, and what runs did, as JSON lines in the customer's own storage.

``audit/{yyyy}/{MM}/{dd}.jsonl`` holds every change that was asked for, also those that were refused;
``runs/{yyyy}/{MM}/{dd}.jsonl`` the beginnings and ends of runs; ``rows/{yyyy}/{MM}/{dd}/{run}.jsonl`` people of runs.
No entry holds an e-mail address or a key.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import orjson

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

        The block may add details to the mapping it gets, among them ``subject`` when it is only then known.
        """
        details: dict[str, object] = {}
        entry: dict[str, object] = {
            "at": self._clock().isoformat(),
            "action": action,
            "subject": subject,
            "who": principal.name,
            "role": principal.role,
            "from": principal.address,
        }
        try:
            yield details
        except SegpilotError as problem:
            self._write(AUDIT, {**entry, "result": "refused", "code": problem.reason} | details)
            raise
        except BaseException:
            self._write(AUDIT, {**entry, "result": "failed"} | details)
            raise
        self._write(AUDIT, {**entry, "result": "done"} | details)

    def note_run(self, event: str, run: Run) -> None:
        """Record that a run was ``queued``, ``started``, ``waiting`` or ``ended``."""
        begun, ended = run.started_at or run.created_at, run.ended_at
        self._write(
            RUNS,
            {
                "at": self._clock().isoformat(),
                "event": f"run.{event}",
                "run_id": run.id,
                "export_id": run.export_id,
                "export": run.export_name,
                "connection_id": run.connection_id,
                "segments": [segment.name for segment in run.segments],
                "trigger": run.trigger,
                "requested_by": run.requested_by,
                "run_as": run.run_as,
                "dry": run.dry,
                "status": run.status,
                "submitted_at": run.created_at.isoformat(),
                "started_at": run.started_at and run.started_at.isoformat(),
                "ended_at": ended and ended.isoformat(),
                "duration_ms": ended and round((ended - begun).total_seconds() * 1000),
                "counts": run.counts.model_dump(),
                "rejected": run.rejected,
                "failure": run.failure and run.failure.model_dump(),
            },
        )

    def _write(self, stream: str, entry: Mapping[str, object]) -> None:
        line = orjson.dumps(entry, default=str) + b"\n"
        try:
            self._blobs.append(f"{stream}/{self._clock():%Y/%m/%d}.jsonl", line)
        except SegpilotError:
            logging.warning("The journal cannot be written: %s", line.decode())
