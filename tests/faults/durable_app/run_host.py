"""Run the app's engine until one orchestration has ended: run_host.py DIRECTORY ORCHESTRATOR INSTANCE CHUNKS."""

import asyncio
import sys
from pathlib import Path

from devkit.host.durable.testing import RunningEngine
from function_app import app


async def main(directory: Path, orchestrator: str, instance: str, chunks: int) -> None:
    async with RunningEngine(directory, app, max_concurrent_activities=4) as engine:
        print("ready", flush=True)
        if await engine.status(instance) is None:
            await engine.start_new(orchestrator, chunks, instance_id=instance)
        await engine.output_of(instance, timeout_s=120)


asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
