"""Peek: what is in the files of a snapshot, before any run reads them."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice

from shared.domain.errors import SegmentUnreadable
from shared.domain.ports import SegmentBlobs
from shared.domain.segment import Snapshot, SnapshotFile, SnapshotMode
from shared.pipeline.reading import LEAVES_COLUMN, BrokenRow, JsonRows, RowReader, open_rows
from shared.pipeline.workspace import scratch_folder


@dataclass(frozen=True, slots=True)
class Peek:
    """``columns`` are those of people. ``has_keys``: rows name their own columns, so that other files of the same
    kind may have others. ``is_passed_over``: there is something in the file, but no row of a person."""

    columns: tuple[str, ...]
    has_keys: bool
    is_passed_over: bool


class Peeker:
    """Opens files as a run would. What they raise is SegmentUnreadable that names the file."""

    def __init__(self, blobs: SegmentBlobs, max_file_mb: int) -> None:
        self._blobs, self._max_bytes = blobs, max_file_mb << 20

    def peek(self, snapshot: Snapshot, file: SnapshotFile) -> Peek:
        """Look at the beginning of one file; Parquet and zip are fetched whole."""
        broken: list[BrokenRow] = []
        with self.open(snapshot, file, broken) as rows:
            has_keys = isinstance(rows, JsonRows)
            is_passed_over = has_keys and next(iter(rows), None) is None and not broken
            return Peek(_of_people(rows), has_keys, is_passed_over)

    def count(self, snapshot: Snapshot) -> int:
        """Read everything and count the rows, broken ones included."""
        count = 0
        for file in snapshot.files:
            broken: list[BrokenRow] = []
            with self.open(snapshot, file, broken) as rows:
                count += sum(1 for _ in rows) + len(broken)
        return count

    def sample(self, snapshot: Snapshot, size: int) -> tuple[tuple[str, ...], list[Sequence[object]]]:
        """Return the columns and up to ``size`` rows of the first file, of changes those of the newest."""
        file = snapshot.files[-1 if snapshot.mode is SnapshotMode.DELTA else 0]
        with self.open(snapshot, file, []) as rows:
            columns = _of_people(rows)
            return columns, [values[: len(columns)] for _, values in islice(rows, size)]

    @contextmanager
    def open(self, snapshot: Snapshot, file: SnapshotFile, broken: list[BrokenRow]) -> Iterator[RowReader]:
        """Open one file for reading from its beginning; ``broken`` gets the rows that cannot be read."""
        """Open one file; rows that cannot be read are added to ``broken`` while the others are iterated."""
        try:
            with scratch_folder() as scratch, closing(self._blobs.open(file)) as stream:
                yield open_rows(
                    stream,
                    name=file.name,
                    on_broken=broken.append,
                    scratch=scratch,
                    source_format=snapshot.format,
                    delimiter=snapshot.delimiter,
                    has_header=snapshot.has_header,
                    columns=snapshot.columns,
                    max_uncompressed_bytes=self._max_bytes,
                )
        except SegmentUnreadable as problem:
            raise SegmentUnreadable(
                f"The file '{file.name}' cannot be used. {problem.message}",
                code=problem.reason,
                remedy=problem.remedy,
            ) from None


def _of_people(rows: RowReader) -> tuple[str, ...]:
    return tuple(column for column in rows.columns if column != LEAVES_COLUMN)
