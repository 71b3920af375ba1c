"""All tables of one storage account."""

import time
from collections.abc import Callable

from azure.data.tables import TableClient, TableServiceClient

from shared.adapters.storage_errors import storage_errors
from shared.adapters.table_catalogue import TableCatalogue
from shared.adapters.table_coordination import TableLanes, TablePaces
from shared.adapters.table_records import TableRecords
from shared.adapters.table_runs import TableRuns
from shared.domain.connection import Connection
from shared.domain.erasure import Erasure
from shared.domain.export import Export
from shared.domain.identifiers import newest_first
from shared.domain.schedule import Refresh
from shared.domain.segment import Segment, SegmentSource
from shared.domain.standing import Alert, Standing
from shared.domain.tally import Tally


class TableStores:
    """All tables of one storage account; they are created when they are missing."""

    def __init__(self, service: TableServiceClient, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        def table(name: str) -> TableClient:
            return service.create_table_if_not_exists(name)

        with storage_errors("Table"):
            catalogue = table("SegpilotCatalogue")
            runs, coordination = table("SegpilotRuns"), table("SegpilotCoordination")
        self._tables = (catalogue, runs, coordination)
        self.connections = TableCatalogue(catalogue, "connection", Connection, elapsed_s)
        self.exports = TableCatalogue(catalogue, "export", Export, elapsed_s)
        self.segments = TableCatalogue(catalogue, "segment", Segment, elapsed_s)
        self.sources = TableRecords(catalogue, "source", SegmentSource)
        self.standings = TableCatalogue(catalogue, "standing", Standing, elapsed_s)
        self.tallies = TableCatalogue(catalogue, "tally", Tally, elapsed_s)
        self.refreshes = TableRecords(catalogue, "refresh", Refresh)
        self.alerts = TableRecords(catalogue, "alert", Alert)
        self.erasures = TableRecords(catalogue, "erasure", Erasure, newest_first)
        self.runs = TableRuns(runs)
        self.lanes = TableLanes(coordination)
        self.paces = TablePaces(coordination)

    def ping(self) -> None:
        """Raises StorageUnavailable when a table does not answer, or is gone: a new start of the app makes it again."""
        with storage_errors("Table"):
            for each in self._tables:
                next(each.query_entities("PartitionKey eq '-'", results_per_page=1), None)
