"""Histories of runs stay short, however many people there are and however slowly they go."""

import json
from collections import defaultdict

import pytest

from devkit.host.durable.clock import VirtualClock
from devkit.host.durable.testing import asynchronous
from devkit.host.durable.turn_log import TurnLog
from functions.orchestration import CANCEL_EVENT
from tests.unit.orchestration_world import ORDER, OUTAGE, World, app_of, running

SHORT = {**ORDER, "turns_per_leg": 5, "rounds_per_history": 3}
SLOW = {"result": {"pending": [3, 4], "failure": None, "retryable": False}}
AWAY = {"result": {"pending": [1], "failure": OUTAGE, "retryable": True}}


async def run_logged(tmp_path, world: World, order: dict = SHORT) -> dict[str, list[dict]]:
    """Run to the end; returns the turns of each orchestrator."""
    path = tmp_path / "turns.jsonl"
    async with running(tmp_path, app_of(world), clock=VirtualClock(), turn_log=TurnLog(path)) as engine:
        assert await engine.run_to_end("export_run", order, instance_id="run-1") == {"status": "Successful"}
    turns = defaultdict(list)
    for line in path.read_text().splitlines():
        turn = json.loads(line)
        turns[turn["name"]].append(turn)
    return turns


def longest(turns: list[dict]) -> tuple[int, int]:
    """The events and bytes of the longest history."""
    return max(turn["events"] for turn in turns), max(turn["bytes"] for turn in turns)


@asynchronous
async def test_no_history_is_longer_for_ten_times_as_many_chunks(tmp_path):
    few, many = World(vip=40), World(vip=400)
    short, long = await run_logged(tmp_path / "few", few), await run_logged(tmp_path / "many", many)
    assert many.pushed == many.everything
    for name in ("export_run", "push_lane"):
        events, size = longest(long[name])
        # Answers of lanes that come one by one take a turn each, which is two more events.
        assert events <= longest(short[name])[0] * 1.5
        assert size <= longest(short[name])[1] * 1.5


@asynchronous
async def test_a_lane_at_a_slow_pace_ends_its_leg_and_the_next_one_goes_on_with_what_is_left(tmp_path):
    world = World(vip=1)
    world.faults["push_chunk"] = [SLOW] * 23
    tasks, push_chunk = [], world.push_chunk
    world.push_chunk = lambda task: (tasks.append(task), push_chunk(task))[1]
    turns = await run_logged(tmp_path, world)
    assert world.pushed == world.everything
    assert (len(tasks), tasks[0]["pending"]) == (1, [3, 4])
    assert len({turn["instance"] for turn in turns["push_lane"]}) == 5
    assert longest(turns["push_lane"])[0] <= 4 * SHORT["turns_per_leg"] + 2


@asynchronous
async def test_people_are_taken_off_only_after_everybody_was_sent_over_several_histories(tmp_path):
    world = World(vip=70, churn=11)
    world.leaver_chunks = {"vip": 41, "churn": 2}
    turns = await run_logged(tmp_path, world)
    assert world.pushed == world.everything
    assert len(world.removed) == len(set(world.removed)) == 43
    assert world.heard.count("prepare_push") == world.heard.count("finish_run") == 1
    assert [one["segment"] for one in world.finish["staged"]] == ["vip", "churn"]
    # Every lane has an id of its own: none is taken for one of an earlier history.
    assert len({turn["instance"] for turn in turns["push_lane"]}) == (8 * 2 + 1) + 5 * 2


@asynchronous
async def test_patience_counts_over_histories(tmp_path):
    world = World(vip=3)
    world.away = True
    clock = VirtualClock()
    started = clock.now_us()
    async with running(tmp_path, app_of(world), clock=clock) as engine:
        assert await engine.run_to_end("export_run", SHORT) == {"status": "Failed"}
    assert world.finish["failure"] == OUTAGE
    assert 3_600 < (clock.now_us() - started) / 1_000_000 < 3_600 + 900


@asynchronous
async def test_pauses_of_an_outage_grow_over_histories(tmp_path):
    world = World(vip=2)
    world.faults["push_chunk"] = [AWAY] * 2 * 9
    clock = VirtualClock()
    started = clock.now_us()
    async with running(tmp_path, app_of(world), clock=clock) as engine:
        assert await engine.run_to_end("export_run", SHORT) == {"status": "Successful"}
    # 10 s after the first time, when what is left of the chunks was new, then 10, 20, 40 … 300 s
    assert (clock.now_us() - started) / 1_000_000 == pytest.approx(10 + 10 + 20 + 40 + 80 + 160 + 3 * 300, 5)
    assert world.pushed == world.everything


@asynchronous
async def test_a_cancellation_ends_a_run_in_a_later_history(tmp_path):
    world = World(vip=1)
    world.away = True
    clock = VirtualClock(skips=False)
    async with running(tmp_path, app_of(world), clock=clock) as engine:
        run = await engine.start_new("export_run", {**SHORT, "patience_s": 10**9})
        while world.heard.count("push_chunk") < 8:
            await engine.wait_until(run, lambda _: True)
            clock.advance(600)
        world.cancelled = True
        await engine.send_event(run, CANCEL_EVENT, {})
        assert await engine.output_of(run) == {"status": "Canceled"}


@asynchronous
async def test_where_the_only_batch_went_ahead_no_lane_is_begun(tmp_path):
    world = World(vip=1)
    world.leaver_chunks = {"vip": 1}
    lists = {"vip": "list of vip"}
    begun = {"segment": "vip", "chunk": 0, "pending": []}
    world.prepare_push = lambda _: {"result": {"lists": lists, "begun": begun, "proven": True}}
    world.pushed = world.everything
    await run_logged(tmp_path, world)
    assert world.heard.count("push_chunk") == len(world.removed) == 1
    assert world.finish["complete"]


@asynchronous
async def test_a_chunk_that_went_ahead_in_part_is_pushed_for_the_rest_only(tmp_path):
    world = World(vip=2, churn=3)
    began = {"segment": "churn", "chunk": 1, "pending": [1, 2, 3]}
    world.prepare_push = lambda _: {
        "result": {
            "lists": {name: f"list of {name}" for name in world.chunks},
            "begun": began,
            "proven": True,
        }
    }
    tasks, push_chunk = [], world.push_chunk
    world.push_chunk = lambda task: (tasks.append(task), push_chunk(task))[1]
    await run_logged(tmp_path, world)
    assert {(task["segment"], task["chunk"]): task["pending"] for task in tasks} == {
        **dict.fromkeys(world.everything),
        ("churn", 1): [1, 2, 3],
    }
    assert all(task["proven"] for task in tasks)
