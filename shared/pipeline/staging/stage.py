"""Stage: one pass over a snapshot's files, and out come chunks of ready-made batches.

Rows are scanned onto scratch disk, compared with the ledger there, and a second pass over what was scanned picks the
people to send, in the order of the source. Nothing here grows with the number of rows.
"""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from shared.domain.errors import Conflict
from shared.domain.export import Leavers
from shared.domain.ports import SegmentBlobs, StateBlobs
from shared.domain.record import Record
from shared.domain.run import Counts
from shared.pipeline import places
from shared.pipeline.ledger import load_ledger, read_mapping
from shared.pipeline.rejects import RejectsFile
from shared.pipeline.staging.chunks import write_leavers, write_profiles
from shared.pipeline.staging.comparing import Comparison
from shared.pipeline.staging.leaver_guards import explain_guard
from shared.pipeline.staging.order import StageLimits, StageOrder
from shared.pipeline.staging.rebasing import FormerMapping
from shared.pipeline.staging.scanning import Scan
from shared.pipeline.workspace import open_database, scratch_folder

if TYPE_CHECKING:
    import duckdb


class Staged(Record):
    """What staging one segment came to. ``chunks`` is 0 when more than the limit were found.

    ``leaver_chunks`` hold those of ``counts.leavers`` who are to be taken off the list; it is 0 when nobody is, be it
    that leavers are kept, be it that a guard forbids it. ``ledger_people`` were on the ledger before. ``first_joining``
    is the chunk and the batch in it with the first one who joins the list; None when nobody does.
    """

    segment: str
    folder: str
    chunks: int = 0
    leaver_chunks: int = 0
    first_joining: tuple[int, int] | None = None
    ledger_people: int = 0
    counts: Counts = Counts()
    rejected: dict[str, int] = Field(default_factory=dict)
    dropped_values: dict[str, int] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def stage(
    order: StageOrder,
    segments: SegmentBlobs,
    state: StateBlobs,
    limits: StageLimits,
    on_progress: Callable[[int], None],
) -> Staged:
    """Stage one segment. ``on_progress`` hears of the rows read and may raise to stop.

    Raises SegmentUnreadable when a file as a whole cannot be used, or rows are missing, and Conflict when nobody knows
    any more whom to try again.
    """
    with scratch_folder() as scratch, open_database(scratch, limits.memory_mb) as database:
        ledger = _download(state, order.ledger, scratch / "ledger.parquet")
        load_ledger(database, ledger)
        with (
            order.take_notes(scratch / "notes.jsonl") if order.take_notes else nullcontext() as notes,
            RejectsFile(
                scratch / "rejects.csv", order.snapshot.segment, notes, limits.max_listed_bytes
            ) as rejects,
        ):
            former = _former_mapping(order, database, ledger)
            scan = Scan(order, segments, limits, scratch, rejects, former, on_progress)
            scan.run()
            comparison = Comparison(database, order, scan, scratch)
            if suppression := _download(state, order.suppression, scratch / "suppression.txt"):
                comparison.suppress(suppression)
            comparison.find_people(rejects, _fetch_retry_set(order, state, scratch / "retry.parquet"))
        state.upload(places.staged_rejects(order.folder), scratch / "rejects.csv")
        if order.take_notes:
            state.upload(places.staged_notes(order.folder), scratch / "notes.jsonl")
        counts, leavers = comparison.count_changes(), comparison.count_leavers()
        guard = explain_guard(
            order,
            has_ledger=ledger is not None,
            profiles=counts.profiles,
            broken_rows=scan.broken,
            leavers=leavers,
        )
        staged = Staged(
            segment=order.snapshot.segment,
            folder=order.folder,
            ledger_people=comparison.count("ledger"),
            counts=counts.model_copy(update={"rows": scan.rows, "leavers": leavers}),
            rejected=dict(rejects.reasons),
            dropped_values=scan.dropped_values,
            warnings=(*((guard,) if guard else ()), *rejects.warnings),
        )
        may_leave = order.leavers is Leavers.REMOVE and (guard is None or order.is_delta)
        return _write_out(order, state, comparison, scratch, staged, removes=may_leave and leavers > 0)


def _write_out(
    order: StageOrder,
    state: StateBlobs,
    comparison: Comparison,
    scratch: Path,
    staged: Staged,
    *,
    removes: bool,
) -> Staged:
    """Write what the following steps need: nothing to send when there are more people than the limit."""

    def save(table: str, columns: str, name: str) -> None:
        path = scratch / f"{table}-out.parquet"
        comparison.save(table, columns, path)
        state.upload(name, path)

    folder = order.folder
    if order.keep_profiles:
        save("people", "email", places.staged_profiles(folder))
    if staged.counts.profiles > order.max_profiles:
        return staged
    if staged.counts.to_send:
        save("to_send", "email", places.staged_to_send(folder))
    if comparison.count_rebased():
        save("rebased", "email, hash", places.staged_rebased(folder))
    chunks = write_profiles(
        state,
        folder,
        comparison.profiles(),
        batch_size=order.batch_size,
        batches_per_chunk=order.batches_per_chunk,
    )
    first_joining = None
    if chunks and (staged.counts.new or order.full):
        batch = comparison.count_before_joining() // order.batch_size
        first_joining = divmod(batch, order.batches_per_chunk)
    leaver_chunks = 0
    if removes:
        save("leavers", "email, contact_id", places.staged_leavers(folder))
        leaver_chunks = write_leavers(
            state, folder, comparison.leavers(), batches_per_chunk=order.batches_per_chunk
        )
    return staged.model_copy(
        update={"chunks": chunks, "leaver_chunks": leaver_chunks, "first_joining": first_joining}
    )


def _former_mapping(
    order: StageOrder, database: "duckdb.DuckDBPyConnection", ledger: Path | None
) -> FormerMapping | None:
    """None when the ledger was made under the present mapping, or does not say which one, or everybody is sent."""
    former = read_mapping(database, ledger) if ledger else None
    if former is None or former == order.fields or order.full:
        return None
    return FormerMapping(order.make_encoder, former, order.fields)


def _download(state: StateBlobs, name: str | None, path: Path) -> Path | None:
    return path if name is not None and state.download(name, path) else None


def _fetch_retry_set(order: StageOrder, state: StateBlobs, path: Path) -> Path | None:
    if order.retry_set is not None and not state.download(order.retry_set, path):
        raise Conflict(
            f"It is not known any more who of '{order.snapshot.segment}' was to be sent again: it is kept as long as "
            "rejects are.",
            code="retry-expired",
            remedy="Run the export: people who are not yet on the list are sent.",
        )
    return path if order.retry_set is not None else None
