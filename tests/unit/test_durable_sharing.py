"""Several hosts on one database: everything is done, by whoever is there, and activities once each."""

import asyncio
import threading
from collections import Counter
from datetime import timedelta

import azure.durable_functions as df

from devkit.host.durable.instances import Status
from devkit.host.durable.sharing import Membership
from devkit.host.durable.testing import RunningEngine, asynchronous
from devkit.host.durable.versions import Versions


class Place:
    """A host's app, which notes what it was asked to do."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.done: list[int] = []
        self.hold = threading.Event()
        self.hold.set()
        self.held = threading.Event()
        self.app = df.Blueprint()
        self._add()

    def _add(self) -> None:
        @self.app.activity_trigger(input_name="number")
        def do(number: int) -> int:
            self.held.set()
            assert self.hold.wait(20)
            self.done.append(number)
            return number

        @self.app.orchestration_trigger(context_name="context")
        def many(context: df.DurableOrchestrationContext):
            count = context.get_input()
            lanes = [context.call_sub_orchestrator("lane", list(range(n, count, 4))) for n in range(4)]
            return sum((yield context.task_all(lanes)))

        @self.app.orchestration_trigger(context_name="context")
        def lane(context: df.DurableOrchestrationContext):
            total = 0
            for number in context.get_input():
                total += yield context.call_activity("do", number)
                yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=5))
            return total

        @self.app.orchestration_trigger(context_name="context")
        def where(context: df.DurableOrchestrationContext):
            yield context.wait_for_external_event("go")
            return self.name


def engine_of(place: Place, tmp_path, version: str = "1.0", **more) -> RunningEngine:
    return RunningEngine(tmp_path, place.app, shared=True, versions=Versions(version), **more)


@asynchronous
async def test_two_hosts_share_the_work_and_do_each_thing_once(tmp_path):
    left, right = Place("left"), Place("right")
    slowly = {"max_concurrent_activities": 1}
    async with engine_of(left, tmp_path, **slowly) as one, engine_of(right, tmp_path, **slowly) as other:
        ids = [await engine.start_new("many", 40) for engine in (one, other, one)]
        assert [await one.output_of(each) for each in ids] == [780] * 3
    assert Counter(left.done + right.done) == Counter(3 * list(range(40)))
    assert left.done
    assert right.done


@asynchronous
async def test_a_newer_instance_waits_for_the_newer_host_while_the_older_goes_on(tmp_path):
    older, newer = Place("older"), Place("newer")
    async with engine_of(newer, tmp_path, "2.0") as engine:
        waiting = await engine.start_new("where")
        await engine.wait_until(waiting, lambda instance: instance.status == Status.RUNNING)
    async with engine_of(older, tmp_path) as one:
        await one.send_event(waiting, "go")
        assert await one.run_to_end("many", 8) == 28
        assert (await one.status(waiting)).status == Status.RUNNING
        async with engine_of(newer, tmp_path, "2.0"):
            assert await one.output_of(waiting) == "newer"


@asynchronous
async def test_what_a_host_leaves_undone_another_does(tmp_path):
    left, right = Place("left"), Place("right")
    left.hold.clear()
    async with engine_of(left, tmp_path, grace_s=0) as one:
        started = await one.start_new("many", 4)
        assert await asyncio.to_thread(left.held.wait, 20)
        await one.stop()
        left.hold.set()
    async with engine_of(right, tmp_path) as other:
        assert await other.output_of(started) == 6
    assert sorted(right.done) == [0, 1, 2, 3]


@asynchronous
async def test_a_host_alone_frees_what_hosts_that_shared_had(tmp_path):
    left, right = Place("left"), Place("right")
    left.hold.clear()
    async with engine_of(left, tmp_path, grace_s=0) as one:
        started = await one.start_new("many", 4)
        assert await asyncio.to_thread(left.held.wait, 20)
        await one.stop()
        left.hold.set()
    async with RunningEngine(tmp_path, right.app, versions=Versions("1.0")) as alone:
        assert await alone.output_of(started) == 6


def test_a_host_is_there_until_it_leaves(tmp_path):
    one, other = Membership(tmp_path), Membership(tmp_path)
    assert one.is_there(one.id)
    assert one.is_there(other.id)
    other.leave()
    assert not one.is_there(other.id)
    assert not one.is_there("never-was")
    one.leave()
