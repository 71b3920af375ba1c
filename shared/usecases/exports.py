"""Exports: add, look, remove."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from shared.domain.access import Principal
from shared.domain.destination import Destination
from shared.domain.errors import Conflict, Invalid
from shared.domain.export import DateOrder, Export, FieldMapping, FieldType, SegmentChoice
from shared.domain.identifiers import new_id
from shared.domain.ports import SegmentBlobs, StateBlobs, Stores
from shared.domain.record import Clock, Name
from shared.pipeline import places
from shared.pipeline.journal import Journal

ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=500)]
SegmentName = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^/\x00-\x1f]+$")]


class NewFieldMapping(BaseModel):
    """A column and the field it fills. Give a type for a custom field; without one it is a standard field."""

    model_config = ConfigDict(extra="forbid")
    field: Name
    column: ColumnName
    type: FieldType | None = None
    date_order: DateOrder = DateOrder.MDY


class NewSegmentChoice(BaseModel):
    """A segment by name. The list gets the segment's name unless another is given."""

    model_config = ConfigDict(extra="forbid")
    name: SegmentName
    list_name: Name | None = None


def _as_choice(given: object) -> object:
    """A name alone is short for a choice."""
    return {"name": given} if isinstance(given, str) else given


class NewExport(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Name
    connection_id: str
    email_column: ColumnName
    fields: list[NewFieldMapping] = Field(default_factory=list, max_length=200)
    segments: list[
        Annotated[
            NewSegmentChoice,
            BeforeValidator(_as_choice, json_schema_input_type=NewSegmentChoice | SegmentName),
        ]
    ] = Field(min_length=1, max_length=100)


class Exports:
    """Use cases of exports."""

    def __init__(
        self,
        stores: Stores,
        state: StateBlobs,
        segments: SegmentBlobs,
        destinations: Mapping[str, Destination],
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._stores, self._state, self._segments = stores, state, segments
        self._destinations, self._journal, self._clock = destinations, journal, clock

    def add(self, new: NewExport, principal: Principal) -> Export:
        """Store an export; it does not run yet. Raises Invalid that names what does not fit."""
        connection = self._stores.connections.find(new.connection_id)
        if connection is None:
            raise Invalid(
                f"There is no connection '{new.connection_id}'.",
                errors=[{"pointer": "/connection_id", "detail": "unknown"}],
                remedy="Add the connection first: POST /api/connections.",
            )
        principal.require_use(connection.record)
        fields = tuple(FieldMapping(**mapping.model_dump()) for mapping in new.fields)
        if problems := self._destinations[connection.record.destination].check_mapping(fields):
            raise Invalid(
                "The mapping does not fit the destination: " + " ".join(problems),
                errors=[{"pointer": "/fields", "detail": problem} for problem in problems],
            )
        segments = tuple(
            SegmentChoice(name=choice.name, list_name=choice.list_name) for choice in new.segments
        )
        if len({choice.name for choice in segments}) < len(segments):
            raise Invalid(
                "A segment is named twice.", errors=[{"pointer": "/segments", "detail": "repeated"}]
            )
        now = self._clock()
        export = Export(
            id=new_id("export"),
            name=new.name,
            connection_id=new.connection_id,
            email_column=new.email_column,
            fields=fields,
            segments=segments,
            created_at=now,
            updated_at=now,
        )
        self._stores.exports.add(export.id, export)
        return export

    def list(self) -> list[Export]:
        return list(self._stores.exports.all())

    def get(self, export_id: str) -> Export:
        return self._stores.exports.get(export_id).record

    def remove(self, export_id: str) -> None:
        """Remove the export and its ledgers; people stay on their lists. Raises Conflict while a run goes on."""
        export = self.get(export_id)
        for run in self._stores.runs.page_of(export_id, 100)[0]:
            if not run.status.ended:
                raise Conflict(
                    f"The export '{export.name}' is running.",
                    code="export-running",
                    remedy=f"Wait for the run '{run.id}' to end, or cancel it.",
                )
        self._stores.exports.remove(export_id)
        self._state.remove(self._state.names(places.export_ledgers(export_id)))
