"""How the pace of a connection follows from what its destination refuses. Plain arithmetic on ``Pace``.

Autopilot announces no limit (5 calls/s were documented in 2015, clients use 20) and its 429 carries no hint. So the
limit is found in four steps. Until the first 429 nothing is known and nothing waits. The search climbs steeply from a
first guess to the second 429, the approach gently to the third. Then the pace creeps: a step back on each 429, and
slowly up again to the next, until for some seconds it has been close to the limit. Creeping shows the limit whatever
burst the destination forgives: a strict limiter refuses as soon as the pace is above it, a bucket (then empty) when
the surplus has come to one call. The pace settles just below and stays there, until a 429 or a long calm gives reason
to look again.
"""

import math
from dataclasses import replace

from shared.domain.ports import Pace

LEASE_S, _LEARNING_LEASE_S = 0.5, 0.2
FIRST_GUESS_PER_S, _SLOWEST_PER_S, _FASTEST_PER_S = 4.0, 0.2, 1_000.0
SEARCHING = 2
"""Refusals before the pace creeps."""
GAP = 0.2
"""A strict limiter must see a step back at once: this part of an interval is left out then."""
_STEP_BACK, _CREEP = 0.93, 1.03
_CALM_S, _LONG_CALM_S = 0.8, 5.0
_NEAR_S = 12.0
_SETTLE_BELOW, _PROVEN = 0.98, 0.96
_GROWTH = (
    ((1.02, 900.0, 1_200.0),),
    ((1.5, 0.75, 60.0),),
    ((1.15, 0.0, 60.0),),
    ((_CREEP, 0.0, _LONG_CALM_S), (1.15, _LONG_CALM_S, 60.0)),
)
"""By the number of refusals since the pace was settled: growth per second, from and to which second of calm."""


def lease_s(pace: Pace) -> float:
    """Return for how long moments are taken in advance: shortly while every refusal changes the pace."""
    return _LEARNING_LEASE_S if pace.refusals else LEASE_S


def lower(rate: float | None, ceiling: float | None) -> float | None:
    return min((value for value in (rate, ceiling) if value), default=None)


def rate_at(pace: Pace, now: float) -> float | None:
    """Return the pace at this moment: it grows as long as no call is refused, ever more slowly while the limit is
    searched, approached and measured, and after that only when all was calm for long."""
    if pace.rate_per_s is None:
        return None
    quiet_s = now - (now if pace.throttled_at is None else pace.throttled_at)
    grown = pace.rate_per_s
    for growth, begins_s, ends_s in _GROWTH[min(pace.refusals, len(_GROWTH) - 1)]:
        grown *= growth ** max(0.0, min(quiet_s, ends_s) - begins_s)
    return float(min(grown, max(pace.rate_per_s, _FASTEST_PER_S)))


def step_back(pace: Pace, present: float, recent_per_s: float, now: float) -> Pace:
    """Return the pace after a call was refused at the rate ``present``."""
    refusals = max(pace.refusals, 0 if pace.limit_per_s is None else 1) + 1
    after = replace(
        pace, rate_per_s=max(_SLOWEST_PER_S, present * _STEP_BACK), throttled_at=now, refusals=refusals
    )
    if refusals <= SEARCHING and pace.limit_per_s is None:
        # The first refusal tells little, it may only have ended a burst; the second one ended a steep climb.
        return replace(after, rate_per_s=min(present, max(recent_per_s, present / 2)))
    if refusals <= SEARCHING:
        return after
    calm_s = now - (pace.throttled_at or 0.0)
    if pace.near_since is None or not _CALM_S < calm_s < _LONG_CALM_S:
        # The pace was well above the limit, or far below.
        return replace(after, near_since=now)
    if now - pace.near_since < _NEAR_S:
        return after
    # In a creeping pace the surplus comes to one call when the pace is above the limit by this factor.
    limit = _PROVEN * present / (1 + math.sqrt(2 * (_CREEP - 1) / present))
    return Pace(limit * _SETTLE_BELOW, limit, pace.next_free_at, throttled_at=now)
