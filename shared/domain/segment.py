"""Segments, and snapshots: one complete arrival of a segment's files."""

from pydantic import Field

from shared.domain.record import Moment, Record


class SnapshotFile(Record):
    """One file of a snapshot, pinned to the version that was seen. ``name`` is the blob's name."""

    name: str
    etag: str
    size_bytes: int


class Snapshot(Record):
    """``columns`` and ``has_header`` come from a manifest and are None where nobody declared them."""

    id: str
    segment: str
    arrived_at: Moment
    files: tuple[SnapshotFile, ...] = Field(min_length=1)
    columns: tuple[str, ...] | None = None
    has_header: bool | None = None
    delimiter: str | None = None


class Segment(Record):
    """``source`` is the folder it comes from; the same name arriving from elsewhere is not mixed in."""

    name: str
    source: str
    snapshot: Snapshot
    profiles: int | None = None
    columns: tuple[str, ...] | None = None
    warning: str | None = None
