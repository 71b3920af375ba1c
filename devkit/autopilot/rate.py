"""The throttle: a token bucket on a monotonic clock, so that setting the machine's clock changes nothing."""

import time
from collections.abc import Callable


class TokenBucket:
    """Holds up to ``burst`` calls and regains ``rate`` calls per second. Refused calls cost nothing."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._spent = 0.0
        self._seen_s = now_s()

    def take(self, rate_per_s: float, burst: float | None) -> bool:
        """Take one call from the bucket; False when it is empty. Without ``burst`` it is one second's worth."""
        now_s = self._now_s()
        self._spent = max(0.0, self._spent - (now_s - self._seen_s) * rate_per_s)
        self._seen_s = now_s
        capacity = max(1.0, rate_per_s if burst is None else burst)
        if self._spent + 1 > capacity + 1e-9:
            return False
        self._spent += 1
        return True
