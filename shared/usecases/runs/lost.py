"""Runs that nobody works on any more: their orchestration was lost, or they were never given to one."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.domain.ports import Stores
from shared.domain.run import Run, RunStatus

_STARTED_WITHIN = timedelta(minutes=2)
_TAKEN_UP = "The work on this run was interrupted. It was taken up again where it had been."


class LostRuns:
    """Tells which runs ought to be worked on; who knows the orchestrations says whether they are."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def expected(self, now: datetime) -> Sequence[Run]:
        """Return the runs that have not ended and ought to have an orchestration: whoever creates one starts it soon.

        Raises StorageUnavailable.
        """
        runs = self._stores.runs
        return [
            run
            for run in runs.read_unfinished(runs.unfinished())
            if run.status is not RunStatus.QUEUED or run.created_at < now - _STARTED_WITHIN
        ]

    def take_up(self, run_id: str) -> bool:
        """Note that a run gets another orchestration; False when it has ended meanwhile."""
        run = self._stores.runs.get(run_id).record
        if run.status.ended:
            return False
        if run.status is not RunStatus.QUEUED:
            self._stores.runs.change(run_id, _warned)
        return True


def _warned(run: Run) -> Run:
    return run.model_copy(update={"warnings": tuple(dict.fromkeys((*run.warnings, _TAKEN_UP)))})
