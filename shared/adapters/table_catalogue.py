"""Records that are looked at all together: they are remembered as long as nobody has changed one.

A row per kind, the *generation*, gets another random value with every change. Whoever has read all records of a
generation need not read them again while it lasts.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.adapters.storage_errors import storage_errors
from shared.adapters.table_records import TableRecords
from shared.domain.errors import StorageUnavailable
from shared.domain.record import Record

R = TypeVar("R", bound=Record)
_PARTITION = "generation"
_REMEMBERED_FOR_S = 30.0
"""A writer that dies between its write and telling of it is noticed after so long."""


@dataclass(frozen=True, slots=True)
class _Memory(Generic[R]):
    """All records, as they were read at ``read_at_s``; a change that was told of later made another generation."""

    generation: str | None
    read_at_s: float
    records: tuple[R, ...]


class TableCatalogue(TableRecords[R]):
    """One table partition that holds the records of one kind. ``elapsed_s`` gives seconds since any fixed moment."""

    def __init__(
        self,
        table: TableClient,
        partition: str,
        kind: type[R],
        elapsed_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(table, partition, kind)
        self._elapsed_s, self._reading = elapsed_s, threading.Lock()
        self._memory: _Memory[R] | None = None

    def add(self, record_id: str, record: R) -> str:
        etag = super().add(record_id, record)
        self._tell()
        return etag

    def replace(self, record_id: str, record: R, etag: str) -> str:
        renewed = super().replace(record_id, record, etag)
        self._tell()
        return renewed

    def remove(self, record_id: str) -> None:
        super().remove(record_id)
        self._tell()

    def glance(self) -> tuple[R, ...]:
        if (known := self._recall(self._generation())) is not None:
            return known
        with self._reading:
            # Whoever had to wait finds what the one before has read. The generation comes first: what is changed
            # while the records are read makes another one.
            generation, read_at_s = self._generation(), self._elapsed_s()
            if (known := self._recall(generation)) is not None:
                return known
            records = tuple(self.all())
            self._memory = _Memory(generation, read_at_s, records)
            return records

    def _recall(self, generation: str | None) -> tuple[R, ...] | None:
        memory = self._memory
        if memory is None or memory.generation != generation:
            return None
        return memory.records if self._elapsed_s() < memory.read_at_s + _REMEMBERED_FOR_S else None

    def _generation(self) -> str | None:
        with storage_errors("Table"):
            try:
                return str(self._table.get_entity(_PARTITION, self._partition)["Value"])
            except ResourceNotFoundError:
                return None

    def _tell(self) -> None:
        """Begin another generation. A write that has succeeded does not fail for it: others are late then."""
        row = {"PartitionKey": _PARTITION, "RowKey": self._partition, "Value": secrets.token_hex(8)}
        try:
            with storage_errors("Table"):
                self._table.upsert_entity(row, mode=UpdateMode.REPLACE)
        except StorageUnavailable as problem:
            self._memory = None
            logging.warning("Nobody could be told of a changed %s: %s", self._partition, problem.message)
