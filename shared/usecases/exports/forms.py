"""What people send to add and change exports."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from shared.domain.export import (
    Blank,
    DateOrder,
    FieldMapping,
    FieldType,
    Leavers,
    SegmentChoice,
    TripWire,
)
from shared.domain.record import Name
from shared.domain.segment import SegmentName
from shared.usecases.runs.schedules import NewSchedule

MAX_SEGMENTS = 100

ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"\S")]
ListId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]
FixedValue = Annotated[str, StringConstraints(max_length=1_000)]


class NewFieldMapping(BaseModel):
    """What fills a field: a column, or a constant. Give a type for a custom field; without one it is a standard field.

    ``blank`` says what a blank value does: ``omit`` leaves the field as it is, ``clear`` empties it, ``default`` sends
    ``default`` instead.
    """

    model_config = ConfigDict(extra="forbid")
    field: Name
    column: ColumnName | None = None
    constant: FixedValue | None = None
    type: FieldType | None = None
    date_order: DateOrder = DateOrder.MDY
    blank: Blank = Blank.OMIT
    default: FixedValue | None = None

    @model_validator(mode="after")
    def _make_sense(self) -> "NewFieldMapping":
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either 'column' or 'constant'")
        if self.constant is not None and self.blank is not Blank.OMIT:
            raise ValueError("a constant is never blank, so 'blank' does not go with it")
        if (self.default is not None) != (self.blank is Blank.DEFAULT):
            raise ValueError("'default' is given when 'blank' is \"default\", and only then")
        return self


class NewSegmentChoice(BaseModel):
    """A segment by name. Its list gets the segment's name unless another is given; ``list_id`` is that of a list that
    exists, and ``list_name`` then only what it is shown as."""

    model_config = ConfigDict(extra="forbid")
    name: SegmentName
    list_name: Name | None = None
    list_id: ListId | None = None

    def as_choice(self) -> SegmentChoice:
        return SegmentChoice(**self.model_dump())


class NewTripWire(TripWire):
    """When a run stops before sending; nothing else may be given with it."""

    model_config = ConfigDict(extra="forbid")


def _as_choice(given: object) -> object:
    """A name alone is short for a choice."""
    return {"name": given} if isinstance(given, str) else given


class NewExport(BaseModel):
    """An export as it is to be. Without a connection it cannot be active."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    connection_id: str | None = Field(max_length=100)
    email_column: ColumnName
    consent_column: ColumnName | None = Field(
        default=None, description="A column that has to be true for a person to be sent."
    )
    fields: list[NewFieldMapping] = Field(default_factory=list, max_length=200)
    segments: list[
        Annotated[
            NewSegmentChoice,
            BeforeValidator(_as_choice, json_schema_input_type=NewSegmentChoice | SegmentName),
        ]
    ] = Field(min_length=1, max_length=MAX_SEGMENTS)
    schedule: NewSchedule = NewSchedule()
    active: bool = True
    leavers: Leavers = Leavers.KEEP
    trip_wire: NewTripWire = NewTripWire()

    @model_validator(mode="after")
    def _has_a_connection_when_active(self) -> "NewExport":
        if self.active and self.connection_id is None:
            raise ValueError("an export without a connection cannot be active: give one, or 'active': false")
        return self

    def mappings(self) -> tuple[FieldMapping, ...]:
        return tuple(FieldMapping(**mapping.model_dump()) for mapping in self.fields)


class Duplicate(BaseModel):
    """``name`` is that of the copy; without one it is the original's with "(copy)"."""

    model_config = ConfigDict(extra="forbid")
    name: Name | None = None


class Attachment(BaseModel):
    """The connection that an export gets."""

    model_config = ConfigDict(extra="forbid")
    connection_id: str = Field(max_length=100)
