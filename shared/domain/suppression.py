"""The people who are never sent over a connection: the SHA-256 of each address, in lower-case hex, one a line, sorted.

Lines are of one length, so that a list of a million is searched and changed where it lies, without being taken apart.
"""

from bisect import bisect_left
from collections.abc import Iterable

MAX_SUPPRESSED = 1_000_000
_DIGITS = 64
_LINE = _DIGITS + 1


def count_suppressed(listed: bytes) -> int:
    return len(listed) // _LINE


def is_suppressed(listed: bytes, address_hash: str) -> bool:
    """Tell whether the list holds the hash of an address."""
    wanted = address_hash.encode()
    return _at(listed, _place(listed, wanted)) == wanted


def amend_suppressed(listed: bytes, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> bytes:
    """Return the list with some hashes more and others less. One that is to be added and removed is removed."""
    joining, leaving = {each.encode() for each in add}, {each.encode() for each in remove}
    pieces, done = list[bytes](), 0
    for each in sorted(joining | leaving):
        place = _place(listed, each)
        pieces.append(listed[done : place * _LINE])
        done = (place + (_at(listed, place) == each)) * _LINE
        if each not in leaving:
            pieces.append(each + b"\n")
    return b"".join([*pieces, listed[done:]])


def _place(listed: bytes, wanted: bytes) -> int:
    """Return the number of the line that holds the hash, or before which it belongs."""
    return bisect_left(range(count_suppressed(listed)), wanted, key=lambda place: _at(listed, place))


def _at(listed: bytes, place: int) -> bytes:
    return listed[place * _LINE : place * _LINE + _DIGITS]
