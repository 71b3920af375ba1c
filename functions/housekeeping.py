"""The housekeeping: once a night, what has been kept long enough goes.

It is durable, so that a long purge survives a restart; each call does a bounded part.
"""

import logging
from datetime import UTC, datetime
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from functions.instances import ENDED, is_going_on
from functions.operation import in_thread
from functions.problems import OrchestrationUnavailable
from functions.steps import Envelope, Steps, attempt, envelope
from functions.versions import go
from shared.bootstrap import app
from shared.domain.record import Record
from shared.usecases.retention import Purge, Purged

bp = df.Blueprint()

_CALLS_PER_GENERATION = 50
_PATIENCE_S = 3600
_FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)
_CHORES = {
    **{str(what): "purge" for what in Purge},
    "history": "purge_history",
    "erasures": "abandon_erasures",
    "secrets": "check_secrets",
}


@bp.timer_trigger(arg_name="timer", schedule="0 30 3 * * *", run_on_startup=False, use_monitor=True)
@bp.durable_client_input(client_name="client")
async def housekeeping(timer: func.TimerRequest, client: Any) -> None:
    """Once a day, under an id of that day: an instance that hangs for ever holds up no other night."""
    if timer.past_due:
        logging.info("The housekeeping is late and is caught up now.")
    instance_id = f"housekeeping-{app().clock():%Y-%m-%d}"
    if not await is_going_on(client, instance_id):
        order = {"left": list(_CHORES), "counts": {}, "failed": []}
        await client.start_new("keep_house", instance_id=instance_id, client_input=order)


@bp.orchestration_trigger(context_name="context")
def keep_house(context: df.DurableOrchestrationContext) -> Steps:
    """Input: ``{"left", "counts", "failed"}``: the chores to do, and what came of the others."""
    return (yield from go(context, {"1.0": _do_chores}))


def _do_chores(context: df.DurableOrchestrationContext) -> Steps:
    order: Envelope = context.get_input()
    left, counts, failed = list(order["left"]), dict(order["counts"]), list(order["failed"])
    for _ in range(_CALLS_PER_GENERATION):
        if not left:
            report = {"counts": counts, "failed": failed}
            yield from attempt(context, _PATIENCE_S, "note_purges", report)
            return report
        chore = left[0]
        context.set_custom_status({"doing": chore, "counts": counts})
        answer = yield from attempt(context, _PATIENCE_S, _CHORES[chore], {"what": chore})
        if "failure" in answer:
            failed.append(chore)
        else:
            counts[chore] = counts.get(chore, 0) + answer["result"]["count"]
        if "failure" in answer or not answer["result"]["more"]:
            left = left[1:]
    context.continue_as_new({"left": left, "counts": counts, "failed": failed})
    return None


@bp.activity_trigger(input_name="task")
def purge(task: dict) -> dict:
    return envelope(lambda: app().retention.purge(Purge(task["what"])))


@bp.activity_trigger(input_name="task")
@bp.durable_client_input(client_name="client")
async def purge_history(task: dict, client: Any) -> dict:  # noqa: ARG001 (the trigger brings it)
    """What ran is kept in the runs' own records for as long; the durable histories are only needed to go on."""
    before = await in_thread(lambda: app().retention.history_before)
    found = await client.purge_instance_history_by(_FIRST_DAY, before, list(ENDED))
    return envelope(lambda: Purged(count=found.instances_deleted))


@bp.activity_trigger(input_name="task")
@bp.durable_client_input(client_name="client")
async def abandon_erasures(task: dict, client: Any) -> dict:  # noqa: ARG001 (the trigger brings it)
    """An erasure that was lost before it began, or broke down at its end, must not keep the address."""
    lost = list[str]()
    for erasure_id in await in_thread(lambda: app().erasures.unfinished()):
        try:
            if not await is_going_on(client, erasure_id):
                lost.append(erasure_id)
        except OrchestrationUnavailable:
            continue  # the next night
    return await in_thread(lambda: _abandon(lost))


def _abandon(erasure_ids: list[str]) -> Envelope:
    for erasure_id in erasure_ids:
        app().erasures.abandon(erasure_id)
    return envelope(lambda: Purged(count=len(erasure_ids)))


@bp.activity_trigger(input_name="task")
def check_secrets(task: dict) -> dict:  # noqa: ARG001 (the trigger brings it)
    return envelope(_check_secrets)


def _check_secrets() -> Record:
    app().connections.check_secrets()
    return Purged(count=0)


@bp.activity_trigger(input_name="task")
def note_purges(task: dict) -> dict:
    return envelope(lambda: _note(task))


def _note(task: Envelope) -> Record:
    app().retention.note(task["counts"], task["failed"])
    return Purged(count=0)
