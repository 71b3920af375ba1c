"""Run orders: who may start runs of which exports, on what, and for what cause.

A run that is created here still has to be given to the orchestration.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.domain.access import Principal
from shared.domain.errors import Conflict
from shared.domain.export import Export
from shared.domain.identifiers import new_id, run_id
from shared.domain.ports import StateBlobs, Stores
from shared.domain.record import Clock
from shared.domain.run import Plan, Run, SegmentRun, Trigger
from shared.domain.segment import Snapshot
from shared.pipeline import places
from shared.pipeline.journal import Journal
from shared.pipeline.standings import remember_run


class NewRun(BaseModel):
    """``full`` sends everybody again, not only new and changed people."""

    model_config = ConfigDict(extra="forbid")
    full: bool = False
    segments: list[Annotated[str, StringConstraints(min_length=1)]] | None = Field(
        default=None, description="Only these segments of the export; absent = all that have arrived."
    )


class RunOrders:
    """Use cases that create runs. The same cause always gives the same run."""

    def __init__(self, stores: Stores, state: StateBlobs, journal: Journal, clock: Clock) -> None:
        self._stores, self._state, self._journal, self._clock = stores, state, journal, clock

    def on_demand(
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

    def for_arrival(self, snapshots: Sequence[Snapshot]) -> list[Run]:
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

    def for_refresh(self, slot: datetime) -> list[Run]:
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
