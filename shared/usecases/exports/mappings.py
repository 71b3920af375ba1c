"""Suggesting a mapping for a segment, for a person to confirm: nothing is stored."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from shared.domain.access import Principal, Role
from shared.domain.cast_failure import CastFailure
from shared.domain.column_names import suggest_consent_columns, suggest_email_columns
from shared.domain.destination import Destination
from shared.domain.email_address import normalise_email
from shared.domain.export import FieldMapping, FieldType
from shared.domain.ports import Stores
from shared.domain.type_guesses import guess_type
from shared.domain.values import make_caster
from shared.pipeline.peeking import Peeker
from shared.usecases.exports.checks import ExportChecks

_SAMPLED_ROWS = 200
_MOSTLY = 0.8


class MappingSuggestion(BaseModel):
    """``consent_columns`` are those that may say who agreed; none is chosen. ``custom_fields`` are ready-made proposals
    for columns in ``unused``, with a type that fits the first rows."""

    email_column: str | None
    fields: list[FieldMapping]
    consent_columns: list[str]
    custom_fields: list[FieldMapping]
    unused: list[str]


class Mappings:
    """The use case of suggesting a mapping."""

    def __init__(
        self, stores: Stores, peeker: Peeker, destinations: Mapping[str, Destination], checks: ExportChecks
    ) -> None:
        self._stores, self._peeker, self._destinations = stores, peeker, destinations
        self._checks = checks

    def suggest(self, segment: str, connection_id: str, principal: Principal) -> MappingSuggestion:
        """Propose what fills the destination's fields, from the columns of a segment and its first rows.

        Raises NotFound when nothing has arrived for the segment, SegmentUnreadable, Invalid and Forbidden.
        """
        principal.require(Role.CONTRIBUTOR)
        snapshot = self._stores.segments.get(segment).record.snapshot
        connection = self._checks.usable(connection_id, principal)
        destination = self._destinations[connection.destination]
        columns, rows = self._peeker.sample(snapshot, _SAMPLED_ROWS)
        values = {column: [row[place] for row in rows] for place, column in enumerate(columns)}
        email_column = _find_addresses(values)
        consent_columns = [
            column for column in suggest_consent_columns(columns) if _is_yes_or_no(values[column])
        ]
        open_columns = [column for column in columns if column not in (email_column, *consent_columns)]
        fields = destination.suggest(open_columns)
        used = {mapping.column for mapping in fields}
        unused = [column for column in open_columns if column not in used]
        proposed = [_propose_custom(column, values[column]) for column in unused]
        return MappingSuggestion(
            email_column=email_column,
            fields=fields,
            consent_columns=consent_columns,
            custom_fields=[
                mapping for mapping in proposed if mapping and not destination.check_mapping([mapping])
            ],
            unused=unused,
        )


def _find_addresses(values: Mapping[str, Sequence[object]]) -> str | None:
    """Return the column that holds addresses, by its name or else by what is in it."""
    shares = {column: _share_of_addresses(cells) for column, cells in values.items()}
    for column in suggest_email_columns(values):
        if shares[column] is None or shares[column]:
            return column
    likely = [column for column, share in shares.items() if share is not None and share >= _MOSTLY]
    return likely[0] if likely else None


def _share_of_addresses(cells: Sequence[object]) -> float | None:
    """Return which part of the cells are e-mail addresses; None when all are blank."""
    present = [cell for cell in cells if cell is not None and str(cell).strip()]
    if not present:
        return None
    return sum(normalise_email(str(cell)) is not None for cell in present) / len(present)


def _is_yes_or_no(cells: Sequence[object]) -> bool:
    as_boolean = make_caster(FieldType.BOOLEAN)
    present = [cell for cell in cells if cell is not None and str(cell).strip()]
    return not any(isinstance(as_boolean(cell), CastFailure) for cell in present)


def _propose_custom(column: str, cells: Sequence[object]) -> FieldMapping | None:
    guess = guess_type(cells)
    if guess is None:
        return None
    kind, order = guess
    return FieldMapping(field=" ".join(column.split()), column=column, type=kind, date_order=order)
