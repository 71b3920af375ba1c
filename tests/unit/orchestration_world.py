"""A world for orchestrations: the real engine and orchestrators, and activities that do as they are told."""

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import azure.durable_functions as df

from devkit.host.durable.clock import VirtualClock
from devkit.host.durable.testing import RunningEngine
from devkit.host.settings import read_host_json
from functions import orchestration, triggers

ORDER = {"lanes": 2, "patience_s": 3_600}
OUTAGE = {"code": "unavailable", "message": "It is away.", "remedy": "", "transient": True}
REFUSAL = {"code": "refused", "message": "It said no.", "remedy": "", "transient": False}
DAY_S = 86_400
VERSIONS = read_host_json(Path(__file__).parents[2], {}).versions
STEPS = (
    "begin_run",
    "stage_segment",
    "guard_run",
    "review_run",
    "rehearse_run",
    "prepare_push",
    "push_chunk",
    "finish_run",
    "inspect_arrival",
)


class World:
    """What the activities see. ``faults[step]`` are answers (or exceptions) that come before the true ones.

    Each of ``asks`` makes the guard ask for approval once; ``decision`` is what the record says of it.
    """

    def __init__(self, **chunks: int) -> None:
        self.chunks = chunks
        self.leaver_chunks: dict[str, int] = {}
        self.faults: dict[str, list[dict | Exception | None]] = {}
        self.busy_for = self.asks = self.round = 0
        self.away = self.cancelled = self.failed = self.dry = False
        self.decision: str | None = None
        self.wait_s = 7 * DAY_S
        self.pushed: set[tuple[str, int]] = set()
        self.removed: list[tuple[str, int]] = []
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
        segments = [] if self.cancelled else list(self.chunks)
        return {"result": {"wait_s": None, "dry": self.dry, "segments": segments}}

    def stage_segment(self, task: dict) -> dict:
        name = task["segment"]
        leavers = self.leaver_chunks.get(name, 0)
        return {
            "result": {
                "segment": name,
                "folder": f"stage/{name}/",
                "chunks": self.chunks[name],
                "leaver_chunks": leavers,
            }
        }

    def guard_run(self, task: dict) -> dict:
        assert [one["segment"] for one in task["staged"]] == list(self.chunks)
        asked = None
        if self.asks:
            self.asks, self.round, self.decision = self.asks - 1, self.round + 1, None
            asked = self.round
        return {"result": {"staged": task["staged"], "failure": None, "asked": asked}}

    def review_run(self, task: dict) -> dict:
        waits = self.decision is None and not self.cancelled
        return {
            "result": {
                "wait_s": self.wait_s if waits else None,
                "approved": self.decision == "approved",
                "overtaken": self.decision == "overtaken",
            }
        }

    def rehearse_run(self, task: dict) -> dict:
        return {"result": {"estimate": {"calls": 1}}}

    def prepare_push(self, task: dict) -> dict:
        return {"result": {"lists": {name: f"list of {name}" for name in self.chunks}}}

    def push_chunk(self, task: dict) -> dict:
        if self.cancelled or self.failed:
            return {"stopped": True}
        if self.away:
            return {"result": {"pending": [0, 1], "failure": OUTAGE, "retryable": True}}
        assert task["list_id"] == f"list of {task['segment']}"
        place = (task["segment"], task["chunk"])
        if task["removals"]:
            assert self.pushed == self.everything
            self.removed.append(place)
        else:
            self.pushed.add(place)
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

    for step in STEPS:
        stand_in(step)
    chosen = {}
    for blueprint in (orchestration.bp, triggers.bp, stand_ins, *others):
        chosen |= dict(_durable(blueprint))
    return list(chosen.values())


def running(tmp_path: Path, app: list, **more: Any) -> RunningEngine:
    """An engine with the versions of the app's host.json."""
    return RunningEngine(tmp_path, app, **{"versions": VERSIONS, **more})


def _durable(blueprint: df.Blueprint) -> Iterable:
    for builder in blueprint._function_builders:
        function = builder.build(None)
        if function.get_trigger().type in ("orchestrationTrigger", "activityTrigger"):
            yield function.get_function_name(), builder


async def run_of(tmp_path, world: World, *, app: list | None = None, order: dict = ORDER) -> dict:
    async with running(tmp_path, app or app_of(world), clock=VirtualClock()) as engine:
        return await engine.run_to_end("export_run", order, instance_id="run-1")
