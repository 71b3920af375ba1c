"""Traces: over which connections people were ever sent, also after the ledgers that knew it are gone.

``sent/{connection}/{export}.parquet`` holds one column ``hash``: ``email_hash`` of everybody who was on the ledgers of
an export when it let go of its connection. An erasure asks here where a person has to be deleted.
"""

from pathlib import Path

from shared.domain.email_address import email_hash
from shared.domain.ports import StateBlobs
from shared.pipeline import places
from shared.pipeline.workspace import open_database, scratch_folder

_MEMORY_MB = 256


def keep_traces(state: StateBlobs, export_id: str, connection_id: str) -> None:
    """Remember that everybody on the ledgers of an export was sent over a connection.

    To be called before the ledgers are removed and when the export gets another connection, or none. Safe to repeat:
    traces only ever grow by it. People whom an earlier connection of the export was given are counted with the later
    ones, too, since a ledger does not name its connection: an erasure looks in one place too many rather than too few.
    """
    traces = places.sent(connection_id, export_id)
    with scratch_folder() as scratch, open_database(scratch, _MEMORY_MB) as database:
        ledgers = _download_all(state, state.names(places.export_ledgers(export_id)), scratch)
        if not ledgers:
            return
        known, renewed = scratch / "known.parquet", scratch / "renewed.parquet"
        # A ledger holds addresses in the form that email_hash gives them, and both hash alike.
        everybody = f"select sha256(email) as hash from {_files(ledgers)}"
        if state.download(traces, known):
            everybody += f" union all select hash from {_files([known])}"
        database.execute(f"copy (select distinct hash from ({everybody})) to '{renewed}' (format parquet)")
        state.upload(traces, renewed)


def was_sent(state: StateBlobs, connection_id: str, email: str) -> bool:
    """Tell whether traces say that a person was sent over a connection. Present ledgers are not looked at."""
    return any(_holds(state, name, email) for name in state.names(places.sent_over(connection_id)))


def forget_traces(state: StateBlobs, connection_id: str, email: str) -> int:
    """Remove a person from the traces of a connection; returns from how many exports' traces."""
    found = [name for name in state.names(places.sent_over(connection_id)) if _holds(state, name, email)]
    for name in found:
        with scratch_folder() as scratch, open_database(scratch, _MEMORY_MB) as database:
            present, renewed = scratch / "present.parquet", scratch / "renewed.parquet"
            if not state.download(name, present):
                continue
            database.execute(
                f"copy (select hash from {_files([present])} where hash <> '{email_hash(email)}')"
                f" to '{renewed}' (format parquet)"
            )
            state.upload(name, renewed)
    return len(found)


def traced_connections(state: StateBlobs) -> set[str]:
    """Return the ids of all connections that have traces, also of those that were removed."""
    return {name.split("/")[1] for name in state.names(places.ALL_SENT)}


def _holds(state: StateBlobs, name: str, email: str) -> bool:
    with scratch_folder() as scratch, open_database(scratch, _MEMORY_MB) as database:
        path = scratch / "traces.parquet"
        if not state.download(name, path):
            return False
        found = database.execute(f"select 1 from {_files([path])} where hash = ?", [email_hash(email)])
        return found.fetchone() is not None


def _download_all(state: StateBlobs, names: list[str], scratch: Path) -> list[Path]:
    paths = [scratch / f"ledger-{number}.parquet" for number in range(len(names))]
    return [path for name, path in zip(names, paths, strict=True) if state.download(name, path)]


def _files(paths: list[Path]) -> str:
    return "read_parquet([" + ", ".join(f"'{path}'" for path in paths) + "])"
