"""The activities of a run: a step each, and an envelope for how it went.

``{"result"}`` when all is well, ``{"stopped": True}`` when the run shall not go on, else ``{"failure", "retryable"}``.
"""

from collections.abc import Callable

from functions.orchestration.blueprint import bp
from functions.orchestration.waiting import Envelope
from shared.bootstrap import app
from shared.domain.destination import Stopped
from shared.domain.errors import SegpilotError
from shared.domain.record import Record
from shared.pipeline.pushing import PushTask
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


def _envelope(step: Callable[[], Record]) -> Envelope:
    try:
        return {"result": step().model_dump(mode="json")}
    except Stopped:
        return {"stopped": True}
    except SegpilotError as error:
        failure = {
            "code": error.reason,
            "message": error.message,
            "remedy": error.remedy,
            "transient": error.retryable or error.reason in _MENDED_BY_ANOTHER_RUN,
        }
        return {"failure": failure, "retryable": error.retryable}


@bp.activity_trigger(input_name="task")
def begin_run(task: dict) -> dict:
    return _envelope(lambda: begin(app().run_context, task["run_id"]))


@bp.activity_trigger(input_name="task")
def stage_segment(task: dict) -> dict:
    return _envelope(lambda: stage(app().run_context, StageTask.model_validate(task)))


@bp.activity_trigger(input_name="task")
def guard_run(task: dict) -> dict:
    return _envelope(lambda: guard(app().run_context, GuardTask.model_validate(task)))


@bp.activity_trigger(input_name="task")
def review_run(task: dict) -> dict:
    return _envelope(lambda: review(app().run_context, task["run_id"]))


@bp.activity_trigger(input_name="task")
def rehearse_run(task: dict) -> dict:
    return _envelope(lambda: rehearse(app().run_context, RehearseTask.model_validate(task)))


@bp.activity_trigger(input_name="task")
def prepare_push(task: dict) -> dict:
    return _envelope(lambda: prepare(app().run_context, PrepareTask.model_validate(task)))


@bp.activity_trigger(input_name="task")
def push_chunk(task: dict) -> dict:
    return _envelope(lambda: push(app().run_context, PushTask.model_validate(task)))


@bp.activity_trigger(input_name="task")
def finish_run(task: dict) -> dict:
    return _envelope(lambda: finish(app().run_context, FinishTask.model_validate(task)))
