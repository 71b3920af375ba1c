"""How the pace of a connection follows from what its destination refuses. Plain arithmetic on ``Pace``.

Autopilot announces no limit (5 calls/s were documented in 2015, clients use 20) and its 429 carries no hint. Until the
first 429 nothing is known and nothing waits. Then the pace climbs from one 429 to the next, ever more gently. Such a
climb brackets the limit, whatever burst the destination forgives: what it let through between two 429s is, on average,
not more than it allows, and the pace that met the second 429 is not less. The next climb begins in the middle of that
bracket. Once it is narrow, the pace settles at its lower end and stays there, until a 429 or a long calm gives reason to
look again.
"""

import math
from dataclasses import replace

from shared.domain.ports import Pace

LEASE_S, _LEARNING_LEASE_S = 0.5, 0.2
FIRST_GUESS_PER_S, _SLOWEST_PER_S, _FASTEST_PER_S = 4.0, 0.2, 1_000.0
GAP = 0.2
"""A strict limiter must see a step back at once: this part of an interval is left out then."""
_STEEPEST_PER_S, _STEEPEST_PER_CALL, _LEAST_PER_S = 1.0, 0.25, 0.02
"""How much of itself the pace may grow by while it climbs: answers take a while, and until then it grows further."""
_GENTLER, _WIDTHS = 4.0, 64.0
"""A climb is so much gentler than the last, but not lost in a wide bracket: not below width² ÷ 64 per call."""
_PATIENCE_S = 10.0
"""A climb that takes longer grows steeper."""
_CLOSE, _ENOUGH_CALLS = 0.03, 80
"""When the limit is known: how wide the bracket is, and after how many calls."""
_SETTLE_BELOW, _AFTER_SETTLING = 0.997, 0.95
_BACK_PER_S = 0.1
"""How fast the pace grows again after refusals that tell nothing."""

_LONE_CALLS, _AFTER_LONE = 15, 0.99
"""Once settled, a 429 after so many calls that were accepted tells of a call that came a moment early or late, not of
another limit."""
_LONG_CALM_S, _LONGEST_CALM_S, _LOOK_AGAIN_PER_S = 900.0, 1_200.0, 0.02


def lease_s(pace: Pace) -> float:
    """Return for how long moments are taken in advance: shortly while every refusal changes the pace."""
    return _LEARNING_LEASE_S if pace.growth_per_s else LEASE_S


def lower(rate: float | None, ceiling: float | None) -> float | None:
    return min((value for value in (rate, ceiling) if value), default=None)


def rate_at(pace: Pace, now: float) -> float | None:
    """Return the pace at this moment: it grows as long as no call is refused; once settled, only after a long calm."""
    if pace.rate_per_s is None:
        return None
    calm_s = max(0.0, now - (now if pace.throttled_at is None else pace.throttled_at))
    if pace.growth_per_s:
        growth = pace.growth_per_s * calm_s * max(1.0, calm_s / _PATIENCE_S)
    else:
        growth = _LOOK_AGAIN_PER_S * max(0.0, min(calm_s, _LONGEST_CALM_S) - _LONG_CALM_S)
    most = max(pace.rate_per_s, _FASTEST_PER_S)
    return pace.rate_per_s * math.exp(min(growth, math.log(most / pace.rate_per_s)))


def step_back(pace: Pace, refused_per_s: float, now: float) -> Pace:
    """Return the pace after a call was refused at this rate."""
    if pace.rate_per_s is None or pace.throttled_at is None:
        return _climb(pace, refused_per_s, _STEEPEST_PER_S)
    calls = pace.calls - max(0.0, pace.next_free_at - now) * refused_per_s
    if not pace.growth_per_s and calls >= _LONE_CALLS and refused_per_s <= pace.rate_per_s:
        return replace(pace, rate_per_s=_AFTER_LONE * pace.rate_per_s)
    if not pace.growth_per_s:
        return _search(pace, _AFTER_SETTLING * pace.rate_per_s, refused_per_s)
    # What is left in a bucket at a 429 is less than one call.
    allowed = (calls - 1) / max(1e-9, now - pace.throttled_at)
    if calls >= _ENOUGH_CALLS and refused_per_s <= allowed * (1 + _CLOSE):
        return replace(pace, rate_per_s=allowed * _SETTLE_BELOW, limit_per_s=allowed, growth_per_s=0.0)
    if allowed < refused_per_s / 4:
        # So few calls tell nothing but that they came too fast.
        return _climb(pace, refused_per_s / 2, max(pace.growth_per_s, _LEAST_PER_S))
    return _search(pace, min(allowed, 0.98 * refused_per_s), refused_per_s)


def climb_on(pace: Pace, present_per_s: float, now: float) -> Pace:
    """Return the pace after a refusal that tells nothing: back to where others are refused, too."""
    on = replace(pace, throttled_at=now, calls=0)
    return _climb(on, present_per_s, max(pace.growth_per_s, _BACK_PER_S))


def _search(pace: Pace, allowed_per_s: float, refused_per_s: float) -> Pace:
    """Return the pace at the foot of a climb through the upper half of a bracket."""
    start, width = (allowed_per_s + refused_per_s) / 2, min(1.0, refused_per_s / allowed_per_s - 1)
    return _climb(pace, start, max(pace.growth_per_s / _GENTLER, start * width**2 / _WIDTHS))


def _climb(pace: Pace, start_per_s: float, growth_per_s: float) -> Pace:
    start = max(start_per_s, _SLOWEST_PER_S)
    growth = min(growth_per_s, _STEEPEST_PER_S, _STEEPEST_PER_CALL * start)
    return replace(pace, rate_per_s=start, growth_per_s=growth)
