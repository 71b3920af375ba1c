"""Pacing: how fast calls may follow each other, shared by every thread and worker of a connection.

The pace lives in storage as a rate and the next free moment; a worker reserves a few moments at a time, so that the
sum over all workers keeps the rate at the price of about two storage calls a second each. ``pace_rules`` says how the
rate is found.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from shared import telemetry
from shared.domain.destination import Stopped
from shared.domain.ports import Pace, Paces
from shared.pipeline.pushing.pace_rules import (
    FIRST_GUESS_PER_S,
    GAP,
    LEASE_S,
    climb_on,
    lease_s,
    lower,
    rate_at,
    step_back,
)
from shared.pipeline.pushing.steady_clock import read_steady_time

_LATE_S = 0.25
_LOOK_AGAIN_S = 1.0
_RECENT_S = 3.0
_IDLE_S = 5.0
_NAP_S = 0.5
_PROVEN, _PROVEN_FADES_S = 0.9, 180.0
_ODD_BELOW, _ODD_SHARE, _OUTCOMES = 0.6, 0.3, 30
"""A refusal tells nothing below that part of the pace that was proven, if it is among that share of so many calls."""

_LEAST_GAP = 0.99
"""Of the time between two calls at the present pace."""

_FARTHEST_AHEAD_S = 900.0


@dataclass(slots=True)
class _Memory:
    """What this worker saw of one connection lately, on its own clock."""

    slots: deque[float] = field(default_factory=deque)
    recent: deque[float] = field(default_factory=deque)
    outcomes: deque[bool] = field(default_factory=lambda: deque(maxlen=_OUTCOMES))
    proven_per_s: float = 0.0
    proven_at: float = 0.0
    rate_per_s: float | None = None
    next_free_at: float = 0.0
    blocked_until: float = float("-inf")
    looked_at: float = float("-inf")
    leased_at: float = float("-inf")
    leased_from: float = float("-inf")
    leased_until: float = float("-inf")
    void_at: float = float("-inf")
    started_at: float = float("-inf")
    least_gap_s: float = 0.0
    lease_s: float = LEASE_S


class Turn(NamedTuple):
    """``granted``: the call may start at this moment, which is now given away. Otherwise ask again then.

    ``decided_at`` is when the pace was last looked at.
    """

    moment: float
    granted: bool
    decided_at: float


class ConnectionPace:
    """The pace of one connection in this process. Thread-safe."""

    def __init__(
        self,
        paces: Paces,
        connection_id: str,
        *,
        clock: Callable[[], float] = read_steady_time,
    ) -> None:
        self.connection_id = connection_id
        self._paces, self._clock = paces, clock
        self._lock = threading.Lock()
        self._memory = _Memory()

    def reserve(self, ceiling_per_s: float | None) -> Turn:
        """Return when the next call may start, or when to ask again. Moments are seconds of the clock."""
        with self._lock:
            memory, now = self._memory, self._clock()
            while memory.slots and memory.slots[0] < now - _LATE_S:
                memory.slots.popleft()
            if memory.slots:
                return Turn(memory.slots.popleft(), True, memory.leased_at)
            if memory.rate_per_s is None and ceiling_per_s is None:
                if now - memory.looked_at >= _LOOK_AGAIN_S:
                    memory.looked_at = now
                    self._change(lambda pace: pace or Pace(None, None, now))
                if memory.rate_per_s is None:
                    memory.least_gap_s = 0.0
                    return Turn(max(now, memory.next_free_at), memory.next_free_at <= now, now)
            if memory.next_free_at - now <= memory.lease_s:
                self._lease(ceiling_per_s, now)
            if memory.slots:
                return Turn(memory.slots.popleft(), True, memory.leased_at)
            return Turn(memory.next_free_at - memory.lease_s + 0.01, False, now)

    def start(self, turn: Turn) -> float | None:
        """Say in how many seconds a call really starts now that its moment has come, 0 = now. None = ask again, since
        something was refused meanwhile.

        Threads wake up late. A call after one that was late would be too early for a destination that forgives no
        burst, such as nginx with ``limit_req`` alone (nginx documentation): lost time is made up for little by little.
        """
        with self._lock:
            memory, now = self._memory, self._clock()
            if not turn.granted or turn.decided_at <= memory.void_at or memory.blocked_until > now:
                return None
            if (early_s := memory.started_at + memory.least_gap_s - now) > 0:
                return early_s
            memory.started_at = now
            return 0.0

    def succeeded(self) -> None:
        """A call was accepted just now."""
        with self._lock:
            now = self._clock()
            memory = self._memory
            memory.recent.append(now)
            memory.outcomes.append(True)
            while memory.recent[0] < now - _RECENT_S:
                memory.recent.popleft()
            if memory.rate_per_s is None:
                return
            faded = memory.proven_per_s * math.exp((memory.proven_at - now) / _PROVEN_FADES_S)
            memory.proven_per_s, memory.proven_at = max(faded, len(memory.recent) / _RECENT_S), now

    def throttled(
        self, retry_after_s: float | None, ceiling_per_s: float | None, *, decided_at: float
    ) -> None:
        """A call was refused as one too many; ``decided_at`` is that of its turn. Of calls that were under way
        together the first one counts: the others say nothing about the pace that was taken since."""
        with self._lock:
            now, was_paced = self._clock(), self._memory.rate_per_s is not None or ceiling_per_s is not None
            recent_per_s = sum(at > now - _RECENT_S for at in self._memory.recent) / _RECENT_S
            odd_below_per_s = self._odd_below()
            give_back = False

            def slow_down(stored: Pace | None) -> Pace:
                nonlocal give_back
                pace = stored or Pace(None, None, now)
                free_at = now + retry_after_s if retry_after_s is not None else 0.0
                known = pace.throttled_at is not None and (decided_at <= pace.throttled_at or not was_paced)
                give_back = False
                present = lower(rate_at(pace, now), ceiling_per_s) or odd_below_per_s
                if pace.rate_per_s is not None and (known or present < odd_below_per_s):
                    if not known and not free_at:
                        pace = climb_on(pace, present, now)
                    return replace(pace, next_free_at=max(free_at, pace.next_free_at))
                guess = max(FIRST_GUESS_PER_S, recent_per_s)
                refused = lower(rate_at(pace, decided_at) or guess, ceiling_per_s) or guess
                pace = step_back(pace, refused, now)
                # What was accepted lately is allowed, whatever one refusal says: some come for no reason.
                proven_per_s = min(refused, _PROVEN * recent_per_s)
                pace = replace(pace, rate_per_s=max(pace.rate_per_s or 0.0, proven_per_s))
                rate = pace.rate_per_s or FIRST_GUESS_PER_S
                # What was taken here last is given back; what was taken before is used.
                give_back = pace.next_free_at == self._memory.leased_until
                taken_until = self._memory.leased_from if give_back else pace.next_free_at
                next_free_at = max(free_at, now + 1 / rate, taken_until + GAP / rate)
                return replace(
                    pace,
                    next_free_at=next_free_at,
                    throttled_at=max(free_at, now),
                    calls=round(max(0.0, taken_until - max(free_at, now)) * rate / 2),
                )

            self._change(slow_down)
            if not was_paced:
                # A full bucket lets through more than it gains.
                self._memory.recent.clear()
            if give_back:
                self._memory.slots.clear()
                self._memory.void_at = self._memory.leased_at
            if retry_after_s is not None:
                self._memory.blocked_until = max(self._memory.blocked_until, now + retry_after_s)

    def _odd_below(self) -> float:
        """Return below which pace one more refusal tells nothing, as most calls are accepted, and more were before."""
        memory = self._memory
        memory.outcomes.append(False)
        few = memory.outcomes.count(False) < _ODD_SHARE * len(memory.outcomes)
        return _ODD_BELOW * memory.proven_per_s if few else 0.0

    def _lease(self, ceiling_per_s: float | None, now: float) -> None:
        leased: list[float] = []
        least_gap_s, allowed = 0.0, 0.0

        def take(stored: Pace | None) -> Pace:
            nonlocal least_gap_s, allowed
            pace = stored or Pace(None, None, now)
            if now - pace.next_free_at > _IDLE_S:
                # Nobody has called for a while: the calm tells nothing, and a bucket may have filled by a second's worth.
                pace = replace(pace, throttled_at=now, calls=-round(pace.rate_per_s or 0.0))
            allowed = lower(rate_at(pace, now), ceiling_per_s) or FIRST_GUESS_PER_S
            start = max(now, pace.next_free_at)
            if start - now > lease_s(pace):
                # Nobody gets a moment far ahead: the pace may have changed until then.
                leased.clear()
                return pace
            least_gap_s = _LEAST_GAP / allowed
            count = max(1, round(allowed * lease_s(pace)))
            leased[:] = [start + number / allowed for number in range(count)]
            return replace(pace, next_free_at=start + count / allowed, calls=pace.calls + count)

        self._change(take)
        telemetry.note_pace(self.connection_id, allowed)
        self._memory.slots.extend(leased)
        if leased:
            self._memory.leased_at, self._memory.least_gap_s = now, least_gap_s
            self._memory.leased_from, self._memory.leased_until = leased[0], self._memory.next_free_at

    def _change(self, change: Callable[[Pace | None], Pace]) -> None:
        now = self._clock()
        pace = self._paces.change(
            self.connection_id, lambda stored: change(_credible(stored, now) if stored else None)
        )
        self._memory.rate_per_s, self._memory.next_free_at = pace.rate_per_s, pace.next_free_at
        self._memory.lease_s = lease_s(pace)


def _credible(pace: Pace, now: float) -> Pace:
    """Return the pace without moments further ahead than anybody waits: a clock that was wrong has set them."""
    if max(pace.next_free_at, pace.throttled_at or 0.0) <= now + _FARTHEST_AHEAD_S:
        return pace
    return replace(pace, next_free_at=now, throttled_at=now, calls=0)


class RunPacer:
    """The Pacer that a run's session uses: the connection's pace, and an ear for *stop*."""

    def __init__(
        self,
        pace: ConnectionPace,
        ceiling_per_s: float | None,
        should_stop: Callable[[], bool],
        *,
        clock: Callable[[], float] = read_steady_time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pace, self._ceiling, self._should_stop = pace, ceiling_per_s or None, should_stop
        self._clock, self._sleep = clock, sleep
        self._call = threading.local()

    def wait(self) -> None:
        while True:
            turn = self._pace.reserve(self._ceiling)
            self._call.decided_at = turn.decided_at
            self._sleep_until(turn.moment)
            while (early_s := self._pace.start(turn)) is not None:
                if early_s == 0:
                    return
                self._sleep_until(self._clock() + early_s)

    def pause(self, seconds: float) -> None:
        self._sleep_until(self._clock() + seconds)

    def succeeded(self) -> None:
        self._pace.succeeded()
        self._count("ok")

    def throttled(self, retry_after_s: float | None) -> None:
        self._count("throttled")
        self._pace.throttled(
            retry_after_s, self._ceiling, decided_at=getattr(self._call, "decided_at", self._clock())
        )

    def refused(self) -> None:
        self._count("refused")

    def failed(self) -> None:
        self._count("failed")

    def _count(self, outcome: str) -> None:
        telemetry.count_call(self._pace.connection_id, outcome)

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
