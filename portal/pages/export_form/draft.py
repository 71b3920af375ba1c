"""An export while somebody fills in its form: everything as it was typed, right or wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from babel.numbers import get_decimal_symbol

from portal.reader import reader
from shared.domain.export import Export, FieldMapping, SegmentChoice, TripWire
from shared.domain.schedule import Recurrence, Schedule

OWN, NAMED, EXISTING = "own", "named", "existing"
COLUMN, CONSTANT = "column", "constant"
ALWAYS_THERE = ("FirstName", "LastName")
"""Fields that a new form shows without being asked; empty ones are not exported."""


@dataclass
class SegmentRow:
    """A segment that is chosen, or shown to be chosen. ``list`` is OWN, NAMED or EXISTING; ``list_title`` is what the
    list with the id ``list_was`` is shown as."""

    name: str
    on: bool = False
    list: str = OWN
    list_name: str = ""
    list_id: str = ""
    list_was: str = ""
    list_title: str = ""


@dataclass
class FieldRow:
    """A field with what fills it. ``type`` is empty for standard fields; ``suggested`` is the column that was filled in
    for the person."""

    field: str
    type: str = ""
    fill: str = COLUMN
    column: str = ""
    constant: str = ""
    date_order: str = "mdy"
    blank: str = "omit"
    default: str = ""
    suggested: str = ""

    @property
    def is_left_out(self) -> bool:
        """Tell whether nothing is said of a field that is there without being asked for."""
        return (
            not self.type and self.field in ALWAYS_THERE and self.fill == COLUMN and not self.column.strip()
        )


@dataclass
class ScheduleDraft:
    recurrence: str = str(Recurrence.REFRESH)
    minute: str = "0"
    times: list[str] = field(default_factory=list)
    weekdays: list[str] = field(default_factory=list)
    days: list[str] = field(default_factory=list)
    time_zone: str = "UTC"


@dataclass
class Limits:
    """The trip-wire; shares are percentages."""

    max_removals_share: str = ""
    max_removals: str = ""
    max_rejects_share: str = ""
    max_rejects: str = ""


@dataclass
class Offered:
    """What was looked up on the way, and stays in the form so that it is not looked up again.

    ``fields`` are proposals that have not been taken, ``consents`` columns that may say who agreed, both for the segment
    and connection in ``suggested_for``; ``lists`` are id and title of the lists over the connection ``lists_of``, None
    until somebody asked for them.
    """

    suggested_for: str = ""
    suggested_email: str = ""
    fields: list[FieldMapping] = field(default_factory=list)
    consents: list[str] = field(default_factory=list)
    lists_of: str = ""
    lists: Sequence[tuple[str, str]] | None = None


@dataclass
class Draft:
    """``key`` is made once for each form that is opened; ``version`` is that of the export which is edited."""

    key: str
    version: str = ""
    connection: str = ""
    name: str = ""
    segments: list[SegmentRow] = field(default_factory=list)
    search: str = ""
    page: int = 0
    typed_segment: str = ""
    email: str = ""
    consent: str = ""
    fields: list[FieldRow] = field(default_factory=list)
    leavers: str = "keep"
    limits: Limits = field(default_factory=Limits)
    schedule: ScheduleDraft = field(default_factory=ScheduleDraft)
    active: bool = True
    offered: Offered = field(default_factory=Offered)

    @property
    def chosen(self) -> list[SegmentRow]:
        return [row for row in self.segments if row.on]


def draft_new(key: str, time_zone: str) -> Draft:
    return Draft(
        key=key,
        fields=[FieldRow(field) for field in ALWAYS_THERE],
        limits=draft_limits(TripWire()),
        schedule=ScheduleDraft(time_zone=time_zone),
    )


def draft_of(export: Export, key: str, version: str, time_zone: str) -> Draft:
    """Return what a form shows of an export. Reading it back unchanged gives the same export."""
    return Draft(
        key=key,
        version=version,
        connection=export.connection_id or "",
        name=export.name,
        segments=[_segment_row(choice) for choice in export.segments],
        email=export.email_column,
        consent=export.consent_column or "",
        fields=[field_row(mapping) for mapping in export.fields],
        leavers=export.leavers,
        limits=draft_limits(export.trip_wire),
        schedule=_schedule_draft(export.schedule, time_zone),
        active=export.active,
    )


def draft_limits(wire: TripWire) -> Limits:
    return Limits(
        _write_percentage(wire.max_removals_share),
        _write_number(wire.max_removals),
        _write_percentage(wire.max_rejects_share),
        _write_number(wire.max_rejects),
    )


def field_row(mapping: FieldMapping) -> FieldRow:
    return FieldRow(
        field=mapping.field,
        type=str(mapping.type or ""),
        fill=COLUMN if mapping.constant is None else CONSTANT,
        column=mapping.column or "",
        constant=mapping.constant or "",
        date_order=str(mapping.date_order),
        blank=str(mapping.blank),
        default=mapping.default or "",
    )


def _write_percentage(share: float | None) -> str:
    """Return a share in hundredths, with the reader's decimal sign and every digit that it has."""
    if share is None:
        return ""
    text = format(Decimal(repr(share)) * 100, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace(
        ".", get_decimal_symbol(reader().locale)
    )


def _write_number(value: int | None) -> str:
    return "" if value is None else str(value)


def _segment_row(choice: SegmentChoice) -> SegmentRow:
    row = SegmentRow(choice.name, on=True)
    if choice.list_id is not None:
        row.list, row.list_id, row.list_was = EXISTING, choice.list_id, choice.list_id
        row.list_title = choice.list_name or ""
    elif choice.list_name is not None:
        row.list, row.list_name = NAMED, choice.list_name
    return row


def _schedule_draft(schedule: Schedule, time_zone: str) -> ScheduleDraft:
    """A schedule that follows the refresh shows no zone; another one begins with the reader's."""
    follows = schedule.recurrence is Recurrence.REFRESH
    return ScheduleDraft(
        recurrence=str(schedule.recurrence),
        minute=str(schedule.minute),
        times=list(schedule.times),
        weekdays=[str(day) for day in schedule.weekdays],
        days=[str(day) for day in schedule.days_of_month],
        time_zone=time_zone if follows else schedule.time_zone,
    )
