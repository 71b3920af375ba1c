"""What the app remembers of an export's newest run."""

from shared.domain.ports import Stores
from shared.domain.run import Run
from shared.domain.standing import LastRun, Standing


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
