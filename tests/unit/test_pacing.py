"""How calls are paced: the whole arrangement on virtual time, and what each run's pacer adds."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from shared.domain.destination import Stopped
from shared.domain.ports import Pace
from shared.pipeline.pushing.pacing import ConnectionPace, PaceBook, RunPacer
from tests.fakes import MemoryPaces
from tests.unit.pacing_simulation import Server, Simulation, SlidingWindow, TokenBucket

SERVERS: dict[str, Callable[[float], Server]] = {
    "no burst": lambda rate: TokenBucket(rate, 1),
    "burst of a second": lambda rate: TokenBucket(rate, rate),
    "burst of two seconds": lambda rate: TokenBucket(rate, 2 * rate),
    "sliding window": SlidingWindow,
}
AT_WORST = {
    "no burst": 1.15,
    "burst of a second": 1.08,
    "burst of two seconds": 1.08,
    "sliding window": 1.19,
}
"""Time over calls ÷ rate, from a cold start."""
RATES = (5.0, 20.0)
LATENCIES_S = (0.0, 0.05, 0.5)
DURATION_S = 100
EXPORT_CALLS = 1_000
"""Of 100,000 people."""

servers = pytest.mark.parametrize("kind", SERVERS)
rates = pytest.mark.parametrize("rate", RATES)
latencies = pytest.mark.parametrize("latency_s", LATENCIES_S)
workers = pytest.mark.parametrize("workers", [1, 2])
ceilings = pytest.mark.parametrize("ceiling", [None, 20.0, 5.0])


def simulation(workers: int = 1, known: Pace | None = None, threads: int = 32) -> Simulation:
    paces = MemoryPaces()
    if known:
        paces.known["c1"] = known
    return Simulation(paces, workers=workers, threads=threads // workers)


def learnt(rate: float) -> Pace:
    return Pace(rate * 0.98, rate, 999_000.0, throttled_at=998_000.0)


@servers
@rates
@latencies
@workers
@ceilings
def test_a_known_limit_is_used_to_97_percent_and_never_passed(
    kind: str, rate: float, latency_s: float, workers: int, ceiling: float | None
) -> None:
    best = min(rate, ceiling or rate)
    calls = int(best * DURATION_S)

    traffic = simulation(workers, learnt(rate)).run(
        SERVERS[kind](rate), calls, latency_s=latency_s, ceiling=ceiling
    )

    assert traffic.refused_at == []
    assert traffic.ended_at / (calls / best) <= 1.03


@servers
@rates
@latencies
@workers
@ceilings
def test_an_unknown_limit_is_found_at_little_cost(
    kind: str, rate: float, latency_s: float, workers: int, ceiling: float | None
) -> None:
    best = min(rate, ceiling or rate)
    calls = EXPORT_CALLS
    simulated = simulation(workers)

    traffic = simulated.run(SERVERS[kind](rate), calls, latency_s=latency_s, ceiling=ceiling)

    # A strict limiter gives away what every refused call was entitled to; the search costs more there.
    assert traffic.ended_at / (calls / best) <= AT_WORST[kind]
    assert len(traffic.refused_at) <= 0.2 * calls
    found = simulated.paces.known["c1"]
    if found.limit_per_s is not None:
        assert 0.96 * rate <= found.limit_per_s <= 1.01 * rate


@servers
@rates
@latencies
@workers
def test_what_was_learnt_serves_the_next_run_without_a_429(
    kind: str, rate: float, latency_s: float, workers: int
) -> None:
    simulated, server = simulation(workers), SERVERS[kind](rate)
    simulated.run(server, 5 * EXPORT_CALLS // 2, latency_s=latency_s)
    assert simulated.paces.known["c1"].limit_per_s is not None
    simulated.now += 3_600
    again = Simulation(simulated.paces, workers=workers, threads=32 // workers)
    again.now = simulated.now

    traffic = again.run(SERVERS[kind](rate), int(rate * DURATION_S), latency_s=latency_s)

    assert traffic.refused_at == []
    assert (traffic.ended_at - latency_s) / DURATION_S <= 1.035


@rates
@pytest.mark.parametrize("late_s", [0.002, 0.01, 0.02])
def test_threads_that_wake_up_late_cost_little_where_no_burst_is_forgiven(rate: float, late_s: float) -> None:
    simulated = simulation(known=learnt(rate))

    traffic = simulated.run(TokenBucket(rate, 1), int(rate * DURATION_S), latency_s=0.05, late_s=late_s)

    assert traffic.ended_at / DURATION_S <= 1.1
    assert len(traffic.refused_at) <= 10


@dataclass
class Moody:
    """Refuses a share of the calls for no reason."""

    server: Server
    share: float
    chance: random.Random

    def accepts(self, now: float) -> bool:
        return self.chance.random() >= self.share and self.server.accepts(now)


@pytest.mark.parametrize(("share", "at_least_per_s"), [(0.02, 14), (0.05, 5), (0.1, 3)])
@pytest.mark.parametrize("seed", range(5))
def test_refusals_for_no_reason_do_not_bring_a_run_to_a_halt(
    share: float, at_least_per_s: float, seed: int
) -> None:
    server = Moody(TokenBucket(20.0, 20.0), share, random.Random(seed))

    traffic = simulation().run(server, EXPORT_CALLS, latency_s=0.05)

    assert EXPORT_CALLS / traffic.ended_at >= at_least_per_s


@rates
def test_a_limit_that_falls_is_followed(rate: float) -> None:
    simulated = simulation(known=learnt(4 * rate))

    traffic = simulated.run(TokenBucket(rate, rate), int(rate * 200), latency_s=0.05)

    assert traffic.ended_at / 200 <= 1.10
    assert [moment for moment in traffic.refused_at if moment > 100] == []


def test_a_limit_that_rises_is_noticed_in_the_long_run() -> None:
    simulated = simulation(known=learnt(5.0))

    simulated.run(TokenBucket(20.0, 20.0), 20_000, latency_s=0.05)

    assert simulated.paces.known["c1"].rate_per_s == pytest.approx(19.6, rel=0.08)


def test_without_a_limit_and_a_ceiling_nothing_waits() -> None:
    traffic = simulation(threads=16).run(None, 3_200, latency_s=0.05)

    assert traffic.ended_at == pytest.approx(3_200 / 16 * 0.05)


@workers
@pytest.mark.parametrize("ceiling", [5.0, 20.0])
@pytest.mark.parametrize("latency_s", [0.0, 0.5])
def test_a_ceiling_is_never_passed(workers: int, ceiling: float, latency_s: float) -> None:
    traffic = simulation(workers).run(None, 400, latency_s=latency_s, ceiling=ceiling)

    for first, last in zip(traffic.begun_at, traffic.begun_at[int(10 * ceiling) :], strict=False):
        assert last - first >= 10 - 1.5 / ceiling
    assert traffic.ended_at <= 400 / ceiling + latency_s + 1


@pytest.mark.parametrize("retry_after_s", [1.0, 7.5, 60.0])
@pytest.mark.parametrize("rate", RATES)
def test_retry_after_is_obeyed(retry_after_s: float, rate: float) -> None:
    simulated = simulation()

    traffic = simulated.run(
        TokenBucket(rate, rate), int(rate * 60), latency_s=0.0, retry_after_s=retry_after_s
    )

    assert traffic.refused_at
    for refused_at in traffic.refused_at:
        assert not [at for at in traffic.begun_at if refused_at < at < refused_at + retry_after_s - 0.001]


def test_an_account_that_is_throttled_for_no_reason_recovers() -> None:
    class Moody:
        def accepts(self, now: float) -> bool:
            return not 5.0 < now < 5.2

    traffic = simulation(threads=16).run(Moody(), 20_000, latency_s=0.05)  # type: ignore[arg-type]

    assert traffic.ended_at <= 5 + 60


class Clock:
    """Virtual time that only sleeping moves on."""

    def __init__(self) -> None:
        self.now, self.naps = 1_000.0, list[float]()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


def run_pacer(
    clock: Clock,
    stop: Callable[[], bool] = lambda: False,
    *,
    known: Pace | None = None,
    ceiling: float | None = None,
) -> RunPacer:
    paces = MemoryPaces()
    if known:
        paces.known["c1"] = known
    pace = ConnectionPace(paces, "c1", clock=clock)
    return RunPacer(pace, ceiling, stop, clock=clock, sleep=clock.sleep)


def test_a_pause_lasts_as_long_as_it_should() -> None:
    clock = Clock()

    run_pacer(clock).pause(3.25)

    assert clock.now == pytest.approx(1_003.25)


@pytest.mark.parametrize("action", [lambda pacer: pacer.pause(60.0), lambda pacer: pacer.wait()])
def test_a_stop_is_heard_within_half_a_second(action: Callable[[RunPacer], None]) -> None:
    clock = Clock()
    pacer = run_pacer(clock, lambda: clock.now >= 1_010.0, known=Pace(5.0, 5.0, 1_090.0))

    with pytest.raises(Stopped):
        action(pacer)

    assert clock.now <= 1_010.5


def test_a_run_that_was_stopped_makes_no_further_call() -> None:
    with pytest.raises(Stopped):
        run_pacer(Clock(), lambda: True).wait()


@pytest.mark.parametrize("none", [None, 0.0])
def test_no_ceiling_means_no_wait(none: float | None) -> None:
    clock = Clock()
    pacer = run_pacer(clock, ceiling=none)

    for _ in range(100):
        pacer.wait()

    assert clock.now == 1_000.0


def test_a_ceiling_that_is_taken_away_leaves_no_distance_between_calls() -> None:
    simulated = simulation()
    simulated.run(None, 40, latency_s=0.05, ceiling=20.0)

    traffic = simulated.run(None, 1_000, latency_s=0.05)

    assert traffic.ended_at < 5


def test_one_thread_keeps_the_ceiling() -> None:
    clock = Clock()
    pacer = run_pacer(clock, ceiling=4.0)

    for _ in range(41):
        pacer.wait()
        pacer.succeeded()

    assert clock.now == pytest.approx(1_010.0)


def test_a_refused_call_makes_everybody_wait_as_long_as_asked() -> None:
    clock = Clock()
    pacer = run_pacer(clock)
    pacer.wait()

    pacer.throttled(30.0)
    pacer.wait()

    assert clock.now >= 1_030.0


def test_a_connection_has_one_pace_in_a_process() -> None:
    book = PaceBook(MemoryPaces())

    assert book.of("c1") is book.of("c1")
    assert book.of("c1") is not book.of("c2")
