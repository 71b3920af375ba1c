"""Rehearse: what a dry run says of a real one, without sending anything."""

import orjson

from shared.domain.connection import Connection
from shared.domain.record import Record
from shared.domain.run import Counts, Estimate, Run
from shared.pipeline import places
from shared.pipeline.pushing.pace_rules import lower
from shared.pipeline.staging.chunks import read_batches
from shared.pipeline.staging.stage import Staged
from shared.pipeline.steps.context import RunContext

_SAMPLES = 10


class RehearseTask(Record):
    run_id: str
    staged: tuple[Staged, ...]


class Rehearsed(Record):
    estimate: Estimate


def rehearse(context: RunContext, task: RehearseTask) -> Rehearsed:
    """Estimate calls and time, and show what would be sent of a few people, with masked addresses."""
    run = context.go_on(task.run_id)
    connection = context.connection(run)
    calls = _estimate_calls(context, run, connection, task.staged)
    rate = _find_rate(context, connection)
    estimate = Estimate(calls=calls, seconds=round(calls / rate, 1) if rate else None)
    context.state.write(places.samples(run.id), orjson.dumps(_show_samples(context, connection, task.staged)))
    context.change(run.id, estimate=estimate)
    return Rehearsed(estimate=estimate)


def _estimate_calls(context: RunContext, run: Run, connection: Connection, staged: tuple[Staged, ...]) -> int:
    """What begins every run, which this one has done already, and what it takes to send."""
    counts = sum((one.counts for one in staged), Counts())
    sending = [one for one in staged if one.chunks]
    titles = {segment.name: segment.list_title for segment in run.segments if not segment.list_id}
    return run.counts.calls + context.destinations[connection.destination].estimate_calls(
        sending=[one.counts.to_send for one in sending],
        joining=counts.to_send if run.full else counts.new,
        leaving=sum(one.counts.leavers for one in staged if one.leaver_chunks),
        new_lists=len({titles[one.segment] for one in sending if one.segment in titles}),
        learnt=connection.learnt,
    )


def _find_rate(context: RunContext, connection: Connection) -> float | None:
    """Return the calls per second that the destination was found to accept, or that are allowed."""
    pace = context.stores.paces.find(connection.id)
    return lower(pace.limit_per_s if pace else None, context.max_calls_per_s(connection))


def _show_samples(
    context: RunContext, connection: Connection, staged: tuple[Staged, ...]
) -> list[dict[str, object]]:
    """Return up to ten people, some of each segment."""
    destination, sending = context.destinations[connection.destination], [one for one in staged if one.chunks]
    people = {one.segment: _first_people(context, one) for one in sending}
    each = max(1, _SAMPLES // max(1, len(people)))
    chosen = [(segment, body) for segment, bodies in people.items() for body in bodies[:each]]
    return [{"segment": segment, "body": destination.show(body)} for segment, body in chosen[:_SAMPLES]]


def _first_people(context: RunContext, staged: Staged) -> list[str]:
    batches = read_batches(context.state, staged.folder, 0)
    return [profile.body for batch in batches for profile in batch][:_SAMPLES]
