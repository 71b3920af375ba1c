"""Run the app's functions the way the Functions worker does: `async def` on one event loop of their own, the others
in a pool of threads. Each invocation leaves one line in the log,
and a traceback when it failed; never its inputs or outputs.
"""

import asyncio
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import azure.functions as func

from devkit.host.indexing import IndexedFunction
from devkit.host.tracing import Tracing, within

log = logging.getLogger("devkit.host")

_WITHOUT_RESULT = frozenset({"blobTrigger", "timerTrigger"})
_thread_local = threading.local()


class FunctionTimeoutError(TimeoutError):
    """A function that ran longer than `functionTimeout`. A thread cannot be stopped, so it may still be running."""


@dataclass(frozen=True)
class _TraceContext:
    trace_parent: str
    trace_state: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class _RetryContext:
    retry_count: int = 0
    max_retry_count: int = 0
    exception: None = None


class InvocationContext(func.Context):
    """What a function gets that has a parameter `context`."""

    def __init__(self, function: IndexedFunction, invocation_id: str, trace_parent: str) -> None:
        self._function = function
        self._invocation_id = invocation_id
        self._trace = _TraceContext(trace_parent, "", {})

    @property
    def invocation_id(self) -> str:
        return self._invocation_id

    @property
    def thread_local_storage(self) -> Any:
        return _thread_local

    @property
    def function_name(self) -> str:
        return self._function.name

    @property
    def function_directory(self) -> str:
        return self._function.directory

    @property
    def trace_context(self) -> Any:
        return self._trace

    @property
    def retry_context(self) -> Any:
        return _RetryContext()


class Worker:
    """Runs functions. `threads` is the size of the pool, `timeout_s` the limit of each invocation (None: none).

    `client_binding` makes the value of a durable client parameter.
    """

    def __init__(
        self,
        *,
        threads: int,
        timeout_s: float | None,
        client_binding: Callable[[], str],
        tracing: Tracing,
    ) -> None:
        self._tracing = tracing
        self._timeout_s = timeout_s
        self._client_binding = client_binding
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="function")
        self._loop = asyncio.new_event_loop()
        self._loop_thread = threading.Thread(target=self._loop.run_forever, name="worker-loop", daemon=True)
        self._loop_thread.start()
        self._running: set[Future[Any]] = set()
        self._lock = threading.Lock()

    async def invoke(
        self, function: IndexedFunction, arguments: Mapping[str, Any], *, trace_parent: str = ""
    ) -> Any:
        """Call the function and return what it returned; raises what it raised, or `FunctionTimeoutError`.

        Durable clients and the context are filled in here. May be awaited from any event loop. Without a
        `trace_parent` the invocation begins a trace of its own.
        """
        with self._tracing.invocation(function.name, function.trigger_type, trace_parent) as place:
            return await self._invoke(function, arguments, place)

    async def _invoke(
        self, function: IndexedFunction, arguments: Mapping[str, Any], trace_parent: str
    ) -> Any:
        invocation_id = str(uuid.uuid4())
        keywords: dict[str, Any] = dict.fromkeys(function.client_parameters, self._client_binding())
        keywords.update(arguments)
        if function.wants_context:
            keywords["context"] = InvocationContext(function, invocation_id, trace_parent)
        started = time.perf_counter()

        def record(level: int, outcome: str, error: BaseException | None = None) -> None:
            duration_ms = round((time.perf_counter() - started) * 1000)
            line = "function=%s outcome=%s duration_ms=%d invocation=%s"
            with within(trace_parent):
                log.log(level, line, function.name, outcome, duration_ms, invocation_id, exc_info=error)

        try:
            future = self._submit(function, keywords, invocation_id, trace_parent)
            result = await self._wait_for(future, function.name)
            if result is not None and function.trigger_type in _WITHOUT_RESULT:
                raise RuntimeError(f"{function.name} has no output binding but returned something")
        except asyncio.CancelledError:
            record(logging.WARNING, "cancelled")
            raise
        except Exception as error:
            record(logging.ERROR, "failed", error)
            raise
        record(logging.INFO, "succeeded")
        return result

    def stop(self, grace_s: float) -> bool:
        """Wait up to `grace_s` for what is running. Return whether everything ended; threads cannot be stopped."""
        deadline = time.monotonic() + grace_s
        while time.monotonic() < deadline and self._is_busy():
            time.sleep(0.02)
        idle = not self._is_busy()
        self._pool.shutdown(wait=idle, cancel_futures=True)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._loop_thread.join(timeout=1)
        return idle

    async def _wait_for(self, future: Future[Any], name: str) -> Any:
        work = asyncio.wrap_future(future)
        try:
            return await asyncio.wait_for(work, self._timeout_s)
        except TimeoutError as error:
            if not work.cancelled():
                raise  # the function's own
            raise FunctionTimeoutError(f"{name} ran longer than {self._timeout_s} s") from error

    def _is_busy(self) -> bool:
        with self._lock:
            return bool(self._running)

    def _submit(
        self, function: IndexedFunction, keywords: dict[str, Any], invocation_id: str, trace_parent: str
    ) -> Future[Any]:
        if function.is_async:
            running = _run_async(function, keywords, trace_parent)
            future = asyncio.run_coroutine_threadsafe(running, self._loop)
        else:
            future = self._pool.submit(_run_sync, function, keywords, invocation_id)
        with self._lock:
            self._running.add(future)
        future.add_done_callback(self._forget)
        return future

    def _forget(self, future: Future[Any]) -> None:
        with self._lock:
            self._running.discard(future)


def thread_count(environment: Mapping[str, str]) -> int:
    """Return the pool size: PYTHON_THREADPOOL_THREAD_COUNT, or Python's default of processors + 4, at most 32."""
    configured = environment.get("PYTHON_THREADPOOL_THREAD_COUNT", "")
    if configured.isdigit() and int(configured) > 0:
        return int(configured)
    return min(32, (os.cpu_count() or 1) + 4)


async def _run_async(function: IndexedFunction, keywords: dict[str, Any], trace_parent: str) -> Any:
    with within(trace_parent):
        return await function.call(**keywords)


def _run_sync(function: IndexedFunction, keywords: dict[str, Any], invocation_id: str) -> Any:
    """A thread is at no place in a trace, as in the worker: who wants to be at one takes it from the context."""
    _thread_local.invocation_id = invocation_id
    try:
        return function.call(**keywords)
    finally:
        _thread_local.invocation_id = None
