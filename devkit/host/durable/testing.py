"""Run orchestrations inside a test, with the real engine and the real SDK.

    @asynchronous
    async def test_an_export_reports_what_it_sent(tmp_path):
        async with RunningEngine(tmp_path, app, clock=VirtualClock()) as engine:
            assert await engine.run_to_end("export_run", {"segment": "vip"}) == {"sent": 3}

`VirtualClock()` skips to the next timer whenever nothing else can happen; `VirtualClock(skips=False)`
waits for `clock.advance(seconds)`, for orchestrators in which an event races with a timer.
"""

import asyncio
import functools
import inspect
import json
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import azure.functions as func
from azure.functions.decorators.function_app import DecoratorApi, Function, FunctionBuilder
from azure.functions.meta import Datum

from devkit.host.durable.clock import Clock
from devkit.host.durable.engine import Engine
from devkit.host.durable.instances import Instance, Status
from devkit.host.durable.turn_log import HistoryLog, TurnLog
from devkit.host.durable.versions import UNVERSIONED, Versions

App = DecoratorApi | Iterable[FunctionBuilder]

_ACTIVITY: Any = func.get_binding_registry().get("activityTrigger")  # type: ignore[no-untyped-call]


class OrchestrationFailedError(AssertionError):
    """An orchestration ended, but not well; the message holds its status and output."""


class AppInvoker:
    """Calls the durable functions of an app in this process: sync activities in a few threads, async ones on the
    running loop. `app` is a FunctionApp, a Blueprint or a collection of decorated functions."""

    def __init__(self, app: App, *, threads: int = 8) -> None:
        functions = _functions(app)
        self.orchestrators = _by_name(functions, "orchestrationTrigger", "orchestration")
        self.activities = _by_name(functions, "activityTrigger", "activity")
        self.entities = _by_name(functions, "entityTrigger", "entity_name")
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="activity")

    def orchestrate(self, name: str, context_json: str) -> str:
        return str(self.orchestrators[name].get_user_function()(context_json))

    def entity(self, name: str, batch_json: str) -> str:
        return str(self.entities[name].get_user_function()(batch_json))

    async def activity(self, name: str, input_json: str | None, trace_parent: str) -> str | None:  # noqa: ARG002 (these activities look at no trace)
        function = self.activities[name]
        value = None
        if input_json is not None:
            value = _ACTIVITY.decode(Datum(input_json, "string"), trigger_metadata={})
        arguments = {_trigger(function).name: value}
        call = function.get_user_function()
        if inspect.iscoroutinefunction(call):
            result = await call(**arguments)
        else:
            result = await asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: call(**arguments)
            )
        return str(_ACTIVITY.encode(result, expected_type=None).value)

    def close(self) -> None:
        """Let running activities finish."""
        self._threads.shutdown()


class RunningEngine(Engine):
    """An engine that runs while its `async with` block does. What it keeps in `directory` survives the block, so
    a second one can go on where the first stopped."""

    def __init__(
        self,
        directory: Path,
        app: App,
        *,
        clock: Clock | None = None,
        max_concurrent_activities: int = 8,
        max_concurrent_orchestrators: int = 4,
        grace_s: float = 10.0,
        turn_log: TurnLog | None = None,
        history_log: HistoryLog | None = None,
        versions: Versions = UNVERSIONED,
        shared: bool = False,
    ) -> None:
        self._app = AppInvoker(app, threads=max_concurrent_activities)
        super().__init__(
            directory / "durable.db",
            self._app,
            task_hub="TestHub",
            max_concurrent_activities=max_concurrent_activities,
            max_concurrent_orchestrators=max_concurrent_orchestrators,
            clock=clock,
            grace_s=grace_s,
            turn_log=turn_log,
            history_log=history_log,
            versions=versions,
            shared=shared,
        )

    async def __aenter__(self) -> "RunningEngine":
        self._run_task = asyncio.ensure_future(self.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await self._run_task
        self._app.close()

    async def start_new(
        self,
        name: str,
        input_: Any = None,
        *,
        instance_id: str | None = None,
        version: str | None = None,
    ) -> str:
        """Start an orchestration the way `DurableOrchestrationClient.start_new` does; return its id."""
        text = None if input_ is None else json.dumps(json.dumps(input_))
        return await self.start(name, instance_id, text, version)

    async def send_event(self, instance_id: str, name: str, value: Any = None) -> None:
        """Raise an event the way `DurableOrchestrationClient.raise_event` does: the orchestrator gets JSON text."""
        await self.raise_event(instance_id, name, json.dumps(json.dumps(value)))

    async def run_to_end(
        self, name: str, input_: Any = None, *, instance_id: str | None = None, timeout_s: float = 30
    ) -> Any:
        """Start an orchestration, wait for it, and return its output.

        Raises OrchestrationFailedError if it did not complete, TimeoutError if it did not end.
        """
        return await self.output_of(
            await self.start_new(name, input_, instance_id=instance_id), timeout_s=timeout_s
        )

    async def output_of(self, instance_id: str, *, timeout_s: float = 30) -> Any:
        """The output of an instance once it has completed; raises as `run_to_end` does."""
        instance = await self.wait_until_ended(instance_id, timeout_s)
        output = None if instance.output is None else json.loads(instance.output)
        if instance.status != Status.COMPLETED:
            raise OrchestrationFailedError(f"{instance.name} {instance.status}: {output}")
        return output

    async def wait_until(
        self, instance_id: str, condition: Callable[[Instance], bool], *, timeout_s: float = 30
    ) -> Instance:
        """The instance as soon as it satisfies a condition, say on its status or custom status."""
        async with asyncio.timeout(timeout_s):
            while True:
                instance = await self.status(instance_id)
                if instance is not None and condition(instance):
                    return instance
                await asyncio.sleep(0.005)


def _functions(app: App) -> list[Function]:
    # not get_functions(): an app answers that only once, and many tests share one app
    builders = app._function_builders if isinstance(app, DecoratorApi) else app
    return [builder.build(func.AuthLevel.FUNCTION) for builder in builders]


def _trigger(function: Function) -> Any:
    return function.get_trigger()


def _by_name(functions: Iterable[Function], trigger: str, name_attribute: str) -> dict[str, Function]:
    return {
        str(getattr(_trigger(function), name_attribute, None) or function.get_function_name()): function
        for function in functions
        if _trigger(function).type == trigger
    }


def asynchronous(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Let pytest run an `async def` test, each on an event loop of its own."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(test(**fixtures))

    return run
