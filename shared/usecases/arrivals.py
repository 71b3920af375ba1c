"""Arrivals: a blob came in. Is a snapshot complete, and which exports does it set off?"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.errors import Conflict, SegmentUnreadable
from shared.domain.identifiers import digest
from shared.domain.ports import SegmentBlobs, Stores
from shared.domain.record import Clock
from shared.domain.segment import Segment, Snapshot, SnapshotFile
from shared.pipeline.layouts import (
    ManifestFile,
    ManifestTable,
    Partition,
    PlainFile,
    classify,
    read_manifest,
)


class ArrivalState(StrEnum):
    """COMPLETE: registered, runs may start. SETTLING: look again later. IGNORED: nothing to do, ``why`` says so."""

    COMPLETE = "complete"
    SETTLING = "settling"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Arrival:
    state: ArrivalState
    why: str = ""
    wait_s: float = 0.0
    snapshots: tuple[Snapshot, ...] = ()


def _ignored(why: str) -> Arrival:
    return Arrival(ArrivalState.IGNORED, why)


class Arrivals:
    """Looks at what lies in the segment container now, so that notices may come twice, late or out of order."""

    def __init__(self, stores: Stores, blobs: SegmentBlobs, settle_time_s: float, clock: Clock) -> None:
        self._stores, self._blobs, self._clock = stores, blobs, clock
        self._settle_time = timedelta(seconds=settle_time_s)

    def inspect(self, blob_name: str) -> Arrival:
        """Return what the arrival of ``blob_name`` means; complete snapshots are registered with their segment."""
        match classify(blob_name):
            case PlainFile() as plain:
                return self._inspect_plain(plain)
            case Partition() as partition:
                return self._inspect_partition(partition)
            case ManifestFile() as manifest:
                return self._inspect_manifest(manifest)
            case _:
                return _ignored("the name is not that of a segment file")

    def _inspect_plain(self, plain: PlainFile) -> Arrival:
        found = self._blobs.find(plain.name)
        if found is None:
            return _ignored("the file is gone")
        file, changed_at = found
        snapshot = _snapshot(plain.segment, [(file, changed_at)], None)
        return self._register(plain.source, snapshot)

    def _inspect_partition(self, partition: Partition) -> Arrival:
        earlier: ManifestTable | None = None
        for manifest_name in partition.manifests:
            if (found := self._blobs.find(manifest_name)) is None:
                continue
            for table in read_manifest(manifest_name, self._blobs.read(found[0])):
                minutes = [place.minute for place in _places(table.partitions, partition.table_folder)]
                if partition.minute in minutes:
                    return self._inspect_table(table, found[1])
                if minutes and max(minutes) > partition.minute:
                    return _ignored("a newer export has taken its place")
                earlier = table if minutes else earlier
        names = (file.name for file, _ in self._blobs.list(partition.source))
        if any(place.minute > partition.minute for place in _places(names, partition.table_folder)):
            return _ignored("a newer export has taken its place")
        return self._settle(partition, earlier)

    def _inspect_manifest(self, manifest: ManifestFile) -> Arrival:
        found = self._blobs.find(manifest.name)
        if found is None:
            return _ignored("the manifest is gone")
        arrivals = [
            self._inspect_named_table(table, found[1])
            for table in read_manifest(manifest.name, self._blobs.read(found[0]))
        ]
        if wait_s := max((arrival.wait_s for arrival in arrivals), default=0.0):
            return Arrival(ArrivalState.SETTLING, wait_s=wait_s)
        snapshots = tuple(snapshot for arrival in arrivals for snapshot in arrival.snapshots)
        if snapshots:
            return Arrival(ArrivalState.COMPLETE, snapshots=snapshots)
        return _ignored("; ".join(arrival.why for arrival in arrivals) or "the manifest names no files")

    def _inspect_named_table(self, table: ManifestTable, named_at: datetime) -> Arrival:
        """One table that cannot be used does not hold up the others."""
        try:
            return self._inspect_table(table, named_at)
        except SegmentUnreadable as problem:
            return _ignored(problem.message)

    def _inspect_table(self, table: ManifestTable, named_at: datetime) -> Arrival:
        place = classify(table.partitions[0]) if table.partitions else None
        if not isinstance(place, Partition):
            return _ignored("the manifest names no files")
        found = [(name, self._blobs.find(name)) for name in table.partitions]
        missing = [name for name, blob in found if blob is None]
        if missing:
            return _ignored(f"{len(missing)} of {len(found)} files named by the manifest are still missing")
        blobs = [blob for _, blob in found if blob is not None]
        # Files that are younger than their manifest are being written again: others may follow.
        if max(at for _, at in blobs) > named_at and (wait_s := self._unsettled_s(blobs)) > 0:
            return Arrival(ArrivalState.SETTLING, wait_s=wait_s)
        return self._register(place.source, _snapshot(place.segment, blobs, table))

    def _settle(self, partition: Partition, earlier: ManifestTable | None) -> Arrival:
        """Without a manifest there is no mark of the end: a folder is complete when nothing new came for a while.

        ``earlier`` is what a manifest said of an earlier export of the table: columns and header are still the same.
        """
        blobs = [
            (file, at)
            for file, at in self._blobs.list(partition.folder)
            if isinstance(classify(file.name), Partition)
        ]
        if not blobs:
            return _ignored("the files are gone")
        if (wait_s := self._unsettled_s(blobs)) > 0:
            return Arrival(ArrivalState.SETTLING, wait_s=wait_s)
        return self._register(partition.source, _snapshot(partition.segment, blobs, earlier))

    def _unsettled_s(self, blobs: Sequence[tuple[SnapshotFile, datetime]]) -> float:
        settled_at = max(at for _, at in blobs) + self._settle_time
        return (settled_at - self._clock()).total_seconds()

    def _register(self, source: str, snapshot: Snapshot) -> Arrival:
        """Make the snapshot the segment's newest. The same name from another folder is not mixed in."""
        segment = Segment(name=snapshot.segment, source=source, snapshot=snapshot)
        known = self._stores.segments.find(snapshot.segment)
        if known is None:
            try:
                self._stores.segments.add(segment.name, segment)
                return Arrival(ArrivalState.COMPLETE, snapshots=(snapshot,))
            except Conflict:
                known = self._stores.segments.get(snapshot.segment)
        if known.record.source != source:
            warning = f"Files for this name also arrive in '{source}'. They are not used: segments need names of their own."
            self._stores.segments.change(
                segment.name, lambda present: present.model_copy(update={"warning": warning})
            )
            return _ignored(warning)
        registered = self._stores.segments.change(segment.name, lambda present: _renewed(present, snapshot))
        if registered.snapshot.arrived_at > snapshot.arrived_at:
            return _ignored("a newer file has taken its place")
        return Arrival(ArrivalState.COMPLETE, snapshots=(snapshot,))


def _renewed(segment: Segment, snapshot: Snapshot) -> Segment:
    if segment.snapshot == snapshot or segment.snapshot.arrived_at > snapshot.arrived_at:
        return segment
    return segment.model_copy(update={"snapshot": snapshot, "profiles": None})


def _snapshot(
    segment: str, blobs: Sequence[tuple[SnapshotFile, datetime]], table: ManifestTable | None
) -> Snapshot:
    ordered = sorted(blobs, key=lambda blob: _natural(blob[0].name))
    if table and (empty := [file.name for file, _ in ordered if file.size_bytes == 0]):
        raise SegmentUnreadable(
            f"The file '{empty[0]}' is empty.",
            code="file-empty",
            remedy="Export again from Customer Insights.",
        )
    versions = [part for file, _ in ordered for part in (file.name, file.etag)]
    # The same bytes mean other people once a manifest tells how to read them.
    layout = [str(table.has_header), table.delimiter, *table.columns] if table else []
    return Snapshot(
        id=digest(segment, *versions, *layout, length=20),
        segment=segment,
        arrived_at=max(at for _, at in blobs),
        files=tuple(file for file, _ in ordered),
        columns=table.columns or None if table else None,
        has_header=table.has_header if table else None,
        delimiter=table.delimiter if table else None,
    )


def _places(names: Iterable[str], table_folder: str) -> list[Partition]:
    """Return those names that are partitions in a table's folder."""
    places = map(classify, names)
    return [place for place in places if isinstance(place, Partition) and place.table_folder == table_folder]


def _natural(name: str) -> list[str | int]:
    """Sort ``x_2`` before ``x_10``."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]
