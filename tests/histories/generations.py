"""Orchestrations that begin anew again and again, for which no run on a local stack is large enough.

The orchestrators are real; the activities answer as they are told.
"""

import asyncio
import tempfile
from pathlib import Path

from devkit.host.durable.clock import VirtualClock
from devkit.host.durable.testing import RunningEngine
from devkit.host.durable.turn_log import HistoryLog
from tests.histories.recorded import Recorded, read_log
from tests.unit import orchestration_world as runs
from tests.unit import test_background_orchestrations as background

PAGES = 51


def play_generations() -> list[Recorded]:
    """A run that waits for its connection over the end of a generation, and sends and removes in several; and an erasure
    with more traces than a generation looks for."""
    world = runs.World(vip=7, new=3)
    world.leaver_chunks = {"vip": 5}
    world.busy_for = 3
    order = {"lanes": 2, "patience_s": 3_600, "turns_per_leg": 2, "rounds_per_history": 1, "waits": 48}
    erasing = background.World()
    erasing.answers["erase_traces"] = [
        {"result": {"erasure_id": "erasure-1", "after": f"state runs/{number}"}} for number in range(PAGES)
    ]
    return [
        *asyncio.run(_play(runs.app_of(world), "export_run", order)),
        *asyncio.run(_play(background.app_of(erasing), "erase_person", background.ORDER)),
    ]


async def _play(app: list, name: str, order: dict) -> list[Recorded]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "histories.jsonl"
        async with RunningEngine(
            Path(folder), app, clock=VirtualClock(), versions=runs.VERSIONS, history_log=HistoryLog(log)
        ) as engine:
            await engine.run_to_end(name, order, instance_id=f"{name}-1")
        return read_log(log)
