"""Which way an orchestrator goes, by the version under which an instance was started."""

import ast

import azure.durable_functions as df
import pytest

from devkit.host.durable.clock import VirtualClock
from devkit.host.durable.testing import OrchestrationFailedError, asynchronous
from devkit.host.durable.versions import UNVERSIONED, Versions, compare
from devkit.local.stack import REPOSITORY
from functions.versions import FIRST, go
from tests.unit.orchestration_world import VERSIONS, World, app_of, running


def orchestrator(*versions: str) -> df.Blueprint:
    """An orchestrator that tells which of its ways it went."""
    blueprint = df.Blueprint()

    def way(version: str):
        def tell(_: df.DurableOrchestrationContext):
            return version
            yield

        return tell

    @blueprint.orchestration_trigger(context_name="context")
    def choose(context: df.DurableOrchestrationContext):
        return (yield from go(context, {version: way(version) for version in versions}))

    return blueprint


@asynchronous
@pytest.mark.parametrize(
    ("started_under", "way"),
    [
        ("1.0", "1.0"),
        ("1.9", "1.0"),
        ("1.10", "1.10"),
        ("2.0", "1.10"),
        ("3.0", "3.0"),
        ("3.1", "3.0"),
    ],
)
async def test_an_instance_goes_the_way_that_was_the_newest_at_its_start(tmp_path, started_under, way):
    async with running(tmp_path, orchestrator("1.0", "3.0", "1.10"), versions=Versions("9.0")) as engine:
        assert await engine.output_of(await engine.start_new("choose", version=started_under)) == way


@asynchronous
async def test_an_instance_from_before_there_were_versions_goes_the_first_way(tmp_path):
    async with running(tmp_path, orchestrator("1.0", "3.0"), versions=UNVERSIONED) as engine:
        assert await engine.run_to_end("choose") == FIRST


@asynchronous
async def test_an_instance_whose_way_is_gone_fails_and_says_what_to_do(tmp_path):
    async with running(tmp_path, orchestrator("2.0"), versions=Versions("2.0")) as engine:
        started = await engine.start_new("choose", version="1.0")
        with pytest.raises(
            OrchestrationFailedError, match=r"version 1\.0 .*A run goes on in a new orchestration"
        ):
            await engine.output_of(started)


@asynchronous
async def test_lanes_have_the_version_of_their_run_on_a_newer_host(tmp_path):
    world = World(vip=3)
    async with running(tmp_path, app_of(world), versions=Versions("7.0")) as engine:
        started = await engine.start_new("export_run", {"lanes": 2, "patience_s": 60}, version="1.0")
        assert await engine.output_of(started) == {"status": "Successful"}
        lanes = [await engine.status(f"{started}-lane-{number}") for number in (0, 1)]
    assert [lane.version for lane in lanes] == ["1.0", "1.0"]


@asynchronous
async def test_a_run_from_before_there_were_versions_ends_on_a_host_that_has_them(tmp_path):
    world = World(vip=5)
    world.away = True
    async with running(tmp_path, app_of(world), versions=UNVERSIONED) as engine:
        await engine.start_new("export_run", {"lanes": 2, "patience_s": 60}, instance_id="run-1")
        await engine.wait_until("run-1", lambda run: "sending" in str(run.custom_status))
    world.away = False
    async with running(tmp_path, app_of(world)) as engine:
        assert (await engine.status("run-1")).version == ""
        assert await engine.output_of("run-1") == {"status": "Successful"}
    assert world.pushed == world.everything
    assert VERSIONS.default == FIRST


class LaterSteps(World):
    """Steps of a later version, whose answers have more in them."""

    def hear(self, step: str, task: dict) -> dict:
        answer = super().hear(step, task)
        more = {"unheard_of": {"by": "an earlier version"}}
        return {**answer, **({"result": {**answer["result"], **more}} if "result" in answer else {}), **more}


@asynchronous
async def test_a_run_goes_on_with_what_later_steps_answer(tmp_path):
    world = LaterSteps(vip=5, new=3)
    world.leaver_chunks = {"vip": 2}
    world.asks = 1
    world.decision = "approved"
    async with running(tmp_path, app_of(world), clock=VirtualClock()) as engine:
        started = await engine.start_new("export_run", {"lanes": 2, "patience_s": 60})
        await engine.wait_until(started, lambda run: "waiting for approval" in str(run.custom_status))
        world.decision = "approved"
        assert (await engine.output_of(started))["status"] == "Successful"
    assert world.pushed == world.everything
    assert len(world.removed) == 2


def test_no_way_is_newer_than_what_new_instances_get():
    ways = [
        key.value
        for path in (REPOSITORY / "functions").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "go"
        for key in node.args[1].keys
    ]
    assert len(ways) >= 5
    assert all(compare(each, VERSIONS.default) <= 0 for each in ways), "Raise defaultVersion in host.json."
