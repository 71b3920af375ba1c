"""Whatever an earlier version has begun, today's code goes on with: recorded histories are replayed turn by turn.

Where this fails, an orchestrator has changed in a way that breaks what is under way. docs/upgrades.md, "Changing an
orchestrator", says what to do. Recorded by ``python -m tests.histories``.
"""

import azure.durable_functions as df
import pytest

from devkit.host.durable.testing import AppInvoker
from devkit.host.settings import read_host_json
from devkit.local.stack import REPOSITORY
from function_app import app
from functions.orchestration import run
from functions.steps import call
from functions.versions import FIRST
from shared.pipeline.erasure.erasing import EraseEnd, EraseOrder, EraseVisit, TracePage
from shared.pipeline.pushing.chunk_push import PushTask
from shared.pipeline.steps.finish import FinishTask
from shared.pipeline.steps.guard import GuardTask
from shared.pipeline.steps.prepare import PrepareTask
from shared.pipeline.steps.rehearse import RehearseTask
from shared.pipeline.steps.stage_segment import StageTask
from tests.histories.recorded import FOLDER, Recorded, Turn, read_all, read_log, steps
from tests.histories.replay import ChangedError, replay

HISTORIES = [pytest.param(recorded, id=f"{file}-{n}") for n, (file, recorded) in enumerate(read_all())]
TASKS = {
    "stage_segment": StageTask,
    "guard_run": GuardTask,
    "rehearse_run": RehearseTask,
    "prepare_push": PrepareTask,
    "push_chunk": PushTask,
    "finish_run": FinishTask,
    "begin_erasure": EraseOrder,
    "erase_at_connection": EraseVisit,
    "erase_traces": TracePage,
    "finish_erasure": EraseEnd,
}
PLAIN = {
    "begin_run": {"run_id"},
    "review_run": {"run_id"},
    "inspect_arrival": {"name"},
    "purge": {"what"},
    "purge_history": {"what"},
    "abandon_erasures": {"what"},
    "check_secrets": {"what"},
    "note_purges": {"counts", "failed"},
}


@pytest.fixture(scope="module")
def today() -> AppInvoker:
    return AppInvoker(app)


@pytest.mark.parametrize("recorded", HISTORIES)
def test_what_was_begun_goes_on_as_it_did(today: AppInvoker, recorded: Recorded) -> None:
    replay(today, recorded)
    if recorded.version == FIRST:
        replay(today, recorded, version="")


def test_histories_of_the_present_version_were_recorded() -> None:
    present = read_host_json(REPOSITORY, {}).versions.default
    assert (FOLDER / present).is_dir(), "The version was raised: python -m tests.histories"
    names = {recorded.name for file, recorded in read_all() if file.startswith(present)}
    assert names == set(today_names())


def today_names() -> list[str]:
    return sorted(AppInvoker(app).orchestrators)


def begins_otherwise(context: df.DurableOrchestrationContext):
    """As today, but with one more step at the beginning."""
    yield from call(context, "review_run", {"run_id": context.instance_id})
    return (yield from run._run(context))


def ends_otherwise(context: df.DurableOrchestrationContext):
    """As today, but with another result."""
    result = yield from run._run(context)
    return {**(result or {}), "more": True}


def waits_otherwise(context: df.DurableOrchestrationContext):
    """As today, but with more in what a new generation is told."""
    proceed = context.continue_as_new
    context.continue_as_new = lambda given: proceed({**given, "more": True})
    return (yield from run._run(context))


@pytest.mark.parametrize("change", [begins_otherwise, ends_otherwise, waits_otherwise])
def test_a_changed_orchestrator_is_noticed_and_told_what_to_do(change) -> None:
    changed = df.Blueprint()

    @changed.orchestration_trigger(context_name="context")
    def export_run(context: df.DurableOrchestrationContext):
        return (yield from change(context))

    names = {"export_run", "push_lane"}
    others = [
        each for each in run.bp._function_builders if each._function.get_function_name() != "export_run"
    ]
    invoker = AppInvoker([*others, *changed._function_builders])
    complaints = []
    for _, recorded in read_all():
        if recorded.name in names and recorded.version == FIRST:
            try:
                replay(invoker, recorded)
            except ChangedError as error:
                complaints.append(str(error))
    assert complaints
    assert all("docs/upgrades.md, 'Changing an orchestrator'" in complaint for complaint in complaints)
    assert all("then: " in complaint and "now:  " in complaint for complaint in complaints)


def test_a_turn_that_was_taken_twice_counts_as_it_was_the_last_time(tmp_path) -> None:
    line = '{{"instance":"i","execution":"e","name":"n","version":"","input":null,"past":{},"events":[{}],"status":"Running","output":null,"continues":null}}\n'
    log = tmp_path / "histories.jsonl"
    log.write_text(line.format(0, 1) + line.format(2, 2) + line.format(2, 3), encoding="utf-8")
    [recorded] = read_log(log)
    assert recorded.turns == [Turn([number], "Running", None, None) for number in (1, 3)]


def test_steps_take_what_earlier_and_later_versions_give_them() -> None:
    """The other way round, what steps answer, is in the histories: orchestrators replay with earlier answers."""
    seen = set()
    for name, given, _ in steps(recorded for _, recorded in read_all()):
        seen.add(name)
        if model := TASKS.get(name):
            task = model.model_validate(given)
            assert model.model_validate({**given, "unheard_of": {"by": "a later version"}}) == task
        else:
            assert PLAIN[name] <= set(given), name
    assert seen == {*TASKS, *PLAIN}
