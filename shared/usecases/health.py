"""Health: does everything that Segpilot depends on answer?"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from pydantic import BaseModel

from shared.domain.errors import SegpilotError


class PartHealth(BaseModel):
    ok: bool
    message: str = ""
    remedy: str = ""


class HealthReport(BaseModel):
    """``ok`` is True when every part answers."""

    ok: bool
    parts: dict[str, PartHealth]


class Health:
    """Pings every adapter, side by side."""

    def __init__(self, pings: Mapping[str, Callable[[], None]]) -> None:
        self._pings = pings

    def report(self) -> HealthReport:
        with ThreadPoolExecutor(len(self._pings)) as pool:
            parts = dict(zip(self._pings, pool.map(_look, self._pings.values()), strict=True))
        return HealthReport(ok=all(part.ok for part in parts.values()), parts=parts)


def _look(ping: Callable[[], None]) -> PartHealth:
    try:
        ping()
    except SegpilotError as problem:
        return PartHealth(ok=False, message=problem.message, remedy=problem.remedy)
    return PartHealth(ok=True)
