"""The ledger: per export, segment and list, who we put there, with a hash of what was sent.

A Parquet file with ``email`` (text), ``hash`` (unsigned 64 bit) and ``contact_id`` (text, the destination's). Its
metadata say under which mapping the hashes were made. A hash is written only for people whom the destination accepted.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import TypeAdapter, ValidationError

from shared.domain.export import FieldMapping

if TYPE_CHECKING:
    import duckdb

_FETCHED_AT_ONCE = 10_000
_MAPPING = "mapping"
_mapping_json = TypeAdapter(tuple[FieldMapping, ...])
_EMPTY = "select ''::varchar as email, 0::ubigint as hash, ''::varchar as contact_id where false"
_RESULT_COLUMNS = (
    "{'outcome': 'VARCHAR', 'email': 'VARCHAR', 'hash': 'UBIGINT', 'contact_id': 'VARCHAR',"
    " 'file': 'INTEGER', 'line': 'BIGINT', 'reason': 'VARCHAR'}"
)


class Result(StrEnum):
    """What became of a person; the last two are leavers."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    REMOVED = "removed"
    NOT_REMOVED = "not_removed"


_OUTWEIGHING = (Result.ACCEPTED, Result.REMOVED, Result.NOT_REMOVED, Result.REFUSED)
_ACCEPTED = Result.ACCEPTED.value
_CONTROLS = re.compile(r"[\t\r\n]")
_NAMES = ", ".join(f"'{result}'" for result in _OUTWEIGHING)
_WEIGHT = f"list_position([{_NAMES}], outcome)"


class Answer(NamedTuple):
    """A person and what became of her; ``file`` is the index of the file in the snapshot, None for leavers."""

    email: str
    contact_id: str | None
    file: int | None
    line: int | None
    reason: str | None


def load_ledger(database: "duckdb.DuckDBPyConnection", path: Path | None) -> None:
    """Make the ledger at ``path`` the view ``ledger``; None is an empty one."""
    source = _EMPTY if path is None else f"select email, hash, contact_id from read_parquet('{path}')"
    database.execute(f"create or replace view ledger as {source}")


def read_mapping(database: "duckdb.DuckDBPyConnection", path: Path) -> tuple[FieldMapping, ...] | None:
    """Return the mapping under which the hashes of a ledger were made; None when it does not say."""
    found = database.execute(
        "select decode(value) from parquet_kv_metadata(?) where key = encode(?)", [str(path), _MAPPING]
    ).fetchone()
    try:
        return _mapping_json.validate_json(found[0]) if found else None
    except ValidationError:
        return None


def accepted_line(email: str, content_hash: int, contact_id: str, origin: Sequence[int]) -> str:
    """Return one line of a result file: a person whom the destination accepted."""
    if not contact_id.isprintable():
        contact_id = _CONTROLS.sub(" ", contact_id)
    return f"{_ACCEPTED}\t{email}\t{content_hash}\t{contact_id}\t{origin[0]}\t{origin[1]}\t\n"


def refused_line(email: str, origin: Sequence[int], reason: str) -> str:
    """Return one line of a result file: a person whom the destination refused."""
    return f"{Result.REFUSED}\t{email}\t\t\t{origin[0]}\t{origin[1]}\t{reason}\n"


def leaver_line(email: str, contact_id: str, *, removed: bool) -> str:
    """Return one line of a result file: what became of a leaver."""
    return f"{Result.REMOVED if removed else Result.NOT_REMOVED}\t{email}\t\t{contact_id}\t\t\t\n"


def answered_emails(results: Iterable[bytes]) -> set[str]:
    """Return of whom these result files tell."""
    return {line.split(b"\t", 2)[1].decode() for result in results for line in result.splitlines()}


def load_results(database: "duckdb.DuckDBPyConnection", results: Sequence[Path]) -> None:
    """Make the result files the table ``answers``, one row per person.

    Repeated results count once, an acceptance outweighs a refusal, and a removal its failure.
    """
    if results:
        files = ", ".join(f"'{path}'" for path in results)
        source = (
            f"read_csv([{files}], columns={_RESULT_COLUMNS}, delim='\t', quote='', escape='', header=false,"
            " auto_detect=false, nullstr='')"
        )
    else:
        source = f"({_EMPTY}), (select '' as outcome, 0 as file, 0::bigint as line, '' as reason)"
    database.execute(
        f"create or replace table answers as select email, arg_min(outcome, {_WEIGHT}) as outcome,"
        " max(hash) as hash, max(contact_id) as contact_id, min(file) as file, min(line) as line,"
        f" min(reason) as reason from {source} group by email"
    )


def write_ledger(
    database: "duckdb.DuckDBPyConnection",
    ledger_out: Path,
    mapping: Sequence[FieldMapping] | None,
    *,
    rebased: Path | None = None,
    let_go: Path | None = None,
) -> None:
    """Write the view ``ledger``, updated by the table ``answers``, to ``ledger_out``.

    ``rebased`` holds people whose hash is another one now, though nothing was sent, ``let_go`` people who are not on it
    any more, though nothing was done. Doing it again with what came out gives the same ledger. ``mapping`` None = it
    is not known.
    """
    kept = "select email, hash, contact_id from ledger"
    if rebased:
        kept = (
            "select email, coalesce(rebased.hash, ledger.hash) as hash, contact_id from ledger"
            f" left join read_parquet('{rebased}') as rebased using (email)"
        )
    gone = f"select email from answers where outcome in ('{Result.ACCEPTED}', '{Result.REMOVED}')"
    if let_go:
        gone += f" union all select email from read_parquet('{let_go}')"
    options, values = "format parquet, compression zstd", []
    if mapping is not None:
        options += f", kv_metadata {{{_MAPPING}: ?}}"
        values.append(_mapping_json.dump_json(tuple(mapping)).decode())
    database.execute(
        "copy (select email, hash, coalesce(contact_id, '') as contact_id from answers"
        f" where outcome = '{Result.ACCEPTED}' union all select email, hash, contact_id from ({kept})"
        f" anti join ({gone}) as gone using (email)) to '{ledger_out}' ({options})",
        values,
    )


def count_people(database: "duckdb.DuckDBPyConnection", ledger: Path) -> int:
    """Return how many people are on the ledger at this path; its metadata say so."""
    return int(database.execute(f"select count(*) from read_parquet('{ledger}')").fetchall()[0][0])


def count_answers(database: "duckdb.DuckDBPyConnection") -> dict[str, int]:
    """Return how many people there are per Result in the table ``answers``."""
    return dict(database.execute("select outcome, count(*) from answers group by outcome").fetchall())


def list_answers(database: "duckdb.DuckDBPyConnection", *results: Result) -> Iterator[Answer]:
    """Yield the people with one of these results, in the order of the source."""
    names = ", ".join(f"'{result}'" for result in results)
    cursor = database.execute(
        "select email, contact_id, file, line, reason from answers"
        f" where outcome in ({names}) order by file, line, email"
    )
    while found := cursor.fetchmany(_FETCHED_AT_ONCE):
        yield from (Answer(*row) for row in found)
