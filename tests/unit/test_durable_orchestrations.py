"""Orchestrations run by the durable engine through the real SDK: calls, fan-outs, failures, sub-orchestrations."""

import asyncio

import azure.durable_functions as df
import pytest

from devkit.host.durable.testing import OrchestrationFailedError, RunningEngine, asynchronous

app = df.DFApp()


@app.activity_trigger(input_name="number")
def double(number: int) -> int:
    return number * 2


@app.activity_trigger(input_name="text")
async def shout(text: str) -> str:
    await asyncio.sleep(0)
    return text.upper()


@app.activity_trigger(input_name="reason")
def fail(reason: str) -> None:
    raise ValueError(reason)


@app.orchestration_trigger(context_name="context")
def one_after_the_other(context):
    value = context.get_input()
    for _ in range(3):
        value = yield context.call_activity("double", value)
    return value


@app.orchestration_trigger(context_name="context")
def fan_out(context):
    return (yield context.task_all([context.call_activity("double", n) for n in range(context.get_input())]))


@app.orchestration_trigger(context_name="context")
def parent(context):
    lanes = [context.call_sub_orchestrator("fan_out", size) for size in context.get_input()]
    results = yield context.task_all(lanes)
    return [sum(result) for result in results]


@app.orchestration_trigger(context_name="context")
def catches(context):
    try:
        yield context.call_activity("fail", "no luck")
    except Exception as error:
        return str(error)


@app.orchestration_trigger(context_name="context")
def fails(context):
    yield context.call_activity("fail", "no luck")


@app.orchestration_trigger(context_name="context")
def parent_of_failure(context):
    try:
        yield context.call_sub_orchestrator("fails")
    except Exception as error:
        return str(error)


@app.orchestration_trigger(context_name="context")
def shouts(context):
    return (yield context.call_activity(shout, context.get_input()))


@app.orchestration_trigger(context_name="context")
def returns_at_once(context):
    return {"input": context.get_input(), "id": context.instance_id}


@asynchronous
async def test_activities_run_one_after_the_other(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        assert await engine.run_to_end("one_after_the_other", 5) == 40


@asynchronous
async def test_a_fan_out_returns_results_in_the_order_of_the_calls(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        assert await engine.run_to_end("fan_out", 100) == [n * 2 for n in range(100)]


@asynchronous
async def test_an_empty_fan_out_yields_none_because_the_sdk_says_so(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        assert await engine.run_to_end("fan_out", 0) is None


@asynchronous
async def test_a_parent_gathers_the_results_of_its_sub_orchestrations(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        assert await engine.run_to_end("parent", [3, 1, 4]) == [6, 0, 12]


@asynchronous
async def test_an_async_activity_named_by_its_function_is_run(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        assert await engine.run_to_end("shouts", "hello") == "HELLO"


@asynchronous
async def test_an_orchestrator_without_a_yield_completes(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        output = await engine.run_to_end("returns_at_once", {"a": [1, None]}, instance_id="mine")
    assert output == {"input": {"a": [1, None]}, "id": "mine"}


@asynchronous
async def test_an_orchestrator_can_catch_what_an_activity_raised(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        message = await engine.run_to_end("catches")
    assert message.startswith("Activity function 'fail' failed: ValueError: no luck")


@asynchronous
async def test_an_uncaught_failure_fails_the_instance_with_its_reason(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        with pytest.raises(
            OrchestrationFailedError, match=r"Orchestrator function 'fails' failed: .*no luck"
        ):
            await engine.run_to_end("fails")


@asynchronous
async def test_a_failed_sub_orchestration_raises_in_its_parent(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        message = await engine.run_to_end("parent_of_failure")
    assert message.startswith("Orchestrator function 'fails' failed: Activity function 'fail' failed")
