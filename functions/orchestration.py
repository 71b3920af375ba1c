"""The orchestration of a run, and the activities it calls.

Only ids, blob names and counts travel through its history. Activities answer with an envelope instead of raising: the
SDK and the Durable extension number retries differently, so nothing here uses ``*_with_retry`` (docs/decisions/).
A window of ``lanes`` chunks is in flight at any time: each lane is a sub-orchestration that takes its chunks in turn.
"""

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from shared.bootstrap import app
from shared.domain.destination import Stopped
from shared.domain.errors import SegpilotError
from shared.domain.record import Record
from shared.pipeline.pushing import PushTask
from shared.pipeline.steps.begin import begin
from shared.pipeline.steps.finish import FinishTask, finish
from shared.pipeline.steps.prepare import PrepareTask, prepare
from shared.pipeline.steps.push import push
from shared.pipeline.steps.stage_segment import StageTask
from shared.pipeline.steps.stage_segment import stage_segment as stage

bp = df.Blueprint()

Envelope = dict[str, Any]
Steps = Generator[Any, Any, Any]

_CHUNKS_PER_LANE = 100
_LONGEST_PAUSE_S = 300
_LONGEST_BUSY_WAIT_S = 60
_WAITS_PER_GENERATION = 50
_LOST_WORKERS = 5
CANCEL_EVENT = "cancel"


@bp.orchestration_trigger(context_name="context")
def export_run(context: df.DurableOrchestrationContext) -> Steps:
    """One run. Input: ``{"lanes", "patience_s", "waits"}``; the instance id is the run's id."""
    order, run_id, pauses = context.get_input(), context.instance_id, _Pauses(context)
    context.set_custom_status({"stage": "waiting for the connection"})
    begun = yield from _begin(context, pauses, order)
    if begun is None:
        return None
    if begun.get("result", {}).get("over"):
        return {"status": "over"}
    staged: list[Envelope] = []
    outcome = begun
    if _succeeded(begun):
        outcome = yield from _stage(context, pauses, order, begun["result"]["segments"], staged)
    complete = False
    if staged and _succeeded(outcome):
        outcome = yield from _push_all(context, pauses, order, staged)
        complete = _succeeded(outcome)
    context.set_custom_status({"stage": "finishing"})
    finish = {"run_id": run_id, "staged": staged, "failure": outcome.get("failure"), "complete": complete}
    finished = yield from _attempt(context, pauses, order, "finish_run", finish, cancellable=False)
    if not _succeeded(finished):
        raise RuntimeError(finished["failure"]["message"])
    context.set_custom_status({"stage": "done", **finished["result"]})
    return finished["result"]


@bp.orchestration_trigger(context_name="context")
def push_lane(context: df.DurableOrchestrationContext) -> Steps:
    """Push chunks one after the other. Input: ``{"tasks": [PushTask, …]}``.

    Returns ``{"left": [PushTask, …], "failure", "retryable", "stopped"}``: what is left when it had to end early.
    """
    tasks = context.get_input()["tasks"]
    for index, task in enumerate(tasks):
        context.set_custom_status({"chunks": len(tasks), "done": index})
        while True:
            answer = yield from _call(context, "push_chunk", task)
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


def _begin(context: df.DurableOrchestrationContext, pauses: "_Pauses", order: Envelope) -> Steps:
    """Begin once the connection is free. Returns None when the wait goes on in a new generation."""
    waits = order.get("waits", 0)
    while True:
        begun = yield from _attempt(context, pauses, order, "begin_run", {"run_id": context.instance_id})
        wait_s = begun.get("result", {}).get("wait_s")
        if not wait_s:
            return begun
        waits += 1
        yield from pauses.wait(min(_LONGEST_BUSY_WAIT_S, wait_s * waits))
        if waits % _WAITS_PER_GENERATION == 0:
            context.continue_as_new({**order, "waits": waits})
            return None


def _stage(
    context: df.DurableOrchestrationContext,
    pauses: "_Pauses",
    order: Envelope,
    segments: list[str],
    staged: list[Envelope],
) -> Steps:
    for segment in segments:
        context.set_custom_status({"stage": "reading", "segment": segment})
        task = {"run_id": context.instance_id, "segment": segment}
        answer = yield from _attempt(context, pauses, order, "stage_segment", task)
        if not _succeeded(answer):
            return answer
        staged.append(answer["result"])
    return {"result": {}} if segments else {"stopped": True}


def _push_all(
    context: df.DurableOrchestrationContext, pauses: "_Pauses", order: Envelope, staged: list[Envelope]
) -> Steps:
    """Prepare lists, then push all chunks; what an outage leaves undone is taken up again after a pause."""
    run_id = context.instance_id
    prepared = yield from _attempt(
        context, pauses, order, "prepare_push", {"run_id": run_id, "staged": staged}
    )
    if not _succeeded(prepared):
        return prepared
    if prepared["result"].get("failure"):
        return {"failure": prepared["result"]["failure"]}
    lists = prepared["result"]["lists"]
    tasks = [
        {
            "run_id": run_id,
            "segment": one["segment"],
            "list_id": lists[one["segment"]],
            "folder": one["folder"],
            "chunk": chunk,
        }
        for one in staged
        if one["segment"] in lists
        for chunk in range(one["chunks"])
    ]
    places = {(task["segment"], task["chunk"]): place for place, task in enumerate(tasks)}
    total, outages, lanes_started, progress_at = len(tasks), 0, 0, context.current_utc_datetime
    while tasks:
        context.set_custom_status({"stage": "sending", "chunks": total, "done": total - len(tasks)})
        lanes = min(order["lanes"], len(tasks))
        turn, later = tasks[: lanes * _CHUNKS_PER_LANE], tasks[lanes * _CHUNKS_PER_LANE :]
        answers = yield from _run_lanes(context, [turn[lane::lanes] for lane in range(lanes)], lanes_started)
        lanes_started += lanes
        left = sorted(
            (task for answer in answers for task in answer["left"]),
            key=lambda task: places[task["segment"], task["chunk"]],
        )
        if hard := next(
            (answer for answer in answers if answer["failure"] and not answer["retryable"]), None
        ):
            return {"failure": hard["failure"]}
        if any(answer["stopped"] for answer in answers):
            return {"stopped": True}
        if left == turn:
            waited_s = (context.current_utc_datetime - progress_at).total_seconds()
            if waited_s > order["patience_s"]:
                return {"failure": next(answer["failure"] for answer in answers if answer["failure"])}
        else:
            outages, progress_at = 0, context.current_utc_datetime
        tasks = left + later
        if left:
            outages += 1
            if (yield from pauses.wait(min(_LONGEST_PAUSE_S, 5 * 2**outages))):
                return {"stopped": True}
    return {"result": {}}


def _run_lanes(context: df.DurableOrchestrationContext, lanes: list[list[Envelope]], started: int) -> Steps:
    """Run lanes side by side. A lane that broke down counts as not having done anything: pushing is repeatable."""
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
        return [{"left": tasks, "failure": failure, "retryable": True, "stopped": False} for tasks in lanes]


def _attempt(
    context: df.DurableOrchestrationContext,
    pauses: "_Pauses",
    order: Envelope,
    name: str,
    task: Envelope,
    *,
    cancellable: bool = True,
) -> Steps:
    """Call an activity until it answers for good: outages are waited for, as long as patience lasts."""
    started_at, tries = context.current_utc_datetime, 0
    while True:
        answer = yield from _call(context, name, task)
        if not answer.get("retryable"):
            return answer
        if (context.current_utc_datetime - started_at).total_seconds() > order["patience_s"]:
            return answer
        tries += 1
        seconds = min(_LONGEST_PAUSE_S, 2 * 2**tries)
        if not cancellable:
            yield from _sleep(context, seconds)
        elif (yield from pauses.wait(seconds)):
            return {"stopped": True}


def _call(context: df.DurableOrchestrationContext, name: str, task: Envelope) -> Steps:
    """Call an activity. A worker that is lost on the way is replaced a few times; what it said stays in the log."""
    for lost in range(1, _LOST_WORKERS + 1):
        try:
            return (yield context.call_activity(name, task))
        except Exception:
            if lost < _LOST_WORKERS:
                yield from _sleep(context, 2 * 2**lost)
    failure = {
        "code": "worker-lost",
        "message": f"The step '{name}' broke down {_LOST_WORKERS} times.",
        "remedy": "Run the export again; if it stays so, see the log of the app.",
    }
    return {"failure": failure, "retryable": False}


def _sleep(context: df.DurableOrchestrationContext, seconds: float) -> Steps:
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=seconds))


class _Pauses:
    """Waiting, and being woken by a cancellation.

    One wait for the event serves all pauses: with a new one for each, an event that comes between two pauses would be
    given to the wait of the earlier one, and be lost.
    """

    def __init__(self, context: df.DurableOrchestrationContext) -> None:
        self._context, self._cancelled = context, context.wait_for_external_event(CANCEL_EVENT)

    def wait(self, seconds: float) -> Steps:
        """Wait; returns True when the run was cancelled, during the wait or before."""
        if self._cancelled.is_completed:
            return True
        timer = self._context.create_timer(self._context.current_utc_datetime + timedelta(seconds=seconds))
        first = yield self._context.task_any([timer, self._cancelled])
        if first is timer:
            return False
        timer.cancel()
        return True


def _succeeded(answer: Envelope) -> bool:
    return "result" in answer


def _envelope(step: Callable[[], Record]) -> Envelope:
    try:
        return {"result": step().model_dump(mode="json")}
    except Stopped:
        return {"stopped": True}
    except SegpilotError as error:
        failure = {"code": error.reason, "message": error.message, "remedy": error.remedy}
        return {"failure": failure, "retryable": error.retryable}


@bp.activity_trigger(input_name="task")
def begin_run(task: dict) -> dict:
    return _envelope(lambda: begin(app().run_context, task["run_id"]))


@bp.activity_trigger(input_name="task")
def stage_segment(task: dict) -> dict:
    return _envelope(lambda: stage(app().run_context, StageTask.model_validate(task)))


@bp.activity_trigger(input_name="task")
def prepare_push(task: dict) -> dict:
    return _envelope(lambda: prepare(app().run_context, PrepareTask.model_validate(task)))


@bp.activity_trigger(input_name="task")
def push_chunk(task: dict) -> dict:
    return _envelope(lambda: push(app().run_context, PushTask.model_validate(task)))


@bp.activity_trigger(input_name="task")
def finish_run(task: dict) -> dict:
    return _envelope(lambda: finish(app().run_context, FinishTask.model_validate(task)))
