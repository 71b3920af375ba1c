"""How fast the local durable engine is: `python bench/durable_engine.py`.

Prints the seconds for one orchestrator that fans out 1,000 trivial activities and how long that held up
the event loop at worst, the milliseconds per hop of activities one after the other, and the seconds for
1,000 activities in 10 sub-orchestrations. Nearly all of it is the SDK's replay of the history.
"""

import asyncio
import logging
import tempfile
import time
import warnings
from pathlib import Path

import azure.durable_functions as df

from devkit.host.durable.testing import RunningEngine

app = df.DFApp()


@app.activity_trigger(input_name="number")
def echo(number: int) -> int:
    return number


@app.orchestration_trigger(context_name="context")
def fan_out(context):
    tasks = [context.call_activity("echo", number) for number in range(context.get_input())]
    return sum((yield context.task_all(tasks)))


@app.orchestration_trigger(context_name="context")
def sequence(context):
    total = 0
    for number in range(context.get_input()):
        total += yield context.call_activity("echo", number)
    return total


@app.orchestration_trigger(context_name="context")
def lanes(context):
    count, size = context.get_input()
    return sum(
        (yield context.task_all([context.call_sub_orchestrator("fan_out", size) for _ in range(count)]))
    )


async def measure(engine: RunningEngine, name: str, input_: object) -> float:
    started = time.perf_counter()
    await engine.run_to_end(name, input_, timeout_s=300)
    return time.perf_counter() - started


class Heartbeat:
    """Notices how long the event loop, and so the web server on it, was held up at worst."""

    def __init__(self) -> None:
        self.longest_stall_s = 0.0
        self._task = asyncio.ensure_future(self._beat())

    async def _beat(self) -> None:
        while True:
            started = time.perf_counter()
            await asyncio.sleep(0.001)
            self.longest_stall_s = max(self.longest_stall_s, time.perf_counter() - started - 0.001)

    def stop(self) -> float:
        self._task.cancel()
        return self.longest_stall_s


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with RunningEngine(Path(directory), app, max_concurrent_activities=16) as engine:
            await measure(engine, "sequence", 3)
            heartbeat = Heartbeat()
            print(f"fan-out of 1,000 activities      {await measure(engine, 'fan_out', 1000):6.2f} s")
            print(f"longest stall of the event loop  {heartbeat.stop() * 1000:6.1f} ms")
            print(
                f"100 activities in a row          {await measure(engine, 'sequence', 100) * 10:6.2f} ms/hop"
            )
            print(
                f"10 activities in a row           {await measure(engine, 'sequence', 10) * 100:6.2f} ms/hop"
            )
            print(f"10 sub-orchestrations of 100     {await measure(engine, 'lanes', [10, 100]):6.2f} s")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    asyncio.run(main())
