"""The columns of the chosen segments."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.domain.segment import Segment


@dataclass(frozen=True)
class Column:
    """A column, and the chosen segments that lack it."""

    name: str
    lacking: tuple[str, ...]


def find_columns(chosen: Iterable[str], known: Mapping[str, Segment]) -> list[Column]:
    """Return the columns of those chosen segments whose columns are known, each once."""
    by_segment = {name: known[name].columns or () for name in chosen if name in known and known[name].columns}
    names = dict.fromkeys(column for columns in by_segment.values() for column in columns)
    sets = {segment: frozenset(columns) for segment, columns in by_segment.items()}
    loose = {segment: _loosely(columns) for segment, columns in by_segment.items()}
    return [
        Column(
            name,
            tuple(
                segment
                for segment in by_segment
                if name not in sets[segment] and name.strip().casefold() not in loose[segment]
            ),
        )
        for name in names
    ]


def _loosely(columns: Sequence[str]) -> frozenset[str]:
    """Runs forgive the case of a column's name and spaces around it."""
    return frozenset(column.casefold() for column in columns)
