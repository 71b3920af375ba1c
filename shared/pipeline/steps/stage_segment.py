"""Stage one segment of a run."""

from uuid import uuid4

from shared.domain.destination import Stopped
from shared.domain.record import Record
from shared.domain.run import Counts, Plan, Run, Stage
from shared.domain.segment import Snapshot, renewed_counts
from shared.pipeline import places
from shared.pipeline.row_log import RowLog, RowNotes
from shared.pipeline.staging.order import StageLimits, StageOrder
from shared.pipeline.staging.stage import Staged, stage
from shared.pipeline.steps.context import RunContext

_LOOKED_BACK = 50
"""Runs in which to look for one that has filled the list."""


class StageTask(Record):
    run_id: str
    segment: str


def stage_segment(context: RunContext, task: StageTask) -> Staged:
    """Stage one segment of the run."""
    run = context.go_on(task.run_id)
    context.enter(run.id, Stage.STAGING, task.segment)
    plan = context.plan(run)
    stop = context.stop_watch(run)

    def on_progress(rows: int) -> None:
        context.hold_lane(run)
        context.stores.runs.report(run.id, f"stage {task.segment}", Counts(rows=rows))
        if stop():
            raise Stopped

    order = _make_order(context, run, plan, task.segment)
    known = context.limits
    limits = StageLimits(known.stage_memory_mb, known.stage_max_file_mb, known.max_listed_bytes)
    staged = stage(order, context.segments, context.state, limits, on_progress)
    if run.retries is None and not run.dry:
        _remember_counts(context, order.snapshot, staged.counts)
    return staged


def _make_order(context: RunContext, run: Run, plan: Plan, segment: str) -> StageOrder:
    connection, export = context.connection(run), plan.export
    destination = context.destinations[connection.destination]
    list_id = next(each.list_id for each in run.segments if each.name == segment)
    ledger = places.ledger(run.export_id, segment, list_id) if list_id else None
    is_logged = context.limits.row_log is not RowLog.OFF
    return StageOrder(
        snapshot=plan.snapshot(segment),
        folder=places.stage_folder(run.id, segment, uuid4().hex[:8]),
        email_column=export.email_column,
        consent_column=export.consent_column,
        fields=export.fields,
        make_encoder=destination.encoder,
        ledger=ledger,
        ledger_lost=ledger is not None and _is_lost(context, run, segment, list_id, ledger),
        suppression=places.suppression(connection.id),
        retry_set=run.retries and places.retry_set(run.retries, segment),
        leavers=export.leavers,
        full=run.full,
        max_profiles=context.max_profiles(connection),
        batch_size=destination.batch_size,
        batches_per_chunk=context.limits.batches_per_chunk,
        keep_profiles=len(run.segments) > 1,
        take_notes=(lambda path: RowNotes(path, run, segment, context.clock())) if is_logged else None,
    )


def _is_lost(context: RunContext, run: Run, segment: str, list_id: str | None, ledger: str) -> bool:
    """Tell whether an earlier run has put people on the list, and nothing says whom."""
    if context.state.names(ledger):
        return False
    earlier, _ = context.stores.runs.page_of(run.export_id, _LOOKED_BACK)
    return any(
        known.counts.sent and any((each.name, each.list_id) == (segment, list_id) for each in known.segments)
        for known in earlier
        if known.id != run.id
    )


def _remember_counts(context: RunContext, snapshot: Snapshot, counts: Counts) -> None:
    # Its record may have been removed meanwhile, since the export no longer carries it.
    if context.stores.segments.find(snapshot.segment):
        context.stores.segments.change(
            snapshot.segment,
            lambda present: renewed_counts(present, snapshot.id, counts.profiles, counts.rows),
        )
