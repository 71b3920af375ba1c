"""Stage one segment of a run."""

from uuid import uuid4

from shared.domain.destination import Stopped
from shared.domain.record import Record
from shared.domain.run import Counts
from shared.pipeline import places
from shared.pipeline.staging import Staged, StageLimits, StageOrder, stage
from shared.pipeline.steps.context import RunContext


class StageTask(Record):
    run_id: str
    segment: str


def stage_segment(context: RunContext, task: StageTask) -> Staged:
    """Stage one segment of the run."""
    run = context.go_on(task.run_id)
    plan, connection = context.plan(run), context.connection(run)
    destination = context.destinations[connection.destination]
    list_id = next(segment.list_id for segment in run.segments if segment.name == task.segment)
    stop = context.stop_watch(run)

    def on_progress(rows: int) -> None:
        context.hold_lane(run)
        context.stores.runs.report(run.id, f"stage {task.segment}", Counts(rows=rows))
        if stop():
            raise Stopped

    order = StageOrder(
        snapshot=plan.snapshot(task.segment),
        folder=places.stage_folder(run.id, task.segment, uuid4().hex[:8]),
        email_column=plan.export.email_column,
        encoder=destination.encoder(plan.export.fields),
        ledger=list_id and places.ledger(run.export_id, task.segment, list_id),
        full=run.full,
        max_profiles=context.max_profiles(connection),
        batch_size=destination.batch_size,
        batches_per_chunk=context.limits.batches_per_chunk,
        keep_profiles=len(run.segments) > 1,
    )
    limits = StageLimits(context.limits.stage_memory_mb, context.limits.stage_max_file_mb)
    staged = stage(order, context.segments, context.state, limits, on_progress)
    _remember_segment(context, task.segment, order.snapshot.id, staged)
    return staged.model_copy(update={"columns": ()})


def _remember_segment(context: RunContext, name: str, snapshot_id: str, staged: Staged) -> None:
    context.stores.segments.change(
        name,
        lambda present: (
            present
            if present.snapshot.id != snapshot_id
            else present.model_copy(update={"profiles": staged.counts.profiles, "columns": staged.columns})
        ),
    )
