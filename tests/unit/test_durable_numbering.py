"""The host numbers tasks by walking the actions. Where the SDK counts differently, Azure goes wrong, and so do we."""

import asyncio
import json
from datetime import timedelta

import azure.durable_functions as df
import pytest

from devkit.host.durable.clock import VirtualClock
from devkit.host.durable.events import EventType, event
from devkit.host.durable.numbering import NonDeterminismError, RefusedActionError, Replay
from devkit.host.durable.queries import Filter
from devkit.host.durable.testing import OrchestrationFailedError, RunningEngine, asynchronous

NOW_US = 1_800_000_000_000_000
STARTED = [event(EventType.ORCHESTRATOR_STARTED, NOW_US), event(EventType.EXECUTION_STARTED, NOW_US)]

app = df.DFApp()
attempts: dict[str, int] = {}


def call(name: str, input_: str = "null") -> dict:
    return {"actionType": 0, "functionName": name, "input": input_}


def call_with_retry(name: str, tries: int) -> dict:
    options = {"firstRetryIntervalInMilliseconds": 1000, "maxNumberOfAttempts": tries}
    retried = {"actionType": 1, "functionName": name, "input": "null", "retryOptions": options}
    return {"actionType": 12, "compoundActions": [retried]}


def completed(number: int) -> dict:
    return event(EventType.TASK_COMPLETED, NOW_US, TaskScheduledId=number, Result="null")


def failed(number: int) -> dict:
    return event(EventType.TASK_FAILED, NOW_US, TaskScheduledId=number, Reason="no", Details="")


def fired(number: int) -> dict:
    return event(EventType.TIMER_FIRED, NOW_US, TimerId=number)


def play(actions: list[dict], *history: dict) -> Replay:
    replay = Replay(actions, "instance", "execution")
    replay.play([*STARTED, *history])
    return replay


def numbered(replay: Replay) -> list[tuple[int, str]]:
    return [(task.id, task.fields.get("Name", task.kind.name)) for task in replay.tasks]


def test_the_next_action_is_scheduled_when_the_one_before_has_ended():
    actions = [call("a"), call("b")]
    assert numbered(play(actions)) == [(0, "a")]
    assert numbered(play(actions, completed(0))) == [(0, "a"), (1, "b")]


def test_a_when_all_is_left_only_when_its_last_child_has_ended_even_after_a_failure():
    actions = [{"actionType": 12, "compoundActions": [call("a"), call("b")]}, call("c")]
    assert numbered(play(actions, failed(0))) == [(0, "a"), (1, "b")]
    assert numbered(play(actions, failed(0), completed(1)))[-1] == (2, "c")


def test_a_when_any_is_left_when_its_first_child_has_ended():
    actions = [{"actionType": 11, "compoundActions": [call("a"), call("b")]}, call("c")]
    replay = play(actions, completed(1))
    assert numbered(replay) == [(0, "a"), (1, "b"), (2, "c")]
    assert set(replay.open) == {0, 2}


def test_a_when_any_over_old_and_new_calls_waits_for_the_new_ones_only():
    """The SDK leaves children that are scheduled already out of the action."""
    actions = [
        {"actionType": 11, "compoundActions": [call("a"), call("b")]},
        {"actionType": 11, "compoundActions": [call("c")]},
        call("d"),
    ]
    assert numbered(play(actions, completed(0), completed(1)))[-1] == (2, "c")
    assert numbered(play(actions, completed(0), completed(2)))[-1] == (3, "d")


def test_a_retried_call_takes_a_number_for_each_attempt_and_each_timer_and_one_timer_after_the_last():
    actions = [call_with_retry("a", tries=2), call("b")]
    history = [failed(0), fired(1), failed(2)]
    waiting = play(actions, *history)
    assert numbered(waiting) == [(0, "a"), (1, "TIMER_CREATED"), (2, "a"), (3, "TIMER_CREATED")]
    assert not waiting.walked
    assert numbered(play(actions, *history, fired(3)))[-1] == (4, "b")


def test_a_signal_and_a_call_of_an_entity_take_a_number_and_only_the_call_is_waited_for():
    entity = {"instanceId": "@counter@x", "operation": "add", "input": "1"}
    actions = [{"actionType": 9, **entity}, {"actionType": 7, **entity}, call("a")]
    replay = play(actions)
    assert [task.kind for task in replay.tasks] == [EventType.EVENT_SENT] * 2
    assert not replay.walked


def test_an_external_event_takes_no_number_and_is_matched_regardless_of_case():
    actions = [{"actionType": 6, "externalEventName": "Go"}, call("a")]
    assert numbered(play(actions)) == []
    raised = event(EventType.EVENT_RAISED, NOW_US, Name="go", Input="null")
    assert numbered(play(actions, raised)) == [(0, "a")]


def test_a_cancelled_timer_is_not_open():
    actions = [{"actionType": 5, "fireAt": "2030-01-01T00:00:00.000000Z", "isCanceled": True}]
    replay = play(actions)
    assert (replay.cancelled, dict(replay.open), replay.walked) == ([0], {}, True)


@pytest.mark.parametrize(
    "recorded",
    [
        event(EventType.TASK_SCHEDULED, NOW_US, 0, Name="b", Version="", Input='["null"]'),
        event(EventType.TASK_SCHEDULED, NOW_US, 0, Name="a", Version="", Input='["1"]'),
        event(EventType.TIMER_CREATED, NOW_US, 0, FireAt="2030-01-01T00:00:00.000000Z"),
        event(EventType.TASK_SCHEDULED, NOW_US, 7, Name="a", Version="", Input='["null"]'),
    ],
)
def test_a_history_that_does_not_fit_the_actions_is_non_deterministic(recorded):
    with pytest.raises(NonDeterminismError):
        play([call("a")], recorded)


def test_a_durable_http_call_is_refused():
    with pytest.raises(RefusedActionError):
        play([{"actionType": 8, "httpRequest": {}}])


@app.activity_trigger(input_name="job")
def flaky(job: dict) -> str:
    """Fails as often as it is told to."""
    attempts[job["name"]] = attempts.get(job["name"], 0) + 1
    if attempts[job["name"]] <= job["failures"]:
        raise RuntimeError(f"attempt {attempts[job['name']]}")
    return job["name"]


OPTIONS = df.RetryOptions(first_retry_interval_in_milliseconds=60_000, max_number_of_attempts=3)


def flaky_call(context, name: str, failures: int):
    return context.call_activity_with_retry("flaky", OPTIONS, {"name": name, "failures": failures})


@app.orchestration_trigger(context_name="context")
def retries(context):
    return (yield flaky_call(context, context.instance_id, context.get_input()))


@app.orchestration_trigger(context_name="context")
def retries_in_a_fan_out(context):
    return (yield context.task_all([flaky_call(context, f"lane {n}", n % 2) for n in range(4)]))


@app.orchestration_trigger(context_name="context")
def goes_on_after_a_failed_retry_fan_out(context):
    """The shape of durable-python issue 603: one call has failed for good while another is still retried."""
    once = df.RetryOptions(first_retry_interval_in_milliseconds=1000, max_number_of_attempts=1)
    hopeless = context.call_activity_with_retry("flaky", once, {"name": "hopeless", "failures": 9})
    try:
        yield context.task_all([hopeless, flaky_call(context, "slow", 1)])
    except Exception:
        return (yield context.call_activity("flaky", {"name": "afterwards", "failures": 0}))


@app.orchestration_trigger(context_name="context")
def plain_calls_after_a_caught_failure(context):
    calls = [context.call_activity("flaky", {"name": f"plain {n}", "failures": 9 - n}) for n in (0, 9)]
    try:
        yield context.task_all(calls)
    except Exception:
        context.set_custom_status("caught")
    return (yield context.call_activity("flaky", {"name": "next", "failures": 0}))


@app.orchestration_trigger(context_name="context")
def retried_sub(context):
    options = df.RetryOptions(1000, 2)
    try:
        yield context.call_sub_orchestrator_with_retry("always_fails", options)
    except Exception as error:
        return str(error).splitlines()[0].strip()


@app.orchestration_trigger(context_name="context")
def always_fails(context):
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=1))
    raise ValueError("as always")


@app.activity_trigger(input_name="number")
async def hangs_on_two(number: int) -> int:
    attempts[f"number {number}"] = 1
    if number == 2:
        while "go on" not in attempts:
            await asyncio.sleep(0.005)
    return number


@app.orchestration_trigger(context_name="context")
def sliding_window(context):
    calls = [context.call_activity("hangs_on_two", number) for number in range(4)]
    window, following, done = calls[:2], calls[2:], []
    while window:
        ended = yield context.task_any(window)
        window.remove(ended)
        done.append(ended.result)
        context.set_custom_status(done)
        window += following[:1]
        following = following[1:]
    return done


@pytest.fixture(autouse=True)
def _forget_attempts():
    attempts.clear()


@asynchronous
async def test_a_call_is_retried_until_it_succeeds(tmp_path):
    async with RunningEngine(tmp_path, app, clock=VirtualClock()) as engine:
        assert await engine.run_to_end("retries", 2, instance_id="twice") == "twice"
    assert attempts == {"twice": 3}


@asynchronous
async def test_a_call_fails_after_its_last_attempt(tmp_path):
    async with RunningEngine(tmp_path, app, clock=VirtualClock()) as engine:
        with pytest.raises(OrchestrationFailedError, match="attempt 3"):
            await engine.run_to_end("retries", 9, instance_id="never")
    assert attempts == {"never": 3}


@asynchronous
async def test_retries_in_a_fan_out_work_when_all_succeed_in_the_end(tmp_path):
    async with RunningEngine(tmp_path, app, clock=VirtualClock()) as engine:
        assert await engine.run_to_end("retries_in_a_fan_out") == ["lane 0", "lane 1", "lane 2", "lane 3"]


@asynchronous
async def test_a_call_after_a_caught_failure_among_retries_gets_the_result_of_another_as_in_azure(tmp_path):
    async with RunningEngine(tmp_path, app, clock=VirtualClock()) as engine:
        assert await engine.run_to_end("goes_on_after_a_failed_retry_fan_out") == "slow"


@asynchronous
async def test_plain_calls_go_on_rightly_after_a_caught_failure(tmp_path):
    async with RunningEngine(tmp_path, app, clock=VirtualClock()) as engine:
        assert await engine.run_to_end("plain_calls_after_a_caught_failure") == "next"


@asynchronous
async def test_a_sub_orchestration_is_retried_and_its_failure_surfaces(tmp_path):
    async with RunningEngine(tmp_path, app, clock=VirtualClock()) as engine:
        message = await engine.run_to_end("retried_sub")
        runs = (await engine.list(Filter())).instances
    assert message == "Orchestrator function 'always_fails' failed: as always"
    assert [run.name for run in runs].count("always_fails") == 2


@asynchronous
async def test_a_sliding_window_waits_for_its_newest_call_as_in_azure(tmp_path):
    async with RunningEngine(tmp_path, app) as engine:
        run = await engine.start_new("sliding_window")
        await engine.wait_until(run, lambda it: json.loads(it.custom_status or "[]") in ([0, 1], [1, 0]))
        while "number 2" not in attempts:
            await asyncio.sleep(0.01)
        assert sorted(attempts) == ["number 0", "number 1", "number 2"]
        attempts["go on"] = 1
        assert sorted(await engine.output_of(run)) == [0, 1, 2, 3]
