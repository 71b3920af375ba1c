"""Durable entities: state with a name and a key, changed by one batch of operations at a time.

Signals that entity code sends, locks and scheduled signals are not here: azure-functions-durable 1.7.0
cannot send them. Orchestrations, clients and readers are served.
"""

import json
import traceback
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

from devkit.host.durable import instances
from devkit.host.durable.events import Event, EventType, event
from devkit.host.durable.store import Transaction

LARGEST_BATCH = 50


class Entities(Protocol):
    """What a batch needs of the function app."""

    @property
    def entities(self) -> Collection[str]: ...

    def entity(self, name: str, batch_json: str) -> str: ...


@dataclass(frozen=True)
class Batch:
    """Operations on one entity; `state` is JSON text, or None if the entity does not exist."""

    id: str
    function: str
    state: str | None
    message_ids: list[int]
    operations: list[Event]


def entity_id(name: str, key: str) -> str:
    """The address of an entity: names do not differ by case, keys do."""
    return f"@{name.lower()}@{key}"


def is_entity(target: str) -> bool:
    """Whether an inbox belongs to an entity; ids of instances must not begin with @."""
    return target.startswith("@")


def operation(name: str, input_text: str | None) -> Event:
    """A signal from a client; `input_text` is JSON text as it came with the request."""
    return {"op": name, "signal": True, "input": input_text}


def find_function(known: Collection[str], name: str) -> str | None:
    """The registered name of an entity function."""
    return next((function for function in known if function.lower() == name.lower()), None)


def read(tx: Transaction, target: str) -> str | None:
    """The entity's state as JSON text, or None if it does not exist."""
    row = tx.db.execute("SELECT state FROM entities WHERE id=?", (target,)).fetchone()
    return None if row is None else str(row[0])


def load(tx: Transaction, target: str, known: Collection[str], now_us: int) -> Batch | None:
    """The next operations on an entity, or None; for an unknown function they stay where they are."""
    function = find_function(known, target.split("@")[1])
    rows = tx.db.execute(
        "SELECT id, message FROM inbox WHERE target=? AND due_us<=? ORDER BY due_us, id LIMIT ?",
        (target, now_us, LARGEST_BATCH),
    ).fetchall()
    if function is None or not rows:
        return None
    operations = [json.loads(message) for _, message in rows]
    return Batch(target, function, read(tx, target), [number for number, _ in rows], operations)


def perform(batch: Batch, app: Entities) -> dict[str, Any]:
    """Call the entity function. If the call itself fails, every operation fails and the state stays."""
    name, key = batch.id[1:].split("@", 1)
    request = {
        "self": {"name": name, "key": key},
        "exists": batch.state is not None,
        "state": batch.state,
        "batch": [
            {"name": each["op"], "input": each["input"], "isSignal": each["signal"]}
            for each in batch.operations
        ],
    }
    try:
        response: dict[str, Any] = json.loads(app.entity(batch.function, json.dumps(request)))
    except Exception as error:
        failure = {
            "isError": True,
            "result": json.dumps("".join(traceback.format_exception_only(error)).strip()),
        }
        return {
            "entityExists": batch.state is not None,
            "entityState": batch.state,
            "results": [failure] * len(batch.operations),
        }
    return response


def commit(tx: Transaction, batch: Batch, response: dict[str, Any], now_us: int) -> None:
    """Keep the new state and answer the callers, in one piece; nothing if another host has done so."""
    marks = ",".join("?" * len(batch.message_ids))
    found = tx.db.execute(f"SELECT count(*) FROM inbox WHERE id IN ({marks})", batch.message_ids)  # noqa: S608 (marks only)
    if found.fetchone()[0] != len(batch.message_ids):
        return
    tx.db.executemany("DELETE FROM inbox WHERE id=?", [(number,) for number in batch.message_ids])
    if response["entityExists"]:
        tx.db.execute(
            "INSERT OR REPLACE INTO entities(id, state) VALUES(?,?)", (batch.id, response["entityState"])
        )
    else:
        tx.db.execute("DELETE FROM entities WHERE id=?", (batch.id,))
    for request, result in zip(batch.operations, response["results"], strict=True):
        if request["signal"]:
            continue
        caller = instances.find(tx, request["parent"])
        if caller is None or caller.has_ended or caller.execution != request["parentExecution"]:
            continue
        value = {"result": result["result"], **({"exceptionType": "Error"} if result["isError"] else {})}
        answer = event(EventType.EVENT_RAISED, now_us, Name=request["id"], Input=json.dumps(value))
        tx.post(caller.id, answer, due_us=now_us, execution=caller.execution)
    if len(batch.operations) == LARGEST_BATCH:
        tx.wake(batch.id)
