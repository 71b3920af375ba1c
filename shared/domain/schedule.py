"""Schedules: when an export runs by itself, and when everything is refreshed."""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, StringConstraints

from shared.domain.identifiers import version_of
from shared.domain.record import Moment, Record

REFRESH_ID = "refresh"
"""There is one refresh."""

LONGEST_PAUSE = timedelta(days=32)
"""No schedule rests for longer."""

TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""``HH:MM``, local to the schedule's time zone."""

ZoneName = Annotated[str, StringConstraints(max_length=100)]

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
    weekdays: tuple[Weekday, ...] = Field(default=(), max_length=7)
    days_of_month: tuple[DayOfMonth, ...] = Field(default=(), max_length=31)
    time_zone: ZoneName = "UTC"


class RefreshRecurrence(StrEnum):
    OFF = "off"
    DAILY = "daily"
    WEEKLY = "weekly"


class Refresh(Record):
    """The refresh of everything: off, daily or weekly, up to four times a day."""

    recurrence: RefreshRecurrence = RefreshRecurrence.OFF
    times: tuple[TimeOfDay, ...] = Field(default=(), max_length=4)
    weekdays: tuple[Weekday, ...] = Field(default=(), max_length=7)
    time_zone: ZoneName = "UTC"
    updated_by: str = ""
    updated_at: Moment | None = None


def schedule_version(schedule: Schedule | Refresh) -> str:
    """Return a digest of when something is due; who set it so, and when, is not part of it."""
    return version_of(schedule, without=frozenset({"updated_by", "updated_at"}))


def check_schedule(schedule: Schedule) -> list[str]:
    """Return one sentence for each thing that is wrong with a schedule; none = it can be kept."""
    kind = schedule.recurrence
    timed = kind in (Recurrence.DAILY, Recurrence.WEEKLY, Recurrence.MONTHLY)
    return [
        *check_zone(schedule.time_zone),
        *_check_choice("time of day", schedule.times, kind, timed),
        *_check_choice("day of the week", schedule.weekdays, kind, kind is Recurrence.WEEKLY),
        *_check_choice("day of the month", schedule.days_of_month, kind, kind is Recurrence.MONTHLY),
    ]


def check_refresh(refresh: Refresh) -> list[str]:
    """Like ``check_schedule``, for the refresh."""
    kind = refresh.recurrence
    timed = kind in (RefreshRecurrence.DAILY, RefreshRecurrence.WEEKLY)
    return [
        *check_zone(refresh.time_zone),
        *_check_choice("time of day", refresh.times, kind, timed),
        *_check_choice("day of the week", refresh.weekdays, kind, kind is RefreshRecurrence.WEEKLY),
    ]


def slots(schedule: Schedule | Refresh, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield every moment (UTC) with ``after`` < moment <= ``until`` at which the schedule is due, in order.

    A time of day that the clock jumps over comes at the jump; one that the clock shows twice comes the first time.
    An hourly schedule is due whenever the clock shows its minute. A schedule that follows the refresh has no slots.
    """
    zone = ZoneInfo(schedule.time_zone)
    if isinstance(schedule, Schedule) and schedule.recurrence is Recurrence.HOURLY:
        found = _hourly_moments(schedule.minute, zone, after)
    else:
        found = _daily_moments(schedule, zone, after, until)
    for moment in found:
        if moment > until:
            return
        if moment > after:
            yield moment
            after = moment


def last_slot(schedule: Schedule | Refresh, after: datetime, until: datetime) -> datetime | None:
    """Return the latest slot with ``after`` < slot <= ``until``, or None."""
    return max(slots(schedule, max(after, until - LONGEST_PAUSE), until), default=None)


def next_slot(
    schedule: Schedule | Refresh, after: datetime, refresh: Refresh | None = None
) -> datetime | None:
    """Return the first slot after a moment; that of ``refresh`` for a schedule that follows it. None = there is none."""
    if isinstance(schedule, Schedule) and schedule.recurrence is Recurrence.REFRESH:
        return next_slot(refresh, after) if refresh else None
    return next(slots(schedule, after, after + LONGEST_PAUSE), None)


def _hourly_moments(minute: int, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    hour = after.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while True:
        # Zones may be half an hour off, and may become so within an hour.
        ends = (hour, hour + timedelta(minutes=59))
        offsets = {end.astimezone(zone).minute - end.minute for end in ends}
        moments = {hour + timedelta(minutes=(minute - offset) % 60) for offset in offsets}
        yield from sorted(moment for moment in moments if moment.astimezone(zone).minute == minute)
        hour += timedelta(hours=1)


def _daily_moments(
    schedule: Schedule | Refresh, zone: ZoneInfo, after: datetime, until: datetime
) -> Iterator[datetime]:
    day, last = after.astimezone(zone).date(), until.astimezone(zone).date() + timedelta(days=1)
    times = [time.fromisoformat(text) for text in sorted(schedule.times)]
    while day <= last:
        if _is_due(schedule, day):
            yield from (_first_moment(datetime.combine(day, at), zone) for at in times)
        day += timedelta(days=1)


def _is_due(schedule: Schedule | Refresh, day: date) -> bool:
    match schedule.recurrence:
        case Recurrence.DAILY | RefreshRecurrence.DAILY:
            return True
        case Recurrence.WEEKLY | RefreshRecurrence.WEEKLY:
            return list(Weekday)[day.weekday()] in schedule.weekdays
        case Recurrence.MONTHLY if isinstance(schedule, Schedule):
            length = monthrange(day.year, day.month)[1]
            return day.day in {min(wanted, length) for wanted in schedule.days_of_month}
    return False


def _first_moment(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment at which the zone's clock shows ``local`` or later."""
    moment = min(local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    while moment.astimezone(zone).replace(tzinfo=None) < local:
        moment += timedelta(minutes=1)
    return moment


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def check_zone(name: str) -> list[str]:
    """Return what is wrong with the name of a time zone; nothing = it is one."""
    if name in _zones():
        return []
    return [f"'{name}' is not a time zone; give an IANA name such as Europe/Bucharest."]


def _check_choice(what: str, chosen: Sequence[object], recurrence: str, wanted: bool) -> list[str]:
    if wanted and not chosen:
        return [f"Recurrence {recurrence} needs at least one {what}."]
    if chosen and not wanted:
        return [f"Recurrence {recurrence} takes no {what}."]
    return [f"A {what} is given twice."] if len(set(chosen)) < len(chosen) else []
