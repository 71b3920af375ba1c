"""New runs: an order becomes a run record with a plan that later edits do not reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.errors import Conflict
from shared.domain.export import Export
from shared.domain.identifiers import run_id
from shared.domain.ports import StateBlobs, Stores
from shared.domain.record import Clock
from shared.domain.run import Plan, Run, SegmentRun, Trigger
from shared.domain.segment import Snapshot
from shared.pipeline import places
from shared.pipeline.journal import Journal
from shared.pipeline.standings import remember_run


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run, and why. ``cause`` and ``at`` make the run's id; ``segments`` are those that are wanted,
    whether or not they have arrived."""

    trigger: Trigger
    cause: str
    at: datetime
    requested_by: str
    segments: Sequence[str]
    full: bool = False
    dry: bool = False
    retries: str | None = None
    attempt: int = 1


class NewRuns:
    """Creates runs, each once."""

    def __init__(self, stores: Stores, state: StateBlobs, journal: Journal, clock: Clock) -> None:
        self._stores, self._state, self._journal, self._clock = stores, state, journal, clock

    def create(self, export: Export, snapshots: Sequence[Snapshot], order: Order) -> Run:
        """Return the run of an order; the same export, cause and moment give the same run.

        Raises Conflict when the export has no connection, or there are no snapshots.
        """
        wanted_id = run_id(export.id, order.cause, order.at)
        if known := self._stores.runs.find(wanted_id):
            if (known.record.full, known.record.dry) != (order.full, order.dry):
                raise Conflict(
                    "The same Idempotency-Key was used for another kind of run.",
                    code="request-key-reused",
                    remedy="Send a key of its own with each request.",
                )
            return known.record
        if export.connection_id is None:
            raise Conflict(
                f"The export '{export.name}' has no connection.",
                code="no-connection",
                remedy="Give it a connection first.",
            )
        if not snapshots:
            raise Conflict(
                f"No file has arrived yet for the segments of '{export.name}': {', '.join(order.segments[:5])}.",
                code="segment-not-arrived",
                remedy=f"Upload a file to '{order.segments[0]}/' in the segment container.",
            )
        # Of two creators at once, the plan of the first one counts for both.
        wanted = Plan(export=export, snapshots=tuple(snapshots)).model_dump_json().encode()
        plan = Plan.model_validate_json(self._state.write_once(places.plan(wanted_id), wanted))
        connection_id = plan.export.connection_id or export.connection_id
        connection = self._stores.connections.find(connection_id)
        user = connection.record.export_user if connection else None
        run = Run(
            id=wanted_id,
            export_id=export.id,
            export_name=plan.export.name,
            connection_id=connection_id,
            trigger=order.trigger,
            requested_by=order.requested_by,
            run_as=user.name if user else None,
            full=order.full,
            dry=order.dry,
            retries=order.retries,
            attempt=order.attempt,
            segments=_planned_segments(plan),
            warnings=_missing_segments(plan, order.segments),
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


def _missing_segments(plan: Plan, wanted: Sequence[str]) -> tuple[str, ...]:
    """Say which of the wanted segments are not part of the run, since nothing has arrived for them."""
    arrived = {snapshot.segment for snapshot in plan.snapshots}
    return tuple(
        f"No file has arrived yet for the segment '{name}'." for name in wanted if name not in arrived
    )
