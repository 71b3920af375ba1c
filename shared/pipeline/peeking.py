"""Peek: what is in the files of a snapshot, before any run reads them."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice

from shared.domain.errors import SegmentUnreadable
from shared.domain.ports import SegmentBlobs
from shared.domain.segment import Snapshot, SnapshotFile, SnapshotMode
from shared.pipeline.reading import LEAVES_COLUMN, BrokenRow, JsonRows, OnBroken, RowReader, open_rows
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
        broken: deque[BrokenRow] = deque(maxlen=1)
        with self.open(snapshot, file, broken.append) as rows:
            has_keys = isinstance(rows, JsonRows)
            is_passed_over = has_keys and next(iter(rows), None) is None and not broken
            return Peek(_of_people(rows), has_keys, is_passed_over)

    def count(self, snapshot: Snapshot) -> int:
        """Read everything and count the rows, broken ones included."""
        count = 0

        def count_broken(_row: BrokenRow) -> None:
            nonlocal count
            count += 1

        for file in snapshot.files:
            with self.open(snapshot, file, count_broken) as rows:
                read = sum(1 for _ in rows)
            count += read
        return count

    def sample(self, snapshot: Snapshot, size: int) -> tuple[tuple[str, ...], list[Sequence[object]]]:
        """Return the columns and up to ``size`` rows of the first file, of changes those of the newest."""
        file = snapshot.files[-1 if snapshot.mode is SnapshotMode.DELTA else 0]
        with self.open(snapshot, file, _pass_over) as rows:
            columns = _of_people(rows)
            return columns, [values[: len(columns)] for _, values in islice(rows, size)]

    @contextmanager
    def open(self, snapshot: Snapshot, file: SnapshotFile, on_broken: OnBroken) -> Iterator[RowReader]:
        """Open one file; ``on_broken`` hears of rows that cannot be read while the others are iterated."""
        try:
            with scratch_folder() as scratch, closing(self._blobs.open(file)) as stream:
                yield open_rows(
                    stream,
                    name=file.name,
                    on_broken=on_broken,
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


def _pass_over(_row: BrokenRow) -> None:
    pass


def _of_people(rows: RowReader) -> tuple[str, ...]:
    return tuple(column for column in rows.columns if column != LEAVES_COLUMN)
