"""The orchestration of a run, on the real engine, with activities that do as they are told."""

import asyncio
import threading

import azure.durable_functions as df
import pytest

from devkit.host.durable.clock import VirtualClock
from devkit.host.durable.testing import OrchestrationFailedError, asynchronous
from functions.orchestration import CANCEL_EVENT
from tests.unit.orchestration_world import DAY_S, ORDER, OUTAGE, REFUSAL, World, app_of, run_of, running


@asynchronous
async def test_all_chunks_of_all_segments_are_pushed_and_the_run_is_finished(tmp_path):
    world = World(vip=5, churn=3, nobody=0)
    assert await run_of(tmp_path, world) == {"status": "Successful"}
    assert world.pushed == world.everything
    assert (world.finish["complete"], world.finish["failure"]) == (True, None)
    assert [one["segment"] for one in world.finish["staged"]] == ["vip", "churn", "nobody"]


@asynchronous
async def test_leavers_are_taken_off_when_everybody_was_sent(tmp_path):
    world = World(vip=5, churn=3)
    world.leaver_chunks = {"vip": 2, "churn": 1}
    assert await run_of(tmp_path, world) == {"status": "Successful"}
    assert world.pushed == world.everything
    assert sorted(world.removed) == [("churn", 0), ("vip", 0), ("vip", 1)]


@asynchronous
async def test_an_outage_while_people_are_taken_off_is_waited_for(tmp_path):
    world = World(vip=1)
    world.leaver_chunks = {"vip": 3}
    away = {"result": {"pending": [1], "failure": OUTAGE, "retryable": True}}
    world.faults["push_chunk"] = [None, away, away, away]
    assert await run_of(tmp_path, world) == {"status": "Successful"}
    assert sorted(world.removed) == [("vip", 0), ("vip", 1), ("vip", 2)]


@asynchronous
async def test_a_dry_run_sends_nothing_and_takes_nobody_off(tmp_path):
    world = World(vip=5)
    world.dry, world.leaver_chunks = True, {"vip": 2}
    assert await run_of(tmp_path, world) == {"status": "Successful"}
    assert world.heard == ["begin_run", "stage_segment", "guard_run", "rehearse_run", "finish_run"]
    assert (world.pushed, world.removed) == (set(), [])


@asynchronous
async def test_one_chunk_and_one_lane_are_enough(tmp_path):
    world = World(vip=1)
    assert await run_of(tmp_path, world, order={**ORDER, "lanes": 1}) == {"status": "Successful"}
    assert world.pushed == world.everything


@asynchronous
async def test_a_run_without_anything_to_send_ends_well(tmp_path):
    world = World(vip=0)
    assert await run_of(tmp_path, world) == {"status": "Successful"}


@asynchronous
async def test_the_status_tells_the_end(tmp_path):
    world = World(vip=1)
    async with running(tmp_path, app_of(world), clock=VirtualClock()) as engine:
        await engine.run_to_end("export_run", ORDER, instance_id="run-1")
        instance = await engine.status("run-1")
        assert '"done"' in str(instance.custom_status)


@asynchronous
async def test_a_run_that_is_over_already_is_left_alone(tmp_path):
    world = World(vip=1)
    world.faults["begin_run"] = [{"result": {"over": True, "wait_s": None, "segments": []}}]
    assert await run_of(tmp_path, world) == {"status": "over"}
    assert (world.pushed, world.finish) == (set(), {})


@asynchronous
async def test_250_chunks_go_in_several_rounds_of_lanes(tmp_path):
    world = World(vip=120, churn=130)
    async with running(tmp_path, app_of(world), clock=VirtualClock()) as engine:
        assert await engine.run_to_end("export_run", ORDER, instance_id="run-1") == {"status": "Successful"}
        assert await engine.status("run-1-lane-3") is not None
        assert await engine.status("run-1-lane-4") is None
    assert world.pushed == world.everything


@asynchronous
async def test_a_chunk_is_given_to_a_worker_again_until_nothing_of_it_is_left(tmp_path):
    world = World(vip=1)
    turn = {"result": {"pending": [3, 4], "failure": None, "retryable": False}}
    world.faults["push_chunk"] = [turn, turn]
    assert await run_of(tmp_path, world) == {"status": "Successful"}
    assert world.pushed == world.everything


@asynchronous
async def test_an_outage_is_waited_for_and_what_it_left_is_taken_up_again(tmp_path):
    world = World(vip=7, churn=4)
    away = {"result": {"pending": [1], "failure": OUTAGE, "retryable": True}}
    world.faults["push_chunk"] = [None, None, None, *[away] * 9]
    clock = VirtualClock()
    started = clock.now_us()
    async with running(tmp_path, app_of(world), clock=clock) as engine:
        assert await engine.run_to_end("export_run", ORDER) == {"status": "Successful"}
    assert world.pushed == world.everything
    assert clock.now_us() - started > 60 * 1_000_000


@pytest.mark.parametrize("step", ["begin_run", "stage_segment", "guard_run", "prepare_push", "finish_run"])
@asynchronous
async def test_every_step_waits_for_the_end_of_an_outage(tmp_path, step):
    world = World(vip=2)
    world.faults[step] = [{"failure": OUTAGE, "retryable": True}] * 6
    assert await run_of(tmp_path, world) == {"status": "Successful"}
    assert world.pushed == world.everything


@asynchronous
async def test_patience_ends_and_the_run_fails_with_the_reason(tmp_path):
    world = World(vip=3)
    world.away = True
    clock = VirtualClock()
    started = clock.now_us()
    async with running(tmp_path, app_of(world), clock=clock) as engine:
        assert await engine.run_to_end("export_run", ORDER) == {"status": "Failed"}
    assert world.finish["failure"] == OUTAGE
    assert 3_600 < (clock.now_us() - started) / 1_000_000 < 3_600 + 900


@pytest.mark.parametrize("step", ["begin_run", "stage_segment", "guard_run", "prepare_push"])
@asynchronous
async def test_patience_with_a_step_ends_too(tmp_path, step):
    world = World(vip=1)
    world.faults[step] = [{"failure": OUTAGE, "retryable": True}] * 1_000
    assert await run_of(tmp_path, world) == {"status": "Failed"}
    assert world.finish["failure"] == OUTAGE


@pytest.mark.parametrize("step", ["begin_run", "stage_segment", "guard_run", "prepare_push"])
@asynchronous
async def test_a_failure_ends_the_run_before_anything_is_sent(tmp_path, step):
    world = World(vip=2, churn=2)
    world.faults[step] = [{"failure": REFUSAL, "retryable": False}]
    assert await run_of(tmp_path, world) == {"status": "Failed"}
    assert (world.pushed, world.finish["failure"]) == (set(), REFUSAL)


@asynchronous
async def test_over_the_limit_nothing_is_pushed(tmp_path):
    world = World(vip=0)
    world.faults["guard_run"] = [{"result": {"failure": REFUSAL, "staged": [], "asked": None}}]
    assert await run_of(tmp_path, world) == {"status": "Failed"}
    assert (world.pushed, world.finish["failure"]) == (set(), REFUSAL)


@asynchronous
async def test_a_failure_in_one_lane_stops_the_run(tmp_path):
    world = World(vip=40)

    class Refusing(World):
        def push_chunk(self, task: dict) -> dict:
            if task["chunk"] == 3:
                self.failed = True
                return {"result": {"pending": [0], "failure": REFUSAL, "retryable": False}}
            return super().push_chunk(task)

    world = Refusing(vip=40)
    assert await run_of(tmp_path, world) == {"status": "Failed"}
    assert world.finish["failure"] == REFUSAL
    assert (world.finish["complete"], world.pushed < world.everything) == (False, True)


@pytest.mark.parametrize(
    "step", ["begin_run", "stage_segment", "guard_run", "prepare_push", "push_chunk", "finish_run"]
)
@asynchronous
async def test_a_lost_worker_is_replaced(tmp_path, step):
    world = World(vip=6)
    world.faults[step] = [RuntimeError("ana@example.com"), None, RuntimeError("ana@example.com")]
    assert await run_of(tmp_path, world) == {"status": "Successful"}
    assert world.pushed == world.everything


@pytest.mark.parametrize("step", ["begin_run", "stage_segment", "guard_run", "prepare_push", "push_chunk"])
@asynchronous
async def test_a_step_that_always_breaks_down_fails_the_run_without_repeating_what_it_said(tmp_path, step):
    world = World(vip=2)
    world.faults[step] = [RuntimeError("ana@example.com")] * 100
    assert await run_of(tmp_path, world) == {"status": "Failed"}
    assert world.finish["failure"]["code"] == "worker-lost"
    assert step in world.finish["failure"]["message"]
    assert "ana@example.com" not in str(world.finish)


@asynchronous
async def test_a_run_that_cannot_be_finished_fails_as_an_orchestration(tmp_path):
    world = World(vip=1)
    world.faults["finish_run"] = [{"failure": REFUSAL, "retryable": False}]
    with pytest.raises(OrchestrationFailedError, match="It said no"):
        await run_of(tmp_path, world)


@asynchronous
async def test_a_lane_that_breaks_down_is_begun_again(tmp_path):
    world = World(vip=6)
    breakdowns = iter([True, False])
    lanes = df.Blueprint()

    @lanes.orchestration_trigger(context_name="context")
    def push_lane(context):
        if not context.is_replaying and next(breakdowns, False):
            raise RuntimeError("The lane broke down.")
        job = context.get_input()
        [part] = job["parts"]
        for place in job["places"]:
            yield context.call_activity("push_chunk", {**job, **part, "chunk": place})
        return {"places": [], "begun": {}, "failure": None, "retryable": False, "stopped": False}

    assert await run_of(tmp_path, world, app=app_of(world, lanes)) == {"status": "Successful"}
    assert world.pushed == world.everything


@asynchronous
async def test_what_an_earlier_version_of_a_lane_answered_counts_as_nothing_done(tmp_path):
    world = World(vip=6)
    earlier = iter([True, True])
    lanes = df.Blueprint()

    @lanes.orchestration_trigger(context_name="context")
    def push_lane(context):
        if next(earlier, False):
            return {"left": [], "failure": None, "retryable": False, "stopped": False}
        job = context.get_input()
        for place in job["places"]:
            yield context.call_activity("push_chunk", {**job, **job["parts"][0], "chunk": place})
        return {"places": [], "begun": {}, "failure": None, "retryable": False, "stopped": False}

    assert await run_of(tmp_path, world, app=app_of(world, lanes)) == {"status": "Successful"}
    assert world.pushed == world.everything


@asynchronous
async def test_a_busy_connection_is_waited_for_however_long_it_takes(tmp_path):
    world = World(vip=2)
    world.busy_for = 120
    clock = VirtualClock()
    started = clock.now_us()
    async with running(tmp_path, app_of(world), clock=clock) as engine:
        assert await engine.run_to_end("export_run", ORDER, instance_id="run-1") == {"status": "Successful"}
        assert '"waits": 100' in str((await engine.status("run-1")).input).replace("\\", "")
    assert world.pushed == world.everything
    assert (clock.now_us() - started) / 1_000_000 > 3_600


@asynchronous
async def test_a_cancelled_wait_for_the_connection_ends_at_once(tmp_path):
    world = World(vip=2)
    world.busy_for = 1_000_000
    async with running(tmp_path, app_of(world), clock=VirtualClock(skips=False)) as engine:
        run = await engine.start_new("export_run", ORDER)
        await engine.wait_until(run, lambda _: "begin_run" in world.heard)
        world.cancelled, world.busy_for = True, 0
        await engine.send_event(run, CANCEL_EVENT, {})
        assert await engine.output_of(run) == {"status": "Canceled"}


@pytest.mark.parametrize("rounds", [1, 3])
@asynchronous
async def test_a_cancellation_ends_the_pause_of_an_outage(tmp_path, rounds):
    world = World(vip=2)
    world.away = True
    clock = VirtualClock(skips=False)
    async with running(tmp_path, app_of(world), clock=clock) as engine, asyncio.timeout(30):
        run = await engine.start_new("export_run", {**ORDER, "patience_s": 10**9})
        while world.heard.count("push_chunk") < 2 * rounds:
            await asyncio.sleep(0.01)
            clock.advance(DAY_S)
        world.cancelled = True
        await engine.send_event(run, CANCEL_EVENT, {})
        assert await engine.output_of(run) == {"status": "Canceled"}
    assert world.pushed == set()


@asynchronous
async def test_a_cancellation_between_two_pauses_is_not_lost(tmp_path):
    world = World(vip=1)
    sending, answer = threading.Event(), threading.Event()

    def push_chunk(task: dict) -> dict:
        if world.heard.count("push_chunk") == 2:
            sending.set()
            assert answer.wait(20)
        return {"result": {"pending": [0], "failure": OUTAGE, "retryable": True}}

    world.push_chunk = push_chunk
    clock = VirtualClock(skips=False)
    async with running(tmp_path, app_of(world), clock=clock) as engine, asyncio.timeout(30):
        run = await engine.start_new("export_run", {**ORDER, "patience_s": 10**9})
        while not sending.is_set():
            await asyncio.sleep(0.01)
            clock.advance(DAY_S)
        await engine.send_event(run, CANCEL_EVENT, {})
        answer.set()
        assert await engine.output_of(run) == {"status": "Canceled"}
    assert world.heard.count("push_chunk") == 2


@asynchronous
async def test_a_cancelled_run_still_waits_for_storage_to_be_finished(tmp_path):
    world = World(vip=1)
    world.faults["stage_segment"] = [{"failure": OUTAGE, "retryable": True}] * 100
    world.faults["finish_run"] = [{"failure": OUTAGE, "retryable": True}] * 3
    clock = VirtualClock(skips=False)
    async with running(tmp_path, app_of(world), clock=clock) as engine, asyncio.timeout(30):
        run = await engine.start_new("export_run", ORDER)
        await engine.wait_until(run, lambda _: "stage_segment" in world.heard)
        await engine.send_event(run, CANCEL_EVENT, {})
        await engine.wait_until(run, lambda _: "finish_run" in world.heard)
        assert world.heard.count("finish_run") == 1
        while world.heard.count("finish_run") < 4:
            await asyncio.sleep(0.01)
            clock.advance(600)
        assert await engine.output_of(run) == {"status": "Canceled"}


@pytest.mark.parametrize("step", ["stage_segment", "guard_run", "prepare_push"])
@asynchronous
async def test_a_cancellation_ends_the_wait_for_a_step(tmp_path, step):
    world = World(vip=2)
    world.faults[step] = [{"failure": OUTAGE, "retryable": True}] * 100
    async with running(tmp_path, app_of(world), clock=VirtualClock(skips=False)) as engine:
        run = await engine.start_new("export_run", ORDER)
        await engine.wait_until(run, lambda _: step in world.heard)
        await engine.send_event(run, CANCEL_EVENT, {})
        assert await engine.output_of(run) == {"status": "Canceled"}


@asynchronous
async def test_a_cancellation_does_not_keep_a_run_from_being_finished(tmp_path):
    world = World(vip=2)
    world.faults["finish_run"] = [{"failure": OUTAGE, "retryable": True}]
    async with running(tmp_path, app_of(world), clock=VirtualClock(skips=False)) as engine:
        run = await engine.start_new("export_run", ORDER)
        await engine.wait_until(run, lambda _: "finish_run" in world.heard)
        await engine.send_event(run, CANCEL_EVENT, {})
        assert await engine.output_of(run) == {"status": "Successful"}


@asynchronous
async def test_workers_that_notice_a_cancellation_end_the_run(tmp_path):
    world = World(vip=30)
    world.faults["push_chunk"] = [None] * 5 + [{"stopped": True}]
    assert await run_of(tmp_path, world) == {"status": "Canceled"}
    assert world.pushed < world.everything


@asynchronous
async def test_an_arrival_is_looked_at_again_until_it_has_settled(tmp_path):
    world = World()
    world.faults["inspect_arrival"] = [{"wait_s": 60, "why": ""}, {"wait_s": 12.5, "why": ""}]
    clock = VirtualClock()
    started = clock.now_us()
    async with running(tmp_path, app_of(world), clock=clock) as engine:
        answer = await engine.run_to_end("segment_arrival", {"name": "vip/a.csv"})
    assert answer["runs"] == ["vip/a.csv"]
    assert (clock.now_us() - started) / 1_000_000 > 72


@asynchronous
async def test_an_arrival_outlasts_an_outage_of_storage(tmp_path):
    world = World()
    world.faults["inspect_arrival"] = [RuntimeError("storage")] * 9
    async with running(tmp_path, app_of(world), clock=VirtualClock()) as engine:
        answer = await engine.run_to_end("segment_arrival", {"name": "vip/a.csv"})
    assert answer["runs"] == ["vip/a.csv"]


@asynchronous
async def test_an_arrival_that_can_never_be_looked_at_fails(tmp_path):
    world = World()
    world.faults["inspect_arrival"] = [RuntimeError("storage")] * 200
    async with running(tmp_path, app_of(world), clock=VirtualClock()) as engine:
        with pytest.raises(OrchestrationFailedError):
            await engine.run_to_end("segment_arrival", {"name": "vip/a.csv"})
