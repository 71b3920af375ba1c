"""Azure Table Storage: lanes and paces, rows that many workers change."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.adapters.storage_errors import storage_errors
from shared.adapters.table_records import read_etag
from shared.domain.identifiers import storage_key
from shared.domain.ports import Pace


class _Contended(Exception):
    """Somebody else changed the row between reading and writing."""


class _Row:
    """A single row that is read, changed and written back atomically."""

    def __init__(self, table: TableClient, partition: str, row: str) -> None:
        self._table, self._key = table, {"PartitionKey": partition, "RowKey": storage_key(row)}

    def read(self) -> Mapping[str, Any] | None:
        with storage_errors("Table"):
            try:
                return self._table.get_entity(self._key["PartitionKey"], self._key["RowKey"])
            except ResourceNotFoundError:
                return None

    def write(self, values: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
        with storage_errors("Table"):
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
                    etag=read_etag(before),
                    match_condition=MatchConditions.IfNotModified,
                )
            except (ResourceModifiedError, ResourceNotFoundError):
                raise _Contended from None

    def remove(self, before: Mapping[str, Any]) -> None:
        with storage_errors("Table"):
            try:
                self._table.delete_entity(
                    before, etag=read_etag(before), match_condition=MatchConditions.IfNotModified
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
    """A pace is a row; values that are None are absent from it.

    Each has a partition of its own: workers change it several times a second, and a partition takes 2,000 requests a
    second (Azure documentation, scalability targets for Table storage).
    """

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def _row(self, connection_id: str) -> _Row:
        return _Row(self._table, f"pace:{storage_key(connection_id)}", "pace")

    def find(self, connection_id: str) -> Pace | None:
        row = self._row(connection_id).read()
        return _read_pace(row) if row else None

    def change(self, connection_id: str, change: Callable[[Pace | None], Pace]) -> Pace:
        row = self._row(connection_id)
        while True:
            before = row.read()
            pace = change(_read_pace(before) if before else None)
            values = {name: value for name, value in asdict(pace).items() if value is not None}
            try:
                row.write(values, before)
            except _Contended:
                continue
            return pace

    def forget(self, connection_id: str) -> None:
        row = self._row(connection_id)
        while before := row.read():
            with contextlib.suppress(_Contended):
                return row.remove(before)
        return None


def _read_pace(row: Mapping[str, Any]) -> Pace:
    known = {each.name: row[each.name] for each in fields(Pace) if each.name in row}
    return Pace(**{"rate_per_s": None, "limit_per_s": None} | known)
