"""The host put together: the app, its triggers, the durable engine and the HTTP server, started and stopped in order."""

import asyncio
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from aiohttp import web

from devkit.host.admin import Admin, Fire, show_home
from devkit.host.blob_triggers import BlobTrigger
from devkit.host.durable.engine import Engine
from devkit.host.durable.management import client_binding, management_routes
from devkit.host.durable.turn_log import HistoryLog, TurnLog
from devkit.host.durable_invoker import DurableInvoker
from devkit.host.easy_auth import EasyAuth
from devkit.host.http_triggers import MAX_BODY_SIZE_BYTES, HttpTriggers
from devkit.host.indexing import IndexedFunction, index_app
from devkit.host.invocation import Worker, thread_count
from devkit.host.keys import load_or_create_keys
from devkit.host.locks import lock_state, wait_for_triggers
from devkit.host.settings import SettingsError, read_host_json
from devkit.host.slow_clients import KEEP_ALIVE_S, SilentConnections
from devkit.host.timer_triggers import TimerTrigger
from devkit.host.tracing import Tracing

_CONNECTION = "AzureWebJobsStorage"


@dataclass(frozen=True)
class Address:
    """Where the host listens on loopback, and the origin that it tells others when that is another one."""

    port: int
    public_url: str | None = None


class Host:
    """One host, to be started and stopped once. `grace_s` is how long a stop waits for functions that are running.
    Hosts that are `shared` work on one state side by side; one of them serves blob and timer triggers.

    Raises `IndexingError` or `SettingsError`, here or in `start`, when the app cannot be served.
    """

    def __init__(
        self,
        *,
        app_dir: Path,
        state_dir: Path,
        address: Address,
        environment: Mapping[str, str],
        grace_s: float,
        turn_log: Path | None = None,
        history_log: Path | None = None,
        shared: bool = False,
    ) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self._lock = lock_state(state_dir, shared=shared)
        self._state_dir, self._shared = state_dir, shared
        self._triggers_lock: TextIO | None = None
        self._address = address
        self._grace_s = grace_s
        self._port = address.port
        self._keys = load_or_create_keys(state_dir / "keys.json")
        self._options = options = read_host_json(app_dir, environment)
        self._tracing = Tracing(environment, state_dir / "telemetry.jsonl")
        functions = index_app(app_dir, environment)
        self._database = sqlite3.connect(state_dir / "host.sqlite", isolation_level=None)
        self._database.executescript("pragma journal_mode = wal; pragma synchronous = normal;")
        self._worker = Worker(
            threads=thread_count(environment),
            timeout_s=options.function_timeout_s,
            client_binding=self._make_client_binding,
            tracing=self._tracing,
        )
        self._http = HttpTriggers(
            functions,
            worker=self._worker,
            keys=self._keys,
            options=options,
            public_url=lambda: self.public_url,
        )
        self._triggers = [
            trigger for function in functions if (trigger := self._make_trigger(function)) is not None
        ]
        self._engine = Engine(
            database=state_dir / "durable.sqlite",
            invoker=DurableInvoker(functions, self._worker),
            task_hub=options.task_hub,
            max_concurrent_activities=options.max_concurrent_activities,
            max_concurrent_orchestrators=options.max_concurrent_orchestrators,
            grace_s=grace_s,
            turn_log=TurnLog(turn_log) if turn_log else None,
            history_log=HistoryLog(history_log) if history_log else None,
            versions=options.versions,
            shared=shared,
        )
        self._silent = SilentConnections(
            lambda: self._runner.server.connections if self._runner.server else []
        )
        self._runner = web.AppRunner(
            self._make_web_app(environment),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=1.0,
            auto_decompress=False,  # as Azure's host: a function gets the bytes that were sent
            keepalive_timeout=KEEP_ALIVE_S,
        )

    @property
    def url(self) -> str:
        """The origin on loopback, without a slash at its end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def public_url(self) -> str:
        return (self._address.public_url or self.url).rstrip("/")

    async def start(self) -> None:
        """Listen, and set all triggers going."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._address.port)
        try:
            await site.start()
        except OSError as error:
            raise SettingsError(f"cannot listen on port {self._address.port}: {error.strerror}") from error
        self._port = self._runner.addresses[0][1]
        self._silent_task = asyncio.create_task(self._silent.run())
        self._engine_task = asyncio.create_task(self._engine.run())
        self._may_trigger = asyncio.create_task(self._wait_for_triggers())
        self._trigger_tasks = [asyncio.create_task(self._run_trigger(trigger)) for trigger in self._triggers]

    async def watch(self) -> None:
        """Return never, unless a part of the host fails: then raise what it raised."""
        tasks = [self._engine_task, *self._trigger_tasks]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def stop(self) -> bool:
        """Take nothing new, let what is running end. Return whether all of it did within the grace period."""
        deadline = time.monotonic() + self._grace_s
        self._http.stop()
        await asyncio.gather(self._stop_triggers(), self._stop_engine())
        # The server goes on so long: functions that are still running may need the durable API.
        finished = await asyncio.to_thread(self._worker.stop, max(0.0, deadline - time.monotonic()))
        self._silent_task.cancel()
        await self._runner.cleanup()
        await asyncio.to_thread(self._tracing.close)
        self._database.close()
        if self._triggers_lock:
            self._triggers_lock.close()
        self._lock.close()
        return finished

    async def _wait_for_triggers(self) -> None:
        if self._shared:
            self._triggers_lock = await wait_for_triggers(self._state_dir)

    async def _run_trigger(self, trigger: TimerTrigger | BlobTrigger) -> None:
        await self._may_trigger
        await trigger.run()

    async def _stop_triggers(self) -> None:
        if not self._may_trigger.done():
            self._may_trigger.cancel()
        for trigger in self._triggers:
            trigger.stop()
        if self._trigger_tasks:
            _, unfinished = await asyncio.wait(self._trigger_tasks, timeout=self._grace_s)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*self._trigger_tasks, return_exceptions=True)

    async def _stop_engine(self) -> None:
        if not self._engine_task.done():
            await self._engine.stop()
        await asyncio.gather(self._engine_task, return_exceptions=True)

    def _make_trigger(self, function: IndexedFunction) -> TimerTrigger | BlobTrigger | None:
        match function.trigger_type:
            case "timerTrigger":
                return TimerTrigger(function, worker=self._worker, database=self._database)
            case "blobTrigger":
                return BlobTrigger(
                    function,
                    worker=self._worker,
                    database=self._database,
                    parallelism=self._options.blob_parallelism,
                    max_tries=self._options.blob_max_tries,
                )
        return None

    def _make_client_binding(self) -> str:
        return client_binding(
            self._engine,
            self.public_url,
            hub=self._options.task_hub,
            connection=_CONNECTION,
            system_key=self._keys.durable,
            rpc_base_url=self.url,
        )

    def _make_web_app(self, environment: Mapping[str, str]) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_SIZE_BYTES, middlewares=[self._silent.middleware])
        if environment.get("AzureWebJobsDisableHomepage", "").lower() != "true":
            app.router.add_get("/", show_home)
        if environment.get("WEBSITE_AUTH_ENABLED", "").lower() == "true":
            easy_auth = EasyAuth(self._keys.session_secret)
            app.middlewares.append(easy_auth.middleware)
            app.add_routes(easy_auth.routes())
        firing: dict[str, Fire] = {trigger.function.name: trigger.fire for trigger in self._triggers}
        app.add_routes(Admin(keys=self._keys, firing=firing, host_id=self._options.task_hub).routes())
        app.add_routes(
            management_routes(
                self._engine,
                hub=self._options.task_hub,
                connection=_CONNECTION,
                system_key=self._keys.durable,
            )
        )
        app.router.add_route("*", "/{path:(?s:.*)}", self._http.handle)
        return app
