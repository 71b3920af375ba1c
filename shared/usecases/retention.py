"""Retention: what has been kept long enough goes, a bounded part at a time.

Everything here may be repeated, and be interrupted: what is left over is found the next time.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from itertools import islice

from shared.domain.access import system
from shared.domain.identifiers import first_id, moment_of, newest_first
from shared.domain.ports import StateBlobs, Stores
from shared.domain.record import Clock, Record
from shared.domain.run import Run
from shared.pipeline import places
from shared.pipeline.journal import AUDIT, ROWS, RUNS, Journal

_REQUESTS_KEPT = timedelta(days=7)
_ALERTS_KEPT = timedelta(days=30)
_TALLIES_KEPT = timedelta(days=400)  # a month can be compared with the same one a year ago
_ORPHANS_KEPT = timedelta(days=1)
_REJECTS = re.compile(r"^runs/[^/]+/(rejects\.csv|samples\.json|retry/.*)$")
_WORKING = re.compile(r"^runs/[^/]+/(stage|results|refused)/")
_LOG = re.compile(rf"^(?:{AUDIT}|{RUNS}|{ROWS})/(\d{{4}})/(\d\d)/(\d\d)[./+]")


class Purge(StrEnum):
    """What is purged. LEFTOVERS: working files that a crash left behind."""

    RUNS = "runs"
    REJECTS = "rejects"
    LEFTOVERS = "leftovers"
    REQUESTS = "requests"
    ALERTS = "alerts"
    TALLIES = "tallies"
    LOGS = "logs"


class Purged(Record):
    """``more`` = there is more to be purged than was done at once."""

    count: int
    more: bool = False


@dataclass(frozen=True, slots=True)
class Keeping:
    """For how long things are kept. ``rejects`` holds for all files of runs that tell of people."""

    runs: timedelta
    rejects: timedelta
    logs: timedelta


class Retention:
    """Purges. Receipts of erasures, ledgers and whatever people made are kept."""

    def __init__(
        self,
        stores: Stores,
        state: StateBlobs,
        logs: StateBlobs,
        journal: Journal,
        keeping: Keeping,
        clock: Clock,
        *,
        at_once: int = 500,
    ) -> None:
        self._stores, self._state, self._logs = stores, state, logs
        self._journal, self._keeping, self._clock = journal, keeping, clock
        self._at_once = at_once

    def purge(self, what: Purge) -> Purged:
        """Purge up to ``at_once`` things of one kind."""
        purges: dict[Purge, Callable[[], Purged]] = {
            Purge.RUNS: self._purge_runs,
            Purge.REJECTS: lambda: self._purge_blobs(self._state, self._old_rejects()),
            Purge.LEFTOVERS: lambda: self._purge_blobs(self._state, self._leftovers()),
            Purge.REQUESTS: self._purge_requests,
            Purge.ALERTS: self._purge_alerts,
            Purge.TALLIES: self._purge_tallies,
            Purge.LOGS: lambda: self._purge_blobs(self._logs, self._old_logs()),
        }
        return purges[what]()

    @property
    def history_before(self) -> datetime:
        """Durable histories of instances that were made before are not needed any more."""
        return self._clock() - self._keeping.runs

    def note(self, counts: dict[str, int], failed: list[str]) -> None:
        """Write into the journal what was purged, and which kinds could not be."""
        with self._journal.audited(system("housekeeping"), "retention.purged") as details:
            details["counts"] = {kind: count for kind, count in counts.items() if count}
            details["failed"] = failed

    def _purge_runs(self) -> Purged:
        """The record goes last, so that a run of which something is left is found again."""
        before, count = self.history_before, 0
        for run in self._runs_until(before):
            if not run.status.ended or (run.ended_at or run.created_at) >= before:
                continue
            if count == self._at_once:
                return Purged(count=count, more=True)
            self._state.remove(self._state.names(places.run_folder(run.id)))
            self._stores.runs.forget_progress(run.id)
            self._stores.runs.remove(run.id)
            count += 1
        return Purged(count=count)

    def _runs_until(self, moment: datetime) -> Iterator[Run]:
        after: str | None = newest_first(first_id("run", moment))
        while after is not None:
            runs, after = self._stores.runs.page(self._at_once, after)
            yield from runs

    def _purge_requests(self) -> Purged:
        return Purged(count=self._stores.runs.forget_requests(self._clock() - _REQUESTS_KEPT))

    def _purge_alerts(self) -> Purged:
        """One that could not be sent for so long tells of what nobody wants to know any more."""
        before = self._clock() - _ALERTS_KEPT
        old = [alert.id for alert in self._stores.alerts.all() if alert.created_at < before]
        for alert_id in old[: self._at_once]:
            self._stores.alerts.remove(alert_id)
        return Purged(count=len(old[: self._at_once]), more=len(old) > self._at_once)

    def _purge_tallies(self) -> Purged:
        first_kept = (self._clock() - _TALLIES_KEPT).date()
        old = [tally.day for tally in self._stores.tallies.all() if tally.day < first_kept]
        for day in old[: self._at_once]:
            self._stores.tallies.remove(day.isoformat())
        return Purged(count=len(old[: self._at_once]), more=len(old) > self._at_once)

    def _purge_blobs(self, blobs: StateBlobs, names: Iterator[str]) -> Purged:
        old = list(islice(names, self._at_once + 1))
        blobs.remove(old[: self._at_once])
        return Purged(count=len(old[: self._at_once]), more=len(old) > self._at_once)

    def _old_rejects(self) -> Iterator[str]:
        """By the end of the run, not by the file's last change: an erasure changes files, too."""
        before = self._clock() - self._keeping.rejects
        is_old = cache(lambda run_id: self._has_ended_before(run_id, before))
        for name, changed_at in self._state.changed_at(places.ALL_RUNS):
            run_id = _run_of(name)
            if _REJECTS.match(name) and (moment_of(run_id) or changed_at) < before and is_old(run_id):
                yield name

    def _leftovers(self) -> Iterator[str]:
        """Files on their way, of runs that have ended or were never made."""
        now = self._clock()
        is_over = cache(lambda run_id: self._has_ended_before(run_id, now))
        for name, changed_at in self._state.changed_at(places.ALL_RUNS):
            if _WORKING.match(name) and changed_at < now - _ORPHANS_KEPT and is_over(_run_of(name)):
                yield name

    def _has_ended_before(self, run_id: str, moment: datetime) -> bool:
        found = self._stores.runs.find(run_id)
        if found is None:
            return True
        run = found.record
        return run.status.ended and (run.ended_at or run.created_at) < moment

    def _old_logs(self) -> Iterator[str]:
        """By the day in their names; what has none is not ours."""
        first_kept = (self._clock() - self._keeping.logs).date()
        for name in self._logs.names(""):
            if (day := _day_of(name)) and day < first_kept:
                yield name


def _run_of(name: str) -> str:
    return name.split("/")[1]


def _day_of(name: str) -> date | None:
    """Return the day in the name of a log of ours."""
    if found := _LOG.match(name):
        with contextlib.suppress(ValueError):
            return date(*map(int, found.groups()))
    return None
