"""The bytes of a file: decompressed, within a limit, in blocks."""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from shared.domain.errors import SegmentUnreadable

BLOCK_BYTES = 256 * 1024
_GZIP_MAGIC = b"\x1f\x8b"


def read_blocks(stream: BinaryIO, max_uncompressed_bytes: int) -> Iterator[bytes]:
    """Yield the content in blocks of BLOCK_BYTES, the last one shorter. Gzip is known by its first bytes.

    Raises SegmentUnreadable when gzip data is damaged or cut off, or there is more than
    ``max_uncompressed_bytes``; that is also what stops a small file that unpacks to an enormous one.
    """
    first = _read_full(stream)
    raw = _following(stream, first)
    total = 0
    for block in _gunzip(raw) if first.startswith(_GZIP_MAGIC) else raw:
        total += len(block)
        if total > max_uncompressed_bytes:
            raise SegmentUnreadable(
                f"The file holds more than {max_uncompressed_bytes:,} bytes.",
                code="file-too-large",
                remedy="Split the segment into several files.",
            )
        yield block


def _read_full(stream: BinaryIO) -> bytes:
    """Read a whole block, however little the stream gives at a time."""
    block = stream.read(BLOCK_BYTES)
    while 0 < len(block) < BLOCK_BYTES:
        more = stream.read(BLOCK_BYTES - len(block))
        if not more:
            break
        block += more
    return block


def _following(stream: BinaryIO, block: bytes) -> Iterator[bytes]:
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
