"""Tallies: what the runs of one day did, added up as they end, so that nobody has to read runs to know."""

from datetime import date

from shared.domain.record import Record
from shared.domain.run import Run, RunStatus, count_faults

RUNS_REMEMBERED = 300
"""A run whose end is told of again is among so many that ended last: it follows within minutes."""


class Tally(Record):
    """Of one day (UTC), without dry runs. ``runs`` have ended, whatever became of them, ``failed`` of them failed.
    ``sent``, ``rejected`` and ``left`` count people: sent, in rows that were rejected since something was wrong with them,
    and taken off lists. ``noted`` are the
    runs that were counted last."""

    day: date
    runs: int = 0
    failed: int = 0
    sent: int = 0
    rejected: int = 0
    left: int = 0
    noted: tuple[str, ...] = ()

    def with_run(self, run: Run) -> "Tally":
        """Return the tally with a run that has ended; as it is when the run is counted already."""
        if run.id in self.noted:
            return self
        return Tally(
            day=self.day,
            runs=self.runs + 1,
            failed=self.failed + (run.status is RunStatus.FAILED),
            sent=self.sent + run.counts.sent,
            rejected=self.rejected + count_faults(run.rejected),
            left=self.left + run.counts.removed,
            noted=(*self.noted, run.id)[-RUNS_REMEMBERED:],
        )
