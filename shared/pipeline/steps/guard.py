"""Guard: between reading and sending. Too many profiles end a run; too many leavers or rejects make it ask a person."""

from datetime import timedelta

from shared.domain.destination import Stopped
from shared.domain.errors import Conflict
from shared.domain.record import Record
from shared.domain.run import Approval, Counts, Decision, Failure, Run, RunStatus, Stage
from shared.pipeline import places
from shared.pipeline.leaving import drop_still_wanted
from shared.pipeline.staging.stage import Staged
from shared.pipeline.standings import remember_run
from shared.pipeline.steps.bookmark import Bookmark, keep_bookmark
from shared.pipeline.steps.context import RunContext
from shared.pipeline.steps.rejects_file import write_rejects
from shared.pipeline.steps.timing import enter, is_past, leave
from shared.pipeline.trip_wire import find_reasons, find_toll
from shared.pipeline.workspace import open_database, scratch_folder

APPROVAL_DAYS = 7


class GuardTask(Record):
    run_id: str
    staged: tuple[Staged, ...]


class Guarded(Record):
    """``staged`` is what is left to be done. ``failure`` = over the limit. ``asked`` is the round of the approval that
    the run has to wait for; nothing is left to be sent then, since it will be read anew."""

    staged: tuple[Staged, ...] = ()
    failure: Failure | None = None
    asked: int | None = None


def guard(context: RunContext, task: GuardTask) -> Guarded:
    """Guard the limit and the trip-wire. A dry run only says that it would wait."""
    run = context.run(task.run_id)
    if run.status is RunStatus.WAITING_FOR_APPROVAL:
        return _wait(context, run, task.staged)
    run = context.go_on(task.run_id)
    if failure := _find_excess(context, run, task.staged):
        context.change(run.id, counts=_counts(run, task.staged))
        return Guarded(staged=task.staged, failure=failure)
    staged = drop_still_wanted(context, run, task.staged)
    counts, wire = _counts(run, staged), context.plan(run).export.trip_wire
    reasons = find_reasons(wire, staged, run.approval)
    if reasons and not run.dry:
        asked = _ask(context, run, staged, reasons)
        if asked.status is not RunStatus.WAITING_FOR_APPROVAL:
            raise Stopped
        return _wait(context, asked, staged)
    warnings = tuple(f"A real run would wait for approval: {reason}" for reason in reasons)
    context.stores.runs.change(
        run.id,
        lambda present: leave(present, Stage.STAGING, context.clock()).model_copy(
            update={
                "counts": counts,
                "warnings": (*present.warnings, *(each for each in warnings if each not in present.warnings)),
            }
        ),
    )
    return Guarded(staged=staged)


def _counts(run: Run, staged: tuple[Staged, ...]) -> Counts:
    return sum((one.counts for one in staged), Counts(calls=run.counts.calls))


def _find_excess(context: RunContext, run: Run, staged: tuple[Staged, ...]) -> Failure | None:
    limit = context.max_profiles(context.connection(run))
    distinct = _count_distinct(context, staged, _counts(run, staged).profiles, limit)
    if distinct > limit:
        return Failure(
            code="over-limit",
            message=f"The run has {distinct:,} profiles; at most {limit:,} may be exported at once. "
            "Nothing was sent.",
            remedy="Spread the people over several smaller segments and exports, or have the limit raised.",
        )
    if any(one.counts.to_send and not one.chunks for one in staged):
        raise Conflict(
            "The limit of profiles was raised while the run was reading its segments.",
            code="limit-changed",
            remedy="Run the export again.",
        )
    return None


def _ask(context: RunContext, run: Run, staged: tuple[Staged, ...], reasons: list[str]) -> Run:
    toll, now, known = find_toll(staged), context.clock(), run.approval
    if known and known.decision is Decision.APPROVED:
        more = f"It is more than {known.decided_by} approved: {known.removals:,} removals, {known.rejects:,} rejects."
        reasons = [more, *reasons]

    def ask(present: Run) -> Run:
        if is_past(present, Stage.APPROVAL):
            return present
        approval = Approval(
            round=present.approval.round + 1 if present.approval else 1,
            reasons=tuple(reasons),
            removals=toll.removals,
            rejects=toll.rejects,
            asked_at=now,
            expires_at=now + timedelta(days=APPROVAL_DAYS),
        )
        return enter(present, Stage.APPROVAL, now).model_copy(
            update={
                "status": RunStatus.WAITING_FOR_APPROVAL,
                "approval": approval,
                "counts": _counts(run, staged),
            }
        )

    return context.stores.runs.change(run.id, ask)


def _wait(context: RunContext, run: Run, staged: tuple[Staged, ...]) -> Guarded:
    """Let others have the connection. Nobody's data waits for days: of what was read only the rejects stay."""
    write_rejects(context, run, staged)
    kept = {places.staged_rejects(one.folder) for one in staged}
    for folder in places.working_folders(run.id):
        context.state.remove([name for name in context.state.names(folder) if name not in kept])
    context.stores.lanes.leave(run.connection_id, run.id)
    context.journal.note_run("waiting", run)
    remember_run(context.stores, run)
    context.alerts.note_run(run)
    left = tuple(one.model_copy(update={"chunks": 0, "leaver_chunks": 0}) for one in staged)
    keep_bookmark(context.state, run.id, Bookmark(staged=left))
    return Guarded(
        staged=left,
        asked=run.approval.round if run.approval else None,
    )


def _count_distinct(context: RunContext, staged: tuple[Staged, ...], total: int, limit: int) -> int:
    """People in several segments count once; looked at only when it matters."""
    if total <= limit or len(staged) == 1:
        return total
    with scratch_folder() as scratch, open_database(scratch, context.limits.stage_memory_mb) as database:
        paths = [scratch / f"profiles-{number}.parquet" for number in range(len(staged))]
        for one, path in zip(staged, paths, strict=True):
            context.state.download(places.staged_profiles(one.folder), path)
        files = ", ".join(f"'{path}'" for path in paths)
        return int(
            database.execute(f"select count(distinct email) from read_parquet([{files}])").fetchall()[0][0]
        )
