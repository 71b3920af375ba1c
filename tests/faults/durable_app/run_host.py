"""Run the app's engine until one orchestration has ended: run_host.py DIRECTORY ORCHESTRATOR INSTANCE CHUNKS [shared]."""

import asyncio
import contextlib
import sys
from pathlib import Path

from devkit.host.durable.instances import InstanceExistsError
from devkit.host.durable.testing import RunningEngine
from function_app import app


async def main(directory: Path, orchestrator: str, instance: str, chunks: int, *, shared: bool) -> None:
    async with RunningEngine(directory, app, max_concurrent_activities=4, shared=shared) as engine:
        print("ready", flush=True)
        if await engine.status(instance) is None:
            with contextlib.suppress(InstanceExistsError):  # the other host was faster
                await engine.start_new(orchestrator, chunks, instance_id=instance)
        await engine.output_of(instance, timeout_s=120)


shared = sys.argv[5:] == ["shared"]
asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), shared=shared))
