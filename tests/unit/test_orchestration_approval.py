"""A run that waits for a person: approved, refused, forgotten, cancelled, overtaken, and asked again."""

import asyncio

import pytest

from devkit.host.durable.clock import VirtualClock
from devkit.host.durable.testing import RunningEngine, asynchronous
from functions.orchestration import CANCEL_EVENT, decision_event
from tests.unit.orchestration_world import DAY_S, ORDER, OUTAGE, VERSIONS, World, app_of, running

HOUR_S = 3_600


class Waiting(RunningEngine):
    """An engine with a run that waits for approval; ``decide`` stores a decision and tells of it."""

    def __init__(self, tmp_path, world: World, clock: VirtualClock) -> None:
        super().__init__(tmp_path, app_of(world), clock=clock, versions=VERSIONS)
        self.world, self.clock = world, clock

    async def begin(self) -> None:
        await self.start_new("export_run", ORDER, instance_id="run-1")
        await self.wait_for_question(1)

    async def wait_for_question(self, number: int) -> None:
        await self.wait_for_look(number)
        await self.wait_until(
            "run-1", lambda instance: f'"round": {number}' in str(instance.custom_status).replace("\\", "")
        )

    async def wait_for_look(self, number: int) -> None:
        """Wait until the record was looked at that often."""
        async with asyncio.timeout(20):
            while self.world.heard.count("review_run") < number:
                await asyncio.sleep(0.005)

    async def decide(self, decision: str, *, round_: int = 1) -> None:
        self.world.decision = decision
        await self.send_event("run-1", decision_event(round_), {})

    async def let_time_pass(self, seconds: float, step: str, times: int) -> None:
        """Move the clock on until a step was called that often."""
        async with asyncio.timeout(20):
            while self.world.heard.count(step) < times:
                self.clock.advance(seconds)
                await asyncio.sleep(0.01)

    async def end(self) -> dict:
        return await self.output_of("run-1")


def waiting(tmp_path, **chunks: int) -> Waiting:
    world = World(**(chunks or {"vip": 3}))
    world.asks = 1
    return Waiting(tmp_path, world, VirtualClock(skips=False))


@asynchronous
async def test_nothing_is_sent_while_a_run_waits_and_an_approved_one_reads_again(tmp_path):
    async with waiting(tmp_path) as engine:
        await engine.begin()
        assert engine.world.pushed == set()
        await engine.decide("approved")
        assert await engine.end() == {"status": "Successful"}
        heard = [step for step in engine.world.heard if step != "push_chunk"]
        once = ["begin_run", "stage_segment", "guard_run"]
        assert heard == [*once, "review_run", "review_run", *once, "prepare_push", "finish_run"]
        assert engine.world.pushed == engine.world.everything


@asynchronous
async def test_a_refused_run_ends_and_sends_nothing(tmp_path):
    async with waiting(tmp_path) as engine:
        await engine.begin()
        await engine.decide("refused")
        assert await engine.end() == {"status": "Canceled"}
        assert engine.world.pushed == set()
        assert (engine.world.finish["failure"], engine.world.finish["overtaken"]) == (None, False)
        assert [one["segment"] for one in engine.world.finish["staged"]] == ["vip"]


@asynchronous
async def test_a_run_that_was_overtaken_says_so(tmp_path):
    async with waiting(tmp_path) as engine:
        await engine.begin()
        await engine.decide("overtaken")
        assert await engine.end() == {"status": "Canceled"}
        assert engine.world.finish["overtaken"] is True


@asynchronous
async def test_a_run_that_was_overtaken_while_it_waited_for_the_connection_reads_nothing(tmp_path):
    async with waiting(tmp_path) as engine:
        engine.world.faults["begin_run"] = [{"result": {"overtaken": True, "segments": []}}]
        assert await engine.run_to_end("export_run", ORDER) == {"status": "Canceled"}
        assert engine.world.heard == ["begin_run", "finish_run"]
        assert engine.world.finish["overtaken"] is True


@asynchronous
async def test_a_decision_whose_event_was_lost_is_found_within_hours(tmp_path):
    async with waiting(tmp_path) as engine:
        await engine.begin()
        engine.world.decision = "approved"
        await engine.let_time_pass(HOUR_S, "review_run", 2)
        assert await engine.end() == {"status": "Successful"}


@asynchronous
async def test_a_decision_that_comes_before_the_wait_is_not_lost(tmp_path):
    async with waiting(tmp_path) as engine:
        engine.world.faults["review_run"] = [{"failure": OUTAGE, "retryable": True}]
        await engine.start_new("export_run", ORDER, instance_id="run-1")
        await engine.wait_for_look(1)
        await engine.decide("approved")
        await engine.let_time_pass(60, "review_run", 2)
        assert await engine.end() == {"status": "Successful"}


@asynchronous
async def test_events_without_a_decision_change_nothing(tmp_path):
    async with waiting(tmp_path) as engine:
        await engine.begin()
        for looks in (2, 3):
            await engine.send_event("run-1", decision_event(1), {})
            await engine.wait_for_look(looks)
        await engine.decide("refused")
        assert await engine.end() == {"status": "Canceled"}
        assert engine.world.heard.count("review_run") == 4


@asynchronous
async def test_what_nobody_decides_is_looked_at_every_few_hours_until_it_expires(tmp_path):
    world, clock = World(vip=3), VirtualClock()
    world.asks = 1
    left = [7 * DAY_S - look * 6 * HOUR_S for look in range(28)]
    answers = [{"wait_s": wait_s, "approved": False, "overtaken": False} for wait_s in (*left, None)]
    world.faults["review_run"] = [{"result": answer} for answer in answers]
    started = clock.now_us()
    async with running(tmp_path, app_of(world), clock=clock) as engine:
        assert await engine.run_to_end("export_run", ORDER, instance_id="run-1") == {"status": "Canceled"}
    assert world.heard.count("review_run") == 29
    assert 7 * DAY_S <= (clock.now_us() - started) / 1_000_000 < 7 * DAY_S + 60
    assert world.pushed == set()


@asynchronous
async def test_the_last_wait_ends_with_the_time_for_a_decision(tmp_path):
    world, clock = World(vip=3), VirtualClock()
    world.asks = 1
    answers = [{"wait_s": wait_s, "approved": False, "overtaken": False} for wait_s in (60, None)]
    world.faults["review_run"] = [{"result": answer} for answer in answers]
    started = clock.now_us()
    async with running(tmp_path, app_of(world), clock=clock) as engine:
        assert await engine.run_to_end("export_run", ORDER, instance_id="run-1") == {"status": "Canceled"}
    assert (clock.now_us() - started) / 1_000_000 < 120


@asynchronous
async def test_a_cancellation_ends_the_wait(tmp_path):
    async with waiting(tmp_path) as engine:
        await engine.begin()
        engine.world.cancelled = True
        await engine.send_event("run-1", CANCEL_EVENT, {})
        assert await engine.end() == {"status": "Canceled"}
        assert engine.world.pushed == set()


@asynchronous
async def test_a_run_that_has_become_more_than_was_approved_asks_again(tmp_path):
    async with waiting(tmp_path) as engine:
        engine.world.asks = 2
        await engine.begin()
        await engine.decide("approved")
        await engine.wait_for_question(2)
        assert engine.world.pushed == set()
        await engine.decide("approved", round_=2)
        assert await engine.end() == {"status": "Successful"}
        assert engine.world.pushed == engine.world.everything


@asynchronous
async def test_a_late_event_of_an_earlier_round_does_not_approve_the_next(tmp_path):
    async with waiting(tmp_path) as engine:
        engine.world.asks = 2
        await engine.begin()
        await engine.decide("approved")
        await engine.wait_for_question(2)
        await engine.send_event("run-1", decision_event(1), {})
        await engine.decide("refused", round_=2)
        assert await engine.end() == {"status": "Canceled"}


@asynchronous
async def test_an_approved_run_waits_for_its_connection_like_any_other(tmp_path):
    async with waiting(tmp_path) as engine:
        await engine.begin()
        engine.world.busy_for = 3
        await engine.decide("approved")
        await engine.let_time_pass(60, "begin_run", 5)
        assert await engine.end() == {"status": "Successful"}


@pytest.mark.parametrize("decision", ["approved", "refused"])
@asynchronous
async def test_the_wait_outlives_the_host(tmp_path, decision):
    async with waiting(tmp_path) as engine:
        await engine.begin()
        world, clock = engine.world, engine.clock
    clock.advance(2 * DAY_S)
    async with Waiting(tmp_path, world, clock) as engine:
        await engine.decide(decision)
        assert await engine.end() == {"status": "Successful" if decision == "approved" else "Canceled"}
