"""Has a newer file taken the place of one that a run was to send?"""

from shared.domain.run import Run
from shared.pipeline.steps.context import RunContext

_NEWEST_RUNS = 100


def has_newer_run(context: RunContext, run: Run) -> bool:
    """Tell whether a newer snapshot of one of the run's segments has a run of the same export."""
    newer = _newer_snapshots(context, run)
    if not newer:
        return False
    later = context.stores.runs.page_of(run.export_id, _NEWEST_RUNS)[0]
    return any(
        other.created_at > run.created_at
        and not other.dry
        and any((segment.name, segment.snapshot_id) in newer for segment in other.segments)
        for other in later
        if other.id != run.id
    )


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
