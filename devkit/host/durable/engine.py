"""The durable engine: takes turns of orchestrations and entities, runs activities, answers the HTTP API.

At least once: whatever is not in the database has not happened, so a kill at any moment costs at most a
repeated activity or turn. One process at a time may open a database. Nothing is polled: commits say what
they set in motion, and timers are waited for until the next one is due.

Not here: rewind, durable HTTP calls (`call_http`; the instance fails and says so), entity locks, and several
hosts on one task hub. Stricter than Azure: the determinism check also compares inputs and times of timers.
"""

import asyncio
import logging
import re
import traceback
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from devkit.host.durable import entities, instances, queries, turns
from devkit.host.durable.clock import Clock, SystemClock, VirtualClock
from devkit.host.durable.events import EventType, event
from devkit.host.durable.instances import Instance
from devkit.host.durable.queries import Filter, Page
from devkit.host.durable.store import Changes, Store, Transaction, Work

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("devkit.durable")

_LONGEST_WAIT_S = 60.0  # after which a clock that was set forward is noticed
_INSTANCE_ID = re.compile(r"(?!@)[^/\\#?\x00-\x1f\x7f-\x9f]{1,100}")


class UnknownFunctionError(instances.DurableError):
    """No function of the app has this name and kind."""


class Invoker(Protocol):
    """How the engine reaches the functions of the app. `orchestrate` and `entity` are called in threads."""

    @property
    def orchestrators(self) -> Collection[str]: ...

    @property
    def activities(self) -> Collection[str]: ...

    @property
    def entities(self) -> Collection[str]: ...

    def orchestrate(self, name: str, context_json: str) -> str:
        """Return the SDK's state JSON; raises with the SDK's $OutOfProcData$ marker in the message on failure."""
        ...

    def activity(self, name: str, input_json: str | None) -> Awaitable[str | None]:
        """Run an activity: JSON text in, JSON text out, each encoded once; raises on failure."""
        ...

    def entity(self, name: str, batch_json: str) -> str:
        """Perform a batch of operations and return the SDK's entity state JSON."""
        ...


class Engine:
    """Durable Functions over one database file. Operations may be awaited in any event loop, before, during and
    after `run`; what they change is on disk when they return."""

    def __init__(
        self,
        database: Path,
        invoker: Invoker,
        *,
        task_hub: str,
        max_concurrent_activities: int,
        max_concurrent_orchestrators: int,
        clock: Clock | None = None,
        grace_s: float = 10.0,
        retry_delay_s: float = 5.0,
    ) -> None:
        self.task_hub = task_hub
        self.clock: Clock = clock or SystemClock()
        self._invoker = invoker
        self._max_activities = max_concurrent_activities
        self._max_turns = max_concurrent_orchestrators
        self._grace_s = grace_s
        self._retry_delay_s = retry_delay_s
        self._store = Store(database)
        self._threads = ThreadPoolExecutor(max_concurrent_orchestrators, thread_name_prefix="durable-turn")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._stopping = False
        self._finished: Future[None] = Future()
        self._ready: dict[str, None] = {}
        self._busy: set[str] = set()
        self._work: deque[Work] = deque()
        self._next_due_us: int | None = None
        self._turns: set[asyncio.Task[None]] = set()
        self._activities: set[asyncio.Task[None]] = set()
        self._waiters: dict[str, list[Future[None]]] = {}

    async def run(self) -> None:
        """Work until `stop`. Never raises for what functions of the app do."""
        self._loop = asyncio.get_running_loop()
        self._store.listener = self._hear
        if isinstance(self.clock, VirtualClock):
            self.clock.on_advance = self._nudge
        await self._submit(queries.recover)
        try:
            while not self._stopping:
                self._wake.clear()
                await self._wake_due()
                self._dispatch()
                await self._rest()
        finally:
            await self._drain()

    async def stop(self) -> None:
        """End `run`: turns are finished, activities get the grace period, the rest is done after the next start."""
        self._stopping = True
        if self._loop is None:
            self._store.close()
            return
        self._nudge()
        await asyncio.wrap_future(self._finished)

    async def start(self, name: str, instance_id: str | None, input_text: str | None) -> str:
        """Start an orchestration and return its id; `input_text` is JSON text.

        An instance of this id that has ended is replaced. Raises UnknownFunctionError, InstanceExistsError, ValueError
        (an id that Azure refuses).
        """
        if name not in self._invoker.orchestrators:
            raise UnknownFunctionError(
                f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator function."
            )
        if instance_id is None:
            instance_id = uuid.uuid4().hex
        elif not _INSTANCE_ID.fullmatch(instance_id):
            raise ValueError(
                "Instance IDs have 1 to 100 characters, none of them /, \\, #, ? or a control character, "
                "and do not begin with @."
            )
        await self._submit(instances.create, name, instance_id, input_text, self.clock.now_us())
        return instance_id

    async def status(self, instance_id: str) -> Instance | None:
        """The instance, or None."""
        return await self._submit(instances.find, instance_id)

    async def history(self, instance_id: str) -> list[str]:
        """The events of the current execution as JSON texts."""
        return await self._submit(instances.history, instance_id)

    async def list(self, wanted: Filter, *, size: int = 100, continuation: str | None = None) -> Page:
        """A page of the instances that match; raises ValueError for a foreign continuation token."""
        return await self._submit(queries.list_page, wanted, size, continuation)

    async def raise_event(self, instance_id: str, name: str, value_text: str | None) -> None:
        """Send an external event; `value_text` is JSON text. Raises InstanceNotFoundError, InstanceEndedError."""
        await self._submit(instances.raise_event, instance_id, name, value_text, self.clock.now_us())

    async def terminate(self, instance_id: str, reason: str | None) -> None:
        """End an instance at once. Raises InstanceNotFoundError, InstanceEndedError."""
        await self._submit(instances.terminate, instance_id, reason, self.clock.now_us())

    async def suspend(self, instance_id: str, reason: str | None) -> None:
        """Hold an instance after its current turn. Raises InstanceNotFoundError, InstanceEndedError."""
        await self._submit(instances.suspend, instance_id, reason, self.clock.now_us())

    async def resume(self, instance_id: str, reason: str | None) -> None:
        """Let a suspended instance go on. Raises InstanceNotFoundError, InstanceEndedError."""
        await self._submit(instances.resume, instance_id, reason, self.clock.now_us())

    async def restart(self, instance_id: str, *, new_id: bool) -> str:
        """Start anew with the same function and input; return the id. Raises InstanceNotFoundError, InstanceExistsError."""
        original = await self.status(instance_id)
        if original is None:
            raise instances.InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
        return await self.start(original.name, None if new_id else instance_id, original.input)

    async def purge(self, instance_id: str) -> int:
        """Delete an instance that has ended; return 1, or 0 if it still runs. Raises InstanceNotFoundError."""
        return await self._submit(queries.purge_one, instance_id)

    async def purge_all(self, wanted: Filter) -> int:
        """Delete the instances that match and have ended; return how many."""
        return await self._submit(queries.purge, wanted)

    async def signal_entity(self, name: str, key: str, operation: str, input_text: str | None) -> None:
        """Send an operation to an entity; `input_text` is JSON text. Raises UnknownFunctionError."""
        if entities.find_function(self._invoker.entities, name) is None:
            raise UnknownFunctionError(
                f"The function '{name}' doesn't exist, is disabled, or is not an entity function."
            )
        target, message = entities.entity_id(name, key), entities.operation(operation, input_text)
        now_us = self.clock.now_us()
        await self._submit(lambda tx: tx.post(target, message, due_us=now_us))

    async def read_entity(self, name: str, key: str) -> str | None:
        """The state of an entity as JSON text, or None if it does not exist."""
        return await self._submit(entities.read, entities.entity_id(name, key))

    async def wait_until_ended(self, instance_id: str, timeout_s: float | None = None) -> Instance:
        """The instance once it has ended. Raises TimeoutError, InstanceNotFoundError."""
        async with asyncio.timeout(timeout_s):
            while True:
                ended: Future[None] = Future()
                self._waiters.setdefault(instance_id, []).append(ended)
                instance = await self.status(instance_id)
                if instance is None:
                    raise instances.InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
                if instance.has_ended:
                    return instance
                await asyncio.wrap_future(ended)

    def _submit(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        return asyncio.wrap_future(self._store.submit(operation, *args, **kwargs))

    def _hear(self, changes: Changes) -> None:
        """Called by the store's thread after each commit."""
        for instance_id in changes.ended:
            for waiter in self._waiters.pop(instance_id, []):
                if waiter.set_running_or_notify_cancel():
                    waiter.set_result(None)
        if changes.due_us or changes.work or changes.dropped:
            self._on_loop(self._absorb, changes)

    def _absorb(self, changes: Changes) -> None:
        now_us = self.clock.now_us()
        for target, due_us in changes.due_us.items():
            if due_us <= now_us:
                self._ready[target] = None
            elif self._next_due_us is None or due_us < self._next_due_us:
                self._next_due_us = due_us
        if changes.dropped:
            self._work = deque(work for work in self._work if work.execution not in changes.dropped)
        self._work += changes.work
        self._wake.set()

    def _nudge(self) -> None:
        self._on_loop(self._wake.set)

    def _on_loop(self, call: Callable[..., None], *args: Any) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *args)

    async def _wake_due(self) -> None:
        now_us = self.clock.now_us()
        if self._next_due_us is not None and self._next_due_us <= now_us:
            self._next_due_us = None
            following = await self._submit(queries.wake_due, now_us)
            if following is not None and (self._next_due_us is None or following < self._next_due_us):
                self._next_due_us = following

    def _dispatch(self) -> None:
        for target in [target for target in self._ready if target not in self._busy]:
            if len(self._turns) >= self._max_turns:
                break
            del self._ready[target]
            self._busy.add(target)
            self._begin(self._turn(target), self._turns)
        while self._work and len(self._activities) < self._max_activities:
            self._begin(self._activity(self._work.popleft()), self._activities)

    def _begin(self, job: Coroutine[Any, Any, None], running: set[asyncio.Task[None]]) -> None:
        task = asyncio.ensure_future(job)
        running.add(task)

        def end(ended: asyncio.Task[None]) -> None:
            running.discard(ended)
            self._wake.set()

        task.add_done_callback(end)

    async def _rest(self) -> None:
        """Wait for something to do: a commit, the end of a job, or the next timer."""
        idle = not (self._wake.is_set() or self._turns or self._activities)
        if idle and self.clock.skips and isinstance(self.clock, VirtualClock):
            due_us = await self._submit(queries.next_due, self.clock.now_us())
            if due_us is not None and not self._wake.is_set():
                self.clock.advance_to(due_us)
                self._next_due_us = due_us
                return
        timeout_s = _LONGEST_WAIT_S
        if self._next_due_us is not None:
            timeout_s = min(timeout_s, max(0.0, (self._next_due_us - self.clock.now_us()) / 1_000_000))
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _turn(self, target: str) -> None:
        take = self._take_entity_turn if entities.is_entity(target) else self._take_turn
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, take, target)
        except Exception:
            log.exception("a durable turn of %s could not be taken; trying again", target)
            self._later(Changes(due_us={target: 0}))
        finally:
            self._busy.discard(target)

    def _later(self, changes: Changes) -> None:
        asyncio.get_running_loop().call_later(self._retry_delay_s, self._absorb, changes)

    def _take_turn(self, instance_id: str) -> None:
        now_us = self.clock.now_us()
        loaded = self._store.submit(turns.load, instance_id, self._invoker.orchestrators, now_us).result()
        if loaded is not None:
            outcome = turns.take(loaded, self._invoker, now_us)
            self._store.submit(turns.commit, loaded, outcome, now_us).result()

    def _take_entity_turn(self, target: str) -> None:
        now_us = self.clock.now_us()
        batch = self._store.submit(entities.load, target, self._invoker.entities, now_us).result()
        if batch is not None:
            response = entities.perform(batch, self._invoker)
            self._store.submit(entities.commit, batch, response, now_us).result()

    async def _activity(self, work: Work) -> None:
        if work.name not in self._invoker.activities:
            log.warning("activity %s is not in the app; its message stays", work.name)
            return
        try:
            result = await self._invoker.activity(work.name, work.input)
            answer = event(
                EventType.TASK_COMPLETED, self.clock.now_us(), TaskScheduledId=work.task, Result=result
            )
        except (Exception, asyncio.CancelledError) as error:
            if self._stopping and isinstance(error, asyncio.CancelledError):
                raise
            what = "".join(traceback.format_exception_only(error)).strip()
            answer = event(
                EventType.TASK_FAILED,
                self.clock.now_us(),
                TaskScheduledId=work.task,
                Reason=f"Activity function '{work.name}' failed: {what}",
                Details="".join(traceback.format_exception(error)),
            )
        try:
            await self._submit(instances.complete_activity, work, answer, self.clock.now_us())
        except Exception:
            log.exception("the end of activity %s could not be recorded; it is repeated", work.name)
            self._later(Changes(work=[work]))

    async def _drain(self) -> None:
        if self._turns:
            await asyncio.wait(self._turns)
        if self._activities:
            _, late = await asyncio.wait(self._activities, timeout=self._grace_s)
            for task in late:
                task.cancel()
            if late:
                log.warning("%d activities were still running and will be repeated", len(late))
                await asyncio.wait(late, timeout=1)
        self._threads.shutdown()
        await asyncio.get_running_loop().run_in_executor(None, self._store.close)
        self._finished.set_result(None)
