"""Compressed files and archives, sound and unsound ones."""

import gzip
import io
import struct
import zipfile
import zlib
from random import Random

from tests.fuzz.people import HEADER, as_text, make_rows, read


def _gzip(random: Random, data: bytes) -> bytes:
    """Compress with any of the optional fields of RFC 1952."""
    flags = random.choice([0, 0, 4, 8, 16, 8 | 16, 4 | 8 | 16, 2])
    head = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6)
    if flags & 4:
        head += struct.pack("<H", 5) + b"extra"
    if flags & 8:
        head += b"../../etc/passwd\0"
    if flags & 16:
        head += b"comment\0"
    if flags & 2:
        head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    packer = zlib.compressobj(random.randint(0, 9), wbits=-15)
    return head + packer.compress(data) + packer.flush() + struct.pack("<II", zlib.crc32(data), len(data))


def check_gzip(random: Random) -> None:
    """Sound gzip gives the people, in one member or several; all else is refused."""
    rows = make_rows(random, random.choice([5, 500]))
    data = as_text([HEADER, *rows]).encode()
    cut = random.randint(0, len(data))
    packed = (
        _gzip(random, data[:cut]) + _gzip(random, data[cut:])
        if random.random() < 0.5
        else _gzip(random, data)
    )
    what = random.choice(
        ["sound", "zeros", "cut", "cut short", "garbage", "crc", "size", "body", "nested", "deflate"]
    )
    options: dict[str, object] = {}
    match what:
        case "zeros":
            packed += bytes(random.randint(1, 2_000))
        case "cut":
            packed = packed[: random.randint(2, len(packed) - 1)]
        case "cut short":
            packed = packed[:-1]
        case "garbage":
            packed += random.choice([b"x", b"\x1f\x8c", b"\0\0x", b"\x1f\x8b", b"\x1f\x8b\x08\0"])
        case "crc":
            packed = packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]
        case "size":
            packed = packed[:-4] + struct.pack("<I", 0xFFFFFFFF)
        case "body":
            place = len(packed) // 2
            packed = (
                packed[:place] + bytes([packed[place] ^ (1 << random.randint(0, 7))]) + packed[place + 1 :]
            )
        case "nested":
            packed = gzip.compress(packed, mtime=0)
        case "deflate":
            packed = packed[:2] + b"\x09" + packed[3:]
    found = read(packed, random.choice(["p.csv.gz", "p.csv"]), **options)
    if what in ("sound", "zeros"):
        assert (found.refused, found.values) == (None, rows)
    elif what == "cut" and found.refused is None:
        assert found.values == rows[: len(found.rows)], what
    elif what != "body" or found.refused:
        assert found.refused, what
    else:
        assert found.values == rows  # the bit that was turned is one that nobody reads


class _Unseekable(io.RawIOBase):
    """With it zipfile writes data descriptors behind the data."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.content += bytes(data)  # type: ignore[call-overload]
        return len(bytes(data))  # type: ignore[call-overload]


def _archive(
    random: Random, files: list[tuple[str, bytes]], *, streamed: bool = False, zip64: bool = False
) -> bytes:
    target: _Unseekable | io.BytesIO = _Unseekable() if streamed else io.BytesIO()
    with zipfile.ZipFile(target, "w", random.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as packed:
        packed.comment = random.choice([b"", b"comment", bytes(60_000)])
        for name, data in files:
            member = zipfile.ZipInfo(name)
            member.compress_type = packed.compression
            with packed.open(member, "w", force_zip64=zip64) as stream:
                stream.write(data)
    return bytes(target.content) if isinstance(target, _Unseekable) else target.getvalue()


def check_zip(random: Random) -> None:
    """The rows of a sound archive are those of its files, however it was written."""
    parts = [make_rows(random, random.randint(0, 20)) for _ in range(random.randint(1, 4))]
    names = [f"{random.choice(['', 'in/', 'ñ/', 'a b/'])}p_{number}.csv" for number in range(len(parts))]
    files = [(name, as_text([HEADER, *rows]).encode()) for name, rows in zip(names, parts, strict=True)]
    extra = [("__MACOSX/._p.csv", b"\0"), (".hidden", b"x"), ("_SUCCESS", b""), ("dir/", b"")]
    files += random.sample(extra, random.randint(0, 3))
    data = _archive(random, files, streamed=random.random() < 0.3, zip64=random.random() < 0.3)
    prefix = random.choice([b"", b"", b"", b"PK\x03\x04junk"])
    found = read(prefix + data, "p.zip")
    if prefix and found.refused:
        return
    assert found.refused is None, found.refused
    expected = [rows for _, rows in sorted(zip(names, parts, strict=True))]
    assert found.values == [row for rows in expected for row in rows]


_UNSOUND = ["flip", "flip", "flip", "cut", "cut", "size", "directory size", "count", "encrypted", "method", "twice", "symlink",
            "outside", "absolute", "nested", "bomb", "zip64 lie", "offset", "crc", "overlap"]  # fmt: skip


def check_unsound_zip(random: Random) -> None:
    """An archive that is not sound is refused, or gives nothing but its own people."""
    rows = make_rows(random, 30)
    text = as_text([HEADER, *rows]).encode()
    what, options = random.choice(_UNSOUND), {}
    data = bytearray(_archive(random, [("a.csv", text)]))
    central = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    match what:
        case "flip":
            for _ in range(random.randint(1, 4)):
                data[random.randrange(len(data))] ^= 1 << random.randint(0, 7)
        case "cut":
            del data[random.randint(4, end + 10) :]
        case "size":
            struct.pack_into(
                "<I", data, central + 24, random.choice([0, 1, len(text) - 1, len(text) + 1, 0x7FFFFFFF])
            )
        case "directory size":
            struct.pack_into("<I", data, end + 12, random.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF]))
        case "count":
            struct.pack_into("<HH", data, end + 8, *random.choice([(0, 0), (2, 2), (65_535, 65_535)]))
        case "encrypted":
            data[central + 8] |= 1
            data[6] |= 1
        case "method":
            struct.pack_into("<H", data, central + 10, random.choice([1, 9, 12, 14, 93, 98, 99, 65_535]))
        case "twice":
            data = bytearray(_archive(random, [("a.csv", text), ("b.csv", text)]).replace(b"b.csv", b"a.csv"))
        case "symlink":
            content = io.BytesIO()
            with zipfile.ZipFile(content, "w") as packed:
                member = zipfile.ZipInfo("a.csv")
                member.create_system, member.external_attr = 3, 0o120777 << 16
                packed.writestr(
                    member, random.choice(["/etc/passwd", "../../etc/passwd", "/proc/self/environ"])
                )
            data = bytearray(content.getvalue())
        case "outside":
            names = ["../a.csv", "b/../../a.csv", "..\\a.csv", "b\\..\\..\\a.csv"]
            data = bytearray(_archive(random, [(random.choice(names), text)]))
        case "absolute":
            data = bytearray(
                _archive(random, [(random.choice(["/a.csv", "C:/a.csv", "C:a.csv", "//x/a.csv"]), text)])
            )
        case "nested":
            data = bytearray(_archive(random, [("a.zip", bytes(data))]))
        case "bomb":
            data = bytearray(_archive(random, [("a.csv", text + b"x" * (9 << 20))]))
        case "zip64 lie":
            struct.pack_into("<II", data, central + 20, 0xFFFFFFFF, 0xFFFFFFFF)
        case "offset":
            struct.pack_into("<I", data, central + 42, random.choice([1, 30, end, 0x7FFFFFFF, 0xFFFFFFFF]))
        case "crc":
            data[central + 16] ^= 1
        case "overlap":
            data = bytearray(_archive(random, [("a.csv", text), ("b.csv", text)]))
            second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
            struct.pack_into("<I", data, second + 42, 0)
    found = read(bytes(data), "p.zip", **options)
    if what in ("encrypted", "method", "twice", "outside", "absolute", "nested", "bomb", "crc"):
        assert found.refused, what
    elif what == "symlink":
        # What it points at is not read: it is a file of one line like any other.
        assert found.rows == []
        assert len(found.columns) == 1
    elif not found.refused:
        times = 2 if what == "overlap" else 1
        # A turned bit within a stored file is told by its check sum, in the name of a column by nothing else.
        assert len(found.rows) + len(found.broken) <= len(rows) * times, what
        assert what == "flip" or found.values in (rows, rows * times), what
