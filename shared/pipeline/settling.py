"""Settle: what a run's answers make of a segment's ledger, its rejects, and whom a retry may send."""

from pydantic import Field

from shared.domain.record import Record
from shared.domain.run import Plan, Run
from shared.pipeline import places
from shared.pipeline.ledger import load_ledger, merge_results
from shared.pipeline.rejects import RejectsFile
from shared.pipeline.staging import Staged
from shared.pipeline.steps.context import RunContext
from shared.pipeline.workspace import open_database, scratch_folder


class Settled(Record):
    """People of one segment, by what became of them. ``refused`` and ``not_removed`` count by reason code.

    ``retry`` is how many were to be sent and were not accepted.
    """

    sent: int = 0
    refused: dict[str, int] = Field(default_factory=dict)
    removed: int = 0
    not_removed: dict[str, int] = Field(default_factory=dict)
    retry: int = 0


def settle(
    context: RunContext, run: Run, plan: Plan, segment_name: str, list_id: str | None, staged: Staged | None
) -> Settled:
    """Merge what was answered into the ledger, and write down who was refused. Safe to repeat.

    ``staged`` is None when the run did not come so far, and ``list_id`` when there is no list yet.
    """
    names = context.state.names(places.results_folder(run.id, segment_name))
    if not names or list_id is None:
        return Settled()
    files = plan.snapshot(segment_name).files
    email_column = plan.export.email_column
    with scratch_folder() as scratch, open_database(scratch, context.limits.stage_memory_mb) as database:
        results = [scratch / f"result-{number}.tsv" for number in range(len(names))]
        for name, path in zip(names, results, strict=True):
            context.state.download(name, path)
        ledger = places.ledger(run.export_id, segment_name, list_id)
        before, after = scratch / "before.parquet", scratch / "after.parquet"
        load_ledger(database, before if context.state.download(ledger, before) else None)
        accepted, refused = merge_results(database, results, after)
        refused_path = scratch / "refused.csv"
        with RejectsFile(refused_path, segment_name) as rejects:
            for person in refused:
                rejects.add(files[person.file].name, person.line, email_column, person.reason, person.email)
        context.state.upload(ledger, after)
        context.state.upload(places.refused(run.id, segment_name), refused_path)
        return Settled(sent=accepted, refused=dict(rejects.reasons))
