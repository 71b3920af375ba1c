"""The fields of a schedule in a form: what was typed, and whether it makes a schedule."""

from dataclasses import dataclass, field

from portal.forms import FieldErrors, Form
from portal.reader import gettext as _
from portal.reader import reader, say
from shared.domain.schedule import Recurrence, Refresh, RefreshRecurrence, check_zone

_TIMED = ("daily", "weekly", "monthly")


@dataclass
class ScheduleFields:
    """``prefix`` begins the names of the fields; values are texts, right or wrong."""

    prefix: str = ""
    recurrence: str = ""
    minute: str = "0"
    times: list[str] = field(default_factory=list)
    weekdays: list[str] = field(default_factory=list)
    days: list[str] = field(default_factory=list)
    time_zone: str = ""

    def values(self) -> dict[str, object]:
        """Return what the chosen recurrence takes; the rest stays unsaid."""
        kind = self.recurrence
        values: dict[str, object] = {"recurrence": kind}
        if kind not in (Recurrence.REFRESH, RefreshRecurrence.OFF):
            values["time_zone"] = self.time_zone
        if kind == Recurrence.HOURLY:
            values["minute"] = self.minute
        if kind in _TIMED:
            values["times"] = self.times
        if kind == Recurrence.WEEKLY:
            values["weekdays"] = self.weekdays
        if kind == Recurrence.MONTHLY:
            values["days_of_month"] = self.days
        return values

    def names(self, below: str = "") -> dict[str, str]:
        """Return the names of the fields by pointers of the model, which may stand ``below`` another one."""
        named = {"minute": "minute", "times": "times", "weekdays": "weekdays", "days_of_month": "days"}
        named |= {"recurrence": "recurrence", "time_zone": "time-zone"}
        return {f"{below}/{key}": self.prefix + name for key, name in named.items()}

    def check(self, errors: FieldErrors) -> None:
        """Add what is missing, each beside its field."""
        kind = self.recurrence
        if kind in _TIMED and not self.times:
            errors.add(f"{self.prefix}times", _("Give at least one time."))
        if kind == Recurrence.WEEKLY and not self.weekdays:
            errors.add(f"{self.prefix}weekdays", _("Choose at least one day."))
        if kind == Recurrence.MONTHLY and not self.days:
            errors.add(f"{self.prefix}days", _("Choose at least one day."))
        if kind in (Recurrence.HOURLY, *_TIMED):
            for problem in check_zone(self.time_zone):
                errors.add(f"{self.prefix}time-zone", say(problem))


def read_fields(form: Form, prefix: str = "") -> ScheduleFields:
    """Return what a form says. Some browsers give times with seconds; what is given twice counts once."""
    return ScheduleFields(
        prefix=prefix,
        recurrence=form.get(f"{prefix}recurrence"),
        minute=form.get(f"{prefix}minute"),
        times=sorted({each[:5] for each in form.all(f"{prefix}times") if each}),
        weekdays=list(dict.fromkeys(form.all(f"{prefix}weekdays"))),
        days=list(dict.fromkeys(form.all(f"{prefix}days"))),
        time_zone=form.get(f"{prefix}time-zone"),
    )


def new_fields() -> ScheduleFields:
    """Return the fields of a schedule that is yet to be chosen, in the reader's time zone."""
    return ScheduleFields(recurrence=str(Recurrence.REFRESH), time_zone=str(reader().time_zone))


def fields_of(refresh: Refresh, prefix: str) -> ScheduleFields:
    is_off = refresh.recurrence is RefreshRecurrence.OFF
    return ScheduleFields(
        prefix=prefix,
        recurrence=str(refresh.recurrence),
        times=list(refresh.times),
        weekdays=[str(day) for day in refresh.weekdays],
        time_zone=str(reader().time_zone) if is_off else refresh.time_zone,
    )
