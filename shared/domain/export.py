"""An export: what goes where, and when. The mapping says which column becomes which field of the destination."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from shared.domain.record import Moment, Record
from shared.domain.schedule import Schedule


class FieldType(StrEnum):
    """Types of custom fields."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"


class DateOrder(StrEnum):
    """How a date such as 4/8/1966 is read."""

    MDY = "mdy"
    DMY = "dmy"
    YMD = "ymd"


class Blank(StrEnum):
    """What a blank value does: nothing (OMIT), empty the field (CLEAR), or stand for another value (DEFAULT)."""

    OMIT = "omit"
    CLEAR = "clear"
    DEFAULT = "default"


class FieldMapping(Record):
    """What fills one field: a column, or a constant; exactly one of them is given.

    Without ``type`` the field is a standard one of the destination, else custom. ``default`` is sent in place of a
    blank value when ``blank`` is DEFAULT.
    """

    field: str
    column: str | None = None
    constant: str | None = None
    type: FieldType | None = None
    date_order: DateOrder = DateOrder.MDY
    blank: Blank = Blank.OMIT
    default: str | None = None


class SegmentChoice(Record):
    """A segment of an export and the list that mirrors it: one that exists (``list_id``), else the one with
    ``list_name``, by default the segment's name, which is made when it is missing."""

    name: str
    list_name: str | None = None
    list_id: str | None = None

    @property
    def list_title(self) -> str:
        return self.list_name or self.name


class Leavers(StrEnum):
    """What becomes of people on the list who are no longer in the segment."""

    KEEP = "keep"
    REMOVE = "remove"


Share = Annotated[float, Field(gt=0, le=1)]
Limit = Annotated[int, Field(gt=0)]


class TripWire(Record):
    """When a run stops before sending and waits for a person. None = never for this reason.

    Shares are parts of one: removals of the people on the ledger, rejects of the rows read. A share alone does not
    trip for fewer than ``AT_LEAST`` people.
    """

    max_removals_share: Share | None = 0.3
    max_removals: Limit | None = None
    max_rejects_share: Share | None = None
    max_rejects: Limit | None = None


TRIP_WIRE_AT_LEAST = 10


class Export(Record):
    """``connection_id`` is None once the export was detached, and ``detached_from`` then tells whose account its ledgers
    are about. An export that is not active runs only on demand."""

    id: str
    name: str
    connection_id: str | None
    detached_from: str | None = None
    email_column: str
    consent_column: str | None = None
    fields: tuple[FieldMapping, ...] = ()
    segments: tuple[SegmentChoice, ...] = Field(min_length=1)
    schedule: Schedule = Schedule()
    active: bool = True
    leavers: Leavers = Leavers.KEEP
    trip_wire: TripWire = TripWire()
    created_by: str = ""
    created_at: Moment
    updated_by: str = ""
    updated_at: Moment

    def segment(self, name: str) -> SegmentChoice | None:
        """Return the choice for a segment of this name, or None when the export does not carry it."""
        return next((choice for choice in self.segments if choice.name == name), None)
