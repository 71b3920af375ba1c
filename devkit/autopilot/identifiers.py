"""Ids in the shapes that were recorded, and times in the shapes the API speaks."""

import time
from datetime import UTC, datetime
from random import Random

# Never seeded: ids must differ from those of an earlier process, which a state file may hold.
_random = Random()  # noqa: S311 (a simulator's ids guard nothing)

# One look at the wall clock per process: afterwards time only goes forward, whatever happens to the clock.
_STARTED_MS = time.time() * 1000 - time.monotonic() * 1000


def new_id(prefix: str) -> str:
    """Return ``prefix_`` and a random upper-case UUID."""
    digits = f"{_random.getrandbits(128):032X}"
    return f"{prefix}_{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def now_ms() -> int:
    """Milliseconds since 1970."""
    return int(_STARTED_MS + time.monotonic() * 1000)


def iso_time(at_ms: float) -> str:
    """``2017-01-14T03:16:19.000Z``"""
    return _iso(datetime.fromtimestamp(at_ms / 1000, UTC))


def iso_from_text(text: str) -> str:
    """Return an ISO date or date-time in the form in which dates are read back; without a zone it is UTC."""
    moment = datetime.fromisoformat(text)
    return _iso(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC))


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
