"""The activities of a run: a step each, in the trace that the host says."""

from collections.abc import Callable

import azure.functions as func

from functions.orchestration.blueprint import bp
from functions.placing import placed
from functions.steps import Envelope, envelope
from shared import telemetry
from shared.bootstrap import app
from shared.domain.record import Record
from shared.pipeline.pushing.chunk_push import PushTask
from shared.pipeline.steps.begin import begin
from shared.pipeline.steps.finish import FinishTask, finish
from shared.pipeline.steps.guard import GuardTask, guard
from shared.pipeline.steps.prepare import PrepareTask, prepare
from shared.pipeline.steps.push import push
from shared.pipeline.steps.rehearse import RehearseTask, rehearse
from shared.pipeline.steps.review import review
from shared.pipeline.steps.stage_segment import StageTask
from shared.pipeline.steps.stage_segment import stage_segment as stage

_MENDED_BY_ANOTHER_RUN = ("lane-lost", "limit-changed")
_TOLD = {"run_id": telemetry.RUN, "segment": telemetry.SEGMENT, "chunk": telemetry.CHUNK}


def _answer(name: str, task: Envelope, context: func.Context, step: Callable[[], Record]) -> Envelope:
    with placed(context), telemetry.span(name, _describe(task)) as mark:
        answer = envelope(step)
        if failure := answer.get("failure") or answer.get("result", {}).get("failure"):
            mark.fail(failure["code"])
    if answer.get("failure", {}).get("code") in _MENDED_BY_ANOTHER_RUN:
        answer["failure"]["transient"] = True
    return answer


def _describe(task: Envelope) -> telemetry.Attributes:
    return {name: task[key] for key, name in _TOLD.items() if key in task}


@bp.activity_trigger(input_name="task")
def begin_run(task: dict, context: func.Context) -> dict:
    return _answer("begin run", task, context, lambda: begin(app().run_context, task["run_id"]))


@bp.activity_trigger(input_name="task")
def stage_segment(task: dict, context: func.Context) -> dict:
    return _answer(
        "stage segment", task, context, lambda: stage(app().run_context, StageTask.model_validate(task))
    )


@bp.activity_trigger(input_name="task")
def guard_run(task: dict, context: func.Context) -> dict:
    return _answer(
        "guard run", task, context, lambda: guard(app().run_context, GuardTask.model_validate(task))
    )


@bp.activity_trigger(input_name="task")
def review_run(task: dict, context: func.Context) -> dict:
    return _answer("review run", task, context, lambda: review(app().run_context, task["run_id"]))


@bp.activity_trigger(input_name="task")
def rehearse_run(task: dict, context: func.Context) -> dict:
    return _answer(
        "rehearse run", task, context, lambda: rehearse(app().run_context, RehearseTask.model_validate(task))
    )


@bp.activity_trigger(input_name="task")
def prepare_push(task: dict, context: func.Context) -> dict:
    return _answer(
        "prepare push", task, context, lambda: prepare(app().run_context, PrepareTask.model_validate(task))
    )


@bp.activity_trigger(input_name="task")
def push_chunk(task: dict, context: func.Context) -> dict:
    return _answer(
        "push chunk", task, context, lambda: push(app().run_context, PushTask.model_validate(task))
    )


@bp.activity_trigger(input_name="task")
def finish_run(task: dict, context: func.Context) -> dict:
    return _answer(
        "finish run", task, context, lambda: finish(app().run_context, FinishTask.model_validate(task))
    )
