"""Segments, and snapshots: one complete arrival of a segment's files."""

from enum import StrEnum

from pydantic import Field

from shared.domain.record import Moment, Record


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
    ``expected_rows`` is what a manifest says there are.
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
    expected_rows: int | None = None


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
