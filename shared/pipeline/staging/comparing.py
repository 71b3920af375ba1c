"""Compare: who of those that were scanned is a person of the segment, and how they differ from the ledger.

DuckDB does it on scratch disk, within its memory limit, and spills beyond.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.domain.run import Counts
from shared.domain.segment import SnapshotMode
from shared.pipeline.rejects import RejectReason, RejectsFile
from shared.pipeline.staging.order import StageOrder
from shared.pipeline.staging.rebasing import NO_FORMER_HASH
from shared.pipeline.staging.scanning import RowState, Scan, bodies_path, keys_path

if TYPE_CHECKING:
    import duckdb

_FETCHED_AT_ONCE = 20_000
_ABOUT_CONSENT = (RejectReason.NO_CONSENT, RejectReason.CONSENT_UNREADABLE)


class Comparison:
    """The tables of one stage, in a database that has the view ``ledger`` already. Its methods go in their order."""

    def __init__(
        self, database: "duckdb.DuckDBPyConnection", order: StageOrder, scan: Scan, scratch: Path
    ) -> None:
        self._database, self._order, self._scan, self._scratch = database, order, scan, scratch
        self._is_suppressed = "false"

    def suppress(self, hashes: Path) -> None:
        """Take note of whom to leave out: hexadecimal SHA-256 digests of addresses, one a line."""
        self._database.execute(
            f"create table suppressed as select * from read_csv('{hashes}', header=false, auto_detect=false,"
            " columns={'hash': 'VARCHAR'})"
        )
        self._is_suppressed = "sha256(email) in (from suppressed)"

    def find_people(self, rejects: RejectsFile, retry_set: Path | None) -> None:
        """Make the table ``people``: the first row of each address, in a delta the last one.

        Rejected are the other rows of an address, but for those of a delta, and who is suppressed or has not agreed.
        """
        is_delta, is_retry = self._order.is_delta, retry_set is not None
        self._database.execute(
            f"create table rows as select * from read_csv('{keys_path(self._scratch)}', delim='\t', quote='',"
            " escape='', header=false, auto_detect=false, columns={'seq': 'BIGINT', 'file': 'INTEGER',"
            " 'line': 'BIGINT', 'email': 'VARCHAR', 'hash': 'UBIGINT', 'state': 'TINYINT', 'former': 'UBIGINT'})"
            + (
                f" semi join (select email from read_parquet('{retry_set}')) using (email)"
                if retry_set
                else ""
            )
        )
        best, of_best = ("max", "arg_max") if is_delta else ("min", "arg_min")
        state = f"{of_best}(state, seq)" if self._scan.any_state else f"{RowState.WANTED:d}"
        former = f"{of_best}(former, seq)" if self._scan.has_former else f"{NO_FORMER_HASH}::ubigint"
        self._database.execute(
            f"create table found as select email, {best}(seq) as seq, {of_best}(hash, seq) as hash,"
            f" {state} as state, {former} as former from rows group by email"
        )
        if not is_delta and not is_retry:
            # Who is tried again was told of in the earlier run.
            self._reject(
                rejects,
                f"select seq, '{RejectReason.DUPLICATE}' as reason from rows anti join found using (seq)",
            )
        self._database.execute(
            "create table left_out as select seq, email, case"
            f" when state = {RowState.LEAVES:d} then null"
            f" when {self._is_suppressed} then '{RejectReason.SUPPRESSED}'"
            f" when state = {RowState.NO_CONSENT:d} then '{RejectReason.NO_CONSENT}'"
            f" when state = {RowState.CONSENT_UNREADABLE:d} then '{RejectReason.CONSENT_UNREADABLE}' end as reason"
            f" from found where state <> {RowState.WANTED:d} or {self._is_suppressed}"
        )
        self._reject(rejects, "select seq, reason from left_out where reason is not null")
        self._database.execute("create view people as select * from found anti join left_out using (seq)")

    def count_changes(self) -> Counts:
        """Make the table ``to_send`` and the view ``rebased``; returns the counts of the people."""
        self._database.execute(
            "create table to_send as select seq, email, ledger.email is null as is_new from people"
            " left join ledger using (email)"
            + (
                ""
                if self._order.full
                else " where ledger.email is null or ledger.hash not in (people.hash, former)"
            )
        )
        self._database.execute(
            "create view rebased as select email, people.hash from people join ledger using (email)"
            f" where ledger.hash = former and former <> people.hash and not {self._order.full}"
        )
        profiles, to_send, new = self._database.execute(
            "select (select count(*) from people), count(*), count(*) filter (is_new) from to_send"
        ).fetchall()[0]
        return Counts(profiles=profiles, new=new, changed=to_send - new, unchanged=profiles - to_send)

    def count_leavers(self) -> int:
        """Make the table ``leavers``: who is on the ledger and has left, as far as the snapshot can tell."""
        mode = self._order.snapshot.mode
        if self._order.retry_set is not None or mode is SnapshotMode.PARTIAL:
            who = "where false"
        elif mode is SnapshotMode.DELTA:
            # Who does not agree has left, too. Suppression does not depend on what a file says.
            who = (
                f"where {self._is_suppressed} or email in (select email from found"
                f" where state in ({RowState.LEAVES:d}, {RowState.NO_CONSENT:d}))"
            )
        else:
            who = "anti join people using (email)"
        self._database.execute(f"create table leavers as select email, contact_id from ledger {who}")
        return self.count("leavers")

    def count_rebased(self) -> int:
        """Return for how many people nothing but the mapping is another one."""
        return self.count("rebased") if self._scan.has_former else 0

    def count_before_joining(self) -> int:
        """Return how many people are sent before the first one who joins."""
        first = f"select min(seq) from to_send where is_new or {self._order.full}"
        found = self._database.execute(f"select count(*) from to_send where seq < ({first})")
        return int(found.fetchall()[0][0])

    def count(self, table: str) -> int:
        return int(self._database.execute(f"select count(*) from {table}").fetchall()[0][0])

    def save(self, table: str, columns: str, path: Path) -> None:
        """Write columns of a table as Parquet."""
        self._database.execute(
            f"copy (select {columns} from {table}) to '{path}' (format parquet, compression zstd)"
        )

    def leavers(self) -> Iterator[tuple[str, str]]:
        """Yield ``(email, contact id)`` in the order of the addresses."""
        return _rows_of(self._database.execute("select email, contact_id from leavers order by email"))

    def profiles(self) -> Iterator[tuple[str, int, bool, tuple[int, int], str]]:
        """Yield the fields of a Profile for everybody to send.

        Walk the scratch files and the sorted numbers of the rows to send side by side.
        """
        # A full run also puts those back whom somebody else has taken off the list.
        wanted = _rows_of(
            self._database.execute(f"select seq, is_new or {self._order.full} from to_send order by seq")
        )
        with (
            keys_path(self._scratch).open(encoding="utf-8", newline="") as keys,
            bodies_path(self._scratch).open(encoding="utf-8", newline="") as bodies,
        ):
            rows, at = zip(keys, bodies, strict=True), -1
            for seq, joins in wanted:
                key, body = next(islice(rows, seq - at - 1, None))
                at = seq
                _, file, line, email, content_hash, _ = key.split("\t", 5)
                yield email, int(content_hash), joins, (int(file), int(line)), body[:-1]

    def _reject(self, rejects: RejectsFile, rows: str) -> None:
        """Reject rows, given by a query for their ``seq`` and ``reason``."""
        files, order = self._order.snapshot.files, self._order
        rejected = self._database.execute(
            f"select file, line, email, reason from rows join ({rows}) using (seq) order by seq"
        )
        for file, line, email, reason in _rows_of(rejected):
            column = order.consent_column if reason in _ABOUT_CONSENT else order.email_column
            rejects.add(files[file].name, line, column, reason, email=email)


def _rows_of(result: "duckdb.DuckDBPyConnection") -> Iterator[Any]:
    while found := result.fetchmany(_FETCHED_AT_ONCE):
        yield from found
