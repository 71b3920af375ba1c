"""Arrivals: a blob came in. Is a snapshot complete, and which exports does it set off?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.errors import Invalid, SegmentUnreadable
from shared.domain.ports import SegmentBlobs, Stores
from shared.domain.record import Clock
from shared.domain.segment import SegmentSource, Snapshot, SnapshotFile, SnapshotMode, SourceFormat
from shared.pipeline.layouts import (
    MAX_MANIFEST_BYTES,
    Blob,
    DropManifest,
    ManifestFile,
    ManifestTable,
    Partition,
    PlainFile,
    classify,
    in_order,
    part_group,
    read_drop_manifest,
    read_manifest,
)
from shared.usecases.segments.registrations import DELTA_WINDOW, Registrations
from shared.usecases.segments.snapshots import make_snapshot, mode_of

_DROP_MANIFESTS = 20


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


def _settling(wait_s: float) -> Arrival:
    return Arrival(ArrivalState.SETTLING, wait_s=wait_s)


class Arrivals:
    """Looks at what lies in the segment container now, so that notices may come twice, late or out of order."""

    def __init__(
        self,
        stores: Stores,
        blobs: SegmentBlobs,
        registrations: Registrations,
        settle_time_s: float,
        clock: Clock,
    ) -> None:
        self._stores, self._blobs, self._registrations, self._clock = stores, blobs, registrations, clock
        self._settle_time = timedelta(seconds=settle_time_s)

    def inspect(self, blob_name: str) -> Arrival:
        """Return what the arrival of ``blob_name`` means; complete snapshots are registered with their segment.

        Raises SegmentUnreadable for files and manifests that cannot be used, Invalid for more files than can be stored
        as one snapshot; their segment then shows why.
        """
        place = classify(blob_name)
        try:
            match place:
                case PlainFile():
                    return self._inspect_plain(place)
                case DropManifest():
                    return self._inspect_drop_manifest(place)
                case Partition():
                    return self._inspect_partition(place)
                case ManifestFile():
                    return self._inspect_manifest(place)
                case None:
                    return _ignored("the name is not that of a segment file")
        except (SegmentUnreadable, Invalid) as problem:
            for name in self._segments_of(place):
                self._registrations.warn(name, problem.message)
            raise

    def look_again(self, segment_name: str) -> None:
        """Read a segment's newest files as its source is declared now. It sets nothing off."""
        known = self._stores.segments.find(segment_name)
        if known is not None:
            try:
                self.inspect(known.record.snapshot.files[-1].name)
            except (SegmentUnreadable, Invalid):
                return  # the segment shows why

    def _inspect_plain(self, plain: PlainFile) -> Arrival:
        found = self._blobs.find(plain.name)
        if found is None:
            return _ignored("the file is gone")
        declared = self._declared(plain.segment)
        blobs: Arrival | list[Blob] = [found]
        if declared and declared.format is SourceFormat.ADOBE:
            blobs = self._parts_of_export(plain)
        if isinstance(blobs, Arrival):
            return blobs
        mode = mode_of(plain, declared)
        if mode is SnapshotMode.DELTA:
            blobs = self._window(plain.source)
            if not blobs:
                return self._not_used(plain.segment, f"the file '{plain.name}' is empty")
        return self._register(plain.source, make_snapshot(plain.segment, blobs, None, declared, mode))

    def _window(self, source: str) -> list[Blob]:
        """Return the newest files below a folder, oldest first. Empty ones say nothing about anybody."""
        blobs = [
            (file, at)
            for file, at in self._blobs.list(source)
            if file.size_bytes
            and isinstance(place := classify(file.name), PlainFile)
            and place.source == source
        ]
        return in_order(blobs)[-DELTA_WINDOW:]

    def _parts_of_export(self, plain: PlainFile) -> Arrival | list[Blob]:
        """Return the parts of the export of Adobe Experience Platform that a file is one of, once all are there.

        A manifest that is older than a part is perhaps not about this export: then time tells that it is complete.
        """
        folder = plain.name.rpartition("/")[0] + "/"
        lying = {file.name: (file, at) for file, at in self._blobs.list(folder)}
        group = part_group(plain.name)
        parts = [
            name for name in lying if isinstance(classify(name), PlainFile) and part_group(name) == group
        ]
        manifests = [blob for name, blob in lying.items() if isinstance(classify(name), DropManifest)]
        for manifest, written_at in sorted(manifests, key=lambda blob: blob[1], reverse=True)[
            :_DROP_MANIFESTS
        ]:
            sizes = read_drop_manifest(manifest.name, self._read(manifest))
            if plain.name not in sizes:
                continue
            parts = [name for name in sizes if part_group(name) == group]
            if missing := [name for name in parts if name not in lying]:
                return self._still_missing(plain.segment, len(missing), len(parts))
            if max(lying[name][1] for name in parts) > written_at:
                break
            if wrong := [name for name in parts if lying[name][0].size_bytes != sizes[name]]:
                raise SegmentUnreadable(
                    f"The file '{wrong[0]}' has {lying[wrong[0]][0].size_bytes:,} bytes, but its manifest says "
                    f"{sizes[wrong[0]]:,}.",
                    code="file-incomplete",
                    remedy="Upload the whole file again.",
                )
            return [lying[name] for name in parts]
        blobs = [lying[name] for name in parts]
        if not blobs:
            return _ignored("the files are gone")
        if (wait_s := self._unsettled_s(blobs)) > 0:
            return _settling(wait_s)
        return blobs

    def _inspect_drop_manifest(self, manifest: DropManifest) -> Arrival:
        declared = self._declared(manifest.segment)
        if declared is None or declared.format is not SourceFormat.ADOBE:
            return _ignored("the name is not that of a segment file")
        found = self._blobs.find(manifest.name)
        if found is None:
            return _ignored("the manifest is gone")
        sizes = read_drop_manifest(manifest.name, self._read(found[0]))
        firsts = {part_group(name): name for name in reversed(sizes)}
        places = [place for name in firsts.values() if isinstance(place := classify(name), PlainFile)]
        return _combined([self._inspect_plain(place) for place in places])

    def _inspect_partition(self, partition: Partition) -> Arrival:
        earlier: ManifestTable | None = None
        for manifest_name in partition.manifests:
            if (found := self._blobs.find(manifest_name)) is None:
                continue
            for table in read_manifest(manifest_name, self._read(found[0])):
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
        tables = read_manifest(manifest.name, self._read(found[0]))
        return _combined([self._inspect_named_table(table, found[1]) for table in tables])

    def _inspect_named_table(self, table: ManifestTable, named_at: datetime) -> Arrival:
        """One table that cannot be used does not hold up the others."""
        try:
            return self._inspect_table(table, named_at)
        except (SegmentUnreadable, Invalid) as problem:
            for name in self._segments_of(classify(table.partitions[0])):
                self._registrations.warn(name, problem.message)
            return _ignored(problem.message)

    def _inspect_table(self, table: ManifestTable, named_at: datetime) -> Arrival:
        place = classify(table.partitions[0]) if table.partitions else None
        if not isinstance(place, Partition):
            return _ignored("the manifest names no files")
        for name in table.partitions:
            other = classify(name)
            if not isinstance(other, Partition) or other.table_folder != place.table_folder:
                raise SegmentUnreadable(
                    f"The manifest names '{name}', which is no file of its table.",
                    code="manifest-points-outside",
                    remedy="Export again from Customer Insights, or remove the manifest.",
                )
        found = [(name, self._blobs.find(name)) for name in table.partitions]
        missing = [name for name, blob in found if blob is None]
        if missing:
            return self._still_missing(place.segment, len(missing), len(found))
        blobs = [blob for _, blob in found if blob is not None]
        # Files that are younger than their manifest are being written again: others may follow.
        if max(at for _, at in blobs) > named_at and (wait_s := self._unsettled_s(blobs)) > 0:
            return _settling(wait_s)
        return self._register_table(place, blobs, table)

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
            return _settling(wait_s)
        return self._register_table(partition, blobs, earlier)

    def _register_table(
        self, place: Partition, blobs: Sequence[Blob], table: ManifestTable | None
    ) -> Arrival:
        declared = self._declared(place.segment)
        return self._register(
            place.source, make_snapshot(place.segment, blobs, table, declared, mode_of(place, declared))
        )

    def _unsettled_s(self, blobs: Sequence[Blob]) -> float:
        """Storage has a clock of its own: if ours is behind, it is looked at again all the same."""
        settled_at = max(at for _, at in blobs) + self._settle_time
        return min(settled_at - self._clock(), self._settle_time).total_seconds()

    def _register(self, source: str, snapshot: Snapshot) -> Arrival:
        registered = self._registrations.register(source, snapshot)
        if isinstance(registered, str):
            return _ignored(registered)
        return Arrival(ArrivalState.COMPLETE, snapshots=(registered,))

    def _read(self, manifest: SnapshotFile) -> bytes:
        if manifest.size_bytes > MAX_MANIFEST_BYTES:
            raise SegmentUnreadable(
                f"The manifest '{manifest.name}' has {manifest.size_bytes:,} bytes; {MAX_MANIFEST_BYTES:,} is the most.",
                code="manifest-too-large",
                remedy="Export fewer and larger files.",
            )
        return self._blobs.read(manifest)

    def _declared(self, segment: str) -> SegmentSource | None:
        found = self._stores.sources.find(segment)
        return found.record if found else None

    def _segments_of(self, place: object) -> list[str]:
        """Return the segments that a blob is about."""
        match place:
            case PlainFile() | DropManifest() | Partition():
                return [place.segment]
            case ManifestFile():
                segments = self._stores.segments.all()
                return [segment.name for segment in segments if segment.source.startswith(place.folder)]
        return []

    def _still_missing(self, segment: str, missing: int, named: int) -> Arrival:
        return self._not_used(segment, f"{missing} of {named} files named by the manifest are still missing")

    def _not_used(self, segment: str, why: str) -> Arrival:
        self._registrations.warn(segment, why)
        return _ignored(why)


def _combined(arrivals: Sequence[Arrival]) -> Arrival:
    """What a manifest means when its tables mean these."""
    if wait_s := max((arrival.wait_s for arrival in arrivals), default=0.0):
        return _settling(wait_s)
    snapshots = tuple(snapshot for arrival in arrivals for snapshot in arrival.snapshots)
    if snapshots:
        return Arrival(ArrivalState.COMPLETE, snapshots=snapshots)
    return _ignored("; ".join(arrival.why for arrival in arrivals) or "the manifest names no files")


def _places(names: Iterable[str], table_folder: str) -> list[Partition]:
    """Return those names that are partitions in a table's folder."""
    places = map(classify, names)
    return [place for place in places if isinstance(place, Partition) and place.table_folder == table_folder]
