"""Whom connections sent, kept when ledgers go."""

from pathlib import Path

import duckdb

from shared.domain.email_address import email_hash
from shared.pipeline import places
from shared.pipeline.erasure.sent_traces import forget_traces, keep_traces, traced_connections, was_sent
from tests.fakes import MemoryBlobs


def put_ledger(state: MemoryBlobs, scratch: Path, name: str, *emails: str) -> None:
    rows = ", ".join(f"('{email}', 1::ubigint, 'person')" for email in emails)
    path = scratch / "ledger.parquet"
    duckdb.sql(f"copy (select * from (values {rows}) as l(email, hash, contact_id)) to '{path}'")
    state.upload(name, path)


def test_everybody_on_the_ledgers_of_an_export_is_remembered(tmp_path: Path) -> None:
    state = MemoryBlobs()
    put_ledger(state, tmp_path, places.ledger("export-1", "vip", "list-1"), "ana@example.com")
    put_ledger(
        state, tmp_path, places.ledger("export-1", "churn", "list-2"), "bo@example.com", "ñu@example.com"
    )
    put_ledger(state, tmp_path, places.ledger("export-2", "vip", "list-1"), "cy@example.com")

    keep_traces(state, "export-1", "connection-1")

    sent = [
        each for each in ("ana", "bo", "ñu", "cy") if was_sent(state, "connection-1", f"{each}@example.com")
    ]
    assert sent == ["ana", "bo", "ñu"]
    assert not was_sent(state, "connection-2", "ana@example.com")
    assert traced_connections(state) == {"connection-1"}


def test_traces_grow_and_may_be_kept_again(tmp_path: Path) -> None:
    state, ledger = MemoryBlobs(), places.ledger("export-1", "vip", "list-1")
    put_ledger(state, tmp_path, ledger, "ana@example.com")
    keep_traces(state, "export-1", "connection-1")
    put_ledger(state, tmp_path, ledger, "bo@example.com")
    keep_traces(state, "export-1", "connection-1")
    keep_traces(state, "export-1", "connection-1")
    state.remove([ledger])
    keep_traces(state, "export-1", "connection-1")

    traces = state.names(places.ALL_SENT)
    assert [was_sent(state, "connection-1", f"{each}@example.com") for each in ("ana", "bo")] == [True, True]
    (tmp_path / "traces").write_bytes(state.read(traces[0]))
    assert duckdb.sql(f"select count(*) from read_parquet('{tmp_path / 'traces'}')").fetchall() == [(2,)]


def test_an_export_that_sent_nobody_leaves_no_traces() -> None:
    state = MemoryBlobs()

    keep_traces(state, "export-1", "connection-1")

    assert state.blobs == {}


def test_traces_hold_hashes_only(tmp_path: Path) -> None:
    state = MemoryBlobs()
    put_ledger(state, tmp_path, places.ledger("export-1", "vip", "list-1"), "ana@example.com")

    keep_traces(state, "export-1", "connection-1")

    held = state.read(places.sent("connection-1", "export-1"))
    assert b"ana" not in held
    assert email_hash("ana@example.com").encode() in held


def test_a_forgotten_person_leaves_the_traces_of_one_connection(tmp_path: Path) -> None:
    state = MemoryBlobs()
    put_ledger(
        state, tmp_path, places.ledger("export-1", "vip", "list-1"), "ana@example.com", "bo@example.com"
    )
    keep_traces(state, "export-1", "connection-1")
    keep_traces(state, "export-1", "connection-2")

    assert forget_traces(state, "connection-1", "ana@example.com") == 1
    assert forget_traces(state, "connection-1", "ana@example.com") == 0

    assert not was_sent(state, "connection-1", "ana@example.com")
    assert was_sent(state, "connection-1", "bo@example.com")
    assert was_sent(state, "connection-2", "ana@example.com")
    assert email_hash("ana@example.com").encode() not in state.read(places.sent("connection-1", "export-1"))
