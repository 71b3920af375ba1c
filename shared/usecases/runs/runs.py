"""Runs: look, cancel, approve or refuse, fetch rejects and samples."""

from collections.abc import Callable, Iterator
from functools import partial

import orjson
from pydantic import BaseModel, ConfigDict, Field

from shared.domain.access import Principal, Role
from shared.domain.errors import Conflict, NotFound, SecretUnavailable
from shared.domain.identifiers import newest_first
from shared.domain.ports import StateBlobs, Stores
from shared.domain.record import Clock
from shared.domain.run import Decision, Run, RunStatus, Stage, Trigger
from shared.pipeline import places
from shared.pipeline.journal import Journal
from shared.pipeline.rejects import header_line
from shared.usecases.runs.situation import RunSituation, look_around

_PAGE = 50
_SECRET_UNNAMED = {
    "message": "The key of the connection cannot be read.",
    "remedy": "Ask an administrator to look at the connection.",
}
_SEARCHED_AT_ONCE, _SEARCHES = 200, 10
_Reader = Callable[[int, str | None], tuple[list[Run], str | None]]


class RunProgress(BaseModel):
    """How far a run is, in people: first ``done`` of ``to_send`` are sent, then ``removed`` of ``to_remove`` taken off
    their lists. ``rate_per_s`` and ``time_left_s`` are those of the present stage and None when not known."""

    to_send: int
    done: int
    to_remove: int = 0
    removed: int = 0
    rate_per_s: float | None = None
    time_left_s: float | None = None


class RunView(Run):
    """A run with its progress."""

    progress: RunProgress


class RunPage(BaseModel):
    """``next`` is given back as ``?after=`` to get the next page. With filters a page may hold fewer runs."""

    runs: list[RunView]
    next: str | None = None


class RunFilter(BaseModel):
    """Which runs to list; None = any."""

    export_id: str | None = None
    status: RunStatus | None = None
    trigger: Trigger | None = None

    def fits(self, run: Run) -> bool:
        return self.status in (None, run.status) and self.trigger in (None, run.trigger)


class Verdict(BaseModel):
    """``round`` is that of the approval that was looked at; when the run asks for another one now, it is refused."""

    model_config = ConfigDict(extra="forbid")
    round: int | None = Field(default=None, ge=1, le=1_000_000)


class Sample(BaseModel):
    """What would be sent of one person, with a masked address."""

    segment: str
    body: dict[str, object]


class Samples(BaseModel):
    samples: list[Sample]


class Runs:
    """Use cases of runs that exist."""

    def __init__(self, stores: Stores, state: StateBlobs, journal: Journal, clock: Clock) -> None:
        self._stores, self._state, self._journal, self._clock = stores, state, journal, clock

    def get(self, wanted_id: str, principal: Principal) -> RunView:
        """Raises NotFound."""
        principal.require(Role.VIEWER)
        return self.show(self._stores.runs.get(wanted_id).record, principal)

    def list(
        self,
        principal: Principal,
        after: str | None = None,
        size: int = _PAGE,
        wanted: RunFilter | None = None,
    ) -> RunPage:
        """Return runs, newest first. Of many runs that do not fit only so many are passed over at once."""
        principal.require(Role.VIEWER)
        wanted = wanted or RunFilter()
        read, exact = self._reader(wanted)
        found: list[RunView] = []
        for _ in range(_SEARCHES):
            page, after = read(size if exact else _SEARCHED_AT_ONCE, after)
            for run in page:
                if not wanted.fits(run):
                    continue
                found.append(self.show(run, principal))
                if len(found) == size:
                    last = after is None and run is page[-1]
                    return RunPage(runs=found, next=None if last else newest_first(run.id))
            if after is None or exact:
                break
        return RunPage(runs=found, next=after)

    def situation(self, run: Run, principal: Principal) -> RunSituation:
        """Return what surrounds a run that somebody looks at."""
        principal.require(Role.VIEWER)
        return look_around(self._stores, run, principal)

    def cancel(self, wanted_id: str, principal: Principal) -> RunView:
        """Ask a run to stop; what was sent stays sent and on the ledger. Raises Forbidden, and Conflict when it has
        ended."""

        def cancelled(run: Run) -> Run:
            if run.status.ended:
                raise Conflict(f"The run has ended already: {run.status}.", code="run-ended")
            return run.model_copy(update={"cancel_requested_by": run.cancel_requested_by or principal.name})

        with self._journal.audited(principal, "run.cancel", wanted_id):
            self._require_use(self._stores.runs.get(wanted_id).record, principal)
            return self.show(self._stores.runs.change(wanted_id, cancelled), principal)

    def approve(self, wanted_id: str, principal: Principal, verdict: Verdict) -> RunView:
        """Let a run that waits for approval do what it told of. Repeating it changes nothing.

        Raises NotFound, Forbidden, and Conflict when there is nothing to decide or it was decided otherwise.
        """
        return self._decide(wanted_id, principal, verdict, Decision.APPROVED, "run.approve")

    def refuse(self, wanted_id: str, principal: Principal, verdict: Verdict) -> RunView:
        """End a run that waits for approval before it has sent anything. Raises like ``approve``."""
        return self._decide(wanted_id, principal, verdict, Decision.REFUSED, "run.refuse")

    def rejects(self, wanted_id: str, principal: Principal) -> Iterator[bytes]:
        """Return the rejects as CSV with a header, in parts. While a run waits for approval they are those of the file.

        Raises NotFound, also when they have been kept long enough, Forbidden, and Conflict while the run goes on.
        """
        with self._journal.audited(principal, "rejects.read", wanted_id):
            run = self._stores.runs.get(wanted_id).record
            self._require_use(run, principal)
            if not run.status.ended and run.status is not RunStatus.WAITING_FOR_APPROVAL:
                raise Conflict(
                    "The rejects are complete when the run has ended.",
                    code="run-not-ended",
                    remedy="Wait for its end.",
                )
            if run.status.ended and run.rejected and not self._state.names(places.rejects(run.id)):
                raise NotFound(
                    "The rejects of this run are not kept any more.",
                    code="rejects-gone",
                    remedy="How long they are kept is the app setting REJECTS_RETENTION_DAYS.",
                )
            return self._stream_rejects(run)

    def samples(self, wanted_id: str, principal: Principal) -> Samples:
        """Return what a dry run would have sent of a few people. Raises NotFound, also when there are none, and
        Forbidden."""
        with self._journal.audited(principal, "samples.read", wanted_id):
            run = self._stores.runs.get(wanted_id).record
            self._require_use(run, principal)
            try:
                return Samples(samples=orjson.loads(self._state.read(places.samples(run.id))))
            except NotFound:
                raise NotFound(
                    "The run has no samples.",
                    code="no-samples",
                    remedy="Only a dry run that has read its files has some, and not for ever.",
                ) from None

    def _reader(self, wanted: RunFilter) -> tuple[_Reader, bool]:
        """Return what reads a page of runs, and whether all of them are wanted."""
        runs = self._stores.runs
        if wanted.export_id is not None:
            return partial(runs.page_of, wanted.export_id), (wanted.status, wanted.trigger) == (None, None)
        if wanted.status is not None:
            return partial(runs.page_with, wanted.status), wanted.trigger is None
        return runs.page, wanted.trigger is None

    def _decide(
        self, wanted_id: str, principal: Principal, verdict: Verdict, decision: Decision, action: str
    ) -> RunView:
        with self._journal.audited(principal, action, wanted_id) as details:
            self._require_use(self._stores.runs.get(wanted_id).record, principal)
            run = self._stores.runs.change(
                wanted_id, lambda present: self._decided(present, principal, verdict, decision)
            )
            if run.approval:
                details |= run.approval.model_dump(include={"round", "removals", "rejects"})
            return self.show(run, principal)

    def _decided(self, run: Run, principal: Principal, verdict: Verdict, decision: Decision) -> Run:
        approval, now = run.approval, self._clock()
        if approval is None or run.cancel_requested_by:
            raise Conflict("The run does not wait for approval.", code="not-waiting")
        if verdict.round not in (None, approval.round):
            raise Conflict(
                "Meanwhile the run asks for something else.",
                code="another-round",
                remedy="Look at the run again and decide anew.",
            )
        if approval.decision is decision:
            return run
        if approval.decision is not None:
            raise Conflict(
                f"It is decided already: {approval.decision}, {approval.decided_by or 'by itself'}.",
                code="already-decided",
            )
        if run.status is not RunStatus.WAITING_FOR_APPROVAL or now >= approval.expires_at:
            raise Conflict("The run does not wait for approval any more.", code="not-waiting")
        decided = approval.model_copy(
            update={"decision": decision, "decided_by": principal.name, "decided_at": now}
        )
        return run.model_copy(update={"approval": decided})

    def _require_use(self, run: Run, principal: Principal) -> None:
        """What is left of an export or a connection that is gone is for administrators."""
        connection = self._stores.connections.find(run.connection_id)
        if connection is None or self._stores.exports.find(run.export_id) is None:
            principal.require(Role.ADMINISTRATOR)
        else:
            principal.require_use(connection.record)

    def _stream_rejects(self, run: Run) -> Iterator[bytes]:
        try:
            yield from self._state.stream(places.rejects(run.id))
        except NotFound:
            yield header_line()

    def show(self, run: Run, principal: Principal) -> RunView:
        """Return what somebody sees of a run, with its live progress."""
        if (
            run.failure
            and run.failure.code == SecretUnavailable.code
            and principal.role is not Role.ADMINISTRATOR
        ):
            # The failure names the secret, which is more than others see of a connection.
            run = run.model_copy(update={"failure": run.failure.model_copy(update=_SECRET_UNNAMED)})
        if run.status.ended or run.stage not in (Stage.PUSHING, Stage.REMOVING):
            return RunView(**dict(run), progress=_progress(run))
        live = self._stores.runs.progress(run.id)
        counts = run.counts.model_copy(
            update={
                "sent": live.sent,
                "refused": live.refused,
                "removed": live.removed,
                "calls": run.counts.calls + live.calls,
            }
        )
        run = run.model_copy(update={"counts": counts})
        since = run.steps[-1].started_at if run.steps else run.created_at
        return RunView(
            **dict(run),
            progress=_with_rate(_progress(run), run.stage, (self._clock() - since).total_seconds()),
        )


def _progress(run: Run) -> RunProgress:
    counts = run.counts
    removes = run.stage is Stage.REMOVING or counts.removed > 0
    return RunProgress(
        to_send=counts.to_send,
        done=min(counts.to_send, counts.sent + counts.refused),
        to_remove=counts.leavers if removes else 0,
        removed=min(counts.leavers, counts.removed),
    )


def _with_rate(progress: RunProgress, stage: Stage, seconds: float) -> RunProgress:
    pushing = stage is Stage.PUSHING
    done = progress.done if pushing else progress.removed
    whole = progress.to_send if pushing else progress.to_remove
    if not done or seconds <= 0:
        return progress
    rate = done / seconds
    return progress.model_copy(update={"rate_per_s": rate, "time_left_s": (whole - done) / rate})
