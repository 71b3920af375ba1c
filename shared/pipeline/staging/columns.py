"""Finding the columns of a mapping among those of a file."""

from collections.abc import Callable, Sequence
from operator import itemgetter

from shared.domain.errors import SegmentUnreadable
from shared.domain.masking import is_address

_SHOWN, _SHOWN_CHARACTERS = 30, 100

Picker = Callable[[Sequence[object]], Sequence[object]]


def find_column(columns: Sequence[str], wanted: str) -> int:
    """Find a column by name; case and outer spaces are forgiven when that leaves no doubt.

    Raises SegmentUnreadable when there is none.
    """
    if wanted in columns:
        return columns.index(wanted)
    alike = [place for place, name in enumerate(columns) if name.casefold() == wanted.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    if any(map(is_address, columns)):
        raise SegmentUnreadable(
            f"There is no column '{wanted}'.",
            code="column-missing",
            remedy="The file has no names of columns: the first row holds a person. Upload it again with a header.",
        )
    shown = ", ".join(
        name if len(name) <= _SHOWN_CHARACTERS else f"{name[:_SHOWN_CHARACTERS]}…"
        for name in columns[:_SHOWN]
    ) + (", …" if len(columns) > _SHOWN else "")
    raise SegmentUnreadable(
        f"There is no column '{wanted}'.",
        code="column-missing",
        remedy=f"Correct the export's mapping, or the file. Its columns are: {shown}.",
    )


def pick_columns(columns: Sequence[str], wanted: Sequence[str]) -> Picker:
    """Return what picks the values of these columns out of a row. Raises SegmentUnreadable when one is missing."""
    places = [find_column(columns, column) for column in wanted]
    if not places:
        return lambda _values: ()
    if len(places) == 1:
        only = places[0]
        return lambda values: (values[only],)
    return itemgetter(*places)
