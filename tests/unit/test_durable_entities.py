"""Durable entities: called and signalled by orchestrations, signalled and read by clients."""

import json

import azure.durable_functions as df
import pytest

from devkit.host.durable.operations import UnknownFunctionError
from devkit.host.durable.testing import OrchestrationFailedError, RunningEngine, asynchronous

app = df.DFApp()


@app.entity_trigger(context_name="context", entity_name="Counter")
def counter(context):
    value = context.get_state(lambda: 0)
    if context.operation_name == "add":
        value += context.get_input()
        context.set_state(value)
    elif context.operation_name == "break":
        raise ValueError("broken")
    elif context.operation_name == "delete":
        context.destruct_on_exit()
        return
    context.set_result(value)


@app.orchestration_trigger(context_name="context")
def adds(context):
    entity = df.EntityId("Counter", "total")
    for number in context.get_input():
        context.signal_entity(entity, "add", number)
    return (yield context.call_entity(entity, "get"))


@app.orchestration_trigger(context_name="context")
def calls_in_parallel(context):
    entities = [df.EntityId("counter", key) for key in ("a", "b")]
    return (yield context.task_all([context.call_entity(entity, "add", 7) for entity in entities]))


@app.orchestration_trigger(context_name="context")
def breaks(context):
    try:
        yield context.call_entity(df.EntityId("Counter", "total"), "break")
    except Exception as error:
        return str(error)


@app.orchestration_trigger(context_name="context")
def calls_nobody(context):
    yield context.call_entity(df.EntityId("Nobody", "x"), "add", 1)


@asynchronous
async def test_signals_arrive_before_the_call_that_follows_them(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        assert await engine.run_to_end("adds", [1, 2, 3]) == 6
        assert await engine.read_entity("counter", "total") == "6"


@asynchronous
async def test_two_entities_answer_their_own_callers(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        assert await engine.run_to_end("calls_in_parallel") == [7, 7]


@asynchronous
async def test_many_orchestrations_add_to_one_entity_without_losing_any(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        runs = [await engine.start_new("adds", [1] * 5) for _ in range(20)]
        for run in runs:
            await engine.output_of(run)
        assert await engine.read_entity("Counter", "total") == "100"


@asynchronous
async def test_a_failed_operation_raises_in_the_caller_and_keeps_the_state(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        await engine.run_to_end("adds", [5])
        assert await engine.run_to_end("breaks") == "broken"
        assert await engine.read_entity("Counter", "total") == "5"


@asynchronous
async def test_a_client_can_signal_and_an_entity_can_end_itself(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        await engine.signal_entity("Counter", "total", "add", json.dumps("40"))
        assert await engine.run_to_end("adds", [2]) == 42
        await engine.signal_entity("Counter", "total", "delete", json.dumps("null"))
        assert await engine.run_to_end("adds", [1]) == 1


@asynchronous
async def test_an_entity_function_that_does_not_exist_is_refused(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        with pytest.raises(UnknownFunctionError):
            await engine.signal_entity("Nobody", "x", "add", None)
        with pytest.raises(OrchestrationFailedError, match="'nobody' doesn't exist"):
            await engine.run_to_end("calls_nobody")


@asynchronous
async def test_the_state_of_an_entity_survives_a_restart(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        await engine.run_to_end("adds", [5])
    async with RunningEngine(tmp_path, app) as engine:
        assert await engine.run_to_end("adds", [5]) == 10
