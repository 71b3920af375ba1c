"""A connection's lane: which run has it, until when, and who comes next.

Runs wait in the order in which they came. Whoever has not asked for WAITS_S is not waited for any more.
"""

from dataclasses import dataclass, replace

WAITS_S = 180.0
"""More than twice as long as anybody waits before asking again."""

_LONGEST_QUEUE = 200


@dataclass(frozen=True, slots=True)
class Lane:
    """Moments are seconds since 1970. ``queue`` maps those who wait to when they last asked, in their order."""

    holder: str | None = None
    until: float = 0.0
    queue: tuple[tuple[str, float], ...] = ()

    def taken_by(self, who: str, now: float) -> str | None:
        """Return who has the lane, or comes before ``who``; None when it may be taken."""
        if self.holder not in (None, who) and self.until > now:
            return self.holder
        if self.holder == who and self.until > now:
            return None
        first = next((other for other, asked in self.queue if asked > now - WAITS_S), who)
        return None if first == who else first

    def taken(self, who: str, until: float) -> "Lane":
        """Return the lane as ``who`` has it."""
        return replace(self._without(who), holder=who, until=until)

    def left(self, who: str) -> "Lane":
        """Return the lane as it is when ``who`` neither has it nor waits for it."""
        rest = self._without(who)
        return replace(rest, holder=None, until=0.0) if self.holder == who else rest

    def queued(self, who: str, now: float) -> "Lane":
        """Return the lane with ``who`` waiting for it; she keeps her place if she has one. A full queue stays so."""
        queue = [(other, asked) for other, asked in self.queue if asked > now - WAITS_S or other == who]
        places = {other: place for place, (other, _) in enumerate(queue)}
        if who in places:
            queue[places[who]] = (who, now)
        elif len(queue) < _LONGEST_QUEUE:
            queue.append((who, now))
        return replace(self, queue=tuple(queue))

    def place(self, who: str) -> int:
        """Return how many, from 1 on, have the lane before somebody who waits has it."""
        waiting = [other for other, _ in self.queue]
        return 1 + (waiting.index(who) if who in waiting else len(waiting))

    @property
    def is_empty(self) -> bool:
        return self.holder is None and not self.queue

    def _without(self, who: str) -> "Lane":
        return replace(self, queue=tuple(each for each in self.queue if each[0] != who))
