"""Settle: what a run's answers make of a segment's ledger, its rejects, its row log, and of a retry."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from shared.domain.errors import SegpilotError
from shared.domain.export import FieldMapping
from shared.domain.record import Record
from shared.domain.run import Plan, Run
from shared.domain.segment import SnapshotMode
from shared.pipeline import places
from shared.pipeline.erasure.sent_traces import keep_traces
from shared.pipeline.ledger import (
    Result,
    count_answers,
    count_people,
    list_answers,
    load_ledger,
    load_results,
    read_mapping,
    write_ledger,
)
from shared.pipeline.rejects import RejectReason, RejectsFile
from shared.pipeline.row_log import RowLog, RowNotes, RowOutcome, row_log_name
from shared.pipeline.staging.stage import Staged
from shared.pipeline.steps.context import RunContext
from shared.pipeline.workspace import open_database, scratch_folder

if TYPE_CHECKING:
    import duckdb

_BLOCK_BYTES = 1 << 20


class Settled(Record):
    """People of one segment, by what became of them. ``refused`` and ``not_removed`` count by reason code.

    ``retry`` is how many were to be sent and were not accepted. ``people`` is how many are on the ledger now; None when
    nothing has changed.
    """

    sent: int = 0
    refused: dict[str, int] = Field(default_factory=dict)
    removed: int = 0
    not_removed: dict[str, int] = Field(default_factory=dict)
    retry: int = 0
    people: int | None = None
    warnings: tuple[str, ...] = ()


def settle(
    context: RunContext, run: Run, plan: Plan, segment_name: str, list_id: str | None, staged: Staged | None
) -> Settled:
    """Merge what was answered into the ledger, and write down who was refused. Safe to repeat.

    ``staged`` is None when the run did not come so far, and ``list_id`` when there is no list yet.
    """
    with scratch_folder() as scratch, open_database(scratch, context.limits.stage_memory_mb) as database:
        return _Settling(context, run, plan, segment_name, staged, scratch, database).settle(list_id)


class _Settling:
    """One segment of a run."""

    def __init__(
        self,
        context: RunContext,
        run: Run,
        plan: Plan,
        segment: str,
        staged: Staged | None,
        scratch: Path,
        database: "duckdb.DuckDBPyConnection",
    ) -> None:
        self._context, self._run, self._plan, self._segment = context, run, plan, segment
        self._folder = staged.folder if staged else None
        self._scratch, self._database = scratch, database

    def settle(self, list_id: str | None) -> Settled:
        names = self._context.state.names(places.results_folder(self._run.id, self._segment))
        results = [self._scratch / f"result-{number}.tsv" for number in range(len(names))]
        for name, path in zip(names, results, strict=True):
            self._context.state.download(name, path)
        load_results(self._database, results)
        counts, people = count_answers(self._database), None
        if list_id is not None:
            people = self._renew_ledger(places.ledger(self._run.export_id, self._segment, list_id), counts)
        refused, warnings = self._tell_people()
        not_removed = counts.get(Result.NOT_REMOVED, 0)
        return Settled(
            sent=counts.get(Result.ACCEPTED, 0),
            refused=refused,
            removed=counts.get(Result.REMOVED, 0),
            not_removed={RejectReason.NOT_REMOVED: not_removed} if not_removed else {},
            retry=self._write_retry_set(),
            people=people,
            warnings=warnings,
        )

    def _renew_ledger(self, name: str, counts: Mapping[str, int]) -> int | None:
        """Write the ledger if anything has changed; returns how many people are on it then."""
        context, run = self._context, self._run
        rebased, let_go = self._staged(places.staged_rebased), self._staged(places.let_go)
        if not counts and not rebased and not let_go:
            return None
        before, after = self._scratch / "before.parquet", self._scratch / "after.parquet"
        has_ledger = context.state.download(name, before)
        load_ledger(self._database, before if has_ledger else None)
        mapping: Sequence[FieldMapping] | None = self._plan.export.fields
        if has_ledger and not self._is_of_everybody():
            mapping = read_mapping(self._database, before)
        write_ledger(self._database, after, mapping, rebased=rebased, let_go=let_go)
        if let_go or counts.get(Result.REMOVED):
            # They stay contacts at the destination, where an erasure has to find them.
            keep_traces(context.state, run.export_id, run.connection_id)
        context.state.upload(name, after)
        return count_people(self._database, after)

    def _is_of_everybody(self) -> bool:
        """Tell whether the run has looked at everybody on the ledger: only then all its hashes are of one mapping."""
        mode = self._plan.snapshot(self._segment).mode
        return mode is SnapshotMode.FULL and self._run.retries is None

    def _tell_people(self) -> tuple[dict[str, int], tuple[str, ...]]:
        """Write the rejects and the row log; returns the refused people by reason, and warnings."""
        context, run, setting = self._context, self._run, self._context.limits.row_log
        rejects_path, notes_path = self._scratch / "refused.csv", self._scratch / "notes.jsonl"
        files, column = self._plan.snapshot(self._segment).files, self._plan.export.email_column
        logged = setting is not RowLog.OFF
        with (
            RowNotes(notes_path, run, self._segment, context.clock()) if logged else nullcontext() as notes,
            RejectsFile(rejects_path, self._segment, notes, context.limits.max_listed_bytes) as rejects,
        ):
            for email, _, file, line, reason in list_answers(self._database, Result.REFUSED):
                name = files[file or 0].name
                rejects.add(name, line, column, reason or "", email=email, outcome=RowOutcome.REFUSED)
            refused = dict(rejects.reasons)
            for answer in list_answers(self._database, Result.NOT_REMOVED):
                reason, outcome = RejectReason.NOT_REMOVED, RowOutcome.NOT_REMOVED
                rejects.add("", None, column, reason, email=answer.email, outcome=outcome)
            if notes and setting is RowLog.ALL:
                for email, contact_id, file, line, _ in list_answers(self._database, Result.ACCEPTED):
                    name = files[file or 0].name
                    notes.add(RowOutcome.SENT, email=email, contact_id=contact_id, file=name, line=line)
                for answer in list_answers(self._database, Result.REMOVED):
                    notes.add(RowOutcome.REMOVED, email=answer.email, contact_id=answer.contact_id)
        if rejects.reasons:
            context.state.upload(places.refused(run.id, self._segment), rejects_path)
        if logged:
            self._write_row_log(notes_path)
        return refused, rejects.warnings

    def _write_row_log(self, notes: Path) -> None:
        """A log that cannot be written stops nothing."""
        staged = self._staged(places.staged_notes)
        paths = [path for path in (staged, notes) if path and path.stat().st_size]
        if paths:
            name = row_log_name(self._run, self._segment)
            try:
                self._context.logs.write(name, (block for path in paths for block in _blocks(path)))
            except SegpilotError as problem:
                logging.warning("The row log %s cannot be written: %s", name, problem.message)

    def _write_retry_set(self) -> int:
        """Keep whom to try again; returns how many they are."""
        name, path = places.retry_set(self._run.id, self._segment), self._scratch / "retry.parquet"
        to_send = self._staged(places.staged_to_send)
        if to_send is None:
            return 0
        self._database.execute(
            f"create table retry as select email from read_parquet('{to_send}') anti join"
            f" (select email from answers where outcome = '{Result.ACCEPTED}') using (email)"
        )
        count = int(self._database.execute("select count(*) from retry").fetchall()[0][0])
        if count:
            self._database.execute(f"copy retry to '{path}' (format parquet, compression zstd)")
            self._context.state.upload(name, path)
        else:
            self._context.state.remove([name])
        return count

    def _staged(self, place: Callable[[str], str]) -> Path | None:
        """Fetch what the stage has left; None when there is no such thing."""
        if self._folder is None:
            return None
        name = place(self._folder)
        path = self._scratch / f"staged-{name.rpartition('/')[2]}"
        return path if self._context.state.download(name, path) else None


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block
