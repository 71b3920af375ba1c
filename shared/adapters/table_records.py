"""Azure Table Storage: records as JSON documents with ETags; a partition per kind.

A document longer than one property may be (64 KiB, Azure Table documentation) is spread over several.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Generic, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.adapters.storage_errors import storage_errors
from shared.domain.errors import Conflict, NotFound, PreconditionFailed
from shared.domain.identifiers import newest_first, storage_key
from shared.domain.ports import Versioned
from shared.domain.record import Record
from shared.domain.run import Counts, Run

R = TypeVar("R", bound=Record)
# A property holds 64 KiB of UTF-16, in which a character takes up to four bytes; an entity holds 1 MiB.
_PIECE_CHARACTERS = 16_000
_PIECES = 15
_LONGEST_PAGE = 1_000


def read_etag(entity: Any) -> str:
    return str(entity.metadata["etag"]) if hasattr(entity, "metadata") else str(entity["etag"])


class TableRecords(Generic[R]):
    """One table partition that holds the records of one kind."""

    def __init__(
        self, table: TableClient, partition: str, kind: type[R], row_key: Callable[[str], str] = storage_key
    ) -> None:
        self._table, self._partition, self._kind, self._row_key = table, partition, kind, row_key

    def find(self, record_id: str) -> Versioned[R] | None:
        with storage_errors("Table"):
            try:
                entity = self._table.get_entity(self._partition, self._row_key(record_id))
            except ResourceNotFoundError:
                return None
        return Versioned(self._read(entity), read_etag(entity))

    def get(self, record_id: str) -> Versioned[R]:
        found = self.find(record_id)
        if found is None:
            raise NotFound(f"There is no {self._partition} '{record_id}'.")
        return found

    def add(self, record_id: str, record: R) -> str:
        with storage_errors("Table"):
            try:
                return read_etag(self._table.create_entity(self._entity(record_id, record)))
            except ResourceExistsError:
                raise Conflict(f"There is already a {self._partition} '{record_id}'.") from None

    def replace(self, record_id: str, record: R, etag: str) -> str:
        with storage_errors("Table"):
            try:
                return read_etag(
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

    def upsert(self, record_id: str, change: Callable[[R | None], R]) -> R:
        while True:
            present = self.find(record_id)
            wanted = change(present.record if present else None)
            if present and wanted == present.record:
                return wanted
            try:
                if present:
                    self.replace(record_id, wanted, present.etag)
                else:
                    self.add(record_id, wanted)
            except (PreconditionFailed, Conflict, NotFound):
                time.sleep(0.02)
                continue
            return wanted

    def remove(self, record_id: str) -> None:
        with storage_errors("Table"), contextlib.suppress(ResourceNotFoundError):
            self._table.delete_entity(self._partition, self._row_key(record_id))

    def page(self, size: int, after: str | None = None) -> tuple[list[R], str | None]:
        with storage_errors("Table"):
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
        with storage_errors("Table"):
            for entity in self._table.query_entities(
                "PartitionKey eq @partition", parameters={"partition": self._partition}
            ):
                yield self._read(entity)

    def entities(self, record_id: str, record: R) -> list[dict[str, Any]]:
        """Return what is stored of a record, in the order in which it has to be written."""
        return [self._entity(record_id, record)]

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
    """Runs, newest first; live progress sits in a partition per run, and the ids of an export's runs in one per export."""

    def __init__(self, table: TableClient) -> None:
        super().__init__(table, "run", Run, newest_first)

    def add(self, record_id: str, record: Run) -> str:
        *entries, _ = self.entities(record_id, record)
        with storage_errors("Table"):
            for entry in entries:
                self._table.upsert_entity(entry, mode=UpdateMode.REPLACE)
        return super().add(record_id, record)

    def entities(self, record_id: str, record: Run) -> list[dict[str, Any]]:
        # The index first: an entry that leads nowhere is passed over, a run without one would not be found.
        entry = {
            "PartitionKey": _index_key(record.export_id),
            "RowKey": self._row_key(record_id),
            "Id": record_id,
        }
        return [entry, self._entity(record_id, record)]

    def remove(self, record_id: str) -> None:
        found = self.find(record_id)
        super().remove(record_id)
        if found:
            with storage_errors("Table"), contextlib.suppress(ResourceNotFoundError):
                self._table.delete_entity(_index_key(found.record.export_id), self._row_key(record_id))

    def page_of(self, export_id: str, size: int, after: str | None = None) -> tuple[list[Run], str | None]:
        with storage_errors("Table"):
            entries = self._table.query_entities(
                "PartitionKey eq @partition and RowKey gt @after",
                parameters={"partition": _index_key(export_id), "after": after or ""},
                results_per_page=min(size + 1, _LONGEST_PAGE),
            )
            keys = [(str(entry["RowKey"]), str(entry["Id"])) for entry in islice(entries, size + 1)]
        following = keys[size - 1][0] if len(keys) > size else None
        found = [self.find(run_id) for _, run_id in keys[:size]]
        return [run.record for run in found if run], following

    def report(self, run_id: str, part: str, counts: Counts) -> None:
        entity = {
            "PartitionKey": _progress_key(run_id),
            "RowKey": storage_key(part),
            "Json0": counts.model_dump_json(),
        }
        with storage_errors("Table"):
            self._table.upsert_entity(entity, mode=UpdateMode.REPLACE)

    def progress(self, run_id: str) -> Counts:
        total = Counts()
        for entity in self._progress(run_id):
            total += Counts.model_validate_json(entity["Json0"])
        return total

    def forget_progress(self, run_id: str) -> None:
        with storage_errors("Table"):
            for entity in self._progress(run_id):
                self._table.delete_entity(entity["PartitionKey"], entity["RowKey"])

    def remember_request(self, key: str, at: datetime) -> datetime:
        row = {"PartitionKey": "request", "RowKey": storage_key(key), "At": at.timestamp()}
        with storage_errors("Table"):
            try:
                self._table.create_entity(row)
                return at
            except ResourceExistsError:
                known = self._table.get_entity("request", storage_key(key))
                return datetime.fromtimestamp(float(known["At"]), UTC)

    def forget_requests(self, before: datetime) -> int:
        forgotten = 0
        with storage_errors("Table"):
            old = self._table.query_entities(
                "PartitionKey eq 'request' and At lt @before", parameters={"before": before.timestamp()}
            )
            for entity in old:
                self._table.delete_entity(entity["PartitionKey"], entity["RowKey"])
                forgotten += 1
        return forgotten

    def _progress(self, run_id: str) -> Iterator[Mapping[str, Any]]:
        with storage_errors("Table"):
            yield from self._table.query_entities(
                "PartitionKey eq @partition", parameters={"partition": _progress_key(run_id)}
            )


def _index_key(export_id: str) -> str:
    return f"runs-of:{storage_key(export_id)}"


def _progress_key(run_id: str) -> str:
    return f"progress:{storage_key(run_id)}"
