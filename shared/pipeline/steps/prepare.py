"""Prepare the push: make the lists, and learn about the account what is not known yet."""

from collections.abc import Mapping

from pydantic import Field

from shared.domain.connection import Connection
from shared.domain.destination import Session
from shared.domain.record import Record
from shared.domain.run import Counts, Stage
from shared.pipeline.staging.chunks import read_batches
from shared.pipeline.staging.stage import Staged
from shared.pipeline.steps.context import RunContext


class PrepareTask(Record):
    run_id: str
    staged: tuple[Staged, ...]


class Prepared(Record):
    """``lists`` holds the list's id of every segment that has somebody to send or to take off."""

    lists: dict[str, str] = Field(default_factory=dict)


def prepare(context: RunContext, task: PrepareTask) -> Prepared:
    """Make sure the lists exist, and learn about the account what is not known yet."""
    run = context.go_on(task.run_id)
    connection = context.connection(run)
    counts = sum((staged.counts for staged in task.staged), Counts(calls=run.counts.calls))
    known = {segment.name: segment.list_id for segment in run.segments}
    lists = {
        staged.segment: list_id
        for staged in task.staged
        if staged.leaver_chunks and (list_id := known[staged.segment])
    }
    if counts.to_send:
        session = context.session(run, connection)
        for staged in task.staged:
            if staged.chunks == 0:
                continue
            segment = next(segment for segment in run.segments if segment.name == staged.segment)
            lists[staged.segment] = segment.list_id or session.ensure_list(segment.list_title)
        if not connection.learnt:
            _learn(context, session, connection, task.staged, lists)
        counts = counts.model_copy(update={"calls": counts.calls + session.calls})
    if not lists:
        return Prepared()
    context.enter(
        run.id,
        Stage.PUSHING,
        counts=counts,
        pushing_at=run.pushing_at or context.clock(),
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
        if staged.chunks == 0:
            continue
        sample = [profile for profile in read_batches(context.state, staged.folder, 0)[0] if profile.joins]
        if learnt := session.learn(lists[staged.segment], sample):
            _remember_learnt(context, connection, learnt)
            return


def _remember_learnt(context: RunContext, connection: Connection, learnt: Mapping[str, bool]) -> None:
    context.stores.connections.change(
        connection.id, lambda present: present.model_copy(update={"learnt": {**present.learnt, **learnt}})
    )
