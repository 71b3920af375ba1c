"""The ledger: per export, segment and list, who we put there, with a hash of what was sent.

A Parquet file with ``email`` (text), ``hash`` (unsigned 64 bit) and ``contact_id`` (text, the destination's).
A hash is written only for people whom the destination accepted.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

_FETCHED_AT_ONCE = 10_000
_EMPTY = "select ''::varchar as email, 0::ubigint as hash, ''::varchar as contact_id where false"
_RESULT_COLUMNS = (
    "{'accepted': 'BOOLEAN', 'email': 'VARCHAR', 'hash': 'UBIGINT', 'contact_id': 'VARCHAR',"
    " 'file': 'INTEGER', 'line': 'BIGINT', 'reason': 'VARCHAR'}"
)


class RefusedPerson(NamedTuple):
    """Someone the destination did not take; ``file`` is the index of the file in the snapshot."""

    email: str
    file: int
    line: int
    reason: str


def load_ledger(database: duckdb.DuckDBPyConnection, path: Path | None) -> None:
    """Make the ledger at ``path`` the view ``ledger``; None is an empty one."""
    source = _EMPTY if path is None else f"select email, hash, contact_id from read_parquet('{path}')"
    database.execute(f"create or replace view ledger as {source}")


def accepted_line(email: str, content_hash: int, contact_id: str) -> str:
    """Return one line of a result file: a person whom the destination accepted."""
    clean = contact_id.replace("\t", " ").replace("\r", " ").replace("\n", " ")
    return f"true\t{email}\t{content_hash}\t{clean}\t\t\t\n"


def refused_line(email: str, origin: Sequence[int], reason: str) -> str:
    """Return one line of a result file: a person whom the destination refused."""
    return f"false\t{email}\t\t\t{origin[0]}\t{origin[1]}\t{reason}\n"


def merge_results(
    database: duckdb.DuckDBPyConnection, results: Sequence[Path], ledger_out: Path
) -> tuple[int, Iterator[RefusedPerson]]:
    """Write the view ``ledger``, updated by the result files, to ``ledger_out``.

    Returns how many people were accepted, and the refused ones. Repeated results count once, and an acceptance
    outweighs a refusal. Merging the same results again gives the same ledger.
    """
    if not results:
        database.execute(f"create or replace view results as select * from ({_typed_nothing()})")
    else:
        files = ", ".join(f"'{path}'" for path in results)
        database.execute(
            f"create or replace table results as select * from read_csv([{files}], columns={_RESULT_COLUMNS},"
            " delim='\t', quote='', escape='', header=false, auto_detect=false, nullstr='')"
        )
    database.execute(
        "create or replace table accepted as select email, max(hash) as hash,"
        " coalesce(max(contact_id), '') as contact_id from results where accepted group by email"
    )
    database.execute(
        "copy (select email, hash, contact_id from accepted union all"
        " select email, hash, contact_id from ledger anti join accepted using (email))"
        f" to '{ledger_out}' (format parquet, compression zstd)"
    )
    count = database.execute("select count(*) from accepted").fetchone()
    return (count[0] if count else 0), _refused(database)


def _refused(database: duckdb.DuckDBPyConnection) -> Iterator[RefusedPerson]:
    cursor = database.execute(
        "select email, min(file), min(line), min(reason) from results anti join accepted using (email)"
        " where not accepted group by email order by 2, 3"
    )
    while found := cursor.fetchmany(_FETCHED_AT_ONCE):
        yield from (RefusedPerson(*row) for row in found)


def _typed_nothing() -> str:
    return (
        "select false as accepted, ''::varchar as email, 0::ubigint as hash, ''::varchar as contact_id,"
        " 0 as file, 0::bigint as line, ''::varchar as reason where false"
    )
