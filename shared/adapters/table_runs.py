"""Runs in Table Storage, newest first, and what leads to them.

A run is written once under its id. Beside it lie entries of the same row key in other partitions: one of its export,
and one of those that have not ended. When a run has ended it does not change any more: then its entries hold it
whole, and the second one moves to the partition of its status. So every list is one query of one partition.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.adapters.storage_errors import storage_errors
from shared.adapters.table_records import TableRecords
from shared.domain.identifiers import newest_first, storage_key
from shared.domain.run import Counts, Run, RunStatus

_UNFINISHED = "unfinished"
_READERS = 16
_READ_AT_ONCE, _READ_AT_MOST = 100, 500


class TableRuns(TableRecords[Run]):
    """Runs, and their live progress in a partition per run."""

    def __init__(self, table: TableClient) -> None:
        super().__init__(table, "run", Run, newest_first)

    def add(self, record_id: str, record: Run) -> str:
        # The entries first: one that leads nowhere is passed over, a run without them would not be found.
        self._enter(record_id, record)
        return super().add(record_id, record)

    def replace(self, record_id: str, record: Run, etag: str) -> str:
        renewed = super().replace(record_id, record, etag)
        if record.status.ended:
            self._settle(record_id, record)
        return renewed

    def remove(self, record_id: str) -> None:
        # The run goes last: entries of one that is gone would be shown for ever, and nobody would find them to remove.
        if found := self.find(record_id):
            for partition in (*_partitions(found.record), _UNFINISHED):
                self._leave(partition, record_id)
        super().remove(record_id)

    def entities(self, record_id: str, record: Run) -> list[dict[str, Any]]:
        run = self._entity(record_id, record)
        entry = run if record.status.ended else {"RowKey": run["RowKey"]}
        entries = [{**entry, "PartitionKey": partition, "Id": record_id} for partition in _partitions(record)]
        return [*entries, run]

    def page_of(self, export_id: str, size: int, after: str | None = None) -> tuple[list[Run], str | None]:
        entries, following = self._page(_of_export(export_id), size, after)
        return self._follow(entries), following

    def page_with(
        self, status: RunStatus, size: int, after: str | None = None
    ) -> tuple[list[Run], str | None]:
        if status.ended:
            entries, following = self._page(_with_status(status), size, after)
            return self._follow(entries), following
        found: list[Run] = []
        read = 0
        while True:
            entries, after = self._page(_UNFINISHED, max(size, _READ_AT_ONCE), after)
            read += len(entries)
            for run in self._follow(entries):
                if run.status is status:
                    found.append(run)
                if len(found) > size:
                    return found[:size], self._row_key(found[size - 1].id)
            if after is None or read >= _READ_AT_MOST:
                return found, after

    def unfinished(self) -> list[str]:
        with storage_errors("Table"):
            entries = self._table.query_entities(
                "PartitionKey eq @partition", parameters={"partition": _UNFINISHED}, select=["Id"]
            )
            return [_id_in(entry) for entry in entries]

    def read_unfinished(self, run_ids: Sequence[str]) -> list[Run]:
        return [run for run in self._look_up(run_ids) if not run.status.ended]

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

    def _enter(self, record_id: str, record: Run) -> None:
        *entries, _ = self.entities(record_id, record)
        with storage_errors("Table"):
            for entry in entries:
                self._table.upsert_entity(entry, mode=UpdateMode.REPLACE)

    def _leave(self, partition: str, record_id: str) -> None:
        with storage_errors("Table"), contextlib.suppress(ResourceNotFoundError):
            self._table.delete_entity(partition, self._row_key(record_id))

    def _follow(self, entries: Sequence[Mapping[str, Any]]) -> list[Run]:
        """Return the runs of entries, in their order."""
        looked_up = {
            run.id: run for run in self._look_up([_id_in(each) for each in entries if _is_bare(each)])
        }
        runs = (looked_up.get(_id_in(each)) if _is_bare(each) else self._read(each) for each in entries)
        return [run for run in runs if run]

    def _look_up(self, run_ids: Sequence[str]) -> list[Run]:
        """Read side by side the runs of entries that do not hold them; those that are gone are left out."""
        if len(run_ids) > 1:
            with ThreadPoolExecutor(min(_READERS, len(run_ids))) as readers:
                found = list(readers.map(self.find, run_ids))
        else:
            found = [self.find(run_id) for run_id in run_ids]
        runs = [run.record for run in found if run]
        for run in runs:
            if run.status.ended:  # whoever ended it was cut off before its entries told of it
                self._settle(run.id, run)
        return runs

    def _settle(self, record_id: str, record: Run) -> None:
        self._enter(record_id, record)
        self._leave(_UNFINISHED, record_id)


def _partitions(run: Run) -> tuple[str, str]:
    return _of_export(run.export_id), _with_status(run.status) if run.status.ended else _UNFINISHED


def _of_export(export_id: str) -> str:
    return f"runs-of:{storage_key(export_id)}"


def _with_status(status: RunStatus) -> str:
    return f"runs-with:{storage_key(status)}"


def _id_in(entry: Mapping[str, Any]) -> str:
    return str(entry["Id"])


def _is_bare(entry: Mapping[str, Any]) -> bool:
    return "Json0" not in entry


def _progress_key(run_id: str) -> str:
    return f"progress:{storage_key(run_id)}"
