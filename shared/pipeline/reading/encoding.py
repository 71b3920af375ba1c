"""Bytes to text: the encoding is found out on the way."""

import codecs
from collections.abc import Iterator
from itertools import chain

UNDECODABLE = "\udcff"
"""Stands for bytes that are not text in the file's encoding. No decoder gives it otherwise."""

_MARK_UNDECODABLE = "segpilot.undecodable"
# In this order: the mark of UTF-32 begins with that of UTF-16.
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def _mark(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101
    return UNDECODABLE, error.end


codecs.register_error(_MARK_UNDECODABLE, _mark)


def decode_blocks(blocks: Iterator[bytes]) -> Iterator[tuple[str, bool]]:
    """Yield ``(text, sound)`` per block; ``sound`` is False where the text contains UNDECODABLE.

    A byte order mark decides, else zero bytes at every second place (UTF-16) or at three of four (UTF-32), else the
    first block that is not all ASCII: it is UTF-8 if most of its non-ASCII characters are valid as such, Windows-1252
    if not.
    """
    first = next(blocks, b"")
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if first.startswith(mark):
            return _decode(encoding, chain([first[len(mark) :]], blocks))
    return _decode_unmarked(chain([first], blocks), _recognise_zeros(first[:512]))


def _decode_unmarked(blocks: Iterator[bytes], encoding: str | None) -> Iterator[tuple[str, bool]]:
    while encoding is None:
        block = next(blocks, None)
        if block is None:
            return
        if block.isascii():
            yield block.decode("ascii"), True
        else:
            # With one more block a character that straddles the edge can be judged too.
            block += next(blocks, b"")
            encoding = "utf-8" if _is_mostly_utf8(block) else "cp1252"
            blocks = chain([block], blocks)
    yield from _decode(encoding, blocks)


def _decode(encoding: str, blocks: Iterator[bytes]) -> Iterator[tuple[str, bool]]:
    decoder = codecs.getincrementaldecoder(encoding)()
    for block, is_last in chain(((block, False) for block in blocks), [(b"", True)]):
        try:
            yield decoder.decode(block, is_last), True
        except UnicodeDecodeError:
            decoder.errors = _MARK_UNDECODABLE
            yield decoder.decode(block, is_last), False
            decoder.errors = "strict"


def _recognise_zeros(sample: bytes) -> str | None:
    quarters, pairs = len(sample) // 4, len(sample) // 2
    if quarters > 3 and _is_utf32(*(sample[place : quarters * 4 : 4] for place in (0, 2, 3))):
        return "utf-32-le"
    if quarters > 3 and _is_utf32(*(sample[place : quarters * 4 : 4] for place in (3, 1, 0))):
        return "utf-32-be"
    high_first, low_first = sample[0::2].count(0), sample[1::2].count(0)
    if low_first * 3 > pairs and high_first * 20 <= pairs:
        return "utf-16-le"
    if high_first * 3 > pairs and low_first * 20 <= pairs:
        return "utf-16-be"
    return None


def _is_utf32(lowest: bytes, higher: bytes, highest: bytes) -> bool:
    """Tell it by one byte of each four: there is no character beyond 0x10FFFF."""
    return not any(highest) and max(higher) <= 0x10 and lowest.count(0) * 3 <= len(lowest)


def _is_mostly_utf8(sample: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")(_MARK_UNDECODABLE)
    text = decoder.decode(sample)
    invalid = text.count(UNDECODABLE)
    valid = sum(character > "\x7f" for character in text) - invalid
    return valid >= invalid
