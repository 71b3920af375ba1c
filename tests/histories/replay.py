"""Replay a recorded history through today's orchestrators and the real SDK, as a host would that takes over at any turn."""

import json
from typing import Any

from devkit.host.durable.events import CREATED, Event, as_played, event, parse_iso
from devkit.host.durable.events import EventType as Kind
from devkit.host.durable.instances import Instance, Parent, Status
from devkit.host.durable.testing import AppInvoker
from devkit.host.durable.turns import Loaded, Outcome, take
from devkit.host.durable.versions import Match, Versions
from tests.histories.recorded import Recorded, Turn

_EVERY_VERSION = Versions(match=Match.NONE)
_ADVICE = (
    "An instance that was started by an earlier version would break. Keep the way that it goes as it was, and add the "
    "new one beside it under a raised version: docs/upgrades.md, 'Changing an orchestrator'."
)


class ChangedError(AssertionError):
    """Today's code does not ask for what was asked for then."""


def replay(app: AppInvoker, recorded: Recorded, *, version: str | None = None) -> None:
    """Take each turn again, with the history as it was before it. Raises ChangedError, which says where and what to do.

    ``version`` instead of the recorded one.
    """
    past: list[str] = []
    for number, turn in enumerate(recorded.turns):
        came_in = [each for each in turn.events if each["EventType"] not in CREATED]
        outcome = _take(app, recorded, past, came_in, recorded.version if version is None else version)
        then, now = _asked(turn.events), _asked(outcome.events)
        if outcome.status == Status.FAILED and turn.status != Status.FAILED:
            raise _changed(recorded, number, then, json.loads(outcome.output or "null"))
        if then != now:
            raise _changed(recorded, number, then, now)
        if _end(turn) != _end_of(outcome):
            raise _changed(recorded, number, _end(turn), _end_of(outcome))
        closing = event(Kind.ORCHESTRATOR_COMPLETED, parse_iso(turn.events[0]["Timestamp"]))
        past += [as_played(each) for each in (*turn.events, closing)]


def _take(
    app: AppInvoker, recorded: Recorded, past: list[str], came_in: list[Event], version: str
) -> Outcome:
    now_us = parse_iso(came_in[0]["Timestamp"])
    messages = [_with_version(each, version) for each in came_in[1:]]
    started = json.loads(past[1]) if past else messages[0]
    parent = started.get("ParentInstance")
    instance = Instance(
        id=recorded.instance,
        execution=recorded.execution,
        name=recorded.name,
        version=version,
        status=Status.RUNNING,
        input=recorded.input,
        output=None,
        custom_status=None,
        created_us=now_us,
        updated_us=now_us,
        trace_parent="",
        parent=Parent(parent["OrchestrationInstance"]["InstanceId"], "", 0) if parent else None,
    )
    versioned = [json.dumps(_with_version(json.loads(each), version)) for each in past[:2]] + past[2:]
    return take(Loaded(instance, versioned, [], messages), app, _EVERY_VERSION, now_us)


def _with_version(each: Event, version: str) -> Event:
    return {**each, "Version": version} if each["EventType"] == Kind.EXECUTION_STARTED else each


def _asked(events: list[Event]) -> list[dict[str, Any]]:
    """What was asked for: the events that record it, without what depends on the host."""
    beside = ("Timestamp", "IsPlayed", "Version")
    return [
        {key: value for key, value in each.items() if key not in beside}
        for each in events
        if each["EventType"] in CREATED
    ]


def _end(turn: Turn) -> tuple[str, Any, Any]:
    return turn.status, _loads(turn.output), _loads(turn.continues)


def _end_of(outcome: Outcome) -> tuple[str, Any, Any]:
    following = outcome.continue_with and outcome.continue_with.get("input")
    return str(outcome.status), _loads(outcome.output), _loads(following)


def _loads(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _changed(recorded: Recorded, turn: int, then: Any, now: Any) -> ChangedError:
    where = f"{recorded.name}, version {recorded.version or 'none'}, turn {turn + 1} of {len(recorded.turns)}"
    return ChangedError(f"{where}\n  then: {then}\n  now:  {now}\n{_ADVICE}")
