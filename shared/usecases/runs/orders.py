"""Run orders: who may start runs of which exports, on what, and for what cause.

A run that is created here still has to be given to the orchestration. The same cause always gives the same run.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.domain.access import Principal, Role
from shared.domain.errors import Conflict, Forbidden, NotFound
from shared.domain.export import Export
from shared.domain.identifiers import new_id
from shared.domain.ports import StateBlobs, Stores
from shared.domain.record import Clock
from shared.domain.run import Plan, Run, Trigger
from shared.domain.schedule import Recurrence
from shared.domain.segment import Snapshot
from shared.pipeline import places
from shared.pipeline.journal import Journal
from shared.usecases.runs.new_runs import NewRuns, Order

SegmentName = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class NewRun(BaseModel):
    """``full`` sends everybody again and puts them on their list again, not only new and changed people. ``dry`` counts
    and shows, and sends nothing."""

    model_config = ConfigDict(extra="forbid")
    full: bool = False
    dry: bool = False
    segments: list[SegmentName] | None = Field(
        default=None,
        max_length=100,
        description="Only these segments of the export; absent = all that have arrived.",
    )


class PassedOver(BaseModel):
    """An export that was not run, and why."""

    export_id: str
    export_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class RunsOfAll:
    """What came of an order to run everything."""

    runs: tuple[Run, ...]
    passed_over: tuple[PassedOver, ...]


class RunOrders:
    """Use cases that create runs."""

    def __init__(self, stores: Stores, state: StateBlobs, journal: Journal, clock: Clock) -> None:
        self._stores, self._state, self._journal, self._clock = stores, state, journal, clock
        self._new = NewRuns(stores, state, journal, clock)

    def on_demand(
        self, export_id: str, order: NewRun, principal: Principal, request_key: str | None = None
    ) -> Run:
        """Create a run of an export now, whether it is active or not. The same ``request_key`` gives the same run.

        Raises NotFound, Forbidden, and Conflict when the export has no connection or nothing of it has arrived.
        """
        with self._journal.audited(principal, "export.run", export_id) as details:
            export = self._stores.exports.get(export_id).record
            self._require_use(export, principal)
            wanted = _chosen_segments(export, order.segments)
            cause, at = self._request(export_id, request_key)
            run = self._new.create(
                export,
                self._arrived(wanted),
                Order(Trigger.ON_DEMAND, cause, at, principal.name, wanted, full=order.full, dry=order.dry),
            )
            details |= {"run": run.id, "full": order.full, "dry": order.dry}
        return run

    def run_all(self, principal: Principal, request_key: str | None = None) -> RunsOfAll:
        """Create a run of every active export over a connection that the principal may use. Raises Forbidden."""
        runs, passed_over = [], []
        with self._journal.audited(principal, "export.run_all") as details:
            principal.require(Role.CONTRIBUTOR)
            cause, at = self._request(f"all/{principal.name}", request_key)
            for export in self._stores.exports.all():
                try:
                    self._require_use(export, principal)
                    if not export.active:
                        raise Conflict("It is not active.")
                    names = _chosen_segments(export, None)
                    order = Order(Trigger.RUN_ALL, cause, at, principal.name, names)
                    runs.append(self._new.create(export, self._arrived(names), order))
                except (Conflict, Forbidden) as problem:
                    passed_over.append(
                        PassedOver(export_id=export.id, export_name=export.name, reason=problem.message)
                    )
            details |= {"runs": len(runs), "passed_over": len(passed_over)}
        return RunsOfAll(tuple(runs), tuple(passed_over))

    def retry_rejects(self, wanted_id: str, principal: Principal, request_key: str | None = None) -> Run:
        """Create a run that sends only those whom a run was to send and did not.

        It sends what the newest files say of them. Raises NotFound, Forbidden, and Conflict when the run goes on, has
        nothing to try again, or went over a connection that the export has no longer.
        """
        run = self._stores.runs.get(wanted_id).record
        with self._journal.audited(principal, "run.retry", run.id) as details:
            export = self._stores.exports.get(run.export_id).record
            self._require_use(export, principal)
            if not run.status.ended:
                raise Conflict(
                    "The run goes on.", code="run-not-ended", remedy="Wait for its end, or cancel it."
                )
            if export.connection_id != run.connection_id:
                raise Conflict(
                    f"The export '{export.name}' no longer has the connection that the run went over.",
                    code="connection-changed",
                    remedy="Run the export: people who are not yet on the list are sent.",
                )
            names = [name for name in _segments_of(run, export) if self._has_retry_set(run.id, name)]
            if not names:
                raise Conflict(
                    "Nobody is left to be sent again.",
                    code="nothing-to-retry",
                    remedy="Rows that are wrong in the file are mended there: upload it again.",
                )
            cause, at = self._request(run.id, request_key)
            order = Order(Trigger.RETRY, cause, at, principal.name, names, retries=run.id)
            retried = self._new.create(export, self._arrived(names), order)
            details["run"] = retried.id
        return retried

    def again(self, run: Run, at: datetime) -> Run | None:
        """Create the next attempt at a run that failed in passing; the same attempt and ``at`` give the same run.

        None when the export is gone, was deactivated since, or has another connection.
        """
        found = self._stores.exports.find(run.export_id)
        if found is None or found.record.connection_id != run.connection_id:
            return None
        export = found.record
        if not export.active and self._ran_by_itself(run):
            return None
        names = _segments_of(run, export)
        if not (snapshots := self._arrived(names)):
            return None
        order = Order(
            Trigger.RETRY,
            f"retry {run.id}",
            at,
            run.requested_by,
            names,
            full=run.full,
            dry=run.dry,
            retries=run.retries,
            attempt=run.attempt + 1,
        )
        return self._new.create(export, snapshots, order)

    def for_arrival(self, snapshots: Sequence[Snapshot]) -> list[Run]:
        """Create one run per snapshot and export that runs when files arrive; repeated notices give the same runs."""
        runs = []
        for export in self._stores.exports.all():
            if runs_on_arrival(export):
                for snapshot in snapshots:
                    if export.segment(snapshot.segment):
                        order = Order(
                            Trigger.UPLOAD, snapshot.id, snapshot.arrived_at, "upload", [snapshot.segment]
                        )
                        runs.append(self._new.create(export, [snapshot], order))
        return runs

    def for_slot(self, export: Export, slot: datetime) -> Run | None:
        """Create the run of a slot of the export's own schedule; None while none of its segments has arrived."""
        return self._create_by_itself(export, Trigger.SCHEDULE, "schedule", slot)

    def for_refresh(self, exports: Iterable[Export], slot: datetime) -> list[Run]:
        """Create the runs of a slot of the refresh, of those exports that follow it and whose segments have arrived."""
        runs = (
            self._create_by_itself(export, Trigger.REFRESH, "refresh", slot)
            for export in exports
            if export.schedule.recurrence is Recurrence.REFRESH
        )
        return [run for run in runs if run]

    def _create_by_itself(
        self, export: Export, trigger: Trigger, requested_by: str, slot: datetime
    ) -> Run | None:
        # It may have been changed since it was listed.
        present = self._stores.exports.find(export.id)
        if present is None or not runs_by_itself(present.record):
            return None
        names = _chosen_segments(present.record, None)
        if not (snapshots := self._arrived(names)):
            return None
        order = Order(trigger, f"{requested_by} {slot.isoformat()}", slot, requested_by, names)
        return self._new.create(present.record, snapshots, order)

    def _request(self, scope: str, request_key: str | None) -> tuple[str, datetime]:
        """Return cause and moment of a person's request; those of the first one when it is repeated."""
        if not request_key:
            return new_id("request"), self._clock()
        at = self._stores.runs.remember_request(f"{scope}/{request_key}", self._clock())
        return f"request {scope}/{request_key}", at

    def _require_use(self, export: Export, principal: Principal) -> None:
        connection = self._stores.connections.find(export.connection_id) if export.connection_id else None
        principal.require_use(connection.record if connection else None)

    def _arrived(self, names: Sequence[str]) -> list[Snapshot]:
        found = [self._stores.segments.find(name) for name in names]
        return [segment.record.snapshot for segment in found if segment]

    def _has_retry_set(self, wanted_id: str, segment: str) -> bool:
        return bool(self._state.names(places.retry_set(wanted_id, segment)))

    def _ran_by_itself(self, run: Run) -> bool:
        """Tell whether the export was active when the run was created, or nobody knows any more."""
        try:
            return Plan.model_validate_json(self._state.read(places.plan(run.id))).export.active
        except NotFound:
            return True


def runs_by_itself(export: Export) -> bool:
    """Tell whether uploads, slots or the refresh start the export at all."""
    return export.active and export.connection_id is not None


def runs_on_arrival(export: Export) -> bool:
    """Tell whether files of its segments start the export."""
    return runs_by_itself(export) and export.schedule.recurrence is Recurrence.REFRESH


def _chosen_segments(export: Export, chosen: Sequence[str] | None) -> list[str]:
    names = [choice.name for choice in export.segments]
    if chosen and (unknown := sorted(set(chosen) - set(names))):
        raise Conflict(
            f"The export '{export.name}' does not carry the segment '{unknown[0]}'.",
            code="segment-not-exported",
        )
    return [name for name in names if not chosen or name in chosen]


def _segments_of(run: Run, export: Export) -> list[str]:
    """Return those segments of a run that the export still carries."""
    return [segment.name for segment in run.segments if export.segment(segment.name)]
