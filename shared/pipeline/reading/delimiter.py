"""Which character separates the fields of a CSV file."""

import csv
import re
from collections.abc import Sequence
from itertools import islice

from shared.pipeline.reading.encoding import UNDECODABLE

DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_ROWS = 200

_is_declaration = re.compile(r'\s*"?sep=(.)"?\s*', re.IGNORECASE).fullmatch


def declared_delimiter(first_line: str) -> str | None:
    """Return what a first line such as ``sep=;`` declares (Excel writes and reads it), or None."""
    found = _is_declaration(first_line)
    return found[1] if found and can_delimit(found[1]) else None


def can_delimit(text: str) -> bool:
    """Tell whether a text can stand between the fields of a CSV file: one character that is none of theirs."""
    return len(text) == 1 and not text.isalnum() and text not in '" \r\n\0' and text != UNDECODABLE


def choose_delimiter(sample: Sequence[str], delimiters: Sequence[str] = DELIMITERS) -> str:
    """Return the one that explains the most separators in rows as wide as the first one; else the first of them."""
    return max(delimiters, key=lambda delimiter: _explained(sample, delimiter))


def _explained(sample: Sequence[str], delimiter: str) -> int:
    reader = csv.reader(sample, delimiter=delimiter, skipinitialspace=True)
    widths = [len(row) for row in islice(reader, _SAMPLE_ROWS) if row]
    return widths.count(widths[0]) * (widths[0] - 1) if widths else 0
