"""Runs: look, cancel, fetch rejects."""

from collections.abc import Iterator

from pydantic import BaseModel

from shared.domain.access import Principal
from shared.domain.errors import Conflict, NotFound
from shared.domain.ports import StateBlobs, Stores
from shared.domain.record import Clock
from shared.domain.run import Run, RunStatus, Stage
from shared.pipeline import places
from shared.pipeline.journal import Journal
from shared.pipeline.rejects import header_line

_PAGE = 50


class RunProgress(BaseModel):
    """How far a run is. ``rate_per_s`` and ``time_left_s`` are about people and None when not known."""

    to_send: int
    done: int
    rate_per_s: float | None = None
    time_left_s: float | None = None


class RunView(Run):
    """A run with its progress."""

    progress: RunProgress


class RunPage(BaseModel):
    """``next`` is given back as ``?after=`` to get the next page."""

    runs: list[RunView]
    next: str | None = None


class Runs:
    """Use cases of runs that exist."""

    def __init__(self, stores: Stores, state: StateBlobs, journal: Journal, clock: Clock) -> None:
        self._stores, self._state, self._journal, self._clock = stores, state, journal, clock

    def get(self, wanted_id: str) -> RunView:
        return self._view(self._stores.runs.get(wanted_id).record)

    def list(self, after: str | None = None, size: int = _PAGE) -> RunPage:
        """Return runs, newest first."""
        runs, following = self._stores.runs.page(size, after)
        return RunPage(runs=[self._view(run) for run in runs], next=following)

    def cancel(self, wanted_id: str, principal: Principal) -> RunView:
        """Ask a run to stop; what was sent stays sent and on the ledger. Raises Conflict when it has ended."""
        run = self.get(wanted_id)
        if run.status.ended:
            raise Conflict(f"The run has ended already: {run.status}.", code="run-ended")
        asked = self._stores.runs.change(
            run.id, lambda present: present.model_copy(update={"cancel_requested_by": principal.name})
        )
        return self._view(asked)

    def rejects(self, wanted_id: str) -> Iterator[bytes]:
        """Stream the rejects as CSV with a header. Raises Conflict while the run goes on."""
        run = self.get(wanted_id)
        if not run.status.ended:
            raise Conflict(
                "The rejects are complete when the run has ended.",
                code="run-not-ended",
                remedy="Wait for its end.",
            )
        try:
            yield from self._state.stream(places.rejects(run.id))
        except NotFound:
            yield header_line()

    def _view(self, run: Run) -> RunView:
        if run.status.ended or run.stage is not Stage.PUSHING:
            done = run.counts.sent + run.counts.refused
            return RunView(**dict(run), progress=RunProgress(to_send=run.counts.to_send, done=done))
        live = self._stores.runs.progress(run.id)
        counts = run.counts.model_copy(
            update={"sent": live.sent, "refused": live.refused, "calls": run.counts.calls + live.calls}
        )
        done, to_send = live.sent + live.refused, run.counts.to_send
        seconds = (self._clock() - (run.pushing_at or run.created_at)).total_seconds()
        rate = done / seconds if done and seconds > 0 else None
        progress = RunProgress(
            to_send=to_send,
            done=min(done, to_send),
            rate_per_s=rate,
            time_left_s=max(0, to_send - done) / rate if rate else None,
        )
        return RunView(**dict(run.model_copy(update={"counts": counts})), progress=progress)


def is_unstarted(run: Run) -> bool:
    """Tell whether a run still has to be given to the orchestration."""
    return run.status is RunStatus.QUEUED
