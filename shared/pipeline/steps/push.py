"""Push one chunk."""

from shared.domain.run import Counts, Stage
from shared.pipeline.pushing.chunk_push import ChunkPush, Pushed, PushTask
from shared.pipeline.steps.context import RunContext

_TURN_S = 60.0
_HOLD_LANE_EVERY_S = 60.0


def push(context: RunContext, task: PushTask) -> Pushed:
    """Push or remove one chunk, or a part of it. A failure that ends the run also stops the other workers."""
    run = context.go_on(task.run_id)
    connection = context.connection(run)
    if task.removals and run.stage is not Stage.REMOVING:
        context.enter(run.id, Stage.REMOVING)
    verb, size = "remove" if task.removals else "push", "all" if task.pending is None else len(task.pending)
    part = f"{verb} {task.segment} {task.chunk} {size}"
    held_at = context.clock()

    def report(counts: Counts) -> None:
        # Batches that were begun are ended, and at a slow pace that may take longer than the lane is held for.
        nonlocal held_at
        if (context.clock() - held_at).total_seconds() > _HOLD_LANE_EVERY_S:
            held_at = context.clock()
            context.hold_lane(run)
        context.stores.runs.report(run.id, part, counts)

    push = ChunkPush(
        context.session(run, connection),
        context.state,
        task,
        threads=context.limits.push_threads,
        turn_s=_TURN_S,
        report=report,
    )
    pushed = push.run()
    if pushed.failure and not pushed.retryable:
        context.change(run.id, failure=pushed.failure)
    return pushed
