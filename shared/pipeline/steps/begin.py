"""Begin: take the connection's lane and look up the lists."""

from shared.domain.connection import Connection, ConnectionStatus
from shared.domain.record import Record
from shared.domain.run import Counts, RunStatus, Stage
from shared.pipeline.steps.context import RunContext

_BUSY_WAIT_S = 2.0


class Begun(Record):
    """``wait_s`` is given when another run has the connection; else the run goes on with ``segments``."""

    wait_s: float | None = None
    over: bool = False
    segments: tuple[str, ...] = ()


def begin(context: RunContext, run_id: str) -> Begun:
    """Take the connection's lane and look up the lists; the key is proven on the way."""
    run = context.run(run_id)
    if run.status.ended:
        return Begun(over=True)
    if run.cancel_requested_by:
        return Begun()
    connection = context.connection(run)
    if not context.take_lane(run):
        return Begun(wait_s=_BUSY_WAIT_S)
    if run.stage not in (Stage.WAITING, Stage.STAGING):
        return Begun(segments=tuple(segment.name for segment in run.segments))
    with context.session(run, connection) as session:
        known = session.lists()
        calls = session.calls
    _note_accepted_key(context, connection)
    lists = {each.title: each.id for each in reversed(known)}
    segments = tuple(
        segment.model_copy(update={"list_id": lists.get(segment.list_title)}) for segment in run.segments
    )
    context.change(
        run_id,
        segments=segments,
        status=RunStatus.PROCESSING,
        stage=Stage.STAGING,
        started_at=run.started_at or context.clock(),
        counts=Counts(calls=calls),
    )
    return Begun(segments=tuple(segment.name for segment in segments))


def _note_accepted_key(context: RunContext, connection: Connection) -> None:
    """The destination answered, so the key is good, whatever an earlier run or check said of it."""
    if connection.status is not ConnectionStatus.CONNECTED:
        context.stores.connections.change(
            connection.id,
            lambda present: present.model_copy(update={"status": ConnectionStatus.CONNECTED}),
        )
