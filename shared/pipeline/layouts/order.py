"""In which order files are read: the last word on a person counts."""

import re
from collections.abc import Iterable
from datetime import datetime

from shared.domain.segment import SnapshotFile

Blob = tuple[SnapshotFile, datetime]
"""A file and the moment of its last change."""

_SEPARATOR = r"[-_./:T ]?"
_STAMP = re.compile(
    rf"(?<!\d)(20\d\d){_SEPARATOR}(\d\d){_SEPARATOR}(\d\d){_SEPARATOR}(\d\d)"
    rf"(?:{_SEPARATOR}(\d\d))?(?:{_SEPARATOR}(\d\d))?(?:[-_.](\d{{1,6}}))?(?!\d)"
)
_UNIX = re.compile(r"(?<!\d)(1\d{9})(\d{3})?(?!\d)")


def in_order(blobs: Iterable[Blob]) -> list[Blob]:
    """Sort by the moments in the names when all have the same kind of them, else by arrival; then by name."""
    found = list(blobs)
    for read in (_stamp, _unix_stamp):
        stamps = [read(file.name) for file, _ in found]
        if all(stamps):
            keyed = [
                (stamp or "", natural_key(blob[0].name)) for stamp, blob in zip(stamps, found, strict=True)
            ]
            return [found[at] for at in sorted(range(len(found)), key=keyed.__getitem__)]
    return sorted(found, key=lambda blob: (blob[1], natural_key(blob[0].name)))


def natural_key(name: str) -> list[tuple[str, int]]:
    """Sort ``x_2`` before ``x_10``."""
    return [(text, int(number or -1)) for text, number in re.findall(r"(\D*)(\d*)", name)]


def _stamp(name: str) -> str:
    """Return the last date and time in a name as digits, empty when there is none."""
    found = [
        "".join((part or "").ljust(2, "0") for part in match.groups()[:6]) + (match[7] or "").ljust(6, "0")
        for match in _STAMP.finditer(name)
        if _is_moment(match)
    ]
    return found[-1] if found else ""


def _unix_stamp(name: str) -> str:
    found = _UNIX.findall(name)
    return found[-1][0] + found[-1][1].ljust(3, "0") if found else ""


def _is_moment(match: re.Match[str]) -> bool:
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 (only whether there is such a moment)
    except ValueError:
        return False
    return True
