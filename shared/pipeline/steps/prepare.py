"""Prepare the push: make the lists, and learn about the account what is not known, or may not be true any more."""

from typing import NamedTuple

from pydantic import Field

from shared.domain.destination import Session
from shared.domain.record import Record
from shared.domain.run import Counts, Run, Stage
from shared.pipeline.pushing.chunk_push import PushTask
from shared.pipeline.staging.chunks import read_batches
from shared.pipeline.staging.stage import Staged
from shared.pipeline.steps.bookmark import Bookmark, keep_bookmark
from shared.pipeline.steps.context import RunContext
from shared.pipeline.steps.push import push_in


class PrepareTask(Record):
    run_id: str
    staged: tuple[Staged, ...]


class Joining(NamedTuple):
    """Where the first one who joins the list of a segment is."""

    staged: Staged
    chunk: int
    batch: int


class Prepared(Record):
    """``lists`` holds the list's id of every segment that has somebody to send or to take off.

    ``begun`` is what is left of a chunk of which a batch has gone ahead; ``proven`` is True when what was learnt about
    the account needs no more trying in this run.
    """

    lists: dict[str, str] = Field(default_factory=dict)
    begun: PushTask | None = None
    proven: bool = False


def prepare(context: RunContext, task: PrepareTask) -> Prepared:
    """Make sure that the lists exist, and that what is known about the account is true."""
    run = context.go_on(task.run_id)
    session = context.session(run, context.connection(run))
    lists = _ensure_lists(session, run, task.staged)
    if not lists:
        return Prepared()
    context.enter(
        run.id,
        Stage.PUSHING,
        counts=sum((one.counts for one in task.staged), Counts(calls=run.counts.calls + session.calls)),
        pushing_at=run.pushing_at or context.clock(),
        segments=tuple(
            segment.model_copy(update={"list_id": lists.get(segment.name, segment.list_id)})
            for segment in run.segments
        ),
    )
    prepared = Prepared(lists=lists)
    joining = [Joining(one, *one.first_joining) for one in task.staged if one.first_joining]
    if joining and session.awaits_proof:
        prepared = _send_ahead(context, run, prepared, joining[0])
    if joining and not context.connection(run).learnt:
        prepared = _learn(context, run, prepared, joining)
    bookmark = Bookmark(staged=task.staged, lists=prepared.lists, proven=prepared.proven)
    keep_bookmark(context.state, run.id, bookmark)
    return prepared


def _ensure_lists(session: Session, run: Run, staged: tuple[Staged, ...]) -> dict[str, str]:
    lists = dict[str, str]()
    for one in staged:
        segment = next(segment for segment in run.segments if segment.name == one.segment)
        if one.chunks:
            lists[one.segment] = segment.list_id or session.ensure_list(segment.list_title)
        elif one.leaver_chunks and segment.list_id:
            lists[one.segment] = segment.list_id
    return lists


def _send_ahead(context: RunContext, run: Run, prepared: Prepared, first: Joining) -> Prepared:
    """Send the first batch with somebody who joins, to see whether what was learnt is still true.

    Where that fails, it fails for the others as well: it is theirs to tell.
    """
    connection = context.connection(run)
    session = context.session(run, connection)
    task = PushTask(
        run_id=run.id,
        segment=first.staged.segment,
        list_id=prepared.lists[first.staged.segment],
        folder=first.staged.folder,
        chunk=first.chunk,
        pending=(first.batch,),
    )
    batches = len(read_batches(context.state, task.folder, task.chunk))
    if push_in(session, context, run, connection, task).pending:
        return prepared
    rest = tuple(index for index in range(batches) if index != first.batch)
    return prepared.model_copy(
        update={"begun": task.model_copy(update={"pending": rest}), "proven": not session.awaits_proof}
    )


def _learn(context: RunContext, run: Run, prepared: Prepared, joining: list[Joining]) -> Prepared:
    """Learn from people who join, but not from those who went ahead and are on the list now."""
    connection = context.connection(run)
    session = context.session(run, connection)
    for one in joining:
        batches = read_batches(context.state, one.staged.folder, one.chunk)
        went_ahead = prepared.begun is not None and one is joining[0]
        unsent = batches[one.batch + went_ahead :]
        sample = [profile for batch in unsent for profile in batch if profile.joins]
        if session.learn(prepared.lists[one.staged.segment], sample):
            break
    context.remember_learnt(connection, session)
    context.stores.runs.report(run.id, "learn", Counts(calls=session.calls))
    return prepared.model_copy(update={"proven": not session.awaits_proof})
