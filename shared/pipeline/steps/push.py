"""Push one chunk."""

from shared.domain.connection import Connection
from shared.domain.destination import Session
from shared.domain.run import Counts, Run, Stage
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
    return push_in(context.session(run, connection, proven=task.proven), context, run, connection, task)


def push_in(
    session: Session, context: RunContext, run: Run, connection: Connection, task: PushTask
) -> Pushed:
    """Push one chunk, or a part of it, and keep what that teaches about the account."""
    held_at, part = context.clock(), _name_part(task)

    def report(counts: Counts) -> None:
        # Batches that were begun are ended, and at a slow pace that may take longer than the lane is held for. When
        # the clock was set meanwhile, or the machine slept, another run may have taken it: then nothing more is begun.
        nonlocal held_at
        if abs((context.clock() - held_at).total_seconds()) > _HOLD_LANE_EVERY_S:
            held_at = context.clock()
            context.hold_lane(run)
        context.stores.runs.report(run.id, part, counts)

    push = ChunkPush(
        session,
        context.state,
        task,
        threads=context.limits.push_threads,
        turn_s=_TURN_S,
        report=report,
        accepts_others=lambda: context.accepts_others(run),
    )
    pushed = push.run()
    if not pushed.failure:
        context.remember_learnt(connection, session)
    elif not pushed.retryable:
        context.change(run.id, failure=pushed.failure)
    return pushed


def _name_part(task: PushTask) -> str:
    """Name what a turn is to do: when it is repeated, its counts take the place of those of the first time."""
    verb = "remove" if task.removals else "push"
    batches = "all" if task.pending is None else f"{len(task.pending)} from {min(task.pending, default=0)}"
    return f"{verb} {task.segment} {task.chunk} {batches}"
