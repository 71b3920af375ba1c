"""Which column is likely to fill which field of Autopilot, by its name."""

from collections.abc import Sequence

from shared.adapters.autopilot.encoder import STANDARD_FIELDS
from shared.domain.export import FieldMapping


def suggest_fields(columns: Sequence[str]) -> list[FieldMapping]:
    """Propose at most one column for each standard field."""
    known = {name.casefold(): name for name in STANDARD_FIELDS if name != "unsubscribed"}
    found: dict[str, FieldMapping] = {}
    for column in columns:
        if field := known.get(column.strip().casefold()):
            found.setdefault(field, FieldMapping(field=field, column=column))
    return list(found.values())
