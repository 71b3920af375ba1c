"""Timer triggers: fire by the schedule, never twice at once, and catch up once what was missed.

As in Azure, a timer that was due while the host was down fires at the start with `past_due`, once however often it was
missed, unless its schedule was changed since or `use_monitor` is off; a run that outlasts the next time is followed by
one more run at once.
"""

import asyncio
import contextlib
import json
import logging
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime

from devkit.host.converters import decode
from devkit.host.cron import Schedule, ScheduleError
from devkit.host.indexing import IndexedFunction, IndexingError
from devkit.host.invocation import Worker
from devkit.host.timer_status import TimerStatus, TimerStatuses

log = logging.getLogger("devkit.host")

_LONGEST_SLEEP_S = 60.0  # the clock may be set, or the machine suspended, meanwhile


class TimerTrigger:
    """Fires one function. Raises `IndexingError` when its schedule is not NCRONTAB."""

    def __init__(
        self,
        function: IndexedFunction,
        *,
        worker: Worker,
        database: sqlite3.Connection,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.function = function
        try:
            self._schedule = Schedule(function.trigger["schedule"])
            self._schedule.next_after(now())
        except ScheduleError as error:
            raise IndexingError(f"{function.name}: {error}") from error
        self._worker = worker
        self._statuses = TimerStatuses(database)
        self._is_monitored = function.trigger.get("useMonitor", True)
        self._runs_on_startup = function.trigger.get("runOnStartup", False)
        self._now = now
        self._one_at_a_time = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._status = self._recall()

    async def run(self) -> None:
        """Fire by the schedule until `stop`; a run that has begun is let end."""
        self._status = self._recall()
        past_due = self._now() > self._status.next
        if self._runs_on_startup:
            log.warning(
                "function=%s has run_on_startup: in Azure it runs at every restart and scale-out",
                self.function.name,
            )
        if past_due or self._runs_on_startup:
            await self._fire(past_due=past_due)
        while not self._stopping.is_set():
            wait_s = (self._status.next - self._now()).total_seconds()
            if wait_s > 0:
                await self._pause(min(wait_s, _LONGEST_SLEEP_S))
            else:
                await self._fire(past_due=False)

    def stop(self) -> None:
        """Fire no more."""
        self._stopping.set()

    async def fire(self, _: str) -> None:
        """Run the function now, by hand; the schedule goes on as it was. Raises what the function raises."""
        async with self._one_at_a_time:
            await self._invoke(past_due=False)

    def _recall(self) -> TimerStatus:
        known = self._statuses.read(self.function.name) if self._is_monitored else None
        if known is not None and known.expression == self._schedule.expression:
            return known
        now = self._now()
        status = TimerStatus(self._schedule.expression, None, self._schedule.next_after(now), now)
        self._remember(status)
        return status

    def _remember(self, status: TimerStatus) -> None:
        self._status = status
        if self._is_monitored:
            self._statuses.write(self.function.name, status)

    async def _fire(self, *, past_due: bool) -> None:
        async with self._one_at_a_time:
            fired = self._now()
            with contextlib.suppress(Exception):  # the worker has logged it
                await self._invoke(past_due=past_due)
            following = self._schedule.next_after(fired)
            self._remember(TimerStatus(self._schedule.expression, fired, following, self._now()))

    async def _invoke(self, *, past_due: bool) -> None:
        status = self._status
        request = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": {
                "Last": status.last.isoformat() if status.last else "0001-01-01T00:00:00+00:00",
                "Next": status.next.isoformat(),
                "LastUpdated": status.updated.isoformat(),
            },
            "IsPastDue": past_due,
        }
        value = decode("timerTrigger", json.dumps(request), "json")
        await self._worker.invoke(self.function, {self.function.trigger_parameter: value})

    async def _pause(self, duration_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), duration_s)
