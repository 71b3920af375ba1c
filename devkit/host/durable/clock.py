"""Clocks: the real one, and one for tests in which waiting takes no time. Times are whole microseconds since 1970 (UTC)."""

import threading
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """What the engine needs to know about time."""

    skips: bool

    def now_us(self) -> int:
        """The present; never less than what was returned before."""
        ...


class SystemClock:
    """The time of this machine, held still while the machine's clock is set back."""

    skips = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest_us = 0

    def now_us(self) -> int:
        with self._lock:
            self._latest_us = max(self._latest_us, time.time_ns() // 1000)
            return self._latest_us


class VirtualClock(SystemClock):
    """Runs like the real clock, and can be moved forward.

    With `skips` the engine moves it to the next timer whenever nothing else is left to do, so a
    wait of days costs milliseconds. Without, only `advance` makes a timer fire early.
    """

    def __init__(self, *, skips: bool = True) -> None:
        super().__init__()
        self.skips = skips
        self.on_advance: Callable[[], None] = lambda: None
        self._offset_us = 0

    def now_us(self) -> int:
        return super().now_us() + self._offset_us

    def advance(self, seconds: float) -> None:
        """Move the present forward and let the engine look for timers that are due now."""
        self._offset_us += round(seconds * 1_000_000)
        self.on_advance()

    def advance_to(self, due_us: int) -> None:
        """Move the present forward to `due_us`; never back."""
        self._offset_us += max(0, due_us - self.now_us())
