"""The rows of a rejects file, read as it comes: it may have a hundred thousand of them."""

import codecs
import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.pipeline.rejects import HEADER

_SEARCHED_ROWS = 200_000
_PIECE_BYTES = 1 << 16


class RejectRow(NamedTuple):
    """A row as the file has it: the value is masked, the line empty where there is none."""

    segment: str
    file: str
    line: str
    column: str
    reason: str
    value: str


@dataclass(slots=True)
class Found:
    """``rows`` by reason, as many as were wanted. ``counts`` are of what was read, which is everything when it is
    ``complete``."""

    rows: dict[str, list[RejectRow]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    complete: bool = True


def read_rows(parts: Iterable[bytes]) -> Iterator[RejectRow]:
    """Yield the rows of a file that comes in parts, without its header; what has another shape is passed over."""
    cells = csv.reader(_lines(parts))
    next(cells, None)
    return (RejectRow(*row) for row in cells if len(row) == len(HEADER))


def find_rows(parts: Iterable[bytes], wanted: Callable[[str], range], expected: int | None = None) -> Found:
    """Keep the rows whose number among those of the same reason, from 0, is in ``wanted`` of it.

    Reading ends when so many as expected are kept, or after so many rows that nobody should wait longer.
    """
    found, kept = Found(), 0
    for number, row in enumerate(read_rows(parts)):
        if number == _SEARCHED_ROWS or kept == expected:
            found.complete = False
            break
        if found.counts[row.reason] in wanted(row.reason):
            found.rows.setdefault(row.reason, []).append(row)
            kept += 1
        found.counts[row.reason] += 1
    return found


def _lines(parts: Iterable[bytes]) -> Iterator[str]:
    rest = ""
    for text in codecs.iterdecode(_pieces(parts), "utf-8", "replace"):
        *lines, rest = (rest + text).split("\n")
        yield from (f"{line}\n" for line in lines)
    if rest:
        yield rest


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Cut what storage gives at once, which may be the whole file, into small pieces."""
    for part in parts:
        for start in range(0, len(part), _PIECE_BYTES):
            yield part[start : start + _PIECE_BYTES]
