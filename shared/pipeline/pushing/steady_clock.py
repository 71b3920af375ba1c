"""The time of day, for pacing: a clock that is set back while a process runs makes nobody wait."""

import threading
import time
from collections.abc import Callable


class SteadyClock:
    """Seconds since 1970. It goes along when the time of day is set forward, as after a suspension, and never back."""

    def __init__(
        self, time_of_day: Callable[[], float] = time.time, elapsed_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._time_of_day, self._elapsed_s = time_of_day, elapsed_s
        self._offset_s, self._lock = float("-inf"), threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            elapsed_s = self._elapsed_s()
            self._offset_s = max(self._offset_s, self._time_of_day() - elapsed_s)
            return self._offset_s + elapsed_s


read_steady_time = SteadyClock()
