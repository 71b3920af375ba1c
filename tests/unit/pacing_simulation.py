"""Calls on virtual time: threads and workers that share a pace, against a destination that meters them."""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from shared.pipeline.pushing.pacing import ConnectionPace, Turn
from tests.fakes import MemoryPaces


@dataclass
class TokenBucket:
    """Lets ``burst`` calls through at once, and ``rate_per_s`` in the long run."""

    rate_per_s: float
    burst: float
    spent: float = 0.0
    seen_at: float = 0.0

    def accepts(self, now: float) -> bool:
        self.spent = max(0.0, self.spent - (now - self.seen_at) * self.rate_per_s)
        self.seen_at = now
        if self.spent + 1 > self.burst + 1e-6:
            return False
        self.spent += 1
        return True


@dataclass
class SlidingWindow:
    """Lets ``rate_per_s`` calls through in any one second."""

    rate_per_s: float
    accepted: deque[float] = field(default_factory=deque)

    def accepts(self, now: float) -> bool:
        while self.accepted and self.accepted[0] <= now - 1.0 + 1e-6:
            self.accepted.popleft()
        if len(self.accepted) >= self.rate_per_s:
            return False
        self.accepted.append(now)
        return True


Server = TokenBucket | SlidingWindow


@dataclass
class Traffic:
    """What went over the wire: when calls began, and when some were refused."""

    begun_at: list[float] = field(default_factory=list)
    refused_at: list[float] = field(default_factory=list)
    ended_at: float = 0.0


class Simulation:
    """``workers`` processes of ``threads`` threads each, all with the clock ``now``."""

    def __init__(self, paces: MemoryPaces | None = None, *, workers: int = 1, threads: int = 16) -> None:
        self.now = 1_000_000.0
        self.paces = paces or MemoryPaces()
        self.workers = [ConnectionPace(self.paces, "c1", clock=lambda: self.now) for _ in range(workers)]
        self._threads = threads
        self._random = random.Random(7)

    def run(
        self,
        server: Server | None,
        calls: int,
        *,
        latency_s: float,
        jitter_s: float = 0.0,
        late_s: float = 0.0,
        ceiling: float | None = None,
        retry_after_s: float | None = None,
    ) -> Traffic:
        """Make ``calls`` calls, each until it is accepted. Times in the result count from the start. Threads wake up
        ``late_s`` late at most."""
        traffic, start = Traffic(), self.now
        order, todo = count(), calls
        events: list[tuple[float, int, Callable[[], None]]] = []

        def at(moment: float, action: Callable[[], None]) -> None:
            heapq.heappush(events, (moment, next(order), action))

        def take_call(worker: ConnectionPace) -> None:
            nonlocal todo
            if todo > 0:
                todo -= 1
                prepare(worker)

        def prepare(worker: ConnectionPace) -> None:
            turn = worker.reserve(ceiling)
            if turn.granted:
                late = self._random.uniform(0, late_s) if late_s else 0.0
                at(max(self.now, turn.moment) + late, lambda: begin(worker, turn))
            else:
                at(turn.moment, lambda: prepare(worker))

        def begin(worker: ConnectionPace, turn: Turn) -> None:
            early_s = worker.start(turn)
            if early_s is None:
                prepare(worker)
                return
            if early_s:
                at(self.now + early_s, lambda: begin(worker, turn))
                return
            traffic.begun_at.append(self.now - start)
            accepted = server is None or server.accepts(self.now - start)
            if not accepted:
                traffic.refused_at.append(self.now - start)
            took_s = max(0.0, latency_s + self._random.uniform(-jitter_s, jitter_s))
            at(self.now + took_s, lambda: end(worker, turn.decided_at, accepted))

        def end(worker: ConnectionPace, decided_at: float, accepted: bool) -> None:
            if accepted:
                worker.succeeded()
                traffic.ended_at = self.now - start
                take_call(worker)
            else:
                worker.throttled(retry_after_s, ceiling, decided_at=decided_at)
                at(self.now + self._random.uniform(0, 0.2), lambda: prepare(worker))

        for worker in self.workers:
            for _ in range(self._threads):
                take_call(worker)
        while events:
            moment, _, action = heapq.heappop(events)
            self.now = max(self.now, moment)
            action()
            if len(traffic.begun_at) > 50 * calls + 1_000:
                raise AssertionError("far too many calls")
        return traffic
