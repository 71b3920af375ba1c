"""Pacing: how fast calls may follow each other, shared by every thread and worker of a connection.

Autopilot announces no limit (5 calls/s were documented in 2015, clients use 20) and its 429 carries no hint. So the
pace is learnt: additive increase up to a ceiling, a step back on a 429 to what was really accepted, and ``Retry-After``
obeyed where it is given. The pace lives in storage as a rate and the next free moment; a worker reserves a few moments
at a time, so that the sum over all workers keeps the rate at the price of about one storage call a second each.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.domain.destination import Stopped
from shared.domain.ports import Pace, Paces

_LEASE_S = 0.5
_LATE_S = 0.25
_LOOK_AGAIN_S = 1.0
_WINDOW_S = 2.0
_SLOWEST_PER_S = 0.2
_BELOW_LIMIT = 0.97
_STEP_BACK = 0.7
_PROBE_AFTER_S = 60.0
_NAP_S = 0.5


@dataclass(slots=True)
class _Memory:
    """What this worker saw of one connection lately, on its own clock."""

    slots: deque[float] = field(default_factory=deque)
    successes: deque[float] = field(default_factory=deque)
    rate_per_s: float | None = None
    blocked_until: float = 0.0
    looked_at: float = float("-inf")
    decreased_at: float = float("-inf")
    increased_at: float = float("-inf")


class ConnectionPace:
    """The pace of one connection in this process. Thread-safe."""

    def __init__(
        self,
        paces: Paces,
        connection_id: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._paces, self._connection_id, self._clock = paces, connection_id, clock
        self._lock = threading.Lock()
        self._memory = _Memory()

    def reserve(self, ceiling_per_s: float | None) -> float:
        """Return the moment at which the next call may start, in seconds of the clock; it is now given away."""
        with self._lock:
            memory, now = self._memory, self._clock()
            while memory.slots and memory.slots[0] < now - _LATE_S:
                memory.slots.popleft()
            if memory.slots:
                return memory.slots.popleft()
            known = _lower(memory.rate_per_s, ceiling_per_s)
            if known is None and now - memory.looked_at < _LOOK_AGAIN_S:
                return max(now, memory.blocked_until)
            memory.looked_at = now
            if known is None:
                pace = self._paces.change(self._connection_id, lambda pace: pace or Pace(None, None, now))
                memory.rate_per_s, memory.blocked_until = pace.rate_per_s, pace.next_free_at
                if pace.rate_per_s is None:
                    return max(now, pace.next_free_at)
            return self._lease(ceiling_per_s, now)

    def succeeded(self) -> None:
        """A call was accepted just now."""
        with self._lock:
            self._memory.successes.append(self._clock())
            self._forget_old()

    def throttled(self, retry_after_s: float | None, ceiling_per_s: float | None) -> None:
        """A call was refused as one too many. Calls that were under way together count once."""
        with self._lock:
            memory, now = self._memory, self._clock()
            if now - memory.decreased_at < max(1.0, min(retry_after_s or 0.0, 5.0)):
                return
            memory.decreased_at = now
            self._forget_old()
            accepted_per_s = len(memory.successes) / _WINDOW_S

            def step_back(pace: Pace | None) -> Pace:
                present = _lower(pace.rate_per_s if pace else None, ceiling_per_s)
                limit = max(
                    _SLOWEST_PER_S,
                    accepted_per_s if present is None else min(present, max(accepted_per_s, present / 2)),
                )
                wait_s = retry_after_s if retry_after_s is not None else 1.0
                free_at = max(now + wait_s, min(pace.next_free_at, now + wait_s) if pace else 0.0)
                return Pace(max(_SLOWEST_PER_S, limit * _STEP_BACK), limit, free_at)

            pace = self._paces.change(self._connection_id, step_back)
            memory.rate_per_s, memory.blocked_until = pace.rate_per_s, pace.next_free_at
            memory.slots.clear()

    def _lease(self, ceiling_per_s: float | None, now: float) -> float:
        memory = self._memory
        faster = now - memory.decreased_at > 1.0 and now - memory.increased_at > 1.0
        if faster:
            memory.increased_at = now
        leased: list[float] = []

        def take(pace: Pace | None) -> Pace:
            pace = pace or Pace(None, None, now)
            rate = _faster(pace, now - memory.decreased_at) if faster else pace.rate_per_s
            allowed = _lower(rate, ceiling_per_s) or 1.0
            count = max(1, round(allowed * _LEASE_S))
            start = max(now, pace.next_free_at)
            leased[:] = [start + number / allowed for number in range(count)]
            return Pace(rate, pace.limit_per_s, start + count / allowed)

        pace = self._paces.change(self._connection_id, take)
        memory.rate_per_s = pace.rate_per_s
        memory.slots.extend(leased)
        return memory.slots.popleft()

    def _forget_old(self) -> None:
        oldest = self._clock() - _WINDOW_S
        while self._memory.successes and self._memory.successes[0] < oldest:
            self._memory.successes.popleft()


def _lower(rate: float | None, ceiling: float | None) -> float | None:
    return min((value for value in (rate, ceiling) if value), default=None)


def _faster(pace: Pace, quiet_s: float) -> float | None:
    """Climb back quickly to just below the known limit, then try, rarely, whether more is possible."""
    if pace.rate_per_s is None or pace.limit_per_s is None:
        return pace.rate_per_s
    target = pace.limit_per_s * _BELOW_LIMIT
    if pace.rate_per_s < target:
        return min(target, pace.rate_per_s + max(0.5, pace.limit_per_s * 0.15))
    return pace.rate_per_s * 1.02 if quiet_s > _PROBE_AFTER_S else pace.rate_per_s


class RunPacer:
    """The Pacer that a run's session uses: the connection's pace, and an ear for *stop*."""

    def __init__(
        self,
        pace: ConnectionPace,
        ceiling_per_s: float | None,
        should_stop: Callable[[], bool],
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pace, self._ceiling, self._should_stop = pace, ceiling_per_s or None, should_stop
        self._clock, self._sleep = clock, sleep

    def wait(self) -> None:
        self._sleep_until(self._pace.reserve(self._ceiling))

    def pause(self, seconds: float) -> None:
        self._sleep_until(self._clock() + seconds)

    def succeeded(self) -> None:
        self._pace.succeeded()

    def throttled(self, retry_after_s: float | None) -> None:
        self._pace.throttled(retry_after_s, self._ceiling)

    def _sleep_until(self, moment: float) -> None:
        while True:
            if self._should_stop():
                raise Stopped
            left = moment - self._clock()
            if left <= 0:
                return
            self._sleep(min(left, _NAP_S))


class PaceBook:
    """All connections' paces in this process."""

    def __init__(self, paces: Paces) -> None:
        self._paces, self._known, self._lock = paces, dict[str, ConnectionPace](), threading.Lock()

    def of(self, connection_id: str) -> ConnectionPace:
        with self._lock:
            return self._known.setdefault(connection_id, ConnectionPace(self._paces, connection_id))
