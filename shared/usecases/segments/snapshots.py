"""Snapshots: what is known of a segment's files when they have arrived."""

from collections.abc import Sequence

from shared.domain.errors import SegmentUnreadable
from shared.domain.identifiers import digest
from shared.domain.segment import SegmentSource, Snapshot, SnapshotMode, SourceFormat
from shared.pipeline.layouts import Blob, ManifestTable, Partition, PlainFile, natural_key


def mode_of(place: PlainFile | Partition, declared: SegmentSource | None) -> SnapshotMode:
    """Return what files are. Folders of changes hold changes, whatever is declared."""
    changes = place.changes if isinstance(place, PlainFile) else None
    if changes == "incremental" or (changes and declared is None):
        return SnapshotMode.DELTA
    return declared.mode if declared else SnapshotMode.FULL


def make_snapshot(
    segment: str,
    blobs: Sequence[Blob],
    table: ManifestTable | None,
    declared: SegmentSource | None,
    mode: SnapshotMode,
) -> Snapshot:
    """Make a snapshot of files. What a manifest says of columns, header and delimiter counts more than what was declared.

    Raises SegmentUnreadable when a file that a manifest names is empty.
    """
    if mode is not SnapshotMode.DELTA:
        blobs = sorted(blobs, key=lambda blob: natural_key(blob[0].name))
    if table and (empty := [file.name for file, _ in blobs if file.size_bytes == 0]):
        raise SegmentUnreadable(
            f"The file '{empty[0]}' is empty.",
            code="file-empty",
            remedy="Export again from Customer Insights.",
        )
    format_ = declared.format if declared else SourceFormat.AUTO
    delimiter, has_header = (
        (table.delimiter, table.has_header)
        if table
        else (declared.delimiter, declared.has_header)
        if declared
        else (None, None)
    )
    columns = table.columns or None if table else None
    versions = [part for file, _ in blobs for part in (file.name, file.etag)]
    # The same bytes mean other people once something tells how to read them.
    layout = [str(part) for part in (format_, mode, delimiter, has_header, columns)]
    return Snapshot(
        id=digest(segment, *versions, *layout, length=20),
        segment=segment,
        arrived_at=max(at for _, at in blobs),
        files=tuple(file for file, _ in blobs),
        columns=columns,
        has_header=has_header,
        delimiter=delimiter,
        format=format_,
        mode=mode,
    )
