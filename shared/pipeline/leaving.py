"""Leavers: who is taken off a list, and who stays on it although this segment does not have them any more."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shared.domain.ports import StateBlobs
from shared.domain.run import Run
from shared.pipeline import places
from shared.pipeline.staging.chunks import write_leavers
from shared.pipeline.staging.stage import Staged
from shared.pipeline.steps.context import RunContext
from shared.pipeline.workspace import open_database, scratch_folder

if TYPE_CHECKING:
    import duckdb

_FETCHED_AT_ONCE = 20_000
_LEFT = "from leavers anti join on_ledger using (email) anti join joining using (email)"


def drop_still_wanted(context: RunContext, run: Run, staged: tuple[Staged, ...]) -> tuple[Staged, ...]:
    """Take out of the leavers those whom somebody else still wants on the same list. Safe to repeat.

    Who is on another ledger for the list is let go: no call, and off this ledger. Who leaves several segments of this
    run is left to the last of them: one call, after which no ledger has them. Who is in another segment of this run and
    will be on its ledger only when it has ended stays on this one until the next run. Returns ``staged`` with the chunks
    and counts of those who are left to be taken off.
    """
    return tuple(_drop(context, run, staged, one) if one.leaver_chunks else one for one in staged)


def _drop(context: RunContext, run: Run, staged: tuple[Staged, ...], one: Staged) -> Staged:
    list_ids = {segment.name: segment.list_id for segment in run.segments}
    list_id = list_ids[one.segment] or ""
    companions = [
        other for other in staged if other.segment != one.segment and list_ids[other.segment] == list_id
    ]
    earlier = {other.segment for other in staged[: staged.index(one)]}
    with scratch_folder() as scratch, open_database(scratch, context.limits.stage_memory_mb) as database:
        claims = _Claims(context.state, database, scratch, places.staged_leavers(one.folder))
        for name in _foreign_ledgers(context, run, list_id, [one, *companions]):
            claims.add("on_ledger", name)
        for other in companions:
            # Earlier segments leave those who have left them, too, to this one.
            leaving = places.staged_leavers(other.folder) if other.segment in earlier else None
            claims.add("on_ledger", places.ledger(run.export_id, other.segment, list_id), without=leaving)
            claims.add("joining", places.staged_profiles(other.folder))
        claims.save_let_go(places.let_go(one.folder))
        chunks = write_leavers(
            context.state, one.folder, claims.left(), batches_per_chunk=context.limits.batches_per_chunk
        )
        counts = one.counts.model_copy(update={"leavers": claims.count_left()})
    return one.model_copy(update={"leaver_chunks": chunks, "counts": counts})


def _foreign_ledgers(context: RunContext, run: Run, list_id: str, own: Sequence[Staged]) -> Iterator[str]:
    """Yield the ledgers for a list that are not those of these segments of the run."""
    ours = {places.ledger(run.export_id, one.segment, list_id) for one in own}
    for name in context.state.names(places.ALL_LEDGERS):
        if places.is_ledger_of(name, list_id) and name not in ours:
            yield name


class _Claims:
    """The leavers of a segment, and who of them somebody else has a claim to."""

    def __init__(
        self, state: StateBlobs, database: "duckdb.DuckDBPyConnection", scratch: Path, leavers: str
    ) -> None:
        self._state, self._database, self._scratch = state, database, scratch
        self._files = 0
        database.execute(
            f"create table leavers as select email, contact_id from {self._fetch(leavers)};"
            "create table on_ledger (email varchar); create table joining (email varchar)"
        )

    def add(self, claim: str, name: str, *, without: str | None = None) -> None:
        """Add the leavers who are in a file; it may be missing. Who is in the file ``without`` does not count."""
        people = f"select theirs.email from {self._fetch(name)} as theirs"
        if without:
            people += f" anti join {self._fetch(without)} as gone on theirs.email = gone.email"
        self._database.execute(
            f"insert into {claim} select email from leavers semi join ({people}) using (email)"
        )

    def save_let_go(self, name: str) -> None:
        if self._database.execute("select 1 from on_ledger limit 1").fetchone():
            path = self._scratch / "let-go.parquet"
            self._database.execute(
                f"copy (select distinct email from on_ledger order by email) to '{path}' (format parquet)"
            )
            self._state.upload(name, path)
        else:
            self._state.remove([name])

    def left(self) -> Iterator[tuple[str, str]]:
        """Yield ``(email, contact id)`` of those whom nobody else wants, in the order of the addresses."""
        cursor = self._database.execute(f"select email, contact_id {_LEFT} order by email")
        while found := cursor.fetchmany(_FETCHED_AT_ONCE):
            yield from found

    def count_left(self) -> int:
        return int(self._database.execute(f"select count(*) {_LEFT}").fetchall()[0][0])

    def _fetch(self, name: str) -> str:
        """Return what to select from for the people in a file."""
        self._files += 1
        path = self._scratch / f"people-{self._files}.parquet"
        if self._state.download(name, path):
            return f"read_parquet('{path}')"
        return "(select '' as email, '' as contact_id where false)"
