"""Timers, external events, and what they race with; custom status, continue-as-new and suspension."""

import asyncio
import json
from datetime import timedelta

import azure.durable_functions as df
import pytest

from devkit.host.durable.clock import VirtualClock
from devkit.host.durable.events import EventType
from devkit.host.durable.instances import InstanceEndedError, InstanceNotFoundError, Status
from devkit.host.durable.testing import OrchestrationFailedError, RunningEngine, asynchronous

app = df.DFApp()


@app.activity_trigger(input_name="number")
def double(number: int) -> int:
    return number * 2


@app.orchestration_trigger(context_name="context")
def sleeps(context):
    started = context.current_utc_datetime
    yield context.create_timer(started + timedelta(seconds=context.get_input()))
    return (context.current_utc_datetime - started).total_seconds()


@app.orchestration_trigger(context_name="context")
def waits_for_approval(context):
    context.set_custom_status("waiting")
    deadline = context.create_timer(context.current_utc_datetime + timedelta(hours=8))
    approval = context.wait_for_external_event("approval")
    first = yield context.task_any([approval, deadline])
    if first is deadline:
        return "too late"
    deadline.cancel()
    return approval.result


@app.orchestration_trigger(context_name="context")
def gathers_events(context):
    values = []
    for name in ("first", "second", "third"):
        values.append((yield context.wait_for_external_event(name)))
    return values


@app.orchestration_trigger(context_name="context")
def counts_down(context):
    left = context.get_input()
    if left == 0:
        return "done"
    yield context.call_activity("double", left)
    context.set_custom_status({"left": left})
    context.continue_as_new(left - 1)


@app.orchestration_trigger(context_name="context")
def forgets_a_timer(context):
    slow = context.create_timer(context.current_utc_datetime + timedelta(days=1))
    fast = context.call_activity("double", 1)
    yield context.task_any([fast, slow])
    return context.current_utc_datetime.isoformat()


@app.orchestration_trigger(context_name="context")
def keeps_status(context):
    context.set_custom_status({"stage": 1})
    yield context.wait_for_external_event("go")
    context.set_custom_status(None)
    yield context.wait_for_external_event("go on")


@asynchronous
async def test_a_timer_of_a_day_takes_no_time_with_a_skipping_clock(tmp_path):
    async with RunningEngine(tmp_path, app, clock=VirtualClock()) as engine:
        assert await engine.run_to_end("sleeps", 86_400) == pytest.approx(86_400, abs=5)


@asynchronous
async def test_a_timer_beyond_six_days_is_split_by_the_sdk_and_still_fires_in_time(tmp_path):
    days_12 = 12 * 86_400
    async with RunningEngine(tmp_path, app, clock=VirtualClock()) as engine:
        assert await engine.run_to_end("sleeps", days_12) == pytest.approx(days_12, abs=5)


@asynchronous
async def test_a_short_timer_fires_on_the_real_clock(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        assert await engine.run_to_end("sleeps", 0.05) >= 0.05


@asynchronous
async def test_an_event_from_the_sdk_reaches_the_orchestrator_as_json_text(tmp_path):
    clock = VirtualClock(skips=False)
    async with RunningEngine(tmp_path, app, clock=clock) as engine:
        run = await engine.start_new("waits_for_approval")
        await engine.wait_until(run, lambda it: it.custom_status == '"waiting"')
        await engine.send_event(run, "approval", {"by": "ana"})
        assert await engine.output_of(run) == '{"by": "ana"}'


@asynchronous
async def test_an_event_raised_by_hand_reaches_the_orchestrator_as_it_is(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        run = await engine.start_new("waits_for_approval")
        await engine.raise_event(run, "approval", '{"by": "ana"}')
        assert await engine.output_of(run) == {"by": "ana"}


@asynchronous
async def test_without_an_event_the_deadline_wins(tmp_path):
    clock = VirtualClock(skips=False)
    async with RunningEngine(tmp_path, app, clock=clock) as engine:
        run = await engine.start_new("waits_for_approval")
        await engine.wait_until(run, lambda it: it.custom_status == '"waiting"')
        clock.advance(8 * 3600)
        assert await engine.output_of(run) == "too late"


@asynchronous
async def test_a_cancelled_timer_does_not_keep_the_instance_running(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        run = await engine.start_new("waits_for_approval")
        await engine.send_event(run, "approval", True)
        await engine.output_of(run, timeout_s=10)


@asynchronous
async def test_a_forgotten_timer_keeps_the_instance_running_until_it_fires(tmp_path):
    clock = VirtualClock(skips=False)
    async with RunningEngine(tmp_path, app, clock=clock) as engine:
        run = await engine.start_new("forgets_a_timer")
        while not any(
            json.loads(text)["EventType"] == EventType.TASK_COMPLETED for text in await engine.history(run)
        ):
            await asyncio.sleep(0.005)
        assert (await engine.status(run)).status == Status.RUNNING
        clock.advance(86_400)
        await engine.output_of(run)


@asynchronous
async def test_events_that_come_early_and_out_of_order_are_kept(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        run = await engine.start_new("gathers_events")
        for name in ("third", "second", "first"):
            await engine.raise_event(run, name, f'"{name}"')
        assert await engine.output_of(run) == ["first", "second", "third"]


@asynchronous
async def test_continue_as_new_starts_a_fresh_history_under_the_same_id(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        assert await engine.run_to_end("counts_down", 4, instance_id="count") == "done"
        instance = await engine.status("count")
        history = await engine.history("count")
    assert instance.custom_status == '{"left": 1}'
    assert instance.input == '"0"'
    assert len(history) == 4


@asynchronous
async def test_a_custom_status_stays_until_another_is_set(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        run = await engine.start_new("keeps_status")
        await engine.wait_until(run, lambda it: it.custom_status is not None)
        for name in ("go", "go on"):
            await engine.raise_event(run, name, None)
        await engine.output_of(run)
        assert (await engine.status(run)).custom_status == '{"stage": 1}'


@asynchronous
async def test_a_suspended_instance_takes_its_messages_when_it_is_resumed(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        run = await engine.start_new("gathers_events")
        await engine.wait_until(run, lambda it: it.status == Status.RUNNING)
        await engine.suspend(run, "hold on")
        for name in ("first", "second", "third"):
            await engine.raise_event(run, name, "1")
        assert await engine.run_to_end("sleeps", 0) >= 0
        assert (await engine.status(run)).status == Status.SUSPENDED
        await engine.resume(run, "go on")
        assert await engine.output_of(run) == [1, 1, 1]


@asynchronous
async def test_a_terminated_instance_takes_no_more_events(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        run = await engine.start_new("gathers_events")
        await engine.terminate(run, "enough")
        with pytest.raises(OrchestrationFailedError, match="Terminated: enough"):
            await engine.output_of(run)
        with pytest.raises(InstanceEndedError):
            await engine.raise_event(run, "first", "1")


@asynchronous
async def test_an_event_for_an_unknown_instance_is_refused(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        with pytest.raises(InstanceNotFoundError):
            await engine.raise_event("nobody", "first", "1")


@asynchronous
async def test_timers_and_events_survive_a_restart(tmp_path):
    clock = VirtualClock(skips=False)
    async with RunningEngine(tmp_path, app, clock=clock) as engine:
        late = await engine.start_new("waits_for_approval")
        approved = await engine.start_new("waits_for_approval")
        for run in (late, approved):
            await engine.wait_until(run, lambda it: it.custom_status == '"waiting"')
    async with RunningEngine(tmp_path, app, clock=clock) as engine:
        await engine.raise_event(approved, "approval", '"yes"')
        assert await engine.output_of(approved) == "yes"
        clock.advance(8 * 3600)
        assert await engine.output_of(late) == "too late"
