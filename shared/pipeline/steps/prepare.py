"""Prepare the push: guard the limit, make the lists, learn about the account."""

from collections.abc import Mapping

from pydantic import Field

from shared.domain.connection import Connection
from shared.domain.destination import Session
from shared.domain.errors import Conflict
from shared.domain.record import Record
from shared.domain.run import Counts, Failure, Stage
from shared.pipeline import places
from shared.pipeline.pushing import read_batches
from shared.pipeline.staging import Staged
from shared.pipeline.steps.context import RunContext
from shared.pipeline.workspace import open_database, scratch_folder


class PrepareTask(Record):
    run_id: str
    staged: tuple[Staged, ...]


class Prepared(Record):
    """``lists`` holds the list's id of every segment that has something to send. ``failure`` = over the limit."""

    failure: Failure | None = None
    lists: dict[str, str] = Field(default_factory=dict)


def prepare(context: RunContext, task: PrepareTask) -> Prepared:
    """Guard the limit, make sure the lists exist, and learn about the account what is not known yet."""
    run = context.go_on(task.run_id)
    connection = context.connection(run)
    counts = sum((staged.counts for staged in task.staged), Counts(calls=run.counts.calls))
    limit = context.max_profiles(connection)
    distinct = _count_distinct(context, task.staged, counts.profiles, limit)
    if distinct > limit:
        context.change(run.id, counts=counts)
        return Prepared(
            failure=Failure(
                code="over-limit",
                message=f"The run has {distinct:,} profiles; at most {limit:,} may be exported at once. "
                "Nothing was sent.",
                remedy="Spread the people over several smaller segments and exports, or have the limit raised.",
            )
        )
    if any(staged.counts.to_send and not staged.chunks for staged in task.staged):
        raise Conflict(
            "The limit of profiles was raised while the run was reading its segments.",
            code="limit-changed",
            remedy="Run the export again.",
        )
    if counts.to_send == 0:
        context.change(run.id, counts=counts, stage=Stage.FINISHING)
        return Prepared()
    lists: dict[str, str] = {}
    with context.session(run, connection) as session:
        for staged in task.staged:
            if staged.chunks == 0:
                continue
            segment = next(segment for segment in run.segments if segment.name == staged.segment)
            lists[staged.segment] = segment.list_id or session.ensure_list(segment.list_title)
        if not connection.learnt and lists:
            _learn(context, session, connection, task.staged, lists)
        counts = counts.model_copy(update={"calls": counts.calls + session.calls})
    context.change(
        run.id,
        counts=counts,
        stage=Stage.PUSHING,
        pushing_at=context.clock(),
        segments=tuple(
            segment.model_copy(update={"list_id": lists.get(segment.name, segment.list_id)})
            for segment in run.segments
        ),
    )
    return Prepared(lists=lists)


def _learn(
    context: RunContext,
    session: Session,
    connection: Connection,
    staged_segments: tuple[Staged, ...],
    lists: Mapping[str, str],
) -> None:
    for staged in staged_segments:
        if staged.segment not in lists:
            continue
        sample = [profile for profile in read_batches(context.state, staged.folder, 0)[0] if profile.joins]
        if learnt := session.learn(lists[staged.segment], sample):
            _remember_learnt(context, connection, learnt)
            return


def _remember_learnt(context: RunContext, connection: Connection, learnt: Mapping[str, bool]) -> None:
    context.stores.connections.change(
        connection.id, lambda present: present.model_copy(update={"learnt": {**present.learnt, **learnt}})
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
