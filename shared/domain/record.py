"""The base of everything that is stored: immutable, JSON in and out, tolerant of fields it does not know."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

Clock = Callable[[], datetime]
"""Gives the present as an aware UTC time."""


def utc_now() -> datetime:
    """The same clock as that of pacing, ``time.time``: a process has one."""
    return datetime.fromtimestamp(time.time(), UTC)


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_in_utc)]

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""What people call a thing."""


class Record(BaseModel):
    """A stored thing. Unknown fields are ignored, so that an older version can read a newer record."""

    model_config = ConfigDict(frozen=True, extra="ignore")
