"""Column names."""

from collections.abc import Iterable, Sequence

from shared.domain.errors import SegmentUnreadable
from shared.pipeline.reading.rows import LEAVES_COLUMN, MAX_COLUMNS, MAX_NAME_CHARACTERS


def name_columns(cells: Sequence[str]) -> list[str]:
    """Return one name per cell, stripped; a blank one becomes ``column_3``, a repeated one ``name_2``.

    Names that differ only in letter case count as repeated, and LEAVES_COLUMN as taken. Raises SegmentUnreadable beyond MAX_COLUMNS.
    """
    if len(cells) > MAX_COLUMNS:
        raise SegmentUnreadable(
            f"The file has {len(cells):,} columns; {MAX_COLUMNS:,} is the most.",
            code="too-many-columns",
            remedy="Export fewer attributes, or check the delimiter.",
        )
    stripped = [cell.strip("\ufeff\u200b \t\u00a0\r\n") for cell in cells]
    taken = {name.casefold() for name in stripped}
    names: list[str] = []
    seen = {LEAVES_COLUMN}
    for place, original in enumerate(stripped, 1):
        name = original or f"column_{place}"
        number = 2
        while name.casefold() in seen or (name != original and name.casefold() in taken):
            name = f"{original or f'column_{place}'}_{number}"
            number += 1
        seen.add(name.casefold())
        names.append(name)
    check_names(names)
    return names


def check_names(names: Iterable[str]) -> None:
    """Raise SegmentUnreadable for names that are too long to be names: they are shown and stored."""
    longest = max(map(len, names), default=0)
    if longest > MAX_NAME_CHARACTERS:
        raise SegmentUnreadable(
            f"The name of a column has {longest:,} characters; {MAX_NAME_CHARACTERS:,} is the most.",
            code="header-unreadable",
            remedy="Give the column a shorter name, or check the delimiter.",
        )


def is_header(cells: Sequence[str], known: Sequence[str]) -> bool:
    """Tell whether a first row is a header, given names that are expected: at least half of its cells are."""
    expected = {name.strip().casefold() for name in known}
    return sum(cell.strip().casefold() in expected for cell in cells) * 2 >= len(cells)
