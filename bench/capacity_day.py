"""A day of many exports, simulated event by event: what waits, how many instances run, which limit is met first.

An instance runs four activities at a time on one core. Its number follows the work every ten seconds, by half as many
again at most, and falls after a minute. A connection has one run at a time; who finds it taken looks again within a
minute, as ``export_run`` does. What runs ask of storage is spread evenly over their steps.
"""

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from bench.capacity_runs import PEOPLE_PER_CHUNK, Costs

DAY_S = 86_400
SLOTS = 4  # host.json, maxConcurrentActivityFunctions
INSTANCE_GB = 2.0
_CALLS_PER_S, _PEOPLE_PER_CALL, _LANES = 20.0, 100, 2
_HOP_S, _STEP_S = 0.3, 0.3
_LOOK_S, _FALLS_AFTER = 10, 6
_NEXT_ASKS_S = 6.0  # whoever comes next asks for the connection that often
_LARGEST, _MEDIAN, _SIGMA = 100_000, 5_000, 1.2
_ALL_SENT, _CHANGED = 0.05, 0.03


class Start(StrEnum):
    """When the exports of a day are due: through the day, or all at 02:00."""

    SPREAD = "through the day"
    AT_TWO = "all at 02:00 UTC"


@dataclass(frozen=True)
class Export:
    connection: int
    due_s: float
    rows: int
    sent: int

    @property
    def chunks(self) -> int:
        return -(-self.sent // PEOPLE_PER_CHUNK)

    @property
    def pushing_s(self) -> float:
        return max(0.3, self.sent / _PEOPLE_PER_CALL / _CALLS_PER_S)


@dataclass
class Load:
    """Something that happens at a rate, second by second."""

    changes: dict[int, float] = field(default_factory=dict)
    total: float = 0.0

    def spread(self, start_s: float, end_s: float, amount: float) -> None:
        first, last = int(start_s), max(int(start_s) + 1, round(end_s))
        rate = amount / (last - first)
        self.changes[first] = self.changes.get(first, 0.0) + rate
        self.changes[last] = self.changes.get(last, 0.0) - rate
        self.total += amount

    def peak(self, over_s: int = 1) -> float:
        """Return the most per second, as the mean of so many seconds."""
        if not self.changes:
            return 0.0
        rates, present = list[float](), 0.0
        for second in range(min(self.changes), max(self.changes) + 1):
            present += self.changes.get(second, 0.0)
            rates.append(present)
        sums = [0.0, *itertools.accumulate(rates)]
        width = min(over_s, len(rates))
        return max(sums[end] - sums[end - width] for end in range(width, len(sums))) / width


@dataclass
class Day:
    """What a day came to. Waits and times are seconds; ``instances`` are ``(second, how many)``."""

    runs: int = 0
    lane_waits: list[float] = field(default_factory=list)
    queue_waits: list[float] = field(default_factory=list)
    ended_s: float = 0.0
    first_s: float = 0.0
    active_s: float = 0.0
    executions: float = 0.0
    calls: int = 0
    people: int = 0
    instances: list[tuple[float, int]] = field(default_factory=list)
    loads: dict[str, Load] = field(default_factory=dict)

    def load(self, kind: str) -> Load:
        return self.loads.setdefault(kind, Load())


def draw_exports(count: int, connections: int, start: Start, seed: int) -> Iterator[Export]:
    """Yield the exports of a day. Sizes are log-normal; one in twenty sends everybody, the others what has changed."""
    chance = random.Random(seed)
    for number in range(count):
        rows = min(_LARGEST, round(chance.lognormvariate(0, _SIGMA) * _MEDIAN) + 1)
        sent = rows if chance.random() < _ALL_SENT else round(rows * _CHANGED)
        due_s = 7_200 if start is Start.AT_TWO else chance.randrange(DAY_S // 60) * 60
        yield Export(number % connections, due_s, rows, sent)


class Simulation:
    """One day, with at most ``most_instances``."""

    def __init__(self, costs: Costs, most_instances: int, seed: int = 1) -> None:
        self._costs, self._most, self._chance = costs, most_instances, random.Random(seed)
        self._day = Day()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._now = self._changed_s = 0.0
        self._waiting: deque[tuple[float, float, float, Callable[[], None]]] = deque()
        self._busy = self._computing = 0
        self._instances = 1
        self._lately: deque[int] = deque(maxlen=_FALLS_AFTER)
        self._taken: dict[int, deque[tuple[float, Export]]] = {}

    def run(self, exports: list[Export]) -> Day:
        self._day.first_s = min(export.due_s for export in exports)
        for export in exports:
            self._at(export.due_s, lambda export=export: self._arrive(export))
        self._at(0.0, self._scale)
        left = len(exports)
        while self._day.runs < left:
            moment, _, happen = heapq.heappop(self._events)
            self._day.active_s += (moment - self._changed_s) * -(-self._busy // SLOTS)
            self._now = self._changed_s = moment
            happen()
        self._day.ended_s = self._now
        return self._day

    def _at(self, moment: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._order), happen))

    def _arrive(self, export: Export) -> None:
        queue = self._taken.get(export.connection)
        if queue is None:
            self._taken[export.connection] = deque()
            self._begin(export, self._now)
        else:
            queue.append((self._now, export))

    def _begin(self, export: Export, came_s: float) -> None:
        day, costs = self._day, self._costs
        day.lane_waits.append(self._now - came_s)
        started_s = self._now
        per_run, per_row, per_person = costs.cpu_s
        steps = [
            [(_STEP_S, per_run / 2)],
            [(_STEP_S, per_row * export.rows)],
            [(_STEP_S, 0.0)],
            [(_STEP_S, 0.0)],
            [(export.pushing_s, per_person * export.sent / 2)] * min(_LANES, export.chunks),
            [(_STEP_S, per_run / 2)],
        ]

        def next_step(number: int) -> None:
            if number == len(steps):
                self._end(export, started_s)
                return
            open_ = len(steps[number])
            if not open_:
                next_step(number + 1)
                return

            def done() -> None:
                nonlocal open_
                open_ -= 1
                if not open_:
                    self._at(self._now + _HOP_S, lambda: next_step(number + 1))

            for wait_s, cpu_s in steps[number]:
                self._submit(wait_s, cpu_s, done)

        next_step(0)

    def _end(self, export: Export, started_s: float) -> None:
        day, costs, now = self._day, self._costs, self._now
        day.runs += 1
        day.people += export.sent
        day.calls += -(-export.sent // _PEOPLE_PER_CALL)
        pushed_s = export.pushing_s if export.chunks else 0.0
        for kind, fixed in costs.fixed.items():
            asked = fixed + export.chunks * costs.per_chunk[kind] + pushed_s * costs.per_second.get(kind, 0.0)
            day.load(kind).spread(started_s, now, asked)
        turns = costs.turns[0] + costs.turns[1] * export.chunks
        activities = costs.activities[0] + costs.activities[1] * export.chunks
        day.executions += turns + activities
        day.load("turns").spread(started_s, now, turns)
        day.load("activities").spread(started_s, now, activities)
        day.load("secrets").spread(started_s, now, 2 + export.chunks)
        queue = self._taken[export.connection]
        if not queue:
            del self._taken[export.connection]
            return
        came_s, following = queue.popleft()
        self._at(now + self._chance.uniform(0, _NEXT_ASKS_S), lambda: self._begin(following, came_s))

    def _submit(self, wait_s: float, cpu_s: float, done: Callable[[], None]) -> None:
        self._waiting.append((self._now, wait_s, cpu_s, done))
        self._fill()

    def _fill(self) -> None:
        while self._waiting and self._busy < self._instances * SLOTS:
            came_s, wait_s, cpu_s, done = self._waiting.popleft()
            self._day.queue_waits.append(self._now - came_s)
            self._busy += 1
            computes = cpu_s > wait_s
            self._computing += computes
            share = max(1.0, self._computing / self._instances)

            def end(done: Callable[[], None] = done, computes: bool = computes) -> None:
                self._busy -= 1
                self._computing -= computes
                done()
                self._fill()

            self._at(self._now + wait_s + cpu_s * share, end)

    def _scale(self) -> None:
        wanted = max(1, -(-(self._busy + len(self._waiting)) // SLOTS))
        self._lately.append(wanted)
        if wanted > self._instances:
            self._instances = min(self._most, wanted, max(self._instances + 10, self._instances * 3 // 2))
        else:
            self._instances = max(1, min(self._instances, max(self._lately)))
        self._day.instances.append((self._now, self._instances))
        self._fill()
        self._at(self._now + _LOOK_S, self._scale)
