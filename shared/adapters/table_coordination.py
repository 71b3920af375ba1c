"""Azure Table Storage: lanes and paces, rows that many workers change."""

import contextlib
import json
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
from shared.domain.lane import Lane
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
    """A lane is a row."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def take(self, connection_id: str, run_id: str, now: datetime, hold_s: float) -> str | None:
        taken_by: str | None = None

        def take(lane: Lane) -> Lane:
            nonlocal taken_by
            taken_by = lane.taken_by(run_id, now.timestamp())
            return lane if taken_by else lane.taken(run_id, now.timestamp() + hold_s)

        self._change(connection_id, take)
        return taken_by

    def queue(self, connection_id: str, run_id: str, now: datetime) -> int:
        return self._change(connection_id, lambda lane: lane.queued(run_id, now.timestamp())).place(run_id)

    def leave(self, connection_id: str, run_id: str) -> None:
        self._change(connection_id, lambda lane: lane.left(run_id))

    def _change(self, connection_id: str, change: Callable[[Lane], Lane]) -> Lane:
        row = _Row(self._table, "lane", connection_id)
        while True:
            before = row.read()
            lane = _read_lane(before) if before else Lane()
            changed = change(lane)
            with contextlib.suppress(_Contended):
                if changed == lane:
                    return lane
                if not changed.is_empty:
                    row.write(_lane_row(changed), before)
                elif before:
                    row.remove(before)
                return changed


def _read_lane(row: Mapping[str, Any]) -> Lane:
    queue = tuple((str(who), float(asked)) for who, asked in json.loads(row.get("Queue") or "[]"))
    return Lane(str(row["Run"]) or None, float(row["Until"]), queue)


def _lane_row(lane: Lane) -> dict[str, Any]:
    return {"Run": lane.holder or "", "Until": lane.until, "Queue": json.dumps(lane.queue)}


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
