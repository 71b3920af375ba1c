"""The orchestration of a run, on the real engine, with activities that do as they are told."""

import asyncio
import threading
from collections.abc import Iterable

import azure.durable_functions as df
import pytest

from devkit.host.durable.clock import VirtualClock
from devkit.host.durable.testing import OrchestrationFailedError, RunningEngine, asynchronous
from functions import orchestration, triggers
from functions.orchestration import CANCEL_EVENT

ORDER = {"lanes": 2, "patience_s": 3_600}
OUTAGE = {"code": "unavailable", "message": "It is away.", "remedy": ""}
REFUSAL = {"code": "refused", "message": "It said no.", "remedy": ""}
DAY_S = 86_400


class World:
    """What the activities see. ``faults[step]`` are answers (or exceptions) that come before the true ones."""

    def __init__(self, **chunks: int) -> None:
        self.chunks = chunks
        self.faults: dict[str, list[dict | Exception | None]] = {}
        self.busy_for = 0
        self.away = self.cancelled = self.failed = False
        self.pushed: set[tuple[str, int]] = set()
        self.heard: list[str] = []
        self.finish: dict = {}
        self._lock = threading.Lock()

    def hear(self, step: str, task: dict) -> dict:
        with self._lock:
            self.heard.append(step)
            faults = self.faults.get(step)
            if faults and (fault := faults.pop(0)) is not None:
                if isinstance(fault, Exception):
                    raise fault
                return fault
            return getattr(self, step)(task)

    def begin_run(self, task: dict) -> dict:
        if self.busy_for:
            self.busy_for -= 1
            return {"result": {"wait_s": 10, "segments": []}}
        return {"result": {"wait_s": None, "segments": [] if self.cancelled else list(self.chunks)}}

    def stage_segment(self, task: dict) -> dict:
        name = task["segment"]
        return {"result": {"segment": name, "folder": f"stage/{name}/", "chunks": self.chunks[name]}}

    def prepare_push(self, task: dict) -> dict:
        assert [one["segment"] for one in task["staged"]] == list(self.chunks)
        return {"result": {"failure": None, "lists": {name: f"list of {name}" for name in self.chunks}}}

    def push_chunk(self, task: dict) -> dict:
        if self.cancelled or self.failed:
            return {"stopped": True}
        if self.away:
            return {"result": {"pending": [0, 1], "failure": OUTAGE, "retryable": True}}
        assert task["list_id"] == f"list of {task['segment']}"
        self.pushed.add((task["segment"], task["chunk"]))
        return {"result": {"pending": [], "failure": None, "retryable": False}}

    def finish_run(self, task: dict) -> dict:
        self.finish = task
        failed = "Failed" if task["failure"] else "Canceled"
        return {"result": {"status": "Successful" if task["complete"] else failed}}

    def inspect_arrival(self, task: dict) -> dict:
        return {"wait_s": 0, "why": "", "runs": [task["name"]]}

    @property
    def everything(self) -> set[tuple[str, int]]:
        return {(name, number) for name, count in self.chunks.items() for number in range(count)}


def app_of(world: World, *others: df.Blueprint) -> list:
    """The real orchestrators, and stand-ins for the activities; ``others`` take the place of real ones."""
    stand_ins = df.Blueprint()

    def stand_in(step: str) -> None:
        def activity(task: dict) -> dict:
            return world.hear(step, task)

        activity.__name__ = step
        stand_ins.activity_trigger(input_name="task")(activity)

    for step in ("begin_run", "stage_segment", "prepare_push", "push_chunk", "finish_run", "inspect_arrival"):
        stand_in(step)
    chosen = {}
    for blueprint in (orchestration.bp, triggers.bp, stand_ins, *others):
        chosen |= dict(_durable(blueprint))
    return list(chosen.values())


def _durable(blueprint: df.Blueprint) -> Iterable:
    for builder in blueprint._function_builders:
        function = builder.build(None)
        if function.get_trigger().type in ("orchestrationTrigger", "activityTrigger"):
            yield function.get_function_name(), builder


async def run_of(tmp_path, world: World, *, app: list | None = None, order: dict = ORDER) -> dict:
    async with RunningEngine(tmp_path, app or app_of(world), clock=VirtualClock()) as engine:
        return await engine.run_to_end("export_run", order, instance_id="run-1")


@asynchronous
async def test_all_chunks_of_all_segments_are_pushed_and_the_run_is_finished(tmp_path):
    world = World(vip=5, churn=3, nobody=0)
    assert await run_of(tmp_path, world) == {"status": "Successful"}
    assert world.pushed == world.everything
    assert (world.finish["complete"], world.finish["failure"]) == (True, None)
    assert [one["segment"] for one in world.finish["staged"]] == ["vip", "churn", "nobody"]


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
    async with RunningEngine(tmp_path, app_of(world), clock=VirtualClock()) as engine:
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
    async with RunningEngine(tmp_path, app_of(world), clock=VirtualClock()) as engine:
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
    async with RunningEngine(tmp_path, app_of(world), clock=clock) as engine:
        assert await engine.run_to_end("export_run", ORDER) == {"status": "Successful"}
    assert world.pushed == world.everything
    assert clock.now_us() - started > 60 * 1_000_000


@pytest.mark.parametrize("step", ["begin_run", "stage_segment", "prepare_push", "finish_run"])
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
    async with RunningEngine(tmp_path, app_of(world), clock=clock) as engine:
        assert await engine.run_to_end("export_run", ORDER) == {"status": "Failed"}
    assert world.finish["failure"] == OUTAGE
    assert 3_600 < (clock.now_us() - started) / 1_000_000 < 3_600 + 900


@pytest.mark.parametrize("step", ["begin_run", "stage_segment", "prepare_push"])
@asynchronous
async def test_patience_with_a_step_ends_too(tmp_path, step):
    world = World(vip=1)
    world.faults[step] = [{"failure": OUTAGE, "retryable": True}] * 1_000
    assert await run_of(tmp_path, world) == {"status": "Failed"}
    assert world.finish["failure"] == OUTAGE


@pytest.mark.parametrize("step", ["begin_run", "stage_segment", "prepare_push"])
@asynchronous
async def test_a_failure_ends_the_run_before_anything_is_sent(tmp_path, step):
    world = World(vip=2, churn=2)
    world.faults[step] = [{"failure": REFUSAL, "retryable": False}]
    assert await run_of(tmp_path, world) == {"status": "Failed"}
    assert (world.pushed, world.finish["failure"]) == (set(), REFUSAL)


@asynchronous
async def test_over_the_limit_nothing_is_pushed(tmp_path):
    world = World(vip=0)
    world.faults["prepare_push"] = [{"result": {"failure": REFUSAL, "lists": {}}}]
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


@pytest.mark.parametrize("step", ["begin_run", "stage_segment", "prepare_push", "push_chunk", "finish_run"])
@asynchronous
async def test_a_lost_worker_is_replaced(tmp_path, step):
    world = World(vip=6)
    world.faults[step] = [RuntimeError("ana@example.com"), None, RuntimeError("ana@example.com")]
    assert await run_of(tmp_path, world) == {"status": "Successful"}
    assert world.pushed == world.everything


@pytest.mark.parametrize("step", ["begin_run", "stage_segment", "prepare_push", "push_chunk"])
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
        for task in context.get_input()["tasks"]:
            yield context.call_activity("push_chunk", task)
        return {"left": [], "failure": None, "retryable": False, "stopped": False}

    assert await run_of(tmp_path, world, app=app_of(world, lanes)) == {"status": "Successful"}
    assert world.pushed == world.everything


@asynchronous
async def test_a_busy_connection_is_waited_for_however_long_it_takes(tmp_path):
    world = World(vip=2)
    world.busy_for = 120
    clock = VirtualClock()
    started = clock.now_us()
    async with RunningEngine(tmp_path, app_of(world), clock=clock) as engine:
        assert await engine.run_to_end("export_run", ORDER, instance_id="run-1") == {"status": "Successful"}
        assert '"waits": 100' in str((await engine.status("run-1")).input).replace("\\", "")
    assert world.pushed == world.everything
    assert (clock.now_us() - started) / 1_000_000 > 6_000


@asynchronous
async def test_a_cancelled_wait_for_the_connection_ends_at_once(tmp_path):
    world = World(vip=2)
    world.busy_for = 1_000_000
    async with RunningEngine(tmp_path, app_of(world), clock=VirtualClock(skips=False)) as engine:
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
    async with RunningEngine(tmp_path, app_of(world), clock=clock) as engine, asyncio.timeout(30):
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
    async with RunningEngine(tmp_path, app_of(world), clock=clock) as engine, asyncio.timeout(30):
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
    async with RunningEngine(tmp_path, app_of(world), clock=clock) as engine, asyncio.timeout(30):
        run = await engine.start_new("export_run", ORDER)
        await engine.wait_until(run, lambda _: "stage_segment" in world.heard)
        await engine.send_event(run, CANCEL_EVENT, {})
        await engine.wait_until(run, lambda _: "finish_run" in world.heard)
        assert world.heard.count("finish_run") == 1
        while world.heard.count("finish_run") < 4:
            await asyncio.sleep(0.01)
            clock.advance(600)
        assert await engine.output_of(run) == {"status": "Canceled"}


@pytest.mark.parametrize("step", ["stage_segment", "prepare_push"])
@asynchronous
async def test_a_cancellation_ends_the_wait_for_a_step(tmp_path, step):
    world = World(vip=2)
    world.faults[step] = [{"failure": OUTAGE, "retryable": True}] * 100
    async with RunningEngine(tmp_path, app_of(world), clock=VirtualClock(skips=False)) as engine:
        run = await engine.start_new("export_run", ORDER)
        await engine.wait_until(run, lambda _: step in world.heard)
        await engine.send_event(run, CANCEL_EVENT, {})
        assert await engine.output_of(run) == {"status": "Canceled"}


@asynchronous
async def test_a_cancellation_does_not_keep_a_run_from_being_finished(tmp_path):
    world = World(vip=2)
    world.faults["finish_run"] = [{"failure": OUTAGE, "retryable": True}]
    async with RunningEngine(tmp_path, app_of(world), clock=VirtualClock(skips=False)) as engine:
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
    async with RunningEngine(tmp_path, app_of(world), clock=clock) as engine:
        answer = await engine.run_to_end("segment_arrival", {"name": "vip/a.csv"})
    assert answer["runs"] == ["vip/a.csv"]
    assert (clock.now_us() - started) / 1_000_000 > 72


@asynchronous
async def test_an_arrival_outlasts_an_outage_of_storage(tmp_path):
    world = World()
    world.faults["inspect_arrival"] = [RuntimeError("storage")] * 9
    async with RunningEngine(tmp_path, app_of(world), clock=VirtualClock()) as engine:
        answer = await engine.run_to_end("segment_arrival", {"name": "vip/a.csv"})
    assert answer["runs"] == ["vip/a.csv"]


@asynchronous
async def test_an_arrival_that_can_never_be_looked_at_fails(tmp_path):
    world = World()
    world.faults["inspect_arrival"] = [RuntimeError("storage")] * 200
    async with RunningEngine(tmp_path, app_of(world), clock=VirtualClock()) as engine:
        with pytest.raises(OrchestrationFailedError):
            await engine.run_to_end("segment_arrival", {"name": "vip/a.csv"})
