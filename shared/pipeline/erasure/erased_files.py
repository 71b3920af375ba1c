"""Takes one person out of the files that runs keep, each kind in its own way.

Rejects and samples hold masked addresses only: there everybody who would be masked alike goes with the person.
"""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

from shared.domain.email_address import email_hash
from shared.domain.masking import mask, spreadsheet_safe
from shared.domain.ports import StateBlobs
from shared.pipeline.rejects import HEADER
from shared.pipeline.workspace import open_database, scratch_folder

_MEMORY_MB = 256
_VALUE = HEADER.index("value")


@dataclass(frozen=True, slots=True)
class Person:
    """Whom to take out. ``email`` is what ``normalise_email`` returned."""

    email: str

    @property
    def hash(self) -> str:
        return email_hash(self.email)

    @property
    def masked(self) -> str:
        return mask(self.email)


_Rewrite = Callable[[Path, Path, Person], int]


def drop_person(blobs: StateBlobs, name: str, person: Person) -> tuple[str, int]:
    """Take a person out of a ledger, a row log or a file of a run.

    Returns the kind of file and how many traces there were, which is 0 for files that tell of nobody.
    """
    for pattern, kind, rewrite in _KINDS:
        if pattern.search(name):
            return kind, _rewrite(blobs, name, person, rewrite)
    return "", 0


def is_on_ledger(state: StateBlobs, name: str, person: Person) -> bool:
    with scratch_folder() as scratch:
        ledger = scratch / "ledger.parquet"
        return state.download(name, ledger) and _count_rows(ledger, person) > 0


def _rewrite(blobs: StateBlobs, name: str, person: Person, rewrite: _Rewrite) -> int:
    with scratch_folder() as scratch:
        before, after = scratch / "before", scratch / "after"
        if not blobs.download(name, before) or not (found := rewrite(before, after, person)):
            return 0
        blobs.upload(name, after)
        return found


def _drop_lines(before: Path, after: Path, person: Person) -> int:
    wanted, found = person.hash.encode(), 0
    with before.open("rb") as lines, after.open("wb") as kept:
        for line in lines:
            if wanted in line:
                found += 1
            else:
                kept.write(line)
    return found


def _drop_from_batches(before: Path, after: Path, person: Person) -> int:
    """Lines stay where they are, since the push counts batches by their place."""
    wanted, found = person.email.encode(), 0
    with before.open("rb") as lines, after.open("wb") as kept:
        for line in lines:
            if wanted in line:
                batch = orjson.loads(line)
                others = [each for each in batch if each[0] != person.email]
                found += len(batch) - len(others)
                line = orjson.dumps(others) + b"\n"
            kept.write(line)
    return found


def _drop_results(before: Path, after: Path, person: Person) -> int:
    wanted, found = person.email.encode(), 0
    with before.open("rb") as lines, after.open("wb") as kept:
        for line in lines:
            if line.split(b"\t", 2)[1] == wanted:
                found += 1
            else:
                kept.write(line)
    return found


def _blank_values(before: Path, after: Path, person: Person) -> int:
    """The row stays, as its line in the source is still the customer's to mend; its value does not."""
    wanted, found = spreadsheet_safe(person.masked).casefold(), 0
    with (
        before.open(encoding="utf-8", newline="") as rows,
        after.open("w", encoding="utf-8", newline="") as kept,
    ):
        writer = csv.writer(kept, lineterminator="\r\n")
        for row in csv.reader(rows):
            if len(row) > _VALUE and row[_VALUE].casefold() == wanted:
                row[_VALUE] = ""
                found += 1
            writer.writerow(row)
    return found


def _drop_samples(before: Path, after: Path, person: Person) -> int:
    samples = orjson.loads(before.read_bytes())
    others = [sample for sample in samples if not _shows(sample, person)]
    after.write_bytes(orjson.dumps(others))
    return len(samples) - len(others)


def _shows(value: object, person: Person) -> bool:
    """Tell whether a text anywhere within ``value`` is the masked address, or holds the whole one: in files of
    earlier releases only the field Email was masked."""
    if isinstance(value, str):
        return value.casefold() == person.masked.casefold() or person.email in value.lower()
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_shows(each, person) for each in within)


def _drop_rows(before: Path, after: Path, person: Person) -> int:
    """Of a Parquet file; what its metadata say stays."""
    if found := _count_rows(before, person):
        with scratch_folder() as scratch, open_database(scratch, _MEMORY_MB) as database:
            notes = dict(
                database.execute(
                    f"select decode(key), decode(value) from parquet_kv_metadata('{before}')"
                ).fetchall()
            )
            kept = f", kv_metadata {{{', '.join(f'{key}: ?' for key in notes)}}}" if notes else ""
            database.execute("create table erased as select ? as email", [person.email])
            database.execute(
                f"copy (select * from read_parquet('{before}') anti join erased using (email))"
                f" to '{after}' (format parquet, compression zstd{kept})",
                list(notes.values()),
            )
    return found


def _count_rows(path: Path, person: Person) -> int:
    with scratch_folder() as scratch, open_database(scratch, _MEMORY_MB) as database:
        columns = database.execute(f"select name from parquet_schema('{path}')").fetchall()
        if ("email",) not in columns:
            return 0
        query = f"select count(*) from read_parquet('{path}') where email = ?"
        return int(database.execute(query, [person.email]).fetchall()[0][0])


_KINDS: tuple[tuple[re.Pattern[str], str, _Rewrite], ...] = (
    (re.compile(r"^rows/.*\.jsonl$"), "row logs", _drop_lines),
    (re.compile(r"^ledgers/.*\.parquet$"), "ledger rows", _drop_rows),
    (re.compile(r"^runs/[^/]+/stage/.*/notes\.jsonl$"), "row logs", _drop_lines),
    (re.compile(r"^runs/[^/]+/stage/.*\.jsonl$"), "chunks", _drop_from_batches),
    (re.compile(r"^runs/[^/]+/stage/.*\.parquet$"), "chunks", _drop_rows),
    (re.compile(r"^runs/[^/]+/.*\.tsv$"), "results", _drop_results),
    (re.compile(r"^runs/[^/]+/.*\.csv$"), "rejects", _blank_values),
    (re.compile(r"^runs/[^/]+/.*\.parquet$"), "retry sets", _drop_rows),
    (re.compile(r"^runs/[^/]+/samples\.json$"), "samples", _drop_samples),
)
