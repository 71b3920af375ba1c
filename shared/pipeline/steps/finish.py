"""Finish: ledgers, rejects and the run record. It runs after every run, however that went."""

from collections.abc import Iterator, Mapping

from pydantic import Field

from shared import telemetry
from shared.domain.connection import ConnectionStatus
from shared.domain.errors import SecretUnavailable, Unauthorized
from shared.domain.record import Record
from shared.domain.run import (
    Counts,
    Decision,
    Failure,
    Run,
    RunStatus,
    SegmentRun,
    Stage,
    add_reasons,
    count_faults,
)
from shared.domain.standing import ListSize
from shared.pipeline import places
from shared.pipeline.settling import Settled, settle
from shared.pipeline.staging.stage import Staged
from shared.pipeline.standings import count_run, remember_lists, remember_run
from shared.pipeline.steps.context import RunContext
from shared.pipeline.steps.overtaken import has_newer_file
from shared.pipeline.steps.rejects_file import write_rejects
from shared.pipeline.steps.retrying import MINUTE, plan_retry
from shared.pipeline.steps.timing import leave

_FILE_CHANGED = "file-changed"
_KEY_PROBLEMS = (Unauthorized.code, SecretUnavailable.code)
_OVERTAKEN = "A newer file has taken its place."
_OVERTAKEN_IN_WAIT = "While it waited, a newer file has got a run of its own. Nothing was sent."
_OVERTAKEN_IN_SENDING = "While it waited, a newer file has got a run of its own. The rest was not sent."


class FinishTask(Record):
    """``complete`` is True when every chunk was answered to its end, ``overtaken`` when a newer run made this one
    needless while it waited."""

    run_id: str
    staged: tuple[Staged, ...] = ()
    failure: Failure | None = None
    complete: bool = False
    overtaken: bool = False


class Finished(Record):
    status: RunStatus
    counts: Counts = Counts()
    rejected: dict[str, int] = Field(default_factory=dict)


def finish(context: RunContext, task: FinishTask) -> Finished:
    """Write ledgers, rejects and the run record; leave the lane. Whatever happened before, this tells it."""
    run = context.run(task.run_id)
    telemetry.tell_run(run)
    if not run.status.ended:
        run = _end(context, task, context.enter(run.id, Stage.FINISHING))
        context.journal.note_run("ended", run)
        telemetry.count_run(run)
    _tell(context, run)
    _tidy(context, run)
    return Finished(status=run.status, counts=run.counts, rejected=run.rejected)


def _end(context: RunContext, task: FinishTask, run: Run) -> Run:
    counts = sum((staged.counts for staged in task.staged), Counts())
    rejected = add_reasons(*(staged.rejected for staged in task.staged))
    lists, said = [], [warning for staged in task.staged for warning in staged.warnings]
    for segment, settled in _settle_all(context, task, run):
        if settled.people is not None:
            lists.append(
                ListSize(
                    segment=segment.name,
                    list_title=segment.list_title,
                    people=settled.people,
                    at=context.clock(),
                )
            )
        counts += Counts(sent=settled.sent, refused=sum(settled.refused.values()), removed=settled.removed)
        rejected = add_reasons(rejected, settled.refused, settled.not_removed)
        said += settled.warnings
    # Before the run has ended: a repetition after that does not settle again.
    remember_lists(context.stores, run.export_id, lists)
    write_rejects(context, run, task.staged)
    calls = run.counts.calls + context.stores.runs.progress(run.id).calls
    status, failure, remarks = _judge(context, task, run, rejected)
    if failure and not run.dry:
        _note_key(context, run, failure)
    ending = {
        "status": status,
        "failure": failure,
        "counts": counts.model_copy(update={"calls": calls}),
        "rejected": rejected,
        "dropped_values": add_reasons(*(staged.dropped_values for staged in task.staged)),
        "warnings": tuple(dict.fromkeys((*run.warnings, *said, *remarks))),
        "ended_at": context.clock(),
        "trace_id": run.trace_id or telemetry.trace_id(),
    }
    return context.stores.runs.change(
        run.id, lambda present: leave(present, Stage.DONE, context.clock()).model_copy(update=ending)
    )


def _settle_all(context: RunContext, task: FinishTask, run: Run) -> Iterator[tuple[SegmentRun, Settled]]:
    """What was answered becomes part of the ledgers; where nobody was sent, nothing does."""
    if run.dry or run.status is RunStatus.WAITING_FOR_APPROVAL:
        return
    plan, staged = context.plan(run), {one.segment: one for one in task.staged}
    for segment in run.segments:
        yield (
            segment,
            settle(context, run, plan, segment.name, segment.list_id, staged.get(segment.name)),
        )


def _judge(
    context: RunContext, task: FinishTask, run: Run, rejected: Mapping[str, int]
) -> tuple[RunStatus, Failure | None, tuple[str, ...]]:
    """Return how the run ends, why, and what else there is to say about it."""
    failure = task.failure or run.failure
    if task.overtaken:
        return RunStatus.SKIPPED, None, (_OVERTAKEN_IN_SENDING if run.pushing_at else _OVERTAKEN_IN_WAIT,)
    if failure is None and task.complete:
        faulty = count_faults(rejected) > 0
        return RunStatus.SUCCESSFUL_WITH_REJECTS if faulty else RunStatus.SUCCESSFUL, None, ()
    if failure is None:
        return RunStatus.CANCELED, None, _explain_cancellation(run)
    if failure.code == _FILE_CHANGED and has_newer_file(context, run):
        return RunStatus.SKIPPED, None, (f"{failure.message} {_OVERTAKEN}",)
    return RunStatus.FAILED, failure, plan_retry(context, run, failure)


def _explain_cancellation(run: Run) -> tuple[str, ...]:
    approval = run.approval
    if run.cancel_requested_by:
        return (f"{run.cancel_requested_by} cancelled the run.",)
    if approval and approval.decision is Decision.REFUSED:
        return (f"{approval.decided_by} refused what the run was going to do. Nothing was sent.",)
    if approval and approval.decision is Decision.EXPIRED:
        return (f"Nobody approved the run until {approval.expires_at:{MINUTE}}. Nothing was sent.",)
    return ()


def _tell(context: RunContext, run: Run) -> None:
    """Tell whoever has to know. It is repeated rather than left out when a worker is lost here."""
    remember_run(context.stores, run)
    count_run(context.stores, run)
    if not run.dry:
        context.alerts.note_run(run)


def _note_key(context: RunContext, run: Run, failure: Failure) -> None:
    """Mark a connection whose key is no good; an outage of the vault passes. Whoever sees that the run has ended sees
    that, too."""
    if failure.code not in _KEY_PROBLEMS or failure.transient:
        return
    if context.stores.connections.find(run.connection_id):
        context.stores.connections.change(
            run.connection_id,
            lambda present: present.model_copy(update={"status": ConnectionStatus.NEEDS_ATTENTION}),
        )
        context.alerts.note_connection(run.connection_id, failure.message)


def _tidy(context: RunContext, run: Run) -> None:
    context.stores.lanes.leave(run.connection_id, run.id)
    context.stores.runs.forget_progress(run.id)
    for folder in places.working_folders(run.id):
        context.state.remove(context.state.names(folder))
