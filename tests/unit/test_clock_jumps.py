"""Clocks that are set while runs go on: nobody waits for hours, and the pace holds."""

from shared.domain.ports import Pace
from shared.pipeline.pushing.pacing import ConnectionPace, RunPacer
from shared.pipeline.pushing.steady_clock import SteadyClock
from tests.fakes import MemoryPaces

DAY_S = 86_400.0


class Machine:
    """A time of day that can be set, and the time that really passes."""

    def __init__(self) -> None:
        self.elapsed_s, self.set_by_s = 50.0, 1_000_000.0
        self.clock = SteadyClock(lambda: self.elapsed_s + self.set_by_s, lambda: self.elapsed_s)

    def sleep(self, seconds: float) -> None:
        self.elapsed_s += seconds

    def pacer(self, paces: MemoryPaces, ceiling_per_s: float) -> RunPacer:
        pace = ConnectionPace(paces, "c1", clock=self.clock)
        return RunPacer(pace, ceiling_per_s, lambda: False, clock=self.clock, sleep=self.sleep)


def test_a_pace_holds_while_the_clock_is_set_to_and_fro() -> None:
    machine, began_at_s = Machine(), 50.0
    pacer = machine.pacer(MemoryPaces(), 5.0)
    for jump_s in (0.0, -DAY_S, 3_600.0, -90.0, DAY_S, -3 * DAY_S):
        machine.set_by_s += jump_s
        for _ in range(50):
            pacer.wait()
    assert 58 <= machine.elapsed_s - began_at_s <= 62


def test_a_wait_that_is_asked_for_ends_in_time_although_the_clock_is_set_back() -> None:
    machine = Machine()
    pacer = machine.pacer(MemoryPaces(), 5.0)
    pacer.wait()
    pacer.throttled(30.0)
    machine.set_by_s -= DAY_S
    began_at_s = machine.elapsed_s
    pacer.wait()
    assert 30 <= machine.elapsed_s - began_at_s <= 32


def test_a_worker_does_not_believe_moments_that_a_wrong_clock_has_set() -> None:
    machine, paces = Machine(), MemoryPaces()
    tomorrow = machine.clock() + DAY_S
    paces.known["c1"] = Pace(5.0, 5.0, tomorrow, throttled_at=tomorrow)
    began_at_s = machine.elapsed_s
    pacer = machine.pacer(paces, 5.0)
    for _ in range(50):
        pacer.wait()
    assert 9 <= machine.elapsed_s - began_at_s <= 11


def test_a_pace_that_was_climbing_climbs_on_after_a_wrong_clock() -> None:
    machine, paces = Machine(), MemoryPaces()
    tomorrow = machine.clock() + DAY_S
    paces.known["c1"] = Pace(1.0, None, tomorrow, throttled_at=tomorrow, growth_per_s=0.5, calls=900)
    machine.pacer(paces, 40.0).wait()
    assert paces.known["c1"].growth_per_s == 0.5
    assert paces.known["c1"].calls < 900
