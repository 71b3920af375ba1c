"""The durable engine: takes turns of orchestrations and entities, runs activities, answers the HTTP API.

At least once: whatever is not in the database has not happened, so a kill at any moment costs at most a
repeated activity or turn. Nothing is polled: commits say what they set in motion, and timers are waited for until
the next one is due. One process at a time may open a database, or several that are `shared`: these do poll.

Not here: rewind, durable HTTP calls (`call_http`; the instance fails and says so), and entity locks. Stricter than Azure: the determinism check also compares inputs and times of timers.
"""

import asyncio
import contextlib
import logging
import sqlite3
import time
import traceback
from collections.abc import Awaitable, Callable, Collection, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from devkit.host.durable import entities, instances, queries, sharing, turns
from devkit.host.durable.clock import Clock, SystemClock, VirtualClock
from devkit.host.durable.events import EventType, event
from devkit.host.durable.operations import Operations
from devkit.host.durable.store import Changes, Store, Work
from devkit.host.durable.turn_log import HistoryLog, TurnLog
from devkit.host.durable.versions import UNVERSIONED, Versions

log = logging.getLogger("devkit.durable")

_LONGEST_WAIT_S = 60.0  # after which a clock that was set forward is noticed


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

    def activity(self, name: str, input_json: str | None, trace_parent: str) -> Awaitable[str | None]:
        """Run an activity: JSON text in, JSON text out, each encoded once; raises on failure."""
        ...

    def entity(self, name: str, batch_json: str) -> str:
        """Perform a batch of operations and return the SDK's entity state JSON."""
        ...


class Engine(Operations):
    """Durable Functions over one database file, which is opened at once. Operations work before `run`, too."""

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
        turn_log: TurnLog | None = None,
        history_log: HistoryLog | None = None,
        versions: Versions = UNVERSIONED,
        shared: bool = False,
    ) -> None:
        super().__init__(Store(database, shared=shared), invoker, clock or SystemClock(), versions)
        self._store.listener = self._hear
        self.task_hub = task_hub
        self._invoker = invoker
        self._max_activities = max_concurrent_activities
        self._max_turns = max_concurrent_orchestrators
        self._grace_s = grace_s
        self._retry_delay_s = retry_delay_s
        self._turn_log = turn_log
        self._history_log = history_log
        self._threads = ThreadPoolExecutor(max_concurrent_orchestrators, thread_name_prefix="durable-turn")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._stopping = False
        self._finished: Future[None] = Future()
        self._ready: dict[str, None] = {}
        self._busy: set[str] = set()
        self._work: dict[tuple[str, str, int], Work] = {}
        folder = database.with_name(f"{database.name}-hosts")
        self._membership = sharing.Membership(folder) if shared else None
        self._next_due_us: int | None = None
        self._turns: set[asyncio.Task[None]] = set()
        self._activities: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until `stop`. Never raises for what functions of the app do."""
        if self._stopping:
            return
        self._loop = asyncio.get_running_loop()
        if isinstance(self.clock, VirtualClock):
            self.clock.on_advance = self._nudge
        try:
            if self._membership is None:
                await self._submit(queries.recover)
            else:
                self._watching = asyncio.create_task(self._watch_others(self._membership))
            while not self._stopping:
                self._wake.clear()
                await self._wake_due()
                self._dispatch()
                await self._rest()
        finally:
            await self._drain()

    async def stop(self) -> None:
        """End `run`. What is running gets the grace period; what then still runs is repeated after the next start."""
        self._stopping = True
        if self._loop is None:
            self._close()
            return
        self._nudge()
        await asyncio.shield(asyncio.wrap_future(self._finished))

    def _hear(self, changes: Changes) -> None:
        """Called by the store's thread after each commit."""
        self._tell_waiters(changes)
        if changes.due or changes.work or changes.dropped:
            self._on_loop(self._absorb, changes)

    def _absorb(self, changes: Changes) -> None:
        now_us = self.clock.now_us()
        for target, due_us in changes.due:
            if due_us <= now_us:
                self._ready[target] = None
            elif self._next_due_us is None or due_us < self._next_due_us:
                self._next_due_us = due_us
        if changes.dropped:
            self._work = {key: work for key, work in self._work.items() if key[1] not in changes.dropped}
        self._work |= {(work.instance, work.execution, work.task): work for work in changes.work}
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
            self._begin(self._activity(self._work.pop(next(iter(self._work)))), self._activities)

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
            self._later(Changes(due={(target, 0)}))
        finally:
            self._busy.discard(target)

    def _later(self, changes: Changes) -> None:
        asyncio.get_running_loop().call_later(self._retry_delay_s, self._absorb, changes)

    def _take_turn(self, instance_id: str) -> None:
        now_us = self.clock.now_us()
        known = self._invoker.orchestrators
        loaded = self._store.submit(turns.load, instance_id, known, self._versions, now_us).result()
        if loaded is not None:
            began_s = time.thread_time()
            outcome = turns.take(loaded, self._invoker, self._versions, now_us)
            if self._turn_log:
                cpu_ms, instance = (time.thread_time() - began_s) * 1_000, loaded.instance
                self._turn_log.note(instance.id, instance.name, loaded.past, outcome.events, cpu_ms)
            if self._history_log:
                self._history_log.note(loaded, outcome)
            self._store.submit(turns.commit, loaded, outcome, now_us).result()

    def _take_entity_turn(self, target: str) -> None:
        now_us = self.clock.now_us()
        batch = self._store.submit(entities.load, target, self._invoker.entities, now_us).result()
        if batch is not None:
            response = entities.perform(batch, self._invoker)
            self._store.submit(entities.commit, batch, response, now_us).result()

    async def _watch_others(self, membership: sharing.Membership) -> None:
        """Notice what other hosts have committed, and that they are gone."""
        seen = -1
        while True:
            with contextlib.suppress(sqlite3.OperationalError):  # another host has the database for long
                latest = await self._submit(sharing.look_around, seen, membership.is_there)
                if latest != seen:
                    self._tell_all_waiters()
                seen = latest
            await asyncio.sleep(sharing.LOOK_AROUND_S)

    async def _activity(self, work: Work) -> None:
        if self._membership and not await self._submit(sharing.claim, work, self._membership.id):
            return
        try:
            if work.name not in self._invoker.activities:
                raise LookupError(f"Activity function '{work.name}' does not exist.")
            result = await self._invoker.activity(work.name, work.input, work.trace_parent)
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
        self._stopping = True
        if running := self._turns | self._activities:
            _, late = await asyncio.wait(running, timeout=self._grace_s)
            for task in late:
                task.cancel()
            if late:
                log.warning("%d turns and activities were still running and will be repeated", len(late))
                await asyncio.wait(late, timeout=1)
        self._threads.shutdown(wait=False)
        if self._membership:
            self._watching.cancel()
        await asyncio.get_running_loop().run_in_executor(None, self._close)
        self._finished.set_result(None)

    def _close(self) -> None:
        self._store.close()
        if self._membership:
            self._membership.leave()
