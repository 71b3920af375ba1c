"""Scan: the first pass over a snapshot's files. Rows are checked and encoded while they stream by.

What is found goes to two files on scratch disk, keys and bodies, with a line each per row that has an address.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from enum import IntEnum
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from shared.domain.destination import Encoder
from shared.domain.email_address import explain_email, normalise_email
from shared.domain.errors import SegmentUnreadable
from shared.domain.export import FieldType
from shared.domain.ports import SegmentBlobs
from shared.domain.values import CastFailure, make_caster
from shared.pipeline.reading import LEAVES_COLUMN, BrokenCode, BrokenRow, RowReader, open_rows
from shared.pipeline.rejects import RejectsFile
from shared.pipeline.staging.columns import Picker, find_column, pick_columns
from shared.pipeline.staging.order import StageLimits, StageOrder
from shared.pipeline.staging.rebasing import NO_FORMER_HASH, FormerMapping, hash_body

# A row may have a million characters: these are in memory at once.
_ROWS_PER_WRITE = 100
_MAX_BODY_CHARACTERS = 32 * 1024
"""Of one person; a chunk of thousands has to fit into memory. The calls of a destination take less."""

_ROWS_PER_REPORT = 50_000


class RowState(IntEnum):
    """What a row says of its person, apart from what is to be sent."""

    WANTED = 0
    LEAVES = 1
    NO_CONSENT = 2
    CONSENT_UNREADABLE = 3


def keys_path(scratch: Path) -> Path:
    """Tab-separated, a line per row with an address: sequence, file index, line, e-mail, hash, state, former hash.

    No address contains a tab.
    """
    return scratch / "keys.tsv"


def bodies_path(scratch: Path) -> Path:
    """The encoded people, in the order of the keys. JSON has no line breaks inside."""
    return scratch / "bodies.jsonl"


class Scan:
    """One pass. ``rows`` are all rows there were, ``broken`` those that could not be read; ``any_state`` tells whether any
    row has another state than WANTED, ``has_former`` whether rows have hashes under the ledger's mapping."""

    def __init__(
        self,
        order: StageOrder,
        segments: SegmentBlobs,
        limits: StageLimits,
        scratch: Path,
        rejects: RejectsFile,
        former: FormerMapping | None,
        on_progress: Callable[[int], None],
    ) -> None:
        self._order, self._segments, self._limits, self._scratch = order, segments, limits, scratch
        self._rejects, self._former, self._on_progress = rejects, former, on_progress
        self._encoder: Encoder = order.make_encoder(order.fields)
        self._kept = 0
        self.rows = self.broken = 0
        self.any_state, self.has_former = False, former is not None

    @property
    def dropped_values(self) -> dict[str, int]:
        return dict(self._encoder.dropped)

    def run(self) -> None:
        """Raises SegmentUnreadable when a file cannot be used, or rows are missing."""
        with (
            keys_path(self._scratch).open("w", encoding="utf-8", newline="") as keys_out,
            bodies_path(self._scratch).open("w", encoding="utf-8", newline="") as bodies_out,
        ):
            for index, file in enumerate(self._order.snapshot.files):
                with closing(self._segments.open(file)) as stream, _naming(file.name):
                    reader = self._open(stream, file.name)
                    for keys, bodies in self._encode(index, file.name, reader):
                        keys_out.writelines(keys)
                        bodies_out.writelines(bodies)

    def _open(self, stream: BinaryIO, name: str) -> RowReader:
        snapshot = self._order.snapshot

        def on_broken(row: BrokenRow) -> None:
            self.broken += 1
            self._reject(name, row.line, row.column, row.code)
            self._count(1)

        return open_rows(
            stream,
            name=name,
            on_broken=on_broken,
            source_format=snapshot.format,
            delimiter=snapshot.delimiter,
            has_header=snapshot.has_header,
            columns=snapshot.columns,
            scratch=self._scratch,
            max_uncompressed_bytes=self._limits.max_file_mb << 20,
        )

    def _reject(self, file: str, line: int, column: str | None, reason: str, value: str = "") -> None:
        # Who is tried again was a person in the earlier run; the other rows were its rejects.
        if self._order.retry_set is None:
            self._rejects.add(file, line, column, reason, value)

    def _count(self, rows: int) -> None:
        before, self.rows = self.rows, self.rows + rows
        if before // _ROWS_PER_REPORT != self.rows // _ROWS_PER_REPORT:
            self._on_progress(self.rows)

    def _encode(self, index: int, name: str, reader: RowReader) -> Iterator[tuple[list[str], list[str]]]:
        columns, order = list(reader.columns), self._order
        email_at = find_column(columns, order.email_column)
        pick, encode = _pick_mapped(columns, self._encoder.columns), self._encoder.encode
        judge = make_judge(columns, order.consent_column)
        hash_former = self._former.bind(columns) if self._former else None
        state, former_hash = RowState.WANTED, NO_FORMER_HASH
        rows = iter(reader)
        while block := list(islice(rows, _ROWS_PER_WRITE)):
            keys: list[str] = []
            bodies: list[str] = []
            for line, values in block:
                if judge is not None:
                    state = judge(values)
                    if state is RowState.LEAVES and not order.is_delta:
                        continue
                raw = values[email_at]
                text = "" if raw is None else raw if isinstance(raw, str) else str(raw)
                email = normalise_email(text)
                if email is None:
                    self._reject(name, line, order.email_column, explain_email(text), text)
                    continue
                if state:
                    self.any_state = True
                    keys.append(
                        f"{self._kept}\t{index}\t{line}\t{email}\t0\t{int(state)}\t{NO_FORMER_HASH}\n"
                    )
                    bodies.append("\n")
                else:
                    body = encode(email, pick(values))
                    if len(body) > _MAX_BODY_CHARACTERS:
                        self._reject(name, line, None, BrokenCode.LINE_TOO_LONG, text)
                        continue
                    if hash_former is not None:
                        former_hash = hash_former(email, values)
                    keys.append(
                        f"{self._kept}\t{index}\t{line}\t{email}\t{hash_body(body)}\t0\t{former_hash}\n"
                    )
                    bodies.append(body + "\n")
                self._kept += 1
            yield keys, bodies
            self._count(len(block))


def _pick_mapped(columns: Sequence[str], wanted: Sequence[str]) -> Picker:
    """Of people who leave, nothing but the address is needed: a file of nobody else may lack the other columns."""
    try:
        return pick_columns(columns, wanted)
    except SegmentUnreadable as missing:
        if LEAVES_COLUMN not in columns:
            raise
        problem = missing

    def pick(_values: Sequence[object]) -> Sequence[object]:
        raise problem

    return pick


def make_judge(
    columns: Sequence[str], consent_column: str | None
) -> Callable[[Sequence[object]], RowState] | None:
    """Return what tells the state of a row; None when all rows of the file are WANTED."""
    leaves_at = columns.index(LEAVES_COLUMN) if LEAVES_COLUMN in columns else None
    pick_consent = None if consent_column is None else _pick_mapped(columns, [consent_column])
    if leaves_at is None and pick_consent is None:
        return None
    as_boolean = make_caster(FieldType.BOOLEAN)

    def judge(values: Sequence[object]) -> RowState:
        if leaves_at is not None and values[leaves_at] is True:
            return RowState.LEAVES
        if pick_consent is None:
            return RowState.WANTED
        [consent] = pick_consent(values)
        if consent is None or (isinstance(consent, str) and not consent.strip()):
            return RowState.NO_CONSENT
        agreed = as_boolean(consent)
        if isinstance(agreed, CastFailure):
            return RowState.CONSENT_UNREADABLE
        return RowState.WANTED if agreed else RowState.NO_CONSENT

    return judge


@contextmanager
def _naming(file: str) -> Iterator[None]:
    """Readers know no names; whoever has to mend one file of many needs it."""
    try:
        yield
    except SegmentUnreadable as problem:
        raise SegmentUnreadable(
            f"The file '{file}' cannot be used. {problem.message}", code=problem.reason, remedy=problem.remedy
        ) from None
