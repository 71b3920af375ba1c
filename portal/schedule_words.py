"""Schedules in words, in the reader's language: *every weekday at 06:00, Bucharest time*.

What is said begins in lower case, so that it can stand behind a label or within a sentence.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from babel import dates, lists

from portal.reader import gettext as _
from portal.reader import ngettext, reader
from shared.domain.schedule import Recurrence, Refresh, RefreshRecurrence, Schedule, Weekday

_LAST_DAY = 31
_WORKING_DAYS = frozenset(Weekday) - {Weekday.SATURDAY, Weekday.SUNDAY}
_NEAR = timedelta(days=6)


def describe_schedule(schedule: Schedule | Refresh) -> str:
    """Say when a schedule is due. One that lacks times or days, as in a form that is being filled in, says nothing of
    them."""
    match schedule.recurrence:
        case Recurrence.REFRESH:
            return _("whenever its segments are renewed")
        case RefreshRecurrence.OFF:
            return _("switched off")
        case Recurrence.HOURLY if isinstance(schedule, Schedule):
            return _describe_hourly(schedule)
    times, zone = _list_times(schedule.times), _name_zone(schedule.time_zone)
    match schedule.recurrence:
        case Recurrence.WEEKLY | RefreshRecurrence.WEEKLY:
            return _describe_weekly(frozenset(schedule.weekdays), times, zone)
        case Recurrence.MONTHLY if isinstance(schedule, Schedule):
            return _describe_monthly(frozenset(schedule.days_of_month), times, zone)
    return _("every day at %(times)s, %(zone)s", times=times, zone=zone)


def describe_moment(moment: datetime | None) -> str:
    """Say when something is to come, in the reader's time zone: *tomorrow at 06:00*. Nothing for None."""
    if moment is None:
        return ""
    told = _tell_moment(moment)
    match _day_of(moment):
        case "today":
            return _("today at %(time)s", **told)
        case "tomorrow":
            return _("tomorrow at %(time)s", **told)
        case "weekday":
            return _("on %(day)s at %(time)s", **told)
    return _("on %(date)s at %(time)s", **told)


def describe_next(moment: datetime | None) -> str:
    """Say when the next run is: *next: tomorrow at 06:00*."""
    if moment is None:
        return _("no next run is foreseen")
    told = _tell_moment(moment)
    match _day_of(moment):
        case "today":
            return _("next: today at %(time)s", **told)
        case "tomorrow":
            return _("next: tomorrow at %(time)s", **told)
        case "weekday":
            return _("next: on %(day)s at %(time)s", **told)
    return _("next: on %(date)s at %(time)s", **told)


def name_weekday(weekday: Weekday) -> str:
    """Return the name of a day, as it stands within a sentence."""
    return str(_day_names()[list(Weekday).index(weekday)])


def _describe_hourly(schedule: Schedule) -> str:
    minute = schedule.minute
    if not _is_between_hours(schedule.time_zone):
        if minute == 0:
            return _("every hour, on the hour")
        return ngettext("every hour at %(count)s minute past", "every hour at %(count)s minutes past", minute)
    zone = _name_zone(schedule.time_zone)
    if minute == 0:
        return _("every hour, on the hour, %(zone)s", zone=zone)
    return ngettext(
        "every hour at %(count)s minute past, %(zone)s",
        "every hour at %(count)s minutes past, %(zone)s",
        minute,
        zone=zone,
    )


def _describe_weekly(weekdays: frozenset[Weekday], times: str, zone: str) -> str:
    if weekdays == frozenset(Weekday):
        return _("every day at %(times)s, %(zone)s", times=times, zone=zone)
    if weekdays == _WORKING_DAYS:
        return _("every weekday at %(times)s, %(zone)s", times=times, zone=zone)
    days = _join(name_weekday(day) for day in Weekday if day in weekdays)
    return _("every %(days)s at %(times)s, %(zone)s", days=days, times=times, zone=zone)


def _describe_monthly(days_of_month: frozenset[int], times: str, zone: str) -> str:
    """The 31st is the last day, whatever its number: that is when it is due in shorter months."""
    if len(days_of_month) == _LAST_DAY:
        return _("every day at %(times)s, %(zone)s", times=times, zone=zone)
    numbered = sorted(days_of_month - {_LAST_DAY})
    told = {"days": _join(map(str, numbered)), "times": times, "zone": zone}
    if not numbered and days_of_month:
        return _("on the last day of each month at %(times)s, %(zone)s", times=times, zone=zone)
    if _LAST_DAY in days_of_month:
        return ngettext(
            "on day %(days)s and the last day of each month at %(times)s, %(zone)s",
            "on days %(days)s and the last day of each month at %(times)s, %(zone)s",
            len(numbered),
            **told,
        )
    return ngettext(
        "on day %(days)s of each month at %(times)s, %(zone)s",
        "on days %(days)s of each month at %(times)s, %(zone)s",
        len(numbered),
        **told,
    )


def _name_zone(name: str) -> str:
    """Name a zone by its city. Those that belong to no city, such as UTC, are names of a time already."""
    city = dates.get_timezone_location(ZoneInfo(name), locale=reader().locale, return_city=True)
    if "/" not in name or name.startswith("Etc/"):
        return city
    return _("%(city)s time", city=city.rpartition("/")[2])


def _is_between_hours(zone: str) -> bool:
    """Tell whether a zone's clock does not show full hours when others do."""
    offset = reader().now.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    return bool(offset % timedelta(hours=1))


def _list_times(times: Sequence[str]) -> str:
    return _join(_say_time(time.fromisoformat(each)) for each in sorted(times))


def _say_time(at: time) -> str:
    return dates.format_time(at, "HH:mm", locale=reader().locale)


def _join(words: Iterable[str]) -> str:
    return lists.format_list(list(words), locale=reader().locale)


def _day_of(moment: datetime) -> str:
    away = _local(moment).date() - _local(reader().now).date()
    if away in (timedelta(0), timedelta(days=1)):
        return "tomorrow" if away else "today"
    return "weekday" if timedelta(0) < away <= _NEAR else "date"


def _tell_moment(moment: datetime) -> dict[str, str]:
    local, locale = _local(moment), reader().locale
    return {
        "time": _say_time(local.time()),
        "day": str(_day_names()[local.weekday()]),
        "date": dates.format_date(local.date(), "medium", locale=locale),
    }


def _day_names() -> dict[int, str]:
    return dict(dates.get_day_names("wide", locale=reader().locale))


def _local(moment: datetime) -> datetime:
    return moment.astimezone(reader().time_zone or UTC)
