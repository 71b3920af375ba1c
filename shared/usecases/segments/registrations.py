"""Registrations: a complete snapshot becomes its segment's newest, with what its files show at a glance."""

from collections.abc import Callable, Iterable

from shared.domain.errors import SegmentUnreadable
from shared.domain.masking import is_address
from shared.domain.ports import Stores
from shared.domain.segment import Segment, Snapshot, SnapshotMode
from shared.pipeline.peeking import Peeker

DELTA_WINDOW = 500
"""How many of the newest files of changes make up a snapshot: an export catches up on what it did not run for."""

_PEEKED_FILES = 20


class Registrations:
    """The segments as arrivals change them."""

    def __init__(self, stores: Stores, peeker: Peeker) -> None:
        self._stores, self._peeker = stores, peeker

    def register(self, source: str, snapshot: Snapshot) -> Snapshot | str:
        """Make the snapshot the segment's newest; returns it as it was stored, or why it is not used.

        Registering it again changes nothing. The same name from another folder is not mixed in.
        """
        found = self._stores.segments.find(snapshot.segment)
        known = found.record if found else None
        if known and known.source != source:
            why = f"Files for this name also arrive in '{source}'. They are not used: segments need names of their own."
            self.warn(snapshot.segment, why)
            return why
        if known and known.snapshot.id == snapshot.id:
            return known.snapshot
        if known and known.snapshot.arrived_at > snapshot.arrived_at:
            return "a newer file has taken its place"
        wanted = self._look_at(source, snapshot, known)
        if wanted is None:
            return "there is nobody in the file"

        def renewed(present: Segment | None) -> Segment:
            if present is None:
                return wanted
            if present.source != source or present.snapshot.arrived_at > snapshot.arrived_at:
                return present
            return wanted.model_copy(update={"trend": present.trend})

        registered = self._stores.segments.upsert(snapshot.segment, renewed)
        is_newest = registered.snapshot.id == snapshot.id
        return registered.snapshot if is_newest else "a newer file has taken its place"

    def count_rows(self, snapshots: Iterable[Snapshot]) -> None:
        """Count the rows of segments that no export carries: for the others a run counts."""
        carried = {choice.name for export in self._stores.exports.all() for choice in export.segments}
        for snapshot in snapshots:
            if snapshot.segment in carried or snapshot.mode is not SnapshotMode.FULL:
                continue
            try:
                rows = self._peeker.count(snapshot)
            except SegmentUnreadable as problem:
                self.warn(snapshot.segment, problem.message)
            else:
                self._stores.segments.change(snapshot.segment, _with_rows(snapshot.id, rows))

    def warn(self, segment: str, why: str) -> None:
        """Let the segment say what was wrong, once something of it has arrived."""
        found = self._stores.segments.find(segment)
        if found and found.record.warning != why:
            self._stores.segments.change(segment, lambda present: present.model_copy(update={"warning": why}))

    def _look_at(self, source: str, snapshot: Snapshot, known: Segment | None) -> Segment | None:
        """Return the segment as it will be, with what its new files show; None when they have nobody in them.

        Files that cannot be read are registered all the same: the run that fails on them tells people.
        """
        before = known.snapshot if known else None
        goes_on = before is not None and (before.format, before.mode) == (snapshot.format, snapshot.mode)
        seen = set(before.files) if before and goes_on else set()
        fresh = [file for file in snapshot.files if file not in seen] or snapshot.files[-1:]
        is_delta = snapshot.mode is SnapshotMode.DELTA
        warning = _tell_removed(before, snapshot) if before and goes_on and is_delta else None
        columns: dict[str, None] = {}
        has_keys = is_passed_over = True
        for file in fresh[-_PEEKED_FILES:] if is_delta else fresh[:1]:
            try:
                peek = self._peeker.peek(snapshot, file)
            except SegmentUnreadable as problem:
                warning, is_passed_over = problem.message, False
            else:
                if any(map(is_address, peek.columns)):
                    warning = _tell_headerless(file.name)  # what it takes for names of columns is a person
                else:
                    columns.update(dict.fromkeys(peek.columns))
                has_keys = has_keys and peek.has_keys
                is_passed_over = is_passed_over and peek.is_passed_over
        if is_passed_over:
            return None
        if has_keys and is_delta and columns:
            # A file of changes may lack what none of its people has; others of the snapshot have it.
            earlier = known.columns if known and goes_on else None
            columns = dict.fromkeys([*(earlier or ()), *columns])
            snapshot = snapshot.model_copy(update={"columns": tuple(columns)})
        return Segment(
            name=snapshot.segment,
            source=source,
            snapshot=snapshot,
            columns=tuple(columns) or None,
            warning=warning,
        )


def _tell_headerless(file: str) -> str:
    return f"The file '{file}' has no names of columns: the first row holds a person. Upload it again with a header."


def _tell_removed(before: Snapshot, after: Snapshot) -> str | None:
    """Say so when files of changes are gone, unless they may have left the window in the usual way."""
    names = {file.name for file in after.files}
    gone = [file.name for file in before.files if file.name not in names]
    if not gone or len(names) >= DELTA_WINDOW:
        return None
    return (
        f"{len(gone)} files of changes were removed, the last one '{gone[-1]}'. Exports that had not run on them"
        " miss their changes."
    )


def _with_rows(snapshot_id: str, rows: int) -> Callable[[Segment], Segment]:
    def change(present: Segment) -> Segment:
        return present if present.snapshot.id != snapshot_id else present.model_copy(update={"rows": rows})

    return change
