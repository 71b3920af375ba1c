"""Has a newer file taken the place of one that a run was to send?

Of files that hold a part of a segment each, none takes the place of another.
"""

from collections.abc import Iterator

from shared.domain.run import Run, RunStatus
from shared.domain.segment import Snapshot, SnapshotMode
from shared.pipeline.steps.context import RunContext

_NEWEST_RUNS = 100
_SUCCESSFUL = (RunStatus.SUCCESSFUL, RunStatus.SUCCESSFUL_WITH_REJECTS)


def has_newer_run(context: RunContext, run: Run) -> bool:
    """Tell whether a newer snapshot of one of the run's segments has a run of the same export."""
    plan = context.plan(run)
    newer = {
        (segment, snapshot_id)
        for segment, snapshot_id in _newer_snapshots(context, run)
        if plan.snapshot(segment).mode is not SnapshotMode.PARTIAL
    }
    if not newer:
        return False
    return any(
        (segment.name, segment.snapshot_id) in newer
        for other in _later_runs(context, run)
        for segment in other.segments
    )


def find_sent_since(context: RunContext, run: Run) -> set[str]:
    """Return the segments of which a later run has sent something newer, while this one waited.

    To export the older files after that would take people off the list who have joined since.
    """
    present, found = {each.segment: each for each in context.plan(run).snapshots}, set[str]()
    for other in _later_runs(context, run):
        if other.pushing_at or other.status in _SUCCESSFUL:
            for newer in context.plan(other).snapshots:
                if newer.segment in present and _replaces(newer, present[newer.segment]):
                    found.add(newer.segment)
    return found


def has_newer_file(context: RunContext, run: Run) -> bool:
    """Tell whether a newer snapshot of one of the run's segments has arrived, or its files are being replaced now."""
    if _newer_snapshots(context, run):
        return True
    files = [file for snapshot in context.plan(run).snapshots for file in snapshot.files]
    present = [(file, context.segments.find(file.name)) for file in files]
    return any(found is not None and found[0].etag != file.etag for file, found in present)


def _newer_snapshots(context: RunContext, run: Run) -> set[tuple[str, str]]:
    known = [(segment, context.stores.segments.find(segment.name)) for segment in run.segments]
    return {
        (segment.name, found.record.snapshot.id)
        for segment, found in known
        if found and found.record.snapshot.id != segment.snapshot_id
    }


def _later_runs(context: RunContext, run: Run) -> Iterator[Run]:
    """Yield the runs of the same export that were made later; dry runs do not count."""
    for other in context.stores.runs.page_of(run.export_id, _NEWEST_RUNS)[0]:
        if other.created_at > run.created_at and not other.dry:
            yield other


def _replaces(newer: Snapshot, older: Snapshot) -> bool:
    """Tell whether nothing is lost with the older one: the newer one holds everybody, or all recent changes."""
    if newer.id == older.id or older.mode is SnapshotMode.PARTIAL:
        return False
    return newer.mode in (SnapshotMode.FULL, older.mode)
