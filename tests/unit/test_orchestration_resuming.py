"""The orchestration of a run that had another one before: it goes on where the beginning says."""

from devkit.host.durable.clock import VirtualClock
from devkit.host.durable.testing import asynchronous
from tests.unit.orchestration_world import ORDER, World, app_of, run_of, running

LISTS = {"lists": {"vip": "list of vip"}, "begun": None, "proven": True}


def resumed(world: World, *left: int, begun: dict | None = None, removals: bool = False, last: int) -> None:
    """Let the beginning say that these chunks of vip are left."""
    state = {"left": list(left), "begun": begun or {}, "next": last}
    found = {"prepared": LISTS, "removals": removals, "state": state}
    world.faults["begin_run"] = [{"result": {**said(world), "resumed": found}}]


def said(world: World) -> dict:
    staged = [world.stage_segment({"segment": name})["result"] for name in world.chunks]
    return {"wait_s": None, "segments": [], "staged": staged, "asked": None, "resumed": None}


@asynchronous
async def test_only_the_chunks_that_are_left_are_pushed(tmp_path):
    world = World(vip=300)
    resumed(world, 3, *range(40, 260), begun={"3": [1]}, last=300)
    order = {**ORDER, "turns_per_leg": 50, "rounds_per_history": 2, "first_lane": 1000}
    assert await run_of(tmp_path, world, order=order) == {"status": "Successful"}
    assert world.pushed == {("vip", number) for number in (3, *range(40, 260))}
    assert [one["segment"] for one in world.finish["staged"]] == ["vip"]
    assert world.finish["complete"]
    assert set(world.heard) == {"begin_run", "push_chunk", "finish_run"}


@asynchronous
async def test_leavers_that_are_left_are_taken_off(tmp_path):
    world = World(vip=2)
    world.pushed, world.leaver_chunks = world.everything, {"vip": 4}
    resumed(world, 1, 3, removals=True, last=4)
    assert await run_of(tmp_path, world) == {"status": "Successful"}
    assert sorted(world.removed) == [("vip", 1), ("vip", 3)]


@asynchronous
async def test_after_those_who_are_left_all_leavers_are_taken_off(tmp_path):
    world = World(vip=3)
    world.pushed, world.leaver_chunks = {("vip", 0), ("vip", 2)}, {"vip": 2}
    resumed(world, 1, last=3)
    assert await run_of(tmp_path, world) == {"status": "Successful"}
    assert sorted(world.removed) == [("vip", 0), ("vip", 1)]


@asynchronous
async def test_a_run_with_nothing_left_is_finished(tmp_path):
    world = World(vip=3)
    resumed(world, removals=True, last=0)
    assert await run_of(tmp_path, world) == {"status": "Successful"}
    assert world.heard == ["begin_run", "finish_run"]


@asynchronous
async def test_lanes_of_the_lost_orchestration_are_not_waited_for(tmp_path):
    world = World(vip=6)
    resumed(world, *range(6), last=6)
    async with running(tmp_path, app_of(world), clock=VirtualClock()) as engine:
        await engine.run_to_end("export_run", {**ORDER, "first_lane": 7000}, instance_id="run-1")
        assert [await engine.status(f"run-1-lane-{number}") is not None for number in (0, 7000, 7001)] == [
            False,
            True,
            True,
        ]


@asynchronous
async def test_a_run_waits_on_for_the_approval_that_it_had_asked_for(tmp_path):
    world = World(vip=3)
    world.round = 4
    world.decision = "approved"
    world.faults["begin_run"] = [{"result": {**said(world), "asked": 4}}]
    assert await run_of(tmp_path, world) == {"status": "Successful"}
    assert world.heard[:4] == ["begin_run", "review_run", "begin_run", "stage_segment"]
    assert world.pushed == world.everything


@asynchronous
async def test_what_was_read_is_told_when_the_approval_is_refused(tmp_path):
    world = World(vip=3)
    world.decision = "refused"
    world.faults["begin_run"] = [{"result": {**said(world), "asked": 1}}]
    assert await run_of(tmp_path, world) == {"status": "Canceled"}
    assert [one["segment"] for one in world.finish["staged"]] == ["vip"]
    assert world.pushed == set()
