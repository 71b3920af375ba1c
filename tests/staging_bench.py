"""Staging without a run: files in, staged people out, and a ledger between two goes."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from shared.domain.destination import Leaver, Profile
from shared.domain.export import FieldMapping, Leavers
from shared.domain.segment import Snapshot
from shared.pipeline import places
from shared.pipeline.ledger import (
    Answer,
    Result,
    accepted_line,
    count_answers,
    leaver_line,
    list_answers,
    load_ledger,
    load_results,
    refused_line,
    write_ledger,
)
from shared.pipeline.rejects import MAX_LISTED_BYTES
from shared.pipeline.staging.chunks import read_batches, read_leavers
from shared.pipeline.staging.order import StageLimits, StageOrder
from shared.pipeline.staging.stage import Staged, stage
from shared.pipeline.workspace import open_database, scratch_folder
from tests.fakes import MemoryBlobs
from tests.fakes_stores import START, MemorySegmentBlobs, PlainEncoder

LEDGER = "ledgers/export-1/vip/list-1.parquet"
SUPPRESSION = "suppression/connection-1.txt"


def _mappings(fields: Mapping[str, str] | Sequence[FieldMapping]) -> tuple[FieldMapping, ...]:
    if isinstance(fields, Mapping):
        return tuple(FieldMapping(field=field, column=column) for field, column in fields.items())
    return tuple(fields)


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    """Every value quoted: no value can be taken for a delimiter."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return text.getvalue()


class StagingBench:
    """One segment and one list. ``state`` is what the pipeline left behind, ``fields`` the mapping it was last told."""

    def __init__(self) -> None:
        self.segments, self.state, self._folders = MemorySegmentBlobs(), MemoryBlobs(), 0
        self.fields: tuple[FieldMapping, ...] = ()

    def stage(
        self,
        files: Mapping[str, str | bytes],
        *,
        fields: Mapping[str, str] | Sequence[FieldMapping] | None = None,
        email_column: str = "EMail",
        consent_column: str | None = None,
        leavers: Leavers = Leavers.KEEP,
        ledger_lost: bool = False,
        retry_set: str | None = None,
        full: bool = False,
        max_profiles: int = 100_000,
        batch_size: int = 100,
        batches_per_chunk: int = 50,
        memory_mb: int = 128,
        max_listed_bytes: int = MAX_LISTED_BYTES,
        on_progress: Callable[[int], None] = lambda rows: None,
        **layout: object,
    ) -> Staged:
        """``fields`` maps a field to its column. The suppression is the blob of that name."""
        self._folders += 1
        self.fields = _mappings(fields or {})
        order = StageOrder(
            snapshot=Snapshot(
                id="snapshot-1",
                segment="vip",
                arrived_at=START,
                files=tuple(self.segments.put(name, content) for name, content in files.items()),
                **layout,
            ),
            folder=places.stage_folder("run-1", "vip", str(self._folders)),
            email_column=email_column,
            consent_column=consent_column,
            fields=self.fields,
            make_encoder=PlainEncoder,
            ledger=LEDGER,
            ledger_lost=ledger_lost,
            suppression=SUPPRESSION,
            retry_set=retry_set,
            leavers=leavers,
            full=full,
            max_profiles=max_profiles,
            batch_size=batch_size,
            batches_per_chunk=batches_per_chunk,
            keep_profiles=True,
        )
        return stage(
            order, self.segments, self.state, StageLimits(memory_mb, 64, max_listed_bytes), on_progress
        )

    def chunks(self, staged: Staged) -> list[list[list[Profile]]]:
        return [read_batches(self.state, staged.folder, number) for number in range(staged.chunks)]

    def people(self, staged: Staged) -> list[Profile]:
        """Those to send, in the order in which they will be."""
        return [person for chunk in self.chunks(staged) for batch in chunk for person in batch]

    def leavers(self, staged: Staged) -> list[Leaver]:
        """Those to take off the list."""
        chunks = [read_leavers(self.state, staged.folder, number) for number in range(staged.leaver_chunks)]
        return [leaver for chunk in chunks for batch in chunk for leaver in batch]

    def rejects(self, staged: Staged) -> list[list[str]]:
        """Segment, file, line, column, reason and value of each."""
        text = self.state.read(places.staged_rejects(staged.folder)).decode()
        return list(csv.reader(io.StringIO(text, newline="")))

    def accept(self, people: Sequence[Profile]) -> None:
        """The destination takes these people: they are on the ledger from now on."""
        self.merge(accepted(people))

    def merge(self, *results: str, staged: Staged | None = None) -> tuple[int, list[Answer]]:
        """Merge result files into the ledger, and what ``staged`` says of it."""
        with scratch_folder() as scratch, open_database(scratch, 128) as database:
            before, after, rebased = (scratch / f"{name}.parquet" for name in ("before", "after", "rebased"))
            load_results(
                database, [_written(scratch / f"result-{at}.tsv", text) for at, text in enumerate(results)]
            )
            load_ledger(database, before if self.state.download(LEDGER, before) else None)
            has_rebased = staged and self.state.download(places.staged_rebased(staged.folder), rebased)
            write_ledger(database, after, self.fields, rebased=rebased if has_rebased else None)
            self.state.upload(LEDGER, after)
            count = count_answers(database).get(Result.ACCEPTED, 0)
            return count, list(list_answers(database, Result.REFUSED))

    def ledger(self) -> dict[str, tuple[int, str]]:
        """Hash and contact id by e-mail."""
        with scratch_folder() as scratch, open_database(scratch, 128) as database:
            path = scratch / "ledger.parquet"
            load_ledger(database, path if self.state.download(LEDGER, path) else None)
            rows = database.execute("select email, hash, contact_id from ledger").fetchall()
        assert len({email for email, _, _ in rows}) == len(rows)
        return {email: (content_hash, contact_id) for email, content_hash, contact_id in rows}


def accepted(people: Sequence[Profile]) -> str:
    return "".join(
        accepted_line(person.email, person.content_hash, f"id {person.email}", person.origin)
        for person in people
    )


def removed(leavers: Sequence[Leaver]) -> str:
    return "".join(leaver_line(email, contact_id, removed=True) for email, contact_id in leavers)


def refused(people: Sequence[Profile], reason: str = "not_accepted") -> str:
    return "".join(refused_line(person.email, person.origin, reason) for person in people)


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path
