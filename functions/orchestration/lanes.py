"""Lanes: the chunks of a run, so many at a time.

A window of ``lanes`` chunks is in flight at any time: each lane is a sub-orchestration that takes its chunks in turn. A
chunk is known by its place in the order of all chunks, so that histories hold numbers and nothing longer; and both a
lane and the run begin a new history before theirs grows long (docs/decisions/0001).
"""

from datetime import datetime

import azure.durable_functions as df

from functions.orchestration.blueprint import bp
from functions.orchestration.waiting import Pauses
from functions.steps import LONGEST_PAUSE_S, Envelope, Steps, call
from functions.versions import go, version_of

LEGS = {"turns_per_leg": 100, "rounds_per_history": 10}
"""How many times a lane calls a worker before it ends, and how many rounds of lanes a history of a run may hold. They
travel with the order of a run: what is under way keeps to the numbers it was begun with."""


@bp.orchestration_trigger(context_name="context")
def push_lane(context: df.DurableOrchestrationContext) -> Steps:
    """Push chunks one after the other, for one leg.

    Input: ``{"run_id", "removals", "proven", "parts": [{"segment", "list_id", "folder", "chunks"}], "turns", "places",
    "begun"}``; ``places`` are the chunks to push, ``begun`` says of some of them which batches are left. Returns what is
    left, as ``{"places", "begun", "failure", "retryable", "stopped"}``.
    """
    return (yield from go(context, {"1.0": _push_for_one_leg}))


def _push_for_one_leg(context: df.DurableOrchestrationContext) -> Steps:
    job = context.get_input()
    places, begun = list(job["places"]), dict(job["begun"])
    ending = {"failure": None, "retryable": False, "stopped": False}
    for _ in range(job["turns"]):
        if not places:
            break
        context.set_custom_status({"chunks": len(job["places"]), "done": len(job["places"]) - len(places)})
        place = str(places[0])
        task = _make_task(job, places[0], begun.pop(place, None))
        answer = yield from call(context, "push_chunk", task)
        pushed = answer.get("result", answer)
        pending = pushed.get("pending", task["pending"])
        ending = {
            "failure": pushed.get("failure"),
            "retryable": bool(pushed.get("retryable")),
            "stopped": bool(pushed.get("stopped")),
        }
        ended_early = ending["failure"] or ending["stopped"]
        if pending:
            begun[place] = pending
        elif not ended_early:
            places.pop(0)
        if ended_early:
            break
    return {"places": places, "begun": begun, **ending}


def _make_task(job: Envelope, place: int, pending: list[int] | None) -> Envelope:
    """Return the PushTask of a chunk: its place counts the chunks of all parts."""
    for part in job["parts"]:
        if place < part["chunks"]:
            return {
                "run_id": job["run_id"],
                "segment": part["segment"],
                "list_id": part["list_id"],
                "folder": part["folder"],
                "chunk": place,
                "removals": job["removals"],
                "proven": job["proven"],
                "pending": pending,
            }
        place -= part["chunks"]
    raise IndexError(place)


def make_job(
    run_id: str, staged: list[Envelope], prepared: Envelope, chunks: str, *, removals: bool
) -> Envelope:
    """Return what there is to push of all segments; ``chunks`` names the field that says how many chunks there are."""
    lists = prepared["lists"]
    parts = [
        {
            "segment": one["segment"],
            "list_id": lists[one["segment"]],
            "folder": one["folder"],
            "chunks": one[chunks],
        }
        for one in staged
        if one["segment"] in lists
    ]
    proven = bool(prepared.get("proven"))
    return {"run_id": run_id, "removals": removals, "proven": proven, "parts": parts}


def find_begun(job: Envelope, task: Envelope | None) -> Envelope:
    """Return the state of a push of which one chunk, if any, has been begun already."""
    first = 0
    for part in job["parts"]:
        if task and part["segment"] == task["segment"]:
            place = first + task["chunk"]
            # Where one batch was all there was to send, no lane is needed.
            return {"begun": {str(place): task["pending"]}} if place or task["pending"] else {"next": 1}
        first += part["chunks"]
    return {}


class Window:
    """Pushes chunks, ``order["lanes"]`` at a time; what an outage leaves undone is taken up again after a pause."""

    def __init__(self, context: df.DurableOrchestrationContext, pauses: Pauses, order: Envelope) -> None:
        self._context, self._pauses, self._order = context, pauses, order

    def push(self, job: Envelope, state: Envelope) -> Steps:
        """Push all chunks. Returns ``{"result"}``, ``{"stopped"}``, ``{"failure"}``, or ``{"later": True}`` when the
        history is long enough.

        ``state`` is empty at first; it says how far things are, as a new history needs it.
        """
        context, total = self._context, sum(part["chunks"] for part in job["parts"])
        state.setdefault("progress_at", context.current_utc_datetime.isoformat())
        state.setdefault("lanes_started", self._order.get("first_lane", 0))
        ahead = [*state.get("left", ()), *range(state.setdefault("next", 0), total)]
        for _ in range(self._order["rounds_per_history"]):
            if not ahead:
                return {"result": {}}
            doing = "removing" if job["removals"] else "sending"
            context.set_custom_status({"stage": doing, "chunks": total, "done": total - len(ahead)})
            lanes = min(self._order["lanes"], len(ahead))
            places = ahead[: lanes * self._order["turns_per_leg"]]
            later = ahead[len(places) :]
            answers = yield from self._run_lanes(job, [places[lane::lanes] for lane in range(lanes)], state)
            if (ending := self._note(answers, places, state)) is not None:
                return ending
            fresh = [place for place in later if place >= state["next"]]
            state["left"] += later[: len(later) - len(fresh)]
            state["next"] = total - len(fresh)
            ahead = state["left"] + fresh
            pause_s = min(LONGEST_PAUSE_S, 5 * 2 ** state["outages"])
            if state["outages"] and (yield from self._pauses.wait(pause_s)):
                return {"stopped": True}
        return {"later": True} if ahead else {"result": {}}

    def _note(self, answers: list[Envelope], places: list[int], state: Envelope) -> Envelope | None:
        """Take what lanes answered into the state; returns how the push ends, if it does."""
        failures = [answer for answer in answers if answer["failure"]]
        if hard := next((answer for answer in failures if not answer["retryable"]), None):
            return {"failure": hard["failure"]}
        if any(answer["stopped"] for answer in answers):
            return {"stopped": True}
        left = sorted(place for answer in answers for place in answer["places"])
        known = state.get("begun", {})
        begun = {place: batches for place, batches in known.items() if int(place) not in places}
        for answer in answers:
            begun |= answer["begun"]
        if (left, begun) != (places, known):
            state["outages"], state["progress_at"] = 0, self._context.current_utc_datetime.isoformat()
        elif failures:
            waited = self._context.current_utc_datetime - datetime.fromisoformat(state["progress_at"])
            if waited.total_seconds() > self._order["patience_s"]:
                return {"failure": {**failures[0]["failure"], "transient": True}}
        state["left"], state["begun"] = left, begun
        state["outages"] = state.get("outages", 0) + 1 if failures else 0
        return None

    def _run_lanes(self, job: Envelope, lanes: list[list[int]], state: Envelope) -> Steps:
        """Run lanes side by side. A lane that broke down counts as not having done anything: pushing is repeatable."""
        context, started = self._context, state["lanes_started"]
        state["lanes_started"] = started + len(lanes)
        orders = [{**job, "turns": self._order["turns_per_leg"], **_share(places, state)} for places in lanes]
        children = [
            context.call_sub_orchestrator(
                "push_lane",
                order,
                instance_id=f"{context.instance_id}-lane-{started + number}",
                version=version_of(context),  # a lane goes the way of its run; else it would go the newest
            )
            for number, order in enumerate(orders)
        ]
        failure = None
        try:
            answers = yield context.task_all(children)
        except Exception:
            answers = [{}] * len(lanes)
            failure = {
                "code": "worker-lost",
                "message": "A worker was lost while people were being sent.",
                "remedy": "",
            }
        nothing_done = {"failure": failure, "retryable": True, "stopped": False}
        # An earlier version of this code gave other answers; what they say does not matter.
        return [
            answer if "places" in answer else {**_share(places, state), **nothing_done}
            for answer, places in zip(answers, lanes, strict=True)
        ]


def _share(places: list[int], state: Envelope) -> Envelope:
    """Return the places of one lane, with what is known of them."""
    begun = state.get("begun", {})
    return {
        "places": places,
        "begun": {str(place): begun[str(place)] for place in places if str(place) in begun},
    }
