"""From what was typed to an export as the use cases take it, or to what is wrong with it, beside each field."""

import re
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from portal.forms import FieldErrors, check
from portal.pages.export_form.draft import (
    CONSTANT,
    EXISTING,
    NAMED,
    Draft,
    FieldRow,
    ScheduleDraft,
    SegmentRow,
)
from portal.pages.export_form.placing import sort_errors
from portal.pages.export_form.words import name_fields
from portal.reader import gettext as _
from shared.domain.export import Blank, Export
from shared.domain.schedule import Recurrence, Schedule, check_schedule, check_zone
from shared.usecases.exports.forms import NewExport
from shared.usecases.runs.schedules import NewSchedule

_TIMED = (Recurrence.DAILY, Recurrence.WEEKLY, Recurrence.MONTHLY)
_is_time = re.compile(r"([01]\d|2[0-3]):[0-5]\d").fullmatch
_NAMES = {
    "/name": "name",
    "/connection_id": "connection",
    "/email_column": "email",
    "/consent_column": "consent",
    "/fields": "new-field",
    "/segments": "segments",
    "/leavers": "leavers",
    "/schedule": "recurrence",
    "/schedule/minute": "minute",
    "/schedule/times": "times",
    "/schedule/weekdays": "weekdays",
    "/schedule/days_of_month": "days",
    "/schedule/time_zone": "time-zone",
    "/trip_wire/max_removals_share": "max-removals-share",
    "/trip_wire/max_removals": "max-removals",
    "/trip_wire/max_rejects_share": "max-rejects-share",
    "/trip_wire/max_rejects": "max-rejects",
}


class Wanted:
    """What a draft asks for. ``names`` tells which field of the form each part comes from."""

    def __init__(self, draft: Draft, present: Export | None) -> None:
        self._draft, self._present = draft, present
        self.names = dict(_NAMES)

    def export(self, errors: FieldErrors) -> NewExport | None:
        """Return the export, or None after adding to ``errors``."""
        draft = self._draft
        if not draft.connection and (self._present is None or self._present.connection_id is not None):
            errors.add("connection", _("Choose a connection."))
        elif not draft.connection and draft.active:
            errors.add("active", _("Without a connection the export cannot be active."))
        if not draft.name.strip():
            errors.add("name", _("Give the export a name."))
        if not draft.email.strip():
            errors.add("email", _("Choose the column with the e-mail address."))
        if not draft.chosen:
            errors.add("segments", _("Select at least one segment."))
        values: dict[str, Any] = {
            "name": draft.name.strip() or "-",
            "connection_id": draft.connection or None,
            "email_column": (draft.email.strip() and draft.email) or "-",
            "consent_column": draft.consent if draft.consent.strip() else None,
            "fields": self._fields(errors),
            "segments": self._segments(errors) or [{"name": "-"}],
            "schedule": self._schedule(errors),
            "active": draft.active and bool(draft.connection),
            "leavers": draft.leavers,
            "trip_wire": self._trip_wire(errors),
        }
        checked = check(NewExport, values, self.names, errors)
        sort_errors(errors)
        return None if errors else checked

    def schedule(self) -> Schedule | None:
        """Return the schedule as far as it is complete, for saying it in words."""
        with suppress(ValidationError):
            schedule = NewSchedule.model_validate(self._schedule(FieldErrors()))
            return None if check_schedule(schedule) else schedule
        return None

    def _fields(self, errors: FieldErrors) -> list[dict[str, Any]]:
        values: list[dict[str, Any]] = []
        for number, row in enumerate(self._draft.fields):
            at = f"field-{number}-"
            if row.is_left_out:
                continue
            if not _is_complete(row, at, errors):
                continue
            self.names[f"/fields/{len(values)}"] = at + ("constant" if row.fill == CONSTANT else "column")
            self.names |= {
                f"/fields/{len(values)}/{part}": at + name
                for part, name in (("field", "field"), ("default", "default"), ("type", "type"))
            }
            values.append(_field_values(row))
        return values

    def _segments(self, errors: FieldErrors) -> list[dict[str, Any]]:
        values: list[dict[str, Any]] = []
        for number, row in enumerate(self._draft.segments):
            if not row.on:
                continue
            at = f"segment-{number}-"
            self.names[f"/segments/{len(values)}"] = at + "on"
            self.names[f"/segments/{len(values)}/list_name"] = at + "list-name"
            self.names[f"/segments/{len(values)}/list_id"] = at + "list-id"
            if row.list == EXISTING and not row.list_id.strip():
                errors.add(at + "list-id", _("Choose a list for “%(segment)s”.", segment=row.name))
            elif row.list == NAMED and not row.list_name.strip():
                errors.add(at + "list-name", _("Give the list of “%(segment)s” a name.", segment=row.name))
            values.append({"name": row.name, **self._list_of(row)})
        return values

    def _list_of(self, row: SegmentRow) -> dict[str, str]:
        if row.list == EXISTING and row.list_id:
            titles = dict(self._draft.offered.lists or ())
            title = row.list_title if row.list_id == row.list_was else titles.get(row.list_id, "")
            # Lists may have longer titles than names may be here; the id counts.
            return {"list_id": row.list_id, **({"list_name": title[:200]} if title.strip() else {})}
        return {"list_name": row.list_name} if row.list == NAMED and row.list_name else {}

    def _schedule(self, errors: FieldErrors) -> dict[str, Any]:
        """Only what goes with the recurrence counts; the form keeps the rest for when somebody changes their mind."""
        typed, before = self._draft.schedule, self._present and self._present.schedule
        times = [each for each in typed.times if each]
        if typed.recurrence == Recurrence.REFRESH:
            return {
                "recurrence": typed.recurrence,
                "minute": typed.minute or "0",
                "time_zone": before.time_zone
                if before and before.recurrence is Recurrence.REFRESH
                else "UTC",
            }
        values: dict[str, Any] = {
            "recurrence": typed.recurrence,
            "minute": typed.minute or "0",
            "time_zone": typed.time_zone,
        }
        if typed.recurrence in _TIMED:
            values["times"] = times
        if typed.recurrence == Recurrence.WEEKLY:
            values["weekdays"] = _in_order(
                typed.weekdays, [str(day) for day in before.weekdays] if before else []
            )
        if typed.recurrence == Recurrence.MONTHLY:
            values["days_of_month"] = _in_order(
                typed.days, [str(day) for day in before.days_of_month] if before else []
            )
        _check_schedule(typed, values, errors)
        return values

    def _trip_wire(self, errors: FieldErrors) -> dict[str, Any]:
        limits = self._draft.limits
        return {
            "max_removals_share": _read_percentage(limits.max_removals_share, "max-removals-share", errors),
            "max_removals": limits.max_removals or None,
            "max_rejects_share": _read_percentage(limits.max_rejects_share, "max-rejects-share", errors),
            "max_rejects": limits.max_rejects or None,
        }


def _is_complete(row: FieldRow, at: str, errors: FieldErrors) -> bool:
    """Tell whether a field has a name and something that fills it, and add to ``errors`` what it lacks."""
    is_named, is_filled = bool(row.field.strip()), row.fill == CONSTANT or bool(row.column.strip())
    if not is_named:
        errors.add(at + "field", _("Give the custom field a name, or remove it."))
    if not is_filled:
        named = name_fields().get(row.field, row.field) or _("Custom field")
        errors.add(at + "column", _("Choose a column for “%(field)s”, or remove the field.", field=named))
    return is_named and is_filled


def _field_values(row: FieldRow) -> dict[str, Any]:
    values: dict[str, Any] = {"field": row.field, "type": row.type or None, "date_order": row.date_order}
    if row.fill == CONSTANT:
        return {**values, "constant": row.constant}
    values |= {"column": row.column, "blank": row.blank}
    return {**values, "default": row.default} if row.blank == Blank.DEFAULT else values


def _in_order(chosen: list[str], before: Sequence[str]) -> list[str]:
    """Return what was chosen, in the order in which it was kept if it is the same."""
    return list(before) if set(chosen) == set(before) else chosen


def _check_schedule(typed: ScheduleDraft, values: dict[str, Any], errors: FieldErrors) -> None:
    times = values.get("times")
    if times is not None and not times:
        errors.add("times", _("Give at least one time."))
    elif times and not all(map(_is_time, times)):
        errors.add("times", _("Write times as hours and minutes, for example 07:30."))
        values["times"] = [each for each in times if _is_time(each)]
    elif times and len(set(times)) < len(times):
        errors.add("times", _("A time is given twice."))
    if values.get("weekdays") == []:
        errors.add("weekdays", _("Choose at least one day of the week."))
    if values.get("days_of_month") == []:
        errors.add("days", _("Choose at least one day of the month."))
    if check_zone(typed.time_zone):
        errors.add("time-zone", _("Choose one of the values that are offered."))


def _read_percentage(text: str, name: str, errors: FieldErrors) -> float | None:
    """Return a percentage as a share; None for an empty one."""
    if not text:
        return None
    try:
        share = Decimal(text.removesuffix("%").strip().replace(",", ".")) / 100
    except ArithmeticError:
        errors.add(name, _("Give a number."))
        return None
    if not share.is_finite() or not 0 < share <= 1:
        errors.add(name, _("Give a percentage above 0 and up to 100."))
        return None
    return float(share)
