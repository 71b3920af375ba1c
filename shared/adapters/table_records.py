"""Azure Table Storage: records as JSON documents with ETags; a partition per kind.

A document longer than one property may be (64 KiB, Azure Table documentation) is spread over several.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Generic, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.adapters.storage_errors import storage_errors
from shared.domain.errors import Conflict, Invalid, NotFound, PreconditionFailed
from shared.domain.identifiers import storage_key
from shared.domain.ports import Versioned
from shared.domain.record import Record

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
        entities, following = self._page(self._partition, size, after)
        return [self._read(entity) for entity in entities], following

    def all(self) -> Iterator[R]:
        with storage_errors("Table"):
            for entity in self._table.query_entities(
                "PartitionKey eq @partition", parameters={"partition": self._partition}
            ):
                yield self._read(entity)

    def _page(
        self, partition: str, size: int, after: str | None
    ) -> tuple[list[Mapping[str, Any]], str | None]:
        with storage_errors("Table"):
            # Storage may answer with fewer rows than asked for and have more; the client goes on by itself.
            rows = self._table.query_entities(
                "PartitionKey eq @partition and RowKey gt @after",
                parameters={"partition": partition, "after": after or ""},
                results_per_page=min(size + 1, _LONGEST_PAGE),
            )
            entities: list[Mapping[str, Any]] = list(islice(rows, size + 1))
        following = str(entities[size - 1]["RowKey"]) if len(entities) > size else None
        return entities[:size], following

    def entities(self, record_id: str, record: R) -> list[dict[str, Any]]:
        """Return what is stored of a record, in the order in which it has to be written."""
        return [self._entity(record_id, record)]

    def _entity(self, record_id: str, record: R) -> dict[str, Any]:
        text = record.model_dump_json(exclude_defaults=True)
        pieces = [text[at : at + _PIECE_CHARACTERS] for at in range(0, len(text), _PIECE_CHARACTERS)]
        if len(pieces) > _PIECES:
            raise Invalid(
                f"The {self._partition} '{record_id}' is too large to be stored.",
                remedy="Use fewer fields or segments.",
            )
        return {"PartitionKey": self._partition, "RowKey": self._row_key(record_id)} | {
            f"Json{number}": piece for number, piece in enumerate(pieces)
        }

    def _read(self, entity: Mapping[str, Any]) -> R:
        pieces = (entity.get(f"Json{number}", "") for number in range(_PIECES))
        return self._kind.model_validate_json("".join(pieces))
