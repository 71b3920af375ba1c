"""The activities of a run: a step each."""

from collections.abc import Callable

from functions.orchestration.blueprint import bp
from functions.steps import Envelope, envelope
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


def _answer(step: Callable[[], Record]) -> Envelope:
    answer = envelope(step)
    if answer.get("failure", {}).get("code") in _MENDED_BY_ANOTHER_RUN:
        answer["failure"]["transient"] = True
    return answer


@bp.activity_trigger(input_name="task")
def begin_run(task: dict) -> dict:
    return _answer(lambda: begin(app().run_context, task["run_id"]))


@bp.activity_trigger(input_name="task")
def stage_segment(task: dict) -> dict:
    return _answer(lambda: stage(app().run_context, StageTask.model_validate(task)))


@bp.activity_trigger(input_name="task")
def guard_run(task: dict) -> dict:
    return _answer(lambda: guard(app().run_context, GuardTask.model_validate(task)))


@bp.activity_trigger(input_name="task")
def review_run(task: dict) -> dict:
    return _answer(lambda: review(app().run_context, task["run_id"]))


@bp.activity_trigger(input_name="task")
def rehearse_run(task: dict) -> dict:
    return _answer(lambda: rehearse(app().run_context, RehearseTask.model_validate(task)))


@bp.activity_trigger(input_name="task")
def prepare_push(task: dict) -> dict:
    return _answer(lambda: prepare(app().run_context, PrepareTask.model_validate(task)))


@bp.activity_trigger(input_name="task")
def push_chunk(task: dict) -> dict:
    return _answer(lambda: push(app().run_context, PushTask.model_validate(task)))


@bp.activity_trigger(input_name="task")
def finish_run(task: dict) -> dict:
    return _answer(lambda: finish(app().run_context, FinishTask.model_validate(task)))
