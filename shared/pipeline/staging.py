"""Stage: one pass over a snapshot's files, and out come chunks of ready-made batches.

Rows are parsed, checked and encoded while they stream by, keys and bodies into two files on scratch disk. DuckDB then
finds duplicates and compares the keys with the ledger, spilling to disk beyond its memory limit. A second pass over the
scratch files picks the people to send, in the order of the source. Nothing here grows with the number of rows.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

import duckdb
import orjson
from pydantic import Field

from shared.domain.destination import Encoder
from shared.domain.email_address import explain_email, normalise_email
from shared.domain.errors import SegmentUnreadable
from shared.domain.ports import SegmentBlobs, StateBlobs
from shared.domain.record import Record
from shared.domain.run import Counts
from shared.domain.segment import Snapshot
from shared.pipeline import places
from shared.pipeline.ledger import load_ledger
from shared.pipeline.reading import BrokenRow, RowReader, open_rows
from shared.pipeline.rejects import RejectsFile
from shared.pipeline.workspace import open_database, scratch_folder

_ROWS_PER_WRITE = 5_000
_ROWS_PER_REPORT = 50_000
_FETCHED_AT_ONCE = 20_000
DUPLICATE = "duplicate_email"


class Staged(Record):
    """What staging one segment came to. ``chunks`` is 0 when more than the limit were found.

    ``leaver_chunks`` hold those of ``counts.leavers`` who are to be taken off the list; it is 0 when nobody is, be it
    that leavers are kept, be it that a guard forbids it. ``ledger_people`` were on the ledger before.
    """

    segment: str
    folder: str
    chunks: int = 0
    leaver_chunks: int = 0
    ledger_people: int = 0
    counts: Counts = Counts()
    rejected: dict[str, int] = Field(default_factory=dict)
    dropped_values: dict[str, int] = Field(default_factory=dict)
    columns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageOrder:
    """What to stage: where from, how, and where to."""

    snapshot: Snapshot
    folder: str
    email_column: str
    encoder: Encoder
    ledger: str | None
    full: bool
    max_profiles: int
    batch_size: int
    batches_per_chunk: int
    keep_profiles: bool


@dataclass(frozen=True, slots=True)
class StageLimits:
    memory_mb: int
    max_file_mb: int


def stage(
    order: StageOrder,
    segments: SegmentBlobs,
    state: StateBlobs,
    limits: StageLimits,
    on_progress: Callable[[int], None],
) -> Staged:
    """Stage one segment. ``on_progress`` hears of the rows read and may raise to stop.

    Raises SegmentUnreadable when a file as a whole cannot be used.
    """
    with scratch_folder() as scratch:
        rejects_path = scratch / "rejects.csv"
        with RejectsFile(rejects_path, order.snapshot.segment) as rejects:
            reading = _Reading(order, segments, limits, scratch, rejects, on_progress)
            rows, columns = reading.run()
            with open_database(scratch, limits.memory_mb) as database:
                counts, chunks = _compare(order, state, database, scratch, rejects)
        state.upload(places.staged_rejects(order.folder), rejects_path)
        return Staged(
            segment=order.snapshot.segment,
            folder=order.folder,
            chunks=chunks,
            counts=counts.model_copy(update={"rows": rows}),
            rejected=dict(rejects.reasons),
            dropped_values=dict(order.encoder.dropped),
            columns=columns,
        )


def _keys_path(scratch: Path) -> Path:
    """Tab-separated, a line per valid row: sequence, file index, line, e-mail, hash. No address contains a tab."""
    return scratch / "keys.tsv"


def _bodies_path(scratch: Path) -> Path:
    """The encoded people, a line per valid row. JSON has no line breaks inside."""
    return scratch / "bodies.jsonl"


class _Reading:
    """The first pass."""

    def __init__(
        self,
        order: StageOrder,
        segments: SegmentBlobs,
        limits: StageLimits,
        scratch: Path,
        rejects: RejectsFile,
        on_progress: Callable[[int], None],
    ) -> None:
        self._order, self._segments, self._limits = order, segments, limits
        self._scratch, self._rejects, self._on_progress = scratch, rejects, on_progress
        self._rows = self._kept = 0

    def run(self) -> tuple[int, tuple[str, ...]]:
        """Return how many rows there were, broken ones included, and the columns of the first file."""
        columns: tuple[str, ...] = ()
        with (
            _keys_path(self._scratch).open("w", encoding="utf-8", newline="") as keys_out,
            _bodies_path(self._scratch).open("w", encoding="utf-8", newline="") as bodies_out,
        ):
            for index, file in enumerate(self._order.snapshot.files):
                with closing(self._segments.open(file)) as stream, _naming(file.name):
                    reader = self._open(stream, file.name)
                    columns = columns or tuple(reader.columns)
                    for keys, bodies in self._encode(index, file.name, reader):
                        keys_out.writelines(keys)
                        bodies_out.writelines(bodies)
        return self._rows, columns

    def _open(self, stream: BinaryIO, name: str) -> RowReader:
        snapshot = self._order.snapshot

        def on_broken(row: BrokenRow) -> None:
            self._rejects.add(name, row.line, row.column, row.code)
            self._count(1)

        return open_rows(
            stream,
            name=name,
            on_broken=on_broken,
            delimiter=snapshot.delimiter,
            has_header=snapshot.has_header,
            columns=snapshot.columns,
            scratch=self._scratch,
            max_uncompressed_bytes=self._limits.max_file_mb << 20,
        )

    def _count(self, rows: int) -> None:
        before, self._rows = self._rows, self._rows + rows
        if before // _ROWS_PER_REPORT != self._rows // _ROWS_PER_REPORT:
            self._on_progress(self._rows)

    def _encode(self, index: int, name: str, reader: RowReader) -> Iterator[tuple[list[str], list[str]]]:
        columns, order = list(reader.columns), self._order
        email_at = _find_column(columns, order.email_column)
        pick = _picker([_find_column(columns, column) for column in order.encoder.columns])
        encode, reject = order.encoder.encode, self._rejects.add
        rows = iter(reader)
        while block := list(islice(rows, _ROWS_PER_WRITE)):
            keys: list[str] = []
            bodies: list[str] = []
            for line, values in block:
                raw = values[email_at]
                text = "" if raw is None else raw if isinstance(raw, str) else str(raw)
                email = normalise_email(text)
                if email is None:
                    reject(name, line, order.email_column, explain_email(text), text)
                    continue
                body = encode(email, pick(values))
                content_hash = int.from_bytes(blake2b(body.encode(), digest_size=8).digest(), "big")
                keys.append(f"{self._kept}\t{index}\t{line}\t{email}\t{content_hash}\n")
                bodies.append(body + "\n")
                self._kept += 1
            yield keys, bodies
            self._count(len(block))


@contextmanager
def _naming(file: str) -> Iterator[None]:
    """Readers know no names; whoever has to mend one file of many needs it."""
    try:
        yield
    except SegmentUnreadable as problem:
        raise SegmentUnreadable(
            f"The file '{file}' cannot be used. {problem.message}", code=problem.reason, remedy=problem.remedy
        ) from None


def _find_column(columns: Sequence[str], wanted: str) -> int:
    """Find a column by name; case and outer spaces are forgiven when that leaves no doubt."""
    if wanted in columns:
        return columns.index(wanted)
    alike = [place for place, name in enumerate(columns) if name.casefold() == wanted.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    shown = ", ".join(columns[:30]) + (", …" if len(columns) > 30 else "")
    raise SegmentUnreadable(
        f"There is no column '{wanted}'.",
        code="column-missing",
        remedy=f"Correct the export's mapping, or the file. Its columns are: {shown}.",
    )


def _picker(places_: Sequence[int]) -> Callable[[Sequence[object]], Sequence[object]]:
    if not places_:
        return lambda _values: ()
    if len(places_) == 1:
        only = places_[0]
        return lambda values: (values[only],)
    return itemgetter(*places_)


def _compare(
    order: StageOrder,
    state: StateBlobs,
    database: duckdb.DuckDBPyConnection,
    scratch: Path,
    rejects: RejectsFile,
) -> tuple[Counts, int]:
    """Find duplicates, compare with the ledger and write the chunks."""
    database.execute(
        f"create table rows as select * from read_csv('{_keys_path(scratch)}', delim='\t', quote='', escape='',"
        " header=false, auto_detect=false, columns={'seq': 'BIGINT', 'file': 'INTEGER', 'line': 'BIGINT',"
        " 'email': 'VARCHAR', 'hash': 'UBIGINT'})"
    )
    database.execute(
        "create table people as select email, min(seq) as seq, arg_min(hash, seq) as hash from rows group by email"
    )
    duplicates = database.execute(
        "select file, line, email from rows anti join people using (seq) order by seq"
    )
    while found := duplicates.fetchmany(_FETCHED_AT_ONCE):
        for file, line, email in found:
            rejects.add(order.snapshot.files[file].name, line, order.email_column, DUPLICATE, email)
    ledger_path = scratch / "ledger.parquet"
    has_ledger = order.ledger is not None and state.download(order.ledger, ledger_path)
    load_ledger(database, ledger_path if has_ledger else None)
    database.execute(
        "create table to_send as select seq, ledger.email is null as joins from people left join ledger"
        " using (email)" + ("" if order.full else " where ledger.hash is distinct from people.hash")
    )
    profiles, to_send, joining = database.execute(
        "select (select count(*) from people), count(*), count(*) filter (joins) from to_send"
    ).fetchall()[0]
    counts = Counts(profiles=profiles, new=joining, changed=to_send - joining, unchanged=profiles - to_send)
    if order.keep_profiles:
        path = scratch / "profiles.parquet"
        database.execute(f"copy (select email from people) to '{path}' (format parquet, compression zstd)")
        state.upload(places.staged_profiles(order.folder), path)
    if profiles > order.max_profiles:
        return counts, 0
    return counts, _write_chunks(order, state, database, scratch)


def _write_chunks(
    order: StageOrder, state: StateBlobs, database: duckdb.DuckDBPyConnection, scratch: Path
) -> int:
    """Each line of a chunk is one batch: a JSON array of people as ``[email, hash, joins, origin, body]``."""
    chunks = 0
    chosen = _chosen_rows(database, scratch)
    while lines := [
        orjson.dumps(batch)
        for _ in range(order.batches_per_chunk)
        if (batch := list(islice(chosen, order.batch_size)))
    ]:
        state.write(places.chunk(order.folder, chunks), b"\n".join(lines) + b"\n")
        chunks += 1
    return chunks


def _chosen_rows(
    database: duckdb.DuckDBPyConnection, scratch: Path
) -> Iterator[tuple[str, int, bool, tuple[int, int], str]]:
    """Yield the fields of a Profile for everybody to send.

    Walk the scratch files and the sorted numbers of the rows to send side by side.
    """
    cursor = database.execute("select seq, joins from to_send order by seq")
    with (
        _keys_path(scratch).open(encoding="utf-8", newline="") as keys,
        _bodies_path(scratch).open(encoding="utf-8", newline="") as bodies,
    ):
        rows, at = zip(keys, bodies, strict=True), -1
        while wanted := cursor.fetchmany(_FETCHED_AT_ONCE):
            for seq, joins in wanted:
                key, body = next(islice(rows, seq - at - 1, None))
                at = seq
                _, file, line, email, content_hash = key.split("\t")
                yield email, int(content_hash), joins, (int(file), int(line)), body[:-1]
