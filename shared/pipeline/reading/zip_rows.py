"""Zip: the rows of all data files of an archive, one file after the other."""

import contextlib
import errno
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast
from uuid import uuid4

import orjson

from shared.domain.errors import SegmentUnreadable
from shared.pipeline.reading.json_rows import JsonRows
from shared.pipeline.reading.rows import BrokenRow, OnBroken, RowReader
from shared.pipeline.reading.source import Budget, following_blocks

MANIFEST_NAME = "manifest.json"
_MAX_FILES = 1_000
_MAX_MANIFEST_BYTES = 1 << 20
_MAX_DIRECTORY_BYTES = 4 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1

_is_hidden = re.compile(r"(^|/)(__MACOSX/|[._])", re.IGNORECASE).search
_is_outside = re.compile(r"^/|^[A-Za-z]:|\\|(^|/)\.\.(/|$)").search

OpenMember = Callable[[str, Iterator[bytes], OnBroken, Sequence[str]], RowReader]
"""Opens the rows of one data file, which may not be an archive itself; the columns are those of the first file, which
count only where rows have keys."""
ViewRows = Callable[[RowReader, OnBroken], RowReader]


class _DirectoryLimit(io.FileIO):
    """The table of contents is read in one go, into memory: one that is enormous is not a real one."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > _MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile("enormous table of contents")
        return super().read(size) or b""


class ZipRows:
    """The rows of the data files in an archive, which all have the same columns; line numbers are those within a file.

    The archive is kept in ``scratch`` until all rows were read. A manifest.json with ``total_rows`` is believed
    (mParticle documentation, "Download an audience"). Raises SegmentUnreadable if the archive is damaged, encrypted,
    holds no data or an archive, names files outside itself, or lacks rows that its manifest counts.
    """

    columns: list[str]

    def __init__(
        self,
        blocks: Iterator[bytes],
        scratch: Path,
        budget: Budget,
        on_broken: OnBroken,
        open_member: OpenMember,
        view: ViewRows,
    ) -> None:
        self._budget, self._on_broken, self._open_member, self._view = budget, on_broken, open_member, view
        self._path = scratch / f"{uuid4().hex}.zip"
        try:
            with self._path.open("wb") as file:
                file.writelines(blocks)
            self._file = _DirectoryLimit(self._path)
            with _damage():
                self._archive = zipfile.ZipFile(self._file)
            members = [member for member in self._archive.infolist() if not member.filename.endswith("/")]
            _check(members)
            self._totals = self._read_totals(members)
            self._names = sorted(
                (name for name in (member.filename for member in members) if _is_data(name)), key=_natural
            )
            if not self._names:
                raise _refused("The archive holds no data file.", code="zip-without-data")
            if missing := sorted(self._totals.keys() - set(self._names)):
                raise _refused(
                    f"The archive lacks the file '{missing[0]}' that its manifest names.", code="rows-missing"
                )
            self._first_columns: tuple[str, ...] = ()
            self._seen = 0
            self._first = self._open(self._names[0])
            self.columns = self._first.columns
        except BaseException:
            self._close()
            raise

    def __iter__(self) -> Iterator[tuple[int, Sequence[object]]]:
        try:
            for name in self._names:
                rows = self._first if name == self._names[0] else self._open(name)
                order = self._order_of(name, rows.columns)
                for line, values in rows:
                    yield line, values if order is None else [values[place] for place in order]
                expected = self._totals.get(name)
                if expected is not None and expected != self._seen:
                    raise _refused(
                        f"'{name}' in the archive has {self._seen:,} rows, but the manifest says {expected:,}.",
                        code="rows-missing",
                    )
        finally:
            self._close()

    def _open(self, name: str) -> RowReader:
        self._seen = 0
        blocks = self._budget.spend(self._read(name))
        rows = self._open_member(name, blocks, self._note_broken, self._first_columns)
        self._first_columns = self._first_columns or tuple(rows.columns)
        self._has_keys = isinstance(rows, JsonRows)
        return self._view(_Counted(rows, self._count), self._on_broken)

    def _read(self, name: str) -> Iterator[bytes]:
        with _damage(), self._archive.open(name) as stream:
            yield from following_blocks(cast(BinaryIO, stream))

    def _count(self) -> None:
        self._seen += 1

    def _note_broken(self, row: BrokenRow) -> None:
        self._seen += 1
        self._on_broken(row)

    def _order_of(self, name: str, columns: Sequence[str]) -> list[int] | None:
        """Return the places of the first file's columns in another one; None when they are the same."""
        if columns == self.columns:
            return None
        if set(columns) != set(self.columns) and not (self._has_keys and set(columns) > set(self.columns)):
            raise _refused(
                f"'{name}' in the archive has other columns than '{self._names[0]}'.",
                code="zip-columns-differ",
            )
        return [columns.index(column) for column in self.columns]

    def _read_totals(self, members: Sequence[zipfile.ZipInfo]) -> dict[str, int]:
        manifest = next((member for member in members if member.filename == MANIFEST_NAME), None)
        if manifest is None:
            return {}
        with _damage(), self._archive.open(manifest) as stream:
            data = stream.read(_MAX_MANIFEST_BYTES)
        try:
            files = orjson.loads(data).get("files") or []
            return {
                str(file["file_name"]): int(file["total_rows"])
                for file in files
                if file.get("total_rows") is not None
            }
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError, RecursionError):
            raise _refused(
                "The manifest in the archive cannot be understood.", code="zip-manifest-unreadable"
            ) from None

    def _close(self) -> None:
        if hasattr(self, "_archive"):
            self._archive.close()
        if hasattr(self, "_file"):
            self._file.close()
        self._path.unlink(missing_ok=True)


class _Counted:
    """Tells of each row before a view can pass over it."""

    def __init__(self, rows: RowReader, count: Callable[[], None]) -> None:
        self._rows, self._count, self.columns = rows, count, rows.columns

    def __iter__(self) -> Iterator[tuple[int, Sequence[object]]]:
        count = self._count
        for row in self._rows:
            count()
            yield row


def _check(members: Sequence[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    if "[Content_Types].xml" in names:
        raise _refused("The file is an Excel workbook.", code="format-not-supported")
    if len(members) > _MAX_FILES or len(set(names)) < len(names):
        raise _refused(
            f"The archive holds a file twice, or more than {_MAX_FILES:,}.", code="zip-not-supported"
        )
    for member in members:
        if not member.filename:
            raise _refused("The zip archive is damaged or cut off.", code="zip-damaged")
        if _is_outside(member.filename):
            raise _refused("The archive names a file outside itself.", code="zip-not-supported")
        if member.flag_bits & _ENCRYPTED:
            raise _refused("The archive is encrypted.", code="zip-not-supported")
        if member.compress_type not in _METHODS:
            raise _refused("The archive uses a compression other than deflate.", code="zip-not-supported")


def _is_data(name: str) -> bool:
    return name != MANIFEST_NAME and not _is_hidden(name)


@contextlib.contextmanager
def _damage() -> Iterator[None]:
    """What zipfile raises for archives that are not sound is not one kind of error."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        OverflowError,
        RuntimeError,
        struct.error,
        ValueError,
    ):
        raise _refused("The zip archive is damaged or cut off.", code="zip-damaged") from None
    except OSError as problem:
        if problem.errno != errno.EINVAL:
            raise
        raise _refused("The zip archive is damaged or cut off.", code="zip-damaged") from None


def _refused(message: str, *, code: str) -> SegmentUnreadable:
    return SegmentUnreadable(
        message,
        code=code,
        remedy="Upload one CSV, JSON or Parquet file, or an archive of such files, once more.",
    )


def _natural(name: str) -> list[str]:
    """Sort ``x_2`` before ``x_10``."""
    return [part.zfill(20) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]
