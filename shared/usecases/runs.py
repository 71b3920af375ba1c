"""Runs: start, look, cancel, fetch rejects."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.domain.access import Principal
from shared.domain.errors import Conflict, NotFound
from shared.domain.export import Export
from shared.domain.identifiers import new_id, run_id
from shared.domain.ports import StateBlobs, Stores
from shared.domain.record import Clock
from shared.domain.run import Plan, Run, RunStatus, SegmentRun, Stage, Trigger
from shared.domain.segment import Snapshot
from shared.pipeline import places
from shared.pipeline.journal import Journal
from shared.pipeline.rejects import header_line
from shared.pipeline.standings import remember_run

_PAGE = 50


class NewRun(BaseModel):
    """``full`` sends everybody again, not only new and changed people."""

    model_config = ConfigDict(extra="forbid")
    full: bool = False
    segments: list[Annotated[str, StringConstraints(min_length=1)]] | None = Field(
        default=None, description="Only these segments of the export; absent = all that have arrived."
    )


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
    """Use cases of runs. A run that is created here still has to be given to the orchestration."""

    def __init__(self, stores: Stores, state: StateBlobs, journal: Journal, clock: Clock) -> None:
        self._stores, self._state, self._journal, self._clock = stores, state, journal, clock

    def create_on_demand(
        self, export_id: str, order: NewRun, principal: Principal, request_key: str | None = None
    ) -> Run:
        """Create a run of an export now. The same ``request_key`` within an export gives the same run.

        Raises NotFound, and Conflict when no segment of the export has arrived.
        """
        export = self._stores.exports.get(export_id).record
        wanted = [
            choice.name for choice in export.segments if not order.segments or choice.name in order.segments
        ]
        if order.segments and (unknown := sorted(set(order.segments) - set(wanted))):
            raise Conflict(
                f"The export '{export.name}' does not carry the segment '{unknown[0]}'.",
                code="segment-not-exported",
            )
        snapshots = [found.record.snapshot for name in wanted if (found := self._stores.segments.find(name))]
        if not snapshots:
            raise Conflict(
                f"No file has arrived yet for the segments of '{export.name}': {', '.join(wanted[:5])}.",
                code="segment-not-arrived",
                remedy=f"Upload a file to '{wanted[0] if wanted else '…'}/' in the segment container.",
            )
        at, cause = self._clock(), request_key or new_id("request")
        if request_key:
            at = self._stores.runs.remember_request(f"{export_id}/{request_key}", at)
        return self._create(export, snapshots, Trigger.ON_DEMAND, cause, at, principal.name, full=order.full)

    def create_for_arrival(self, snapshots: Sequence[Snapshot]) -> list[Run]:
        """Create one run per export and snapshot; repeated notices give the same runs."""
        runs = []
        for export in self._stores.exports.all():
            if export.connection_id is None or not export.active:
                continue
            for snapshot in snapshots:
                if export.segment(snapshot.segment):
                    cause, at = snapshot.id, snapshot.arrived_at
                    runs.append(
                        self._create(export, [snapshot], Trigger.UPLOAD, cause, at, "upload", full=False)
                    )
        return runs

    def create_for_schedule(self, slot: datetime) -> list[Run]:
        """Create one run per export whose segments have arrived; a slot delivered twice gives the same runs."""
        runs = []
        for export in self._stores.exports.all():
            if export.connection_id is None or not export.active:
                continue
            found = [self._stores.segments.find(choice.name) for choice in export.segments]
            snapshots = [segment.record.snapshot for segment in found if segment]
            if snapshots:
                cause = f"refresh {slot.isoformat()}"
                runs.append(
                    self._create(export, snapshots, Trigger.REFRESH, cause, slot, "refresh", full=False)
                )
        return runs

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

    def _create(
        self,
        export: Export,
        snapshots: Sequence[Snapshot],
        trigger: Trigger,
        cause: str,
        at: datetime,
        requested_by: str,
        *,
        full: bool,
    ) -> Run:
        wanted_id = run_id(export.id, cause, at)
        if known := self._stores.runs.find(wanted_id):
            return known.record
        # Of two creators at once, the plan of the first one counts for both.
        wanted = Plan(export=export, snapshots=tuple(snapshots)).model_dump_json().encode()
        plan = Plan.model_validate_json(self._state.write_once(places.plan(wanted_id), wanted))
        if plan.export.connection_id is None:
            raise Conflict(
                f"The export '{plan.export.name}' has no connection.",
                code="no-connection",
                remedy="Give it a connection first.",
            )
        connection = self._stores.connections.find(plan.export.connection_id)
        run = Run(
            id=wanted_id,
            export_id=export.id,
            export_name=plan.export.name,
            connection_id=plan.export.connection_id,
            trigger=trigger,
            requested_by=requested_by,
            run_as=connection.record.export_user.name
            if connection and connection.record.export_user
            else None,
            full=full,
            segments=_planned_segments(plan),
            warnings=() if trigger is Trigger.UPLOAD else _missing_segments(plan),
            created_at=self._clock(),
        )
        try:
            self._stores.runs.add(run.id, run)
        except Conflict:
            return self._stores.runs.get(run.id).record
        remember_run(self._stores, run)
        self._journal.note_run("queued", run)
        return run

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


def _planned_segments(plan: Plan) -> tuple[SegmentRun, ...]:
    return tuple(
        SegmentRun(name=choice.name, list_title=choice.list_title, snapshot_id=snapshot.id)
        for snapshot in plan.snapshots
        if (choice := plan.export.segment(snapshot.segment))
    )


def _missing_segments(plan: Plan) -> tuple[str, ...]:
    """Say which segments of the export are not part of the run, since nothing has arrived for them."""
    arrived = {snapshot.segment for snapshot in plan.snapshots}
    missing = [choice.name for choice in plan.export.segments if choice.name not in arrived]
    return tuple(f"No file has arrived yet for the segment '{name}'." for name in missing)


def is_unstarted(run: Run) -> bool:
    """Tell whether a run still has to be given to the orchestration."""
    return run.status is RunStatus.QUEUED
