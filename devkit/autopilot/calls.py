"""What was called, and how it went. Keys are never recorded."""

import time
from collections import Counter, defaultdict, deque
from itertools import count
from typing import Any

KEPT = 10_000


class CallLog:
    """Counts of all calls, and the last 10,000 of them."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.accepted_bulk_calls = 0
        self.max_contacts_per_call = 0
        self._recent: deque[tuple[int, float, str, str, str, int]] = deque(maxlen=KEPT)
        self._numbers = count(1)
        self._started_s = time.monotonic()

    def saw_bulk(self, contacts: int) -> None:
        self.max_contacts_per_call = max(self.max_contacts_per_call, contacts)

    def record(self, endpoint: str, path: str, outcome: str, contacts: int) -> None:
        """``outcome`` is the status, or the name of the fault when no answer was sent.

        ``contacts`` counts those of a bulk call that was carried out, whether or not its answer was sent.
        """
        self.outcomes[endpoint][outcome] += 1
        self.accepted_bulk_calls += contacts > 0
        at_s = time.monotonic() - self._started_s
        self._recent.append((next(self._numbers), at_s, endpoint, path, outcome, contacts))

    def since(self, number: int) -> list[dict[str, Any]]:
        """Return the kept calls with a higher number, oldest first; ``at_s`` counts from start or reset."""
        names = ("number", "at_s", "endpoint", "path", "outcome", "contacts")
        return [dict(zip(names, call, strict=True)) for call in tuple(self._recent) if call[0] > number]
