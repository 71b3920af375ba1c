"""An export: what goes where. The mapping says which column becomes which field of the destination."""

from enum import StrEnum

from pydantic import Field

from shared.domain.record import Moment, Record


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


class FieldMapping(Record):
    """One column to one field. Without ``type`` the field is a standard one of the destination, else custom."""

    field: str
    column: str
    type: FieldType | None = None
    date_order: DateOrder = DateOrder.MDY


class SegmentChoice(Record):
    """A segment of an export and the list that mirrors it (by default a list with the segment's name)."""

    name: str
    list_name: str | None = None

    @property
    def list_title(self) -> str:
        return self.list_name or self.name


class Export(Record):
    id: str
    name: str
    connection_id: str
    email_column: str
    fields: tuple[FieldMapping, ...] = ()
    segments: tuple[SegmentChoice, ...] = Field(min_length=1)
    created_at: Moment
    updated_at: Moment

    def segment(self, name: str) -> SegmentChoice | None:
        """Return the choice for a segment of this name, or None when the export does not carry it."""
        return next((choice for choice in self.segments if choice.name == name), None)
