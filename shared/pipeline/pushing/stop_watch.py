"""Asking whether a run should stop, often, at the price of asking storage rarely."""

import threading
import time
from collections.abc import Callable

_ASK_EVERY_S = 1.0


class StopWatch:
    """Answers from memory between two looks. Thread-safe; once True, always True."""

    def __init__(self, ask: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._answer, self._asked_at, self._lock = False, float("-inf"), threading.Lock()

    def __call__(self) -> bool:
        if self._answer or self._clock() - self._asked_at < _ASK_EVERY_S:
            return self._answer
        with self._lock:
            if not self._answer and self._clock() - self._asked_at >= _ASK_EVERY_S:
                self._asked_at = self._clock()
                self._answer = self._ask()
        return self._answer
