"""The orchestration of a run."""

import azure.durable_functions as df

from functions.orchestration.blueprint import bp
from functions.orchestration.lanes import LEGS, Window, find_begun, make_job
from functions.orchestration.waiting import Pauses, decision_event
from functions.steps import Envelope, Steps, attempt, succeeded
from functions.versions import go

_LONGEST_BUSY_WAIT_S = 60
_WAITS_PER_GENERATION = 50
_PATIENT_AFTER_WAITS = 10
_LOOK_AT_DECISION_S = 6 * 3600


@bp.orchestration_trigger(context_name="context")
def export_run(context: df.DurableOrchestrationContext) -> Steps:
    """One run. Input: ``{"lanes", "patience_s"}``, and what later generations need; the instance id is the run's id.

    ``first_lane`` is given when the run had another orchestration before, whose lanes may still be there.
    """
    return (yield from go(context, {"1.0": _run}))


def _run(context: df.DurableOrchestrationContext) -> Steps:
    order, pauses = {**LEGS, **context.get_input()}, Pauses(context)
    if "sending" in order:
        staged = order["sending"]["staged"]
        outcome = yield from _send(context, pauses, order)
    else:
        context.set_custom_status({"stage": "waiting for the connection"})
        begun = yield from _begin(context, pauses, order)
        if begun is None:
            return None
        found = begun.get("result", {})
        if found.get("over"):
            return {"status": "over"}
        staged = list(found.get("staged", ()))
        outcome = yield from _export(context, pauses, order, begun, staged)
    if outcome is None:
        return None
    context.set_custom_status({"stage": "finishing"})
    finish = {
        "run_id": context.instance_id,
        "staged": staged,
        "failure": outcome.get("failure"),
        "complete": succeeded(outcome),
        "overtaken": outcome.get("overtaken", False),
    }
    finished = yield from attempt(context, order["patience_s"], "finish_run", finish)
    if not succeeded(finished):
        raise RuntimeError(finished["failure"]["message"])
    context.set_custom_status({"stage": "done", **finished["result"]})
    return finished["result"]


def _begin(context: df.DurableOrchestrationContext, pauses: Pauses, order: Envelope) -> Steps:
    """Begin once the connection is free. Returns None when the wait goes on in a new generation."""
    waits = order.get("waits", 0)
    while True:
        begun = yield from attempt(
            context, order["patience_s"], "begin_run", {"run_id": context.instance_id}, pauses.wait
        )
        wait_s = begun.get("result", {}).get("wait_s")
        if not wait_s:
            return begun
        waits += 1
        yield from pauses.wait(min(_LONGEST_BUSY_WAIT_S, wait_s * (1 + waits // _PATIENT_AFTER_WAITS)))
        if waits % _WAITS_PER_GENERATION == 0:
            context.continue_as_new({**order, "waits": waits})
            return None


def _export(
    context: df.DurableOrchestrationContext,
    pauses: Pauses,
    order: Envelope,
    begun: Envelope,
    staged: list[Envelope],
) -> Steps:
    """Read, guard and send. Returns ``{"result"}`` when all was done, None when the run begins again as approved.

    ``staged`` gets what was read, whatever happens then; a run that was taken up has read everything already.
    """
    if not succeeded(begun):
        return begun
    if begun["result"].get("overtaken"):
        return {"stopped": True, "overtaken": True}
    if asked := begun["result"].get("asked"):
        return (yield from _ask(context, pauses, order, asked))
    if resumed := begun["result"].get("resumed"):
        order["sending"] = {"staged": staged, **resumed}
        return (yield from _send(context, pauses, order))
    run_id = context.instance_id
    read = yield from _stage(context, pauses, order, begun["result"]["segments"], staged)
    if not succeeded(read):
        return read
    guarded = yield from attempt(
        context, order["patience_s"], "guard_run", {"run_id": run_id, "staged": staged}, pauses.wait
    )
    if not succeeded(guarded):
        return guarded
    staged[:] = guarded["result"]["staged"]
    if guarded["result"]["failure"]:
        return {"failure": guarded["result"]["failure"]}
    if guarded["result"]["asked"]:
        return (yield from _ask(context, pauses, order, guarded["result"]["asked"]))
    if begun["result"].get("dry"):
        context.set_custom_status({"stage": "estimating"})
        task = {"run_id": run_id, "staged": staged}
        return (yield from attempt(context, order["patience_s"], "rehearse_run", task, pauses.wait))
    return (yield from _push(context, pauses, order, staged))


def _stage(
    context: df.DurableOrchestrationContext,
    pauses: Pauses,
    order: Envelope,
    segments: list[str],
    staged: list[Envelope],
) -> Steps:
    for segment in segments:
        context.set_custom_status({"stage": "reading", "segment": segment})
        task = {"run_id": context.instance_id, "segment": segment}
        answer = yield from attempt(context, order["patience_s"], "stage_segment", task, pauses.wait)
        if not succeeded(answer):
            return answer
        staged.append(answer["result"])
    return {"result": {}} if segments else {"stopped": True}


def _ask(context: df.DurableOrchestrationContext, pauses: Pauses, order: Envelope, round_: int) -> Steps:
    """Wait for a person's decision. What counts is the record; the event only wakes, and may be lost.

    Once approved, the run begins again in a new generation: who is on the ledger may have changed meanwhile.
    """
    context.set_custom_status({"stage": "waiting for approval", "round": round_})
    decided = context.wait_for_external_event(decision_event(round_))
    while True:
        answer = yield from attempt(
            context, order["patience_s"], "review_run", {"run_id": context.instance_id}, pauses.wait
        )
        if not succeeded(answer):
            return answer
        reviewed = answer["result"]
        if reviewed["approved"]:
            context.continue_as_new({**order, "waits": 0})
            return None
        if not reviewed["wait_s"]:
            return {"stopped": True, "overtaken": reviewed["overtaken"]}
        if decided.is_completed:
            decided = context.wait_for_external_event(decision_event(round_))
        if (yield from pauses.wait(min(_LOOK_AT_DECISION_S, reviewed["wait_s"]), decided)):
            return {"stopped": True}


def _push(
    context: df.DurableOrchestrationContext, pauses: Pauses, order: Envelope, staged: list[Envelope]
) -> Steps:
    """Prepare lists, then send."""
    task = {"run_id": context.instance_id, "staged": staged}
    prepared = yield from attempt(context, order["patience_s"], "prepare_push", task, pauses.wait)
    if not succeeded(prepared):
        return prepared
    order["sending"] = {"staged": staged, "prepared": prepared["result"], "removals": False, "state": None}
    return (yield from _send(context, pauses, order))


def _send(context: df.DurableOrchestrationContext, pauses: Pauses, order: Envelope) -> Steps:
    """Send everybody, then take those off who are no longer there; ``order["sending"]`` says how far that is.

    Returns None when it goes on in a new generation.
    """
    sending, window = order["sending"], Window(context, pauses, order)
    staged, prepared, run_id = sending["staged"], sending["prepared"], context.instance_id
    for removals, chunks in ((False, "chunks"), (True, "leaver_chunks")):
        if sending["removals"] and not removals:
            continue
        job = make_job(run_id, staged, prepared, chunks, removals=removals)
        state = sending["state"] or find_begun(job, None if removals else prepared.get("begun"))
        pushed = yield from window.push(job, state)
        if pushed.get("later"):
            context.continue_as_new({**order, "sending": {**sending, "removals": removals, "state": state}})
            return None
        if not succeeded(pushed):
            return pushed
        sending = {**sending, "state": {"lanes_started": state["lanes_started"]}}
    return {"result": {}}
