"""Finish: ledgers, rejects and the run record. It runs after every run, however that went."""

from collections.abc import Iterator

from pydantic import Field

from shared.domain.connection import ConnectionStatus
from shared.domain.errors import NotFound, Unauthorized
from shared.domain.record import Record
from shared.domain.run import Counts, Failure, Run, RunStatus, Stage, add_reasons
from shared.pipeline import places
from shared.pipeline.rejects import header_line
from shared.pipeline.settling import settle
from shared.pipeline.staging import Staged
from shared.pipeline.steps.context import RunContext

_FILE_CHANGED = "file-changed"
_OVERTAKEN = "A newer file has taken its place and has a run of its own."


class FinishTask(Record):
    """``complete`` is True when every chunk was answered to its end."""

    run_id: str
    staged: tuple[Staged, ...] = ()
    failure: Failure | None = None
    complete: bool = False


class Finished(Record):
    status: RunStatus
    counts: Counts = Counts()
    rejected: dict[str, int] = Field(default_factory=dict)


def finish(context: RunContext, task: FinishTask) -> Finished:
    """Write ledgers, rejects and the run record; leave the lane. Whatever happened before, this tells it."""
    run = context.run(task.run_id)
    if run.status.ended:
        _tidy(context, run)
        return Finished(status=run.status, counts=run.counts, rejected=run.rejected)
    context.change(run.id, stage=Stage.FINISHING)
    counts = sum((staged.counts for staged in task.staged), Counts())
    rejected = add_reasons(*(staged.rejected for staged in task.staged))
    plan = context.plan(run)
    by_segment = {staged.segment: staged for staged in task.staged}
    for segment in run.segments:
        settled = settle(context, run, plan, segment.name, segment.list_id, by_segment.get(segment.name))
        counts += Counts(sent=settled.sent, refused=sum(settled.refused.values()), removed=settled.removed)
        rejected = add_reasons(rejected, settled.refused, settled.not_removed)
    context.state.write(places.rejects(run.id), _all_rejects(context, run, task))
    live = context.stores.runs.progress(run.id)
    calls = run.counts.calls + live.calls
    failure, warnings = task.failure or run.failure, run.warnings
    ending = RunStatus.SUCCESSFUL if task.complete else RunStatus.CANCELED
    if failure and _is_overtaken(context, run, failure):
        ending, warnings, failure = RunStatus.SKIPPED, (*warnings, f"{failure.message} {_OVERTAKEN}"), None
    _note_refused_key(context, run, failure)
    ended = context.change(
        run.id,
        status=RunStatus.FAILED if failure else ending,
        stage=Stage.DONE,
        failure=failure,
        warnings=warnings,
        counts=counts.model_copy(update={"calls": calls}),
        rejected=rejected,
        dropped_values=add_reasons(*(staged.dropped_values for staged in task.staged)),
        ended_at=context.clock(),
    )
    _tidy(context, run)
    return Finished(status=ended.status, counts=ended.counts, rejected=ended.rejected)


def _is_overtaken(context: RunContext, run: Run, failure: Failure) -> bool:
    """Tell whether a file was gone because a newer one has arrived, whose own run sends its people."""
    if failure.code != _FILE_CHANGED:
        return False
    found = [(segment, context.stores.segments.find(segment.name)) for segment in run.segments]
    return any(known and known.record.snapshot.id != segment.snapshot_id for segment, known in found)


def _all_rejects(context: RunContext, run: Run, task: FinishTask) -> Iterator[bytes]:
    yield header_line()
    names = [places.staged_rejects(staged.folder) for staged in task.staged]
    names += [places.refused(run.id, segment.name) for segment in run.segments]
    for name in names:
        try:
            yield from context.state.stream(name)
        except NotFound:
            continue


def _note_refused_key(context: RunContext, run: Run, failure: Failure | None) -> None:
    if failure and failure.code in (Unauthorized.code, "secret-unavailable"):
        context.stores.connections.change(
            run.connection_id,
            lambda present: present.model_copy(update={"status": ConnectionStatus.NEEDS_ATTENTION}),
        )


def _tidy(context: RunContext, run: Run) -> None:
    context.stores.lanes.leave(run.connection_id, run.id)
    context.stores.runs.forget_progress(run.id)
    for folder in places.working_folders(run.id):
        context.state.remove(context.state.names(folder))
