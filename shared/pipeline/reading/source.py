"""The bytes of a file: decompressed, within a limit, in blocks."""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from shared.domain.errors import SegmentUnreadable

BLOCK_BYTES = 256 * 1024
_GZIP_MAGIC = b"\x1f\x8b"


class Budget:
    """How many bytes may still come out of a file: the guard against small ones that unpack to enormous ones."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = self._left_bytes = size_bytes

    def spend(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Pass the blocks on; raises SegmentUnreadable when there are more than may come."""
        for block in blocks:
            self.take(len(block))
            yield block

    def take(self, size_bytes: int) -> None:
        """Count bytes that came out; raises SegmentUnreadable when they are more than may come."""
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise SegmentUnreadable(
                f"The file holds more than {self._size_bytes:,} bytes.",
                code="file-too-large",
                remedy="Split the segment into several files.",
            )


def read_blocks(stream: BinaryIO, budget: Budget) -> Iterator[bytes]:
    """Yield the content in blocks of BLOCK_BYTES, the last one shorter. Gzip is known by its first bytes.

    Raises SegmentUnreadable when gzip data is damaged or cut off, or the budget is overdrawn.
    """
    first = _read_full(stream)
    raw = following_blocks(stream, first)
    return budget.spend(_gunzip(raw) if first.startswith(_GZIP_MAGIC) else raw)


def _read_full(stream: BinaryIO) -> bytes:
    """Read a whole block, however little the stream gives at a time."""
    block = stream.read(BLOCK_BYTES)
    while 0 < len(block) < BLOCK_BYTES:
        more = stream.read(BLOCK_BYTES - len(block))
        if not more:
            break
        block += more
    return block


def following_blocks(stream: BinaryIO, block: bytes = b"") -> Iterator[bytes]:
    """Yield ``block`` and the rest of the stream in blocks of BLOCK_BYTES, as it is."""
    block = block or _read_full(stream)
    while block:
        yield block
        block = _read_full(stream)


def _gunzip(raw: Iterator[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for piece in _inflate(raw):
        buffer += piece
        while len(buffer) >= BLOCK_BYTES:
            yield bytes(buffer[:BLOCK_BYTES])
            del buffer[:BLOCK_BYTES]
    if buffer:
        yield bytes(buffer)


def _inflate(raw: Iterator[bytes]) -> Iterator[bytes]:
    """Inflate one gzip member after another; zero bytes may pad the end."""
    member = None
    try:
        for data in raw:
            while data:
                if member is None:
                    data = data.lstrip(b"\0")
                    if not data:
                        break
                    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
                piece = member.decompress(data, BLOCK_BYTES)
                if piece:
                    yield piece
                data = member.unused_data or member.unconsumed_tail
                if member.eof:
                    member = None
        while member is not None and (piece := member.decompress(b"", BLOCK_BYTES)):
            yield piece
        if member is not None and not member.eof:
            raise SegmentUnreadable(
                "The gzip data ends in the middle.",
                code="gzip-truncated",
                remedy="Upload the whole file again.",
            )
    except zlib.error:
        raise SegmentUnreadable(
            "The gzip data is damaged.", code="gzip-damaged", remedy="Upload the file again."
        ) from None
