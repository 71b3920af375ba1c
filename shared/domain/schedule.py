"""Schedules: when an export runs by itself, and when everything is refreshed."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from shared.domain.record import Record

TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""``HH:MM``, local to the schedule's time zone."""

DayOfMonth = Annotated[int, Field(ge=1, le=31)]


class Weekday(StrEnum):
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class Recurrence(StrEnum):
    """REFRESH: whenever its segments are renewed, by an upload or by the refresh. The others: at their own times."""

    REFRESH = "refresh"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class Schedule(Record):
    """``times`` are for daily, weekly and monthly ones; ``minute`` is for hourly ones. A day that a month does not
    have is its last day. ``time_zone`` is an IANA name."""

    recurrence: Recurrence = Recurrence.REFRESH
    minute: Annotated[int, Field(ge=0, le=59)] = 0
    times: tuple[TimeOfDay, ...] = Field(default=(), max_length=24)
    weekdays: tuple[Weekday, ...] = ()
    days_of_month: tuple[DayOfMonth, ...] = ()
    time_zone: str = "UTC"


class RefreshRecurrence(StrEnum):
    OFF = "off"
    DAILY = "daily"
    WEEKLY = "weekly"


class Refresh(Record):
    """The refresh of everything: off, daily or weekly, up to four times a day."""

    recurrence: RefreshRecurrence = RefreshRecurrence.OFF
    times: tuple[TimeOfDay, ...] = Field(default=(), max_length=4)
    weekdays: tuple[Weekday, ...] = ()
    time_zone: str = "UTC"
    updated_by: str = ""
