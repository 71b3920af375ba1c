"""When schedules are due next, found once a minute for all who ask: many exports share a few schedules."""

from datetime import datetime
from functools import lru_cache

from shared.domain.schedule import Refresh, Schedule, next_slot

_REMEMBERED = 10_000


def next_slot_of(schedule: Schedule, now: datetime, refresh: Refresh | None) -> datetime | None:
    """Like ``next_slot``: slots are whole minutes, so that within a minute it is always the same one."""
    return _find_slot(schedule, now.replace(second=0, microsecond=0), refresh)


_find_slot = lru_cache(_REMEMBERED)(next_slot)
