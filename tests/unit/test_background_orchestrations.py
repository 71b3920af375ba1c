"""The orchestrations of erasures and of the housekeeping, on the real engine, with activities that do as they are told."""

import json

import azure.durable_functions as df
import pytest

from devkit.host.durable.clock import VirtualClock
from devkit.host.durable.testing import OrchestrationFailedError, RunningEngine, asynchronous
from functions import erasing, housekeeping

ORDER = {"suppress": True, "everywhere": False, "patience_s": 3_600}
OUTAGE = {"code": "unavailable", "message": "It is away.", "remedy": ""}
AWAY = {"failure": OUTAGE, "retryable": True}
REFUSAL = {"failure": {"code": "refused", "message": "No.", "remedy": ""}, "retryable": False}
ACTIVITIES = (
    "begin_erasure",
    "erase_at_connection",
    "erase_traces",
    "finish_erasure",
    "purge",
    "purge_history",
    "abandon_erasures",
    "check_secrets",
    "note_purges",
)


class World:
    """``answers[step]`` come first, the ``usual`` one after them; ``heard`` is what was asked for."""

    def __init__(self, **usual: dict) -> None:
        self.usual = {
            "begin_erasure": {"result": {"connections": ["c1", "c2"]}},
            "erase_at_connection": {"result": {"wait_s": None}},
            "erase_traces": {"result": {"erasure_id": "erasure-1", "after": None}},
            "finish_erasure": {"result": {"status": "Done", "traces": {}}},
            **usual,
        }
        self.answers: dict[str, list[dict | Exception]] = {}
        self.heard: list[tuple[str, dict]] = []

    def hear(self, step: str, task: dict) -> dict:
        self.heard.append((step, task))
        waiting = self.answers.get(step)
        answer = waiting.pop(0) if waiting else self.usual.get(step, {"result": {"count": 1, "more": False}})
        if isinstance(answer, Exception):
            raise answer
        return answer

    def tasks(self, step: str) -> list[dict]:
        return [task for name, task in self.heard if name == step]

    @property
    def steps(self) -> list[str]:
        return [name for name, _ in self.heard]


def app_of(world: World) -> list:
    blueprint = df.Blueprint()

    def stand_in(step: str) -> None:
        def activity(task: dict) -> dict:
            return world.hear(step, task)

        activity.__name__ = step
        blueprint.activity_trigger(input_name="task")(activity)

    for step in ACTIVITIES:
        stand_in(step)
    real = [*erasing.bp._function_builders, *housekeeping.bp._function_builders]
    orchestrators = [each for each in real if each._function.get_trigger().type == "orchestrationTrigger"]
    return [*orchestrators, *blueprint._function_builders]


async def erase(tmp_path, world: World, clock: VirtualClock | None = None) -> dict:
    async with RunningEngine(tmp_path, app_of(world), clock=clock or VirtualClock()) as engine:
        return await engine.run_to_end("erase_person", ORDER, instance_id="erasure-1")


@asynchronous
async def test_an_erasure_goes_from_connection_to_connection_and_then_through_the_traces(tmp_path):
    world = World()
    assert (await erase(tmp_path, world))["status"] == "Done"
    assert world.steps == [
        "begin_erasure",
        "erase_at_connection",
        "erase_at_connection",
        "erase_traces",
        "finish_erasure",
    ]
    assert [task["connection_id"] for task in world.tasks("erase_at_connection")] == ["c1", "c2"]
    assert world.tasks("finish_erasure") == [{"erasure_id": "erasure-1", "failure": None}]


@asynchronous
async def test_a_connection_is_waited_for_for_as_long_as_runs_have_it(tmp_path):
    world, clock = World(), VirtualClock()
    world.answers["erase_at_connection"] = [{"result": {"wait_s": 2.0}}] * 130
    started = clock.now_us()
    assert (await erase(tmp_path, world, clock))["status"] == "Done"
    assert (clock.now_us() - started) / 1_000_000 > 3_600
    assert [task["connection_id"] for task in world.tasks("erase_at_connection")] == ["c1"] * 131 + ["c2"]
    assert len(world.tasks("begin_erasure")) == 1


@asynchronous
async def test_the_history_of_a_long_wait_stays_short(tmp_path):
    world = World()
    world.answers["erase_at_connection"] = [{"result": {"wait_s": 2.0}}] * 130
    async with RunningEngine(tmp_path, app_of(world), clock=VirtualClock()) as engine:
        await engine.run_to_end("erase_person", ORDER, instance_id="erasure-1")
        assert len(await engine.history("erasure-1")) < 400


@asynchronous
async def test_traces_are_looked_for_page_by_page(tmp_path):
    world = World()
    pages = [
        {"result": {"erasure_id": "erasure-1", "after": f"state runs/{number}"}} for number in range(120)
    ]
    world.answers["erase_traces"] = list(pages)
    assert (await erase(tmp_path, world))["status"] == "Done"
    asked = [task["after"] for task in world.tasks("erase_traces")]
    assert asked == ["", *(f"state runs/{number}" for number in range(120))]
    assert len(world.tasks("erase_at_connection")) == 2


@asynchronous
async def test_an_outage_of_a_destination_is_waited_for(tmp_path):
    world = World()
    world.answers["erase_at_connection"] = [AWAY] * 5
    assert (await erase(tmp_path, world))["status"] == "Done"
    assert all("given_up" not in task for task in world.tasks("erase_at_connection"))


@asynchronous
async def test_a_destination_that_stays_away_is_given_up_and_the_others_are_served(tmp_path):
    world, clock = World(), VirtualClock()

    class Stubborn(World):
        def hear(self, step: str, task: dict) -> dict:
            answer = super().hear(step, task)
            away = step == "erase_at_connection" and task["connection_id"] == "c1" and "given_up" not in task
            return AWAY if away else answer

    world, started = Stubborn(), clock.now_us()
    assert (await erase(tmp_path, world, clock))["status"] == "Done"
    assert 3_600 < (clock.now_us() - started) / 1_000_000 < 3_600 + 900
    given_up = [task for task in world.tasks("erase_at_connection") if "given_up" in task]
    assert [(task["connection_id"], task["given_up"]) for task in given_up] == [("c1", OUTAGE)]
    assert world.steps[-3:] == ["erase_at_connection", "erase_traces", "finish_erasure"]


@pytest.mark.parametrize("step", ["begin_erasure", "erase_traces"])
@asynchronous
async def test_a_step_that_cannot_be_done_ends_the_erasure_with_the_reason(tmp_path, step):
    world = World()
    world.answers[step] = [REFUSAL]
    await erase(tmp_path, world)
    assert world.tasks("finish_erasure")[-1]["failure"] == REFUSAL["failure"]


@pytest.mark.parametrize("step", ["begin_erasure", "erase_at_connection", "erase_traces", "finish_erasure"])
@asynchronous
async def test_a_lost_worker_is_replaced(tmp_path, step):
    world = World()
    world.answers[step] = [RuntimeError("lost"), RuntimeError("lost")]
    assert (await erase(tmp_path, world))["status"] == "Done"


@asynchronous
async def test_an_erasure_that_cannot_be_ended_fails(tmp_path):
    world = World(finish_erasure=REFUSAL)
    with pytest.raises(OrchestrationFailedError):
        await erase(tmp_path, world)


def test_an_error_that_nobody_expected_does_not_show_the_address():
    def break_down():
        raise ValueError("jane.doe@example.com")

    with pytest.raises(RuntimeError) as caught:
        erasing._quietly(break_down)
    assert "jane" not in str(caught.value)
    assert caught.value.__suppress_context__


CHORES = list(housekeeping._CHORES)
HOUSE_ORDER = {"left": CHORES, "counts": {}, "failed": []}


async def keep_house(tmp_path, world: World) -> dict:
    async with RunningEngine(tmp_path, app_of(world), clock=VirtualClock()) as engine:
        return await engine.run_to_end("keep_house", HOUSE_ORDER, instance_id="housekeeping")


@asynchronous
async def test_every_chore_is_done_once_and_noted(tmp_path):
    world = World()
    report = await keep_house(tmp_path, world)
    assert [task["what"] for step, task in world.heard if step != "note_purges"] == CHORES
    assert report == {"counts": dict.fromkeys(CHORES, 1), "failed": []}
    assert world.tasks("note_purges") == [report]


@asynchronous
async def test_a_chore_goes_on_until_nothing_is_left_of_it(tmp_path):
    world = World()
    world.answers["purge"] = [{"result": {"count": 500, "more": True}}] * 130
    report = await keep_house(tmp_path, world)
    assert report["counts"][CHORES[0]] == 130 * 500 + 1
    assert report["counts"][CHORES[-1]] == 1


@asynchronous
async def test_a_chore_that_fails_does_not_keep_the_others_from_being_done(tmp_path):
    world = World(purge_history=REFUSAL)
    world.answers["check_secrets"] = [RuntimeError("lost")] * 20
    report = await keep_house(tmp_path, world)
    assert report["failed"] == ["history", "secrets"]
    assert set(report["counts"]) == set(CHORES) - {"history", "secrets"}
    assert json.dumps(world.tasks("note_purges")[0]["failed"]) == '["history", "secrets"]'
