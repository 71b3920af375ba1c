"""Lanes: the chunks of a run, so many at a time.

A window of ``lanes`` chunks is in flight at any time: each lane is a sub-orchestration that takes its chunks in turn.
"""

from datetime import datetime

import azure.durable_functions as df

from functions.orchestration.blueprint import bp
from functions.orchestration.waiting import Pauses
from functions.steps import LONGEST_PAUSE_S, Envelope, Steps, call

_CHUNKS_PER_LANE = 100


@bp.orchestration_trigger(context_name="context")
def push_lane(context: df.DurableOrchestrationContext) -> Steps:
    """Push chunks one after the other. Input: ``{"tasks": [PushTask, …]}``.

    Returns ``{"left": [PushTask, …], "failure", "retryable", "stopped"}``: what is left when it had to end early.
    """
    tasks = context.get_input()["tasks"]
    for index, task in enumerate(tasks):
        context.set_custom_status({"chunks": len(tasks), "done": index})
        while True:
            answer = yield from call(context, "push_chunk", task)
            pushed = answer.get("result", answer)
            task = {**task, "pending": pushed.get("pending", task.get("pending"))}
            if pushed.get("failure") or pushed.get("stopped"):
                left = [task, *tasks[index + 1 :]]
                return {
                    "left": left,
                    "failure": pushed.get("failure"),
                    "retryable": bool(pushed.get("retryable")),
                    "stopped": bool(pushed.get("stopped")),
                }
            if not pushed["pending"]:
                break
    return {"left": [], "failure": None, "retryable": False, "stopped": False}


def make_tasks(
    run_id: str, staged: list[Envelope], lists: Envelope, chunks: str, *, removals: bool
) -> list[Envelope]:
    """Return a task for each chunk of all segments; ``chunks`` names the field that says how many there are."""
    return [
        {
            "run_id": run_id,
            "segment": one["segment"],
            "list_id": lists[one["segment"]],
            "folder": one["folder"],
            "chunk": chunk,
            "removals": removals,
        }
        for one in staged
        if one["segment"] in lists
        for chunk in range(one[chunks])
    ]


class Window:
    """Pushes chunks, ``order["lanes"]`` at a time; what an outage leaves undone is taken up again after a pause."""

    def __init__(self, context: df.DurableOrchestrationContext, pauses: Pauses, order: Envelope) -> None:
        self._context, self._pauses, self._order = context, pauses, order
        self._lanes_started = 0

    def push(self, stage: str, tasks: list[Envelope]) -> Steps:
        """Push all chunks. Returns ``{"result"}``, ``{"stopped"}`` or ``{"failure"}``."""
        context, total, outages = self._context, len(tasks), 0
        places = {(task["segment"], task["chunk"]): place for place, task in enumerate(tasks)}
        progress_at: datetime = context.current_utc_datetime
        while tasks:
            context.set_custom_status({"stage": stage, "chunks": total, "done": total - len(tasks)})
            lanes = min(self._order["lanes"], len(tasks))
            turn, later = tasks[: lanes * _CHUNKS_PER_LANE], tasks[lanes * _CHUNKS_PER_LANE :]
            answers = yield from self._run_lanes([turn[lane::lanes] for lane in range(lanes)])
            left = sorted(
                (task for answer in answers for task in answer["left"]),
                key=lambda task: places[task["segment"], task["chunk"]],
            )
            failures = [answer for answer in answers if answer["failure"]]
            if hard := next((answer for answer in failures if not answer["retryable"]), None):
                return {"failure": hard["failure"]}
            if any(answer["stopped"] for answer in answers):
                return {"stopped": True}
            if left == turn:
                waited_s = (context.current_utc_datetime - progress_at).total_seconds()
                if waited_s > self._order["patience_s"]:
                    return {"failure": {**failures[0]["failure"], "transient": True}}
            else:
                outages, progress_at = 0, context.current_utc_datetime
            tasks = left + later
            if left:
                outages += 1
                if (yield from self._pauses.wait(min(LONGEST_PAUSE_S, 5 * 2**outages))):
                    return {"stopped": True}
        return {"result": {}}

    def _run_lanes(self, lanes: list[list[Envelope]]) -> Steps:
        """Run lanes side by side. A lane that broke down counts as not having done anything: pushing is repeatable."""
        context, started = self._context, self._lanes_started
        self._lanes_started += len(lanes)
        children = [
            context.call_sub_orchestrator(
                "push_lane", {"tasks": tasks}, instance_id=f"{context.instance_id}-lane-{started + number}"
            )
            for number, tasks in enumerate(lanes)
        ]
        try:
            return (yield context.task_all(children))
        except Exception:
            failure = {
                "code": "worker-lost",
                "message": "A worker was lost while people were being sent.",
                "remedy": "",
            }
            return [
                {"left": tasks, "failure": failure, "retryable": True, "stopped": False} for tasks in lanes
            ]
