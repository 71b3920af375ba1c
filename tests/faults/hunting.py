"""Looks for a secret in everything that a stack leaves behind, however it is written there."""

import base64
import contextlib
import json
import shutil
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, quote_plus

import duckdb

from tests.system.driver import Segpilot

_GZIP = b"\x1f\x8b\x08"
_PARQUET = b"PAR1"
_SQLITE = b"SQLite format 3\0"


def spellings(secret: str) -> set[bytes]:
    """Return the forms in which a secret may be written."""
    plain = secret.encode()
    texts = {secret, quote(secret, safe=""), quote_plus(secret), quote(secret), json.dumps(secret)[1:-1]}
    texts |= {secret.replace("/", "\\/"), plain.hex(), plain.hex().upper()}
    for before in range(3):
        # Within a longer text its base64 depends on where it begins; the outermost characters on its neighbours.
        packed = base64.b64encode(b"\0" * before + plain + b"\0" * ((-before - len(plain)) % 3)).decode()
        inner = packed[4 if before else 0 : -4]
        texts |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {text.encode(form) for text in texts for form in ("utf-8", "utf-16-le", "utf-16-be")}


def holds(data: bytes, secrets: Iterable[str]) -> bool:
    """Tell whether any of the secrets is in `data`, also in gzip streams somewhere in it."""
    needles = {needle for secret in secrets for needle in spellings(secret)}
    return any(needle in layer for layer in (data, *_unpacked(data)) for needle in needles)


def _unpacked(data: bytes) -> Iterator[bytes]:
    at = data.find(_GZIP)
    while at >= 0:
        with contextlib.suppress(zlib.error):
            yield zlib.decompressobj(31).decompress(data[at:])
        at = data.find(_GZIP, at + 1)


def hunt_files(folder: Path, secrets: Iterable[str]) -> list[str]:
    """Return the files below `folder` that hold any of the secrets."""
    wanted = list(secrets)
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [
        str(path.relative_to(folder)) for path in files if holds(path.read_bytes() + _rows_of(path), wanted)
    ]


def _copy(path: Path, folder: str) -> Path:
    """Copy a database and what waits to be written into it: whoever has it open may have locked it."""
    for part in path.parent.glob(f"{path.name}*"):
        if not part.name.endswith("-shm"):
            shutil.copy(part, folder)
    return Path(folder, path.name)


def _rows_of(path: Path) -> bytes:
    """Return the values of an SQLite database: long ones lie in pieces over its pages."""
    if not path.read_bytes().startswith(_SQLITE):
        return b""
    with TemporaryDirectory() as folder, contextlib.closing(sqlite3.connect(_copy(path, folder))) as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        rows = [row for name in tables for row in database.execute(f'select * from "{name}"')]
    texts = (value for row in rows for value in row if isinstance(value, str | bytes))
    return b"\n".join(value.encode() if isinstance(value, str) else value for value in texts)


def hunt_storage(app: Segpilot, secrets: Iterable[str]) -> list[str]:
    """Return the blobs and table rows, keys included, that hold any of the secrets."""
    wanted = list(secrets)
    found = [
        f"row of {table.name}"
        for table in app.tables.list_tables()
        for row in app.tables.get_table_client(table.name).list_entities()
        if holds(repr(dict(row)).encode(), wanted)
    ]
    for container in app.blobs.list_containers():
        client = app.blobs.get_container_client(container.name)
        for blob in client.list_blobs(include=["metadata"]):
            data = client.download_blob(blob.name).readall()
            about = f"{blob.name} {blob.metadata}".encode()
            if holds(about + data + _as_text(data, app.stack.state), wanted):
                found.append(f"{container.name}/{blob.name}")
    return found


def _as_text(data: bytes, folder: Path) -> bytes:
    """Return the values of a Parquet file, which are compressed in it."""
    if not data.startswith(_PARQUET):
        return b""
    path = folder / "hunted.parquet"
    path.write_bytes(data)
    try:
        return repr(duckdb.sql(f"select * from read_parquet('{path}')").fetchall()).encode()
    except duckdb.Error:  # it only begins like one
        return b""
    finally:
        path.unlink()
