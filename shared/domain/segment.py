"""Segments, and snapshots: one complete arrival of a segment's files."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from shared.domain.record import Moment, Record

SegmentName = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^/\x00-\x1f]+$")]
TREND_POINTS = 60


class SnapshotFile(Record):
    """One file of a snapshot, pinned to the version that was seen. ``name`` is the blob's name."""

    name: str
    etag: str
    size_bytes: int


class SourceFormat(StrEnum):
    """Who writes a segment's files, which decides how their rows are read. AUTO: plain rows of profiles."""

    AUTO = "auto"
    ADOBE = "adobe"
    MPARTICLE = "mparticle"
    SEGMENT = "segment"
    RUDDERSTACK = "rudderstack"
    CENSUS = "census"
    HIGHTOUCH = "hightouch"

    @property
    def usual_mode(self) -> "SnapshotMode":
        """What its files are unless something else is declared: these three write what has changed."""
        changes = (SourceFormat.MPARTICLE, SourceFormat.SEGMENT, SourceFormat.RUDDERSTACK)
        return SnapshotMode.DELTA if self in changes else SnapshotMode.FULL


class SnapshotMode(StrEnum):
    """FULL: a snapshot holds everybody. DELTA: only changes; who is not in it says nothing about leaving.
    PARTIAL: a part of everybody, of which nobody leaves either."""

    FULL = "full"
    PARTIAL = "partial"
    DELTA = "delta"


class SegmentSource(Record):
    """What was declared about a segment's files; it may be declared before the first one arrives."""

    segment: str
    format: SourceFormat = SourceFormat.AUTO
    mode: SnapshotMode = SnapshotMode.FULL
    delimiter: str | None = None
    has_header: bool | None = None
    updated_by: str = ""
    updated_at: Moment


class Snapshot(Record):
    """``columns`` and ``has_header`` come from a manifest or a declaration and are None where nobody declared them.

    A delta snapshot holds all recent deltas in the order of their arrival: the last word on a person counts.
    """

    id: str
    segment: str
    arrived_at: Moment
    files: tuple[SnapshotFile, ...] = Field(min_length=1)
    columns: tuple[str, ...] | None = None
    has_header: bool | None = None
    delimiter: str | None = None
    format: SourceFormat = SourceFormat.AUTO
    mode: SnapshotMode = SnapshotMode.FULL


class TrendPoint(Record):
    """How many people a snapshot had."""

    at: Moment
    profiles: int


class Segment(Record):
    """``source`` is the folder it comes from; the same name arriving from elsewhere is not mixed in.

    ``rows`` and ``columns`` are known once the snapshot was looked at, ``profiles`` once a run has read it.
    ``warning`` says what was wrong with the latest arrival.
    """

    name: str
    source: str
    snapshot: Snapshot
    rows: int | None = None
    profiles: int | None = None
    columns: tuple[str, ...] | None = None
    trend: tuple[TrendPoint, ...] = ()
    warning: str | None = None

    @property
    def size(self) -> int | None:
        """How many people it has, or else rows; None until they were counted."""
        return self.rows if self.profiles is None else self.profiles


def renewed_counts(segment: Segment, snapshot_id: str, profiles: int, rows: int | None = None) -> Segment:
    """Return the segment with what reading a snapshot has counted; as it is when another snapshot has come since.

    The trend keeps the last TREND_POINTS snapshots, a point each; deltas and parts say nothing about the whole.
    """
    snapshot = segment.snapshot
    if snapshot.id != snapshot_id:
        return segment
    trend = segment.trend
    if snapshot.mode is SnapshotMode.FULL:
        point = TrendPoint(at=snapshot.arrived_at, profiles=profiles)
        trend = (*(known for known in trend if known.at < point.at), point)[-TREND_POINTS:]
    return segment.model_copy(
        update={"profiles": profiles, "rows": segment.rows if rows is None else rows, "trend": trend}
    )
