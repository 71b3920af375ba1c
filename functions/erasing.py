"""The orchestration of an erasure, and the activities it calls.

The address is in none of the inputs, outputs and errors here: history is kept for longer than it may be.
"""

from collections.abc import Callable

import azure.durable_functions as df

from functions.operation import in_thread
from functions.steps import Envelope, Steps, attempt, envelope, sleep
from functions.versions import go
from shared.bootstrap import app
from shared.domain.record import Record
from shared.pipeline.erasure import erasing
from shared.pipeline.erasure.erasing import EraseEnd, EraseOrder, EraseVisit, TracePage
from shared.usecases.erasures import NewErasure

bp = df.Blueprint()

_LONGEST_BUSY_WAIT_S = 60
_CALLS_PER_GENERATION = 50


async def start_erasure(client: df.DurableOrchestrationClient, erasure_id: str, new: NewErasure) -> None:
    """Give an erasure to the orchestration; one that does not get there is given up."""
    order = {
        "suppress": new.suppress,
        "everywhere": new.everywhere,
        "patience_s": app().settings.push_patience_s,
    }
    try:
        await client.start_new("erase_person", instance_id=erasure_id, client_input=order)
    except Exception:
        await in_thread(lambda: app().erasures.abandon(erasure_id))
        raise


@bp.orchestration_trigger(context_name="context")
def erase_person(context: df.DurableOrchestrationContext) -> Steps:
    """One erasure; the instance id is its id. Input: ``{"suppress", "everywhere", "patience_s"}``, and what earlier
    generations left to do: ``connections`` to visit, ``after`` which place traces are still to be looked for."""
    return (yield from go(context, {"1.0": _erase}))


def _erase(context: df.DurableOrchestrationContext) -> Steps:
    order = context.get_input()
    failure = None
    if "connections" not in order:
        context.set_custom_status({"stage": "suppressing"})
        begun = yield from attempt(context, order["patience_s"], "begin_erasure", _order(context, order))
        failure = begun.get("failure")
        order = {**order, "connections": begun.get("result", {}).get("connections", [])}
    while not failure and order["connections"]:
        context.set_custom_status({"stage": "deleting", "connections_left": len(order["connections"])})
        connection, *others = order["connections"]
        if not (yield from _visit(context, order, connection)):
            context.continue_as_new(order)
            return None
        order = {**order, "connections": others}
    calls, page = 0, {"erasure_id": context.instance_id, "after": order.get("after", "")}
    while not failure and page["after"] is not None:
        context.set_custom_status({"stage": "removing traces"})
        answer = yield from attempt(context, order["patience_s"], "erase_traces", page)
        failure, page, calls = answer.get("failure"), answer.get("result", page), calls + 1
        if not failure and page["after"] is not None and calls == _CALLS_PER_GENERATION:
            context.continue_as_new({**order, "after": page["after"]})
            return None
    end = {"erasure_id": context.instance_id, "failure": failure}
    finished = yield from attempt(context, order["patience_s"], "finish_erasure", end)
    if "result" not in finished:
        raise RuntimeError(finished["failure"]["message"])
    context.set_custom_status({"stage": "done"})
    return finished["result"]


def _visit(context: df.DurableOrchestrationContext, order: Envelope, connection: str) -> Steps:
    """Erase at one connection as soon as no run has it. Returns False when the wait goes on in a new generation."""
    visit = {**_order(context, order), "connection_id": connection}
    for waits in range(1, _CALLS_PER_GENERATION + 1):
        answer = yield from attempt(context, order["patience_s"], "erase_at_connection", visit)
        if "failure" in answer:
            visit = {**visit, "given_up": answer["failure"]}
            answer = yield from attempt(context, order["patience_s"], "erase_at_connection", visit)
            return True
        wait_s = answer["result"]["wait_s"]
        if not wait_s:
            return True
        yield from sleep(context, min(_LONGEST_BUSY_WAIT_S, wait_s * waits))
    return False


def _order(context: df.DurableOrchestrationContext, order: Envelope) -> Envelope:
    return {
        "erasure_id": context.instance_id,
        "suppress": order["suppress"],
        "everywhere": order["everywhere"],
    }


def _quietly(step: Callable[[], Record]) -> Envelope:
    """An error that nobody expected is named by its kind only: its text may hold the address."""
    try:
        return envelope(step)
    except Exception as error:
        raise RuntimeError(f"An erasure broke down: {type(error).__name__}.") from None


@bp.activity_trigger(input_name="task")
def begin_erasure(task: dict) -> dict:
    return _quietly(lambda: erasing.begin_erasure(app().run_context, EraseOrder.model_validate(task)))


@bp.activity_trigger(input_name="task")
def erase_at_connection(task: dict) -> dict:
    return _quietly(lambda: erasing.erase_at_connection(app().run_context, EraseVisit.model_validate(task)))


@bp.activity_trigger(input_name="task")
def erase_traces(task: dict) -> dict:
    return _quietly(lambda: erasing.erase_traces(app().run_context, TracePage.model_validate(task)))


@bp.activity_trigger(input_name="task")
def finish_erasure(task: dict) -> dict:
    return _quietly(lambda: erasing.finish_erasure(app().run_context, EraseEnd.model_validate(task)))
