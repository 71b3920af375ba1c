"""What becomes of instances: conflicts, restarts, purges, lists, lost functions, code that is not deterministic."""

import asyncio
import json
import sqlite3
import uuid

import azure.durable_functions as df
import pytest

from devkit.host.durable.events import EventType
from devkit.host.durable.instances import InstanceExistsError, InstanceNotFoundError, Status
from devkit.host.durable.operations import UnknownFunctionError
from devkit.host.durable.queries import Filter
from devkit.host.durable.testing import OrchestrationFailedError, RunningEngine, asynchronous

app = df.DFApp()
started: list[str] = []
release = asyncio.Event()


@app.activity_trigger(input_name="text")
def echo(text: str) -> str:
    return text


@app.activity_trigger(input_name="text")
async def hangs_until_released(text: str) -> str:
    started.append(text)
    await release.wait()
    return text


@app.orchestration_trigger(context_name="context")
def echoes(context):
    return (yield context.call_activity("echo", context.get_input()))


@app.orchestration_trigger(context_name="context")
def waits(context):
    return (yield context.wait_for_external_event("go"))


@app.orchestration_trigger(context_name="context")
def hangs(context):
    return (yield context.call_activity("hangs_until_released", context.get_input()))


@app.orchestration_trigger(context_name="context")
def calls_a_stranger(context):
    yield context.call_activity("stranger", 1)


@app.orchestration_trigger(context_name="context")
def not_deterministic(context):
    yield context.call_activity("echo", str(uuid.uuid4()))
    yield context.wait_for_external_event("never")


@app.orchestration_trigger(context_name="context")
def waits_for_a_child(context):
    try:
        yield context.call_sub_orchestrator("waits", instance_id="child")
    except Exception as error:
        return str(error).splitlines()[0].strip()


@app.orchestration_trigger(context_name="context")
def carries_much(context):
    text = yield context.call_activity("echo", "x" * context.get_input())
    return text


another_app = df.DFApp()


@another_app.orchestration_trigger(context_name="context")
def something_else(context):
    return None


@pytest.fixture(autouse=True)
def _fresh_release():
    global release
    release = asyncio.Event()
    started.clear()


@asynchronous
async def test_an_id_that_is_running_is_refused(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        await engine.start_new("waits", instance_id="one")
        with pytest.raises(InstanceExistsError, match="already exists"):
            await engine.start_new("waits", instance_id="one")


@asynchronous
async def test_an_id_that_has_ended_is_started_anew(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        assert await engine.run_to_end("echoes", "first", instance_id="one") == "first"
        first = await engine.status("one")
        assert await engine.run_to_end("echoes", "second", instance_id="one") == "second"
        second = await engine.status("one")
    assert first.execution != second.execution


@asynchronous
async def test_two_starts_of_one_id_at_once_start_one_instance(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        starts = [engine.start_new("waits", instance_id="one") for _ in range(10)]
        outcomes = await asyncio.gather(*starts, return_exceptions=True)
    assert outcomes.count("one") == 1
    assert sum(isinstance(outcome, InstanceExistsError) for outcome in outcomes) == 9


@asynchronous
async def test_a_restart_repeats_the_input_under_a_new_or_the_same_id(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        await engine.run_to_end("echoes", "again", instance_id="one")
        other = await engine.restart("one", new_id=True)
        assert other != "one"
        assert await engine.output_of(other) == "again"
        assert await engine.restart("one", new_id=False) == "one"
        assert await engine.output_of("one") == "again"
        with pytest.raises(InstanceNotFoundError):
            await engine.restart("nobody", new_id=True)


@asynchronous
async def test_only_what_has_ended_can_be_purged(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        await engine.run_to_end("echoes", "x", instance_id="ended")
        await engine.start_new("waits", instance_id="running")
        assert await engine.purge("ended") == 1
        assert await engine.purge("running") == 0
        with pytest.raises(InstanceNotFoundError):
            await engine.purge("ended")
        assert [one.id for one in (await engine.list(Filter())).instances] == ["running"]


@asynchronous
async def test_a_purge_by_filter_deletes_what_matches_and_has_ended(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        for number in range(3):
            await engine.run_to_end("echoes", "x", instance_id=f"ended-{number}")
        await engine.start_new("waits", instance_id="running")
        last = (await engine.status("ended-2")).created_us
        assert await engine.purge_all(Filter(created_to_us=last - 1)) == 2
        assert await engine.purge_all(Filter()) == 1


@asynchronous
async def test_a_list_is_filtered_and_comes_in_pages(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        for number in range(5):
            await engine.run_to_end("echoes", "x", instance_id=f"ended-{number}")
        await engine.start_new("waits", instance_id="running")
        ids, token = [], None
        while True:
            page = await engine.list(Filter(id_prefix="ended"), size=2, continuation=token)
            ids += [one.id for one in page.instances]
            token = page.continuation
            if token is None:
                break
        assert ids == [f"ended-{number}" for number in range(5)]
        active = await engine.list(Filter(statuses=[Status.PENDING, Status.RUNNING]))
        assert [one.id for one in active.instances] == ["running"]
        with pytest.raises(ValueError):
            await engine.list(Filter(), continuation="nonsense")


@asynchronous
async def test_unknown_orchestrators_and_bad_ids_are_refused(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        with pytest.raises(UnknownFunctionError):
            await engine.start_new("stranger")
        for bad in ("", "a/b", "@a", "a#b", "x" * 101):
            with pytest.raises(ValueError):
                await engine.start_new("waits", instance_id=bad)


@asynchronous
async def test_a_call_of_an_unknown_activity_fails_the_instance(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        with pytest.raises(OrchestrationFailedError, match="'stranger' doesn't exist"):
            await engine.run_to_end("calls_a_stranger")


@asynchronous
async def test_an_orchestrator_that_does_not_repeat_itself_fails(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        with pytest.raises(OrchestrationFailedError, match="Non-Deterministic workflow detected"):
            await engine.run_to_end("not_deterministic")


@asynchronous
async def test_messages_stay_while_the_app_lacks_the_function(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        run = await engine.start_new("waits")
    async with RunningEngine(tmp_path, another_app) as engine:
        await engine.raise_event(run, "go", '"at last"')
        await engine.run_to_end("something_else")
        assert not (await engine.status(run)).has_ended
    async with RunningEngine(tmp_path, app) as engine:
        assert await engine.output_of(run) == "at last"


@asynchronous
async def test_an_activity_that_the_app_lacks_fails_as_in_azure(tmp_path):
    async with RunningEngine(tmp_path, app, grace_s=0) as engine:
        run = await engine.start_new("hangs", "later")
        while not started:
            await asyncio.sleep(0.005)
    async with RunningEngine(tmp_path, another_app) as engine:
        await engine.run_to_end("something_else")
        assert (await engine.status(run)).status == Status.RUNNING
    release.set()
    async with RunningEngine(tmp_path, app) as engine:
        with pytest.raises(OrchestrationFailedError, match="'hangs_until_released' does not exist"):
            await engine.output_of(run)


@asynchronous
async def test_a_terminated_child_fails_its_parent(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        run = await engine.start_new("waits_for_a_child")
        await engine.wait_until("child", lambda it: it.status == Status.RUNNING)
        await engine.terminate("child", "enough")
        assert await engine.output_of(run) == "enough"


@asynchronous
async def test_a_child_id_that_is_running_already_fails_the_call(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        await engine.start_new("waits", instance_id="child")
        assert "already exists" in await engine.run_to_end("waits_for_a_child")


@asynchronous
async def test_an_activity_cut_short_by_a_stop_is_repeated_after_the_next_start(tmp_path):
    async with RunningEngine(tmp_path, app, grace_s=0) as engine:
        run = await engine.start_new("hangs", "once more")
        while not started:
            await asyncio.sleep(0.005)
    release.set()
    async with RunningEngine(tmp_path, app) as engine:
        assert await engine.output_of(run) == "once more"
    assert started == ["once more", "once more"]


@asynchronous
async def test_a_stop_lets_running_activities_finish(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        run = await engine.start_new("hangs", "in time")
        while not started:
            await asyncio.sleep(0.005)
        asyncio.get_running_loop().call_later(0.02, release.set)
    async with RunningEngine(tmp_path, app) as engine:
        assert await engine.output_of(run) == "in time"
    assert started == ["in time"]


@asynchronous
async def test_the_answer_to_a_terminated_instance_is_dropped(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        run = await engine.start_new("hangs", "too late")
        while not started:
            await asyncio.sleep(0.005)
        await engine.terminate(run, "enough")
        release.set()
        await engine.run_to_end("echoes", "x")
        kinds = [json.loads(text)["EventType"] for text in await engine.history(run)]
    assert kinds[-1] == EventType.EXECUTION_TERMINATED
    assert EventType.TASK_COMPLETED not in kinds


@asynchronous
async def test_a_payload_of_a_megabyte_is_carried(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        assert len(await engine.run_to_end("carries_much", 1_000_000)) == 1_000_000


@asynchronous
async def test_a_database_serves_one_engine_at_a_time(tmp_path):
    async with RunningEngine(tmp_path, app):
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            RunningEngine(tmp_path, app)
