"""Erasing: the steps that make one person forgotten, at every destination and in everything that we keep.

The address lies in one blob until the end; steps get the id of the erasure only, and tell of it without the address.
Every step may be repeated. What the destination says is not passed on: it may hold the address.
"""

import time

from pydantic import Field

from shared.domain.access import system
from shared.domain.connection import Connection
from shared.domain.destination import Stopped
from shared.domain.email_address import email_hash
from shared.domain.erasure import Erasure, ErasureResult, ErasureStatus
from shared.domain.errors import DestinationError, NotFound, SegpilotError, Unavailable
from shared.domain.record import Record
from shared.domain.run import Failure, RunStatus, add_reasons
from shared.domain.suppression import amend_suppressed
from shared.pipeline import places
from shared.pipeline.erasure.erased_files import Person, drop_person, is_on_ledger
from shared.pipeline.erasure.sent_traces import forget_traces, traced_connections, was_sent
from shared.pipeline.journal import ROWS
from shared.pipeline.steps.context import RunContext

_LANE_HOLD_S = 900.0
_CALL_S = 120.0
_BUSY_WAIT_S = 2.0
_TURN_S = 30.0
_LOGS, _STATE = "logs", "state"
_DELETED, _NOT_FOUND, _FAILED = "deleted", "not found", "failed"


class EraseOrder(Record):
    """``suppress``: never send the person again. ``everywhere``: delete also where nothing tells of a sending."""

    erasure_id: str
    suppress: bool = True
    everywhere: bool = False


class ToVisit(Record):
    """The connections over which the person may have been sent, also those that were removed."""

    connections: tuple[str, ...] = ()


class EraseVisit(EraseOrder):
    """``given_up`` tells that there was no getting through: the connection counts as failed."""

    connection_id: str
    given_up: Failure | None = None


class Visited(Record):
    """``wait_s`` is given when a run has the connection."""

    wait_s: float | None = None


class TracePage(Record):
    """``after`` is the place where the search goes on; empty = the beginning, None = that was all."""

    erasure_id: str
    after: str | None = ""


class EraseEnd(Record):
    """``failure`` is what kept the erasure from going on."""

    erasure_id: str
    failure: Failure | None = None


class Erased(Record):
    status: ErasureStatus
    traces: dict[str, int] = Field(default_factory=dict)


def begin_erasure(context: RunContext, order: EraseOrder) -> ToVisit:
    """Suppress the person everywhere, so that no run that begins from now on sends her; tell where to look."""
    person = _person(context, order.erasure_id)
    connections = {connection.id for connection in context.stores.connections.all()}
    if order.suppress:
        for connection_id in connections:
            context.state.change(
                places.suppression(connection_id),
                lambda listed: amend_suppressed(listed or b"", add=[email_hash(person.email)]),
            )
        _change(context, order.erasure_id, suppressed=True)
    return ToVisit(connections=tuple(sorted(connections | traced_connections(context.state))))


def erase_at_connection(context: RunContext, visit: EraseVisit) -> Visited:
    """Delete the contact where the person was ever sent, then what we know of it. No run has the connection meanwhile.

    A connection whose key or call is refused has failed; its ledgers and traces stay, so that it can be tried again.
    Raises what time may mend.
    """
    person = _person(context, visit.erasure_id)
    found = context.stores.connections.find(visit.connection_id)
    if found is None:
        _leave_removed_connection(context, visit, person)
        return Visited()
    connection = found.record
    if visit.given_up:
        _note_failed(context, visit, connection, visit.given_up.message)
        return Visited()
    lanes = context.stores.lanes
    if lanes.take(connection.id, visit.erasure_id, context.clock(), _LANE_HOLD_S) is not None:
        lanes.queue(connection.id, visit.erasure_id, context.clock())
        return Visited(wait_s=_BUSY_WAIT_S)
    if _is_anybody_sent(context, connection.id):
        lanes.leave(connection.id, visit.erasure_id)
        return Visited(wait_s=_BUSY_WAIT_S)
    try:
        _erase_over(context, visit, connection, person)
    except SegpilotError as problem:
        if problem.retryable:
            raise
        _note_failed(context, visit, connection, _reason(problem))
    finally:
        lanes.leave(connection.id, visit.erasure_id)
    return Visited()


def erase_traces(context: RunContext, page: TracePage) -> TracePage:
    """Take the person out of what runs left behind, for half a minute at a time."""
    person, ends_at = _person(context, page.erasure_id), time.monotonic() + _TURN_S
    traces: dict[str, int] = {}
    after: str | None = page.after
    for place in _all_places(context, after or ""):
        if time.monotonic() > ends_at:
            break
        store, _, name = place.partition(" ")
        kind, count = drop_person(context.logs if store == _LOGS else context.state, name, person)
        traces, after = add_reasons(traces, {kind: count}), place
    else:
        after = None
    _add_traces(context, page.erasure_id, traces)
    return TracePage(erasure_id=page.erasure_id, after=after)


def finish_erasure(context: RunContext, end: EraseEnd) -> Erased:
    """Write the receipt and forget the address."""
    erasure = context.stores.erasures.get(end.erasure_id).record
    if erasure.status is ErasureStatus.PROCESSING:
        failed = end.failure or any(each.contact == _FAILED for each in erasure.connections)
        with context.journal.audited(system("erasure"), "erasure.end", end.erasure_id) as details:
            erasure = _change(
                context,
                end.erasure_id,
                status=ErasureStatus.FAILED if failed else ErasureStatus.DONE,
                problem=end.failure.message if end.failure else "",
                ended_at=context.clock(),
            )
            details["status"] = erasure.status
    context.state.remove([places.erasure_subject(end.erasure_id)])
    return Erased(status=erasure.status, traces=erasure.traces)


def _person(context: RunContext, erasure_id: str) -> Person:
    try:
        return Person(context.state.read(places.erasure_subject(erasure_id)).decode())
    except NotFound:
        raise NotFound("The erasure has ended: its address is forgotten.", code="erasure-ended") from None


def _erase_over(context: RunContext, visit: EraseVisit, connection: Connection, person: Person) -> None:
    ledgers = [
        name
        for export in context.stores.exports.all()
        if export.connection_id == connection.id
        for name in context.state.names(places.export_ledgers(export.id))
    ]
    known = {each.connection_id: each for each in _receipt(context, visit.erasure_id).connections}
    begun = connection.id in known
    if not (begun or visit.everywhere or _is_known(context, connection.id, ledgers, person)):
        return
    contact = _DELETED if _delete_contact(context, connection, person.email) else _NOT_FOUND
    if begun and known[connection.id].contact == _DELETED:
        contact = _DELETED
    _note(context, visit, connection.display_name, contact)
    rows = sum(drop_person(context.state, name, person)[1] for name in ledgers)
    former = forget_traces(context.state, connection.id, person.email)
    _add_traces(context, visit.erasure_id, {"ledger rows": rows, "former exports": former})


def _is_anybody_sent(context: RunContext, connection_id: str) -> bool:
    """Tell whether a run is sending that has lost the connection, since nobody works on it at the moment. Whom it has
    sent is on no ledger yet; it is taken up within minutes, and ends."""
    runs = context.stores.runs
    return any(
        run.connection_id == connection_id and not run.dry and run.status is RunStatus.PROCESSING
        for run in runs.read_unfinished(runs.unfinished())
    )


def _is_known(context: RunContext, connection_id: str, ledgers: list[str], person: Person) -> bool:
    return was_sent(context.state, connection_id, person.email) or any(
        is_on_ledger(context.state, name, person) for name in ledgers
    )


def _delete_contact(context: RunContext, connection: Connection, email: str) -> bool:
    ends_at = time.monotonic() + _CALL_S
    try:
        return context.paced_session(connection, lambda: time.monotonic() > ends_at).delete_contact(email)
    except Stopped:
        raise Unavailable("The destination takes too long.") from None
    except DestinationError as problem:
        if problem.retryable:
            raise Unavailable(_reason(problem), retry_after_s=problem.retry_after_s) from None
        raise


def _leave_removed_connection(context: RunContext, visit: EraseVisit, person: Person) -> None:
    """There is no key to delete the contact with any more: somebody has to do it by hand, and is told so."""
    if was_sent(context.state, visit.connection_id, person.email):
        message = "The connection was removed. Delete the contact at the destination by hand."
        _note(context, visit, visit.connection_id, _FAILED, message)
        former = forget_traces(context.state, visit.connection_id, person.email)
        _add_traces(context, visit.erasure_id, {"former exports": former})


def _reason(problem: SegpilotError) -> str:
    """The destination's own words may hold the address; the title of the error does not."""
    return f"{problem.title}." if isinstance(problem, DestinationError) else problem.message


def _note_failed(context: RunContext, visit: EraseVisit, connection: Connection, message: str) -> None:
    _note(context, visit, connection.display_name, _FAILED, message)


def _note(context: RunContext, visit: EraseVisit, name: str, contact: str, message: str = "") -> None:
    result = ErasureResult(
        connection_id=visit.connection_id, connection_name=name, contact=contact, message=message
    )

    def add(present: Erasure) -> Erasure:
        others = tuple(each for each in present.connections if each.connection_id != visit.connection_id)
        return present.model_copy(update={"connections": (*others, result)})

    context.stores.erasures.change(visit.erasure_id, add)


def _add_traces(context: RunContext, erasure_id: str, traces: dict[str, int]) -> None:
    if found := {kind: count for kind, count in traces.items() if count}:
        context.stores.erasures.change(
            erasure_id,
            lambda present: present.model_copy(update={"traces": add_reasons(present.traces, found)}),
        )


def _receipt(context: RunContext, erasure_id: str) -> Erasure:
    return context.stores.erasures.get(erasure_id).record


def _change(context: RunContext, erasure_id: str, **changes: object) -> Erasure:
    return context.stores.erasures.change(erasure_id, lambda present: present.model_copy(update=changes))


def _all_places(context: RunContext, after: str) -> list[str]:
    """Return everything that may tell of people and comes ``after``: the store and the name of each blob, in order.

    Ledgers of exports with a connection were seen to there; where that failed, they are needed for the next time.
    """
    connections = {connection.id for connection in context.stores.connections.all()}
    attached = {
        places.export_ledgers(export.id)
        for export in context.stores.exports.all()
        if export.connection_id in connections
    }
    ledgers = (
        name
        for name in context.state.names(places.ALL_LEDGERS)
        if not any(name.startswith(folder) for folder in attached)
    )
    found = [f"{_STATE} {name}" for name in (*context.state.names(places.ALL_RUNS), *ledgers)]
    found += [f"{_LOGS} {name}" for name in context.logs.names(f"{ROWS}/")]
    return sorted(place for place in found if place > after)
