"""Azure Table Storage: connections, exports, segments and runs as JSON documents with ETags.

A document longer than one property may be (64 KiB, Azure Table documentation) is spread over several.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Generic, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableClient, TableServiceClient, UpdateMode

from shared.domain.connection import Connection
from shared.domain.errors import Conflict, NotFound, PreconditionFailed, StorageUnavailable
from shared.domain.export import Export
from shared.domain.identifiers import newest_first, storage_key
from shared.domain.ports import Pace, Versioned
from shared.domain.record import Record
from shared.domain.run import Counts, Run
from shared.domain.segment import Segment

R = TypeVar("R", bound=Record)
# A property holds 64 KiB of UTF-16, in which a character takes up to four bytes; an entity holds 1 MiB.
_PIECE_CHARACTERS = 16_000
_PIECES = 15
_LONGEST_PAGE = 1_000


@contextlib.contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except AzureError as problem:
        raise StorageUnavailable(
            f"Table storage did not answer as expected ({type(problem).__name__}).",
            remedy="Try again; if it stays so, check the storage account and the app's role on it.",
        ) from problem


def _etag(entity: Any) -> str:
    return str(entity.metadata["etag"]) if hasattr(entity, "metadata") else str(entity["etag"])


class TableRecords(Generic[R]):
    """One table partition that holds the records of one kind."""

    def __init__(
        self, table: TableClient, partition: str, kind: type[R], row_key: Callable[[str], str] = storage_key
    ) -> None:
        self._table, self._partition, self._kind, self._row_key = table, partition, kind, row_key

    def find(self, record_id: str) -> Versioned[R] | None:
        with _storage_errors():
            try:
                entity = self._table.get_entity(self._partition, self._row_key(record_id))
            except ResourceNotFoundError:
                return None
        return Versioned(self._read(entity), _etag(entity))

    def get(self, record_id: str) -> Versioned[R]:
        found = self.find(record_id)
        if found is None:
            raise NotFound(f"There is no {self._partition} '{record_id}'.")
        return found

    def add(self, record_id: str, record: R) -> str:
        with _storage_errors():
            try:
                return _etag(self._table.create_entity(self._entity(record_id, record)))
            except ResourceExistsError:
                raise Conflict(f"There is already a {self._partition} '{record_id}'.") from None

    def replace(self, record_id: str, record: R, etag: str) -> str:
        with _storage_errors():
            try:
                return _etag(
                    self._table.update_entity(
                        self._entity(record_id, record),
                        mode=UpdateMode.REPLACE,
                        etag=etag,
                        match_condition=MatchConditions.IfNotModified,
                    )
                )
            except ResourceNotFoundError:
                raise NotFound(f"There is no {self._partition} '{record_id}'.") from None
            except ResourceModifiedError:
                raise PreconditionFailed(
                    f"The {self._partition} '{record_id}' was changed meanwhile.",
                    remedy="Read it again and repeat your change.",
                ) from None

    def change(self, record_id: str, change: Callable[[R], R]) -> R:
        while True:
            present = self.get(record_id)
            wanted = change(present.record)
            if wanted == present.record:
                return wanted
            try:
                self.replace(record_id, wanted, present.etag)
            except PreconditionFailed:
                time.sleep(0.02)
                continue
            return wanted

    def remove(self, record_id: str) -> None:
        with _storage_errors(), contextlib.suppress(ResourceNotFoundError):
            self._table.delete_entity(self._partition, self._row_key(record_id))

    def page(self, size: int, after: str | None = None) -> tuple[list[R], str | None]:
        with _storage_errors():
            # Storage may answer with fewer rows than asked for and have more; the client goes on by itself.
            rows = self._table.query_entities(
                "PartitionKey eq @partition and RowKey gt @after",
                parameters={"partition": self._partition, "after": after or ""},
                results_per_page=min(size + 1, _LONGEST_PAGE),
            )
            entities = list(islice(rows, size + 1))
        following = entities[size - 1]["RowKey"] if len(entities) > size else None
        return [self._read(entity) for entity in entities[:size]], following

    def all(self) -> Iterator[R]:
        with _storage_errors():
            for entity in self._table.query_entities(
                "PartitionKey eq @partition", parameters={"partition": self._partition}
            ):
                yield self._read(entity)

    def _entity(self, record_id: str, record: R) -> dict[str, Any]:
        text = record.model_dump_json(exclude_defaults=True)
        pieces = [text[at : at + _PIECE_CHARACTERS] for at in range(0, len(text), _PIECE_CHARACTERS)]
        if len(pieces) > _PIECES:
            raise Conflict(
                f"The {self._partition} '{record_id}' is too large to be stored.",
                remedy="Use fewer fields or segments.",
            )
        return {"PartitionKey": self._partition, "RowKey": self._row_key(record_id)} | {
            f"Json{number}": piece for number, piece in enumerate(pieces)
        }

    def _read(self, entity: Mapping[str, Any]) -> R:
        pieces = (entity.get(f"Json{number}", "") for number in range(_PIECES))
        return self._kind.model_validate_json("".join(pieces))


class TableRuns(TableRecords[Run]):
    """Runs, newest first; live progress sits in a partition per run."""

    def __init__(self, table: TableClient) -> None:
        super().__init__(table, "run", Run, newest_first)

    def report(self, run_id: str, part: str, counts: Counts) -> None:
        entity = {
            "PartitionKey": _progress_key(run_id),
            "RowKey": storage_key(part),
            "Json0": counts.model_dump_json(),
        }
        with _storage_errors():
            self._table.upsert_entity(entity, mode=UpdateMode.REPLACE)

    def progress(self, run_id: str) -> Counts:
        total = Counts()
        for entity in self._progress(run_id):
            total += Counts.model_validate_json(entity["Json0"])
        return total

    def forget_progress(self, run_id: str) -> None:
        with _storage_errors():
            for entity in self._progress(run_id):
                self._table.delete_entity(entity["PartitionKey"], entity["RowKey"])

    def remember_request(self, key: str, at: datetime) -> datetime:
        row = {"PartitionKey": "request", "RowKey": storage_key(key), "At": at.timestamp()}
        with _storage_errors():
            try:
                self._table.create_entity(row)
                return at
            except ResourceExistsError:
                known = self._table.get_entity("request", storage_key(key))
                return datetime.fromtimestamp(float(known["At"]), UTC)

    def _progress(self, run_id: str) -> Iterator[Mapping[str, Any]]:
        with _storage_errors():
            yield from self._table.query_entities(
                "PartitionKey eq @partition", parameters={"partition": _progress_key(run_id)}
            )


def _progress_key(run_id: str) -> str:
    return f"progress:{storage_key(run_id)}"


class _Contended(Exception):
    """Somebody else changed the row between reading and writing."""


class _Row:
    """A single row that is read, changed and written back atomically."""

    def __init__(self, table: TableClient, partition: str, row: str) -> None:
        self._table, self._key = table, {"PartitionKey": partition, "RowKey": storage_key(row)}

    def read(self) -> Mapping[str, Any] | None:
        with _storage_errors():
            try:
                return self._table.get_entity(self._key["PartitionKey"], self._key["RowKey"])
            except ResourceNotFoundError:
                return None

    def write(self, values: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
        with _storage_errors():
            if before is None:
                try:
                    self._table.create_entity({**self._key, **values})
                except ResourceExistsError:
                    raise _Contended from None
                return
            try:
                self._table.update_entity(
                    {**self._key, **values},
                    mode=UpdateMode.REPLACE,
                    etag=_etag(before),
                    match_condition=MatchConditions.IfNotModified,
                )
            except (ResourceModifiedError, ResourceNotFoundError):
                raise _Contended from None

    def remove(self, before: Mapping[str, Any]) -> None:
        with _storage_errors():
            try:
                self._table.delete_entity(
                    before, etag=_etag(before), match_condition=MatchConditions.IfNotModified
                )
            except (ResourceModifiedError, ResourceNotFoundError):
                raise _Contended from None


class TableLanes:
    """A lane is a row that names the run which has it, and until when."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def take(self, connection_id: str, run_id: str, now: datetime, hold_s: float) -> str | None:
        row = _Row(self._table, "lane", connection_id)
        while True:
            before = row.read()
            if before and before["Run"] != run_id and before["Until"] > now.timestamp():
                return str(before["Run"])
            try:
                row.write({"Run": run_id, "Until": now.timestamp() + hold_s}, before)
            except _Contended:
                continue
            return None

    def leave(self, connection_id: str, run_id: str) -> None:
        row = _Row(self._table, "lane", connection_id)
        while (before := row.read()) and before["Run"] == run_id:
            with contextlib.suppress(_Contended):
                return row.remove(before)
        return None


class TablePaces:
    """A pace is a row; values that are None are absent from it."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def change(self, connection_id: str, change: Callable[[Pace | None], Pace]) -> Pace:
        row = _Row(self._table, "pace", connection_id)
        while True:
            before = row.read()
            pace = change(_read_pace(before) if before else None)
            values = {name: value for name, value in asdict(pace).items() if value is not None}
            try:
                row.write(values, before)
            except _Contended:
                continue
            return pace


def _read_pace(row: Mapping[str, Any]) -> Pace:
    known = {each.name: row[each.name] for each in fields(Pace) if each.name in row}
    return Pace(**{"rate_per_s": None, "limit_per_s": None} | known)


class TableStores:
    """All tables of one storage account; they are created when they are missing."""

    def __init__(self, service: TableServiceClient) -> None:
        def table(name: str) -> TableClient:
            return service.create_table_if_not_exists(name)

        with _storage_errors():
            self._catalogue = table("SegpilotCatalogue")
            runs, coordination = table("SegpilotRuns"), table("SegpilotCoordination")
        self.connections = TableRecords(self._catalogue, "connection", Connection)
        self.exports = TableRecords(self._catalogue, "export", Export)
        self.segments = TableRecords(self._catalogue, "segment", Segment)
        self.runs = TableRuns(runs)
        self.lanes = TableLanes(coordination)
        self.paces = TablePaces(coordination)

    def ping(self) -> None:
        with _storage_errors():
            self.connections.find("-")
