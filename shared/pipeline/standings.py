"""What the app remembers of runs: an export's newest one, its lists, and what the runs of a day did."""

from collections.abc import Collection

from shared.domain.ports import Stores
from shared.domain.run import Run
from shared.domain.standing import LastRun, ListSize, Standing
from shared.domain.tally import Tally


def remember_run(stores: Stores, run: Run) -> None:
    """Make the run the newest of its export, unless a newer one is known. Dry runs do not count."""
    if run.dry:
        return
    last = LastRun(
        id=run.id,
        status=run.status,
        trigger=run.trigger,
        requested_by=run.requested_by,
        created_at=run.created_at,
        ended_at=run.ended_at,
    )

    def renew(present: Standing | None) -> Standing:
        standing = present or Standing(subject=run.export_id)
        known = standing.last_run
        if known and known.id != last.id and known.created_at > last.created_at:
            return standing
        return standing.model_copy(update={"last_run": last})

    stores.standings.upsert(run.export_id, renew)


def remember_lists(stores: Stores, export_id: str, sizes: Collection[ListSize]) -> None:
    """Note how many people lists of an export have; those of segments that it does not carry any more go."""
    found = stores.exports.find(export_id)
    if found is None or not sizes:
        return
    renewed, export = {size.segment for size in sizes}, found.record

    def renew(present: Standing | None) -> Standing:
        standing = present or Standing(subject=export_id)
        known = (size for size in standing.lists if size.segment not in renewed)
        lists = tuple(size for size in (*known, *sizes) if export.segment(size.segment))
        return standing.model_copy(update={"lists": lists})

    stores.standings.upsert(export_id, renew)


def count_run(stores: Stores, run: Run) -> None:
    """Add a run that has ended to the tally of its day. Dry runs do not count; to repeat it changes nothing."""
    if not run.dry and run.ended_at:
        day = run.ended_at.date()
        stores.tallies.upsert(day.isoformat(), lambda present: (present or Tally(day=day)).with_run(run))
