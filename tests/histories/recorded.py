"""A recorded history: what an orchestration was told, turn by turn, and what it asked for then."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from devkit.host.durable.events import Event, EventType

FOLDER = Path(__file__).parents[1] / "unit" / "histories"


@dataclass(frozen=True)
class Turn:
    """The events of a turn: what came in, and then what was asked for. ``output`` is JSON text, ``continues`` the input
    of the next generation."""

    events: list[Event]
    status: str
    output: str | None
    continues: str | None


@dataclass(frozen=True)
class Recorded:
    """One execution of one instance: a generation. ``input`` is JSON text."""

    instance: str
    execution: str
    name: str
    version: str
    input: str | None
    turns: list[Turn]


def read_log(path: Path) -> list[Recorded]:
    """Put the lines of a host's history log together. A turn that was taken twice counts as it was the last time."""
    found: dict[tuple[str, str], Recorded] = {}
    for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        fields = {key: line[key] for key in ("instance", "execution", "name", "version", "input")}
        recorded = found.setdefault((line["instance"], line["execution"]), Recorded(**fields, turns=[]))
        while sum(len(turn.events) + 1 for turn in recorded.turns) > line["past"]:
            recorded.turns.pop()
        recorded.turns.append(Turn(line["events"], line["status"], line["output"], line["continues"]))
    return list(found.values())


def write(path: Path, executions: Sequence[Recorded]) -> None:
    """Write one file of histories: a line for each turn, so that differences can be read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    documents = []
    for execution in executions:
        head = asdict(execution)
        turns = ",\n    ".join(json.dumps(turn, ensure_ascii=False) for turn in head.pop("turns"))
        documents.append(f'  {json.dumps(head, ensure_ascii=False)[:-1]}, "turns": [\n    {turns}]}}')
    path.write_text("[\n" + ",\n".join(documents) + "\n]\n", encoding="utf-8")


def read(path: Path) -> list[Recorded]:
    """Read what ``write`` wrote."""
    documents = json.loads(path.read_text(encoding="utf-8"))
    return [Recorded(**{**each, "turns": [Turn(**turn) for turn in each["turns"]]}) for each in documents]


def read_all() -> Iterator[tuple[str, Recorded]]:
    """All that were ever recorded, each with the name of its file."""
    for path in sorted(FOLDER.glob("*/*.json")):
        for recorded in read(path):
            yield f"{path.parent.name}/{path.stem}", recorded


def steps(recorded: Iterable[Recorded]) -> Iterator[tuple[str, Any, Any]]:
    """The activities that were called: name, input, and result (None while there is none)."""
    for each in recorded:
        events = [event for turn in each.turns for event in turn.events]
        results = {
            event["TaskScheduledId"]: json.loads(event["Result"])
            for event in events
            if event["EventType"] == EventType.TASK_COMPLETED and event["Result"]
        }
        for event in events:
            if event["EventType"] == EventType.TASK_SCHEDULED:
                given = json.loads(json.loads(event["Input"])[0])
                yield event["Name"], given, results.get(event["EventId"])
