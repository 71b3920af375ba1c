"""Begin: take the connection's lane and look up the lists."""

from collections.abc import Iterable, Sequence

from shared import telemetry
from shared.domain.connection import Connection, ConnectionStatus
from shared.domain.destination import DestinationList
from shared.domain.errors import Conflict
from shared.domain.export import Export
from shared.domain.record import Record
from shared.domain.run import Counts, Plan, Run, RunStatus, SegmentRun, Stage, Trigger
from shared.pipeline.staging.stage import Staged
from shared.pipeline.standings import remember_run
from shared.pipeline.steps.bookmark import Bookmark, find_bookmark
from shared.pipeline.steps.context import NO_CONNECTION, RunContext, is_over
from shared.pipeline.steps.overtaken import find_sent_since
from shared.pipeline.steps.resuming import Resumed, resume
from shared.pipeline.steps.timing import leave

_BUSY_WAIT_S = 2.0
_BEGINNING = (Stage.WAITING, Stage.STAGING)
_PASSED_OVER = "The segment '{}' was passed over: a later run has exported a newer file of it meanwhile."


class Begun(Record):
    """``wait_s`` is given when another run has the connection; else the run goes on with ``segments``.

    ``overtaken``: of all of them a later run has sent something newer meanwhile. When an orchestration takes the place
    of one that was lost, ``staged`` has been read already: then the run goes on to wait for the approval of the round
    ``asked``, or to send what is left (``resumed``).
    """

    wait_s: float | None = None
    over: bool = False
    overtaken: bool = False
    dry: bool = False
    segments: tuple[str, ...] = ()
    staged: tuple[Staged, ...] = ()
    asked: int | None = None
    resumed: Resumed | None = None


def begin(context: RunContext, run_id: str) -> Begun:
    """Take the connection's lane and look up the lists; the key is proven on the way.

    A run that was approved begins again like any other.
    """
    run = context.run(run_id)
    telemetry.tell_run(run)
    if run.status.ended:
        return Begun(over=True)
    if bookmark := _find_bookmark(context, run):
        return _go_on(context, run, bookmark)
    if run.cancel_requested_by:
        return Begun()
    names = tuple(segment.name for segment in run.segments)
    begun = Begun(dry=run.dry, segments=names)
    if run.stage not in _BEGINNING:
        return begun
    connection = context.connection(run)
    _require_attached(context, run)
    if not context.take_lane(run):
        return _wait(context, run)
    passed_over = set[str]() if run.dry else find_sent_since(context, run)
    begun = begun.model_copy(update={"segments": tuple(name for name in names if name not in passed_over)})
    if not begun.segments:
        return Begun(overtaken=True)
    warnings = tuple(_PASSED_OVER.format(name) for name in names if name in passed_over)
    plan = context.plan(run)
    session = context.session(run, connection)
    segments = _find_lists(plan.export, run.segments, session.lists())
    calls = session.calls
    if not run.dry:
        _note_accepted_key(context, connection)
    started = context.stores.runs.change(
        run_id,
        lambda present: leave(present, Stage.STAGING, context.clock()).model_copy(
            update={
                "segments": segments,
                "status": RunStatus.PROCESSING,
                "started_at": present.started_at or context.clock(),
                "trace_id": present.trace_id or telemetry.trace_id(),
                "counts": Counts(calls=present.counts.calls + calls),
                "warnings": tuple(dict.fromkeys((*present.warnings, *warnings))),
            }
        ),
    )
    remember_run(context.stores, started)
    if run.started_at is None:
        context.journal.note_run("started", started)
        _note_lag(context, started, plan)
    return begun


def _wait(context: RunContext, run: Run) -> Begun:
    place = context.stores.lanes.queue(run.connection_id, run.id, context.clock())
    return Begun(wait_s=_BUSY_WAIT_S * place)


def _find_bookmark(context: RunContext, run: Run) -> Bookmark | None:
    bookmark = None if run.stage in _BEGINNING else find_bookmark(context.state, run.id)
    if bookmark and not bookmark.lists and run.status is not RunStatus.WAITING_FOR_APPROVAL:
        return None  # it is from the time before the approval
    return bookmark


def _go_on(context: RunContext, run: Run, bookmark: Bookmark) -> Begun:
    """Go on where the orchestration was lost; meanwhile another run may have used the connection."""
    begun = Begun(staged=bookmark.staged)
    if run.status is RunStatus.WAITING_FOR_APPROVAL:
        return begun.model_copy(update={"asked": run.approval.round if run.approval else None})
    if not is_over(run):
        if not context.take_lane(run):
            return _wait(context, run)
        if find_sent_since(context, run):
            return begun.model_copy(update={"overtaken": True})
    return begun.model_copy(update={"resumed": resume(context.state, run, bookmark)})


def _note_lag(context: RunContext, started: Run, plan: Plan) -> None:
    if started.trigger is Trigger.UPLOAD and not started.dry:
        arrived_at = max(snapshot.arrived_at for snapshot in plan.snapshots)
        telemetry.note_lag(started, (context.clock() - arrived_at).total_seconds())


def _require_attached(context: RunContext, run: Run) -> None:
    """Whoever detaches an export wants nothing to be sent there any more, not by runs that wait either."""
    export = context.stores.exports.find(run.export_id)
    if export is None or export.record.connection_id != run.connection_id:
        raise Conflict(
            f"The export '{run.export_name}' does not use this connection any more.",
            code=NO_CONNECTION,
            remedy="Run the export again once it has the connection that it shall use.",
        )


def _find_lists(
    export: Export, segments: Iterable[SegmentRun], known: Sequence[DestinationList]
) -> tuple[SegmentRun, ...]:
    """Return the segments with their lists: those that were chosen have to exist, others may have to be made."""
    titles = {each.id: each.title for each in known}
    ids = {each.title: each.id for each in reversed(known)}
    return tuple(_with_list(export, segment, titles, ids) for segment in segments)


def _with_list(
    export: Export, segment: SegmentRun, titles: dict[str, str], ids: dict[str, str]
) -> SegmentRun:
    choice = export.segment(segment.name)
    if choice is None or choice.list_id is None:
        return segment.model_copy(update={"list_id": ids.get(segment.list_title)})
    if choice.list_id not in titles:
        raise Conflict(
            f"The list that was chosen for the segment '{segment.name}' does not exist any more.",
            code="list-missing",
            remedy="Edit the export: choose another list, or have one made.",
        )
    return segment.model_copy(update={"list_id": choice.list_id, "list_title": titles[choice.list_id]})


def _note_accepted_key(context: RunContext, connection: Connection) -> None:
    """The destination answered, so the key is good, whatever an earlier run or check said of it."""
    if connection.status is not ConnectionStatus.CONNECTED:
        context.stores.connections.change(
            connection.id,
            lambda present: present.model_copy(update={"status": ConnectionStatus.CONNECTED}),
        )
        context.alerts.note_connection(connection.id, None)
