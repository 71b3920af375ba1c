"""Few bytes that stand for many, and many bytes: they are read or refused within memory."""

import gzip
import io
import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import duckdb

from shared.domain.errors import SegmentUnreadable
from shared.pipeline.reading import BrokenRow, open_rows
from tests.fuzz.targets import require_sentence
from tests.staging_bench import StagingBench

_MEGABYTE = 1 << 20


class _Stream(io.RawIOBase):
    """A file that is made while it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self._rest = self._rest or next(self._pieces, b"")
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


def _repeated(beginning: bytes, middle: bytes, times: int, end: bytes) -> Iterator[bytes]:
    yield beginning
    for _ in range(times):
        yield middle
    yield end


def _count(stream: io.RawIOBase, name: str, limit: int = 4 << 30) -> tuple[int, int, str | None]:
    """Return how many rows there are, how many broken ones, and the code when the file is refused."""
    rows = broken = 0

    def count_broken(_row: BrokenRow) -> None:
        nonlocal broken
        broken += 1

    with tempfile.TemporaryDirectory() as folder:
        try:
            for _ in open_rows(
                stream, name=name, on_broken=count_broken, scratch=Path(folder), max_uncompressed_bytes=limit
            ):
                rows += 1
        except SegmentUnreadable as problem:
            require_sentence(problem)
            return rows, broken, problem.reason
    return rows, broken, None


def _gzipped(pieces: Iterator[bytes]) -> bytes:
    packer = zlib.compressobj(6, wbits=31)
    return b"".join([*(packer.compress(piece) for piece in pieces), packer.flush()])


def _line_of_100_mb() -> None:
    for end in (b"\n2,b\n", b'"\n2,b\n'):
        stream = _Stream(_repeated(b"id,name\n1," + b'"' * (end[0] == 34), b"x" * _MEGABYTE, 100, end))
        assert _count(stream, "p.csv") == (1, 1, None)


def _line_of_100_mb_in_json() -> None:
    stream = _Stream(_repeated(b'{"id":1}\n{"id":"', b"x" * _MEGABYTE, 100, b'"}\n{"id":2}\n'))
    assert _count(stream, "p.jsonl") == (2, 1, None)
    array = _Stream(_repeated(b'[{"id":1},\n{"id":"', b"x" * _MEGABYTE, 100, b'"},\n{"id":2}]\n'))
    assert _count(array, "p.json") == (2, 1, None)


def _gzip_bomb() -> None:
    packed = _gzipped(_repeated(b"id\n", bytes(_MEGABYTE), 300, b"\n"))
    assert len(packed) < _MEGABYTE
    assert _count(io.BytesIO(packed), "p.csv.gz", 64 * _MEGABYTE)[2] == "file-too-large"
    twice = _gzipped(iter([packed] * 20))
    assert _count(io.BytesIO(twice), "p.csv.gz")[2] == "format-not-supported"


def _zip_bomb() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(20):
            packed.writestr(f"{number}.csv", b"id\n" + (b"1" * 999 + b"\n") * 5_000)
    assert content.tell() < 3 * _MEGABYTE
    content.seek(0)
    assert _count(content, "p.zip", 8 * _MEGABYTE)[2] == "file-too-large"


def _zip_of_many_files() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for number in range(20_000):
            packed.writestr(f"{number}.csv", b"")
    content.seek(0)
    assert _count(content, "p.zip")[2] == "zip-not-supported"


def _rows_of_a_megabyte() -> None:
    packed = _gzipped(
        _repeated(
            b"EMail,First\n",
            b"a@example.com," + b"x" * (_MEGABYTE - 100) + b"\n",
            60,
            b"b@example.com,Ion\n",
        )
    )
    assert len(packed) < _MEGABYTE
    bench = StagingBench()
    staged = bench.stage({"vip/a.csv": packed}, fields={"FirstName": "First"}, delimiter=",")
    assert [person.email for person in bench.people(staged)] == ["b@example.com"]
    assert staged.rejected == {"line_too_long": 60}


def _parquet_of_gigabytes() -> None:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        path = Path(folder) / "a.parquet"
        database.execute(
            f"COPY (SELECT repeat('x', 1000000) AS a FROM range(600)) TO '{path}' (FORMAT parquet)"
        )
        data = path.read_bytes()
    assert len(data) < 100_000
    assert _count(io.BytesIO(data), "p.parquet") == (0, 600, None)
    assert _count(io.BytesIO(data), "p.parquet", 200 * _MEGABYTE)[2] == "file-too-large"


def _open_objects() -> None:
    data = b"[" + (b'{"a":[' + b"1," * 400 + b"\n") * 2_000
    assert _count(io.BytesIO(data), "p.json")[2] in ("unclosed-objects", "json-truncated")


def _open_quotes() -> None:
    data = b"id,name\n" + (b'a","' + b"c" * 1_000 + b"\n") * 2_000
    assert _count(io.BytesIO(data), "p.csv")[2] == "unclosed-quotes"


def _keys_without_number() -> None:
    data = b"\n".join(
        json.dumps({f"k{number}_{place}": 1 for place in range(500)}).encode() for number in range(300)
    )
    assert _count(io.BytesIO(data), "p.jsonl")[2] == "too-many-columns"


def _broken_rows() -> None:
    packed = gzip.compress(b"id,name\n" + b"1\n" * 200_000, mtime=0)
    assert _count(io.BytesIO(packed), "p.csv.gz") == (0, 200_000, None)


def _ten_thousand_columns() -> None:
    line = b",".join(b"%d" % place for place in range(10_000)) + b"\n"
    assert _count(io.BytesIO(line * 300), "p.csv")[2] == "too-many-columns"
    assert _count(io.BytesIO(b"a,b\n" + line * 300), "p.csv") == (0, 300, None)


_GIANTS = [
    _line_of_100_mb, _line_of_100_mb_in_json, _gzip_bomb, _zip_bomb, _zip_of_many_files, _rows_of_a_megabyte,
    _parquet_of_gigabytes, _open_objects, _open_quotes, _keys_without_number, _broken_rows, _ten_thousand_columns,
]  # fmt: skip
COUNT = len(_GIANTS)


def check_giants(_random: Random, number: int) -> None:
    _GIANTS[number]()
