"""Blob triggers: list the container every 300 ms, hand each new version of a blob to the function, at least once.

Both sources, polling and Event Grid, are played by listing. So, unlike with Event Grid, blobs that are there when the
host starts for the first time are handled too. A version that fails is tried again with growing pauses, five times in
all (`poisonBlobThreshold` in host.json), and then kept in the table `poison_blobs` of host.sqlite; Azure would put a
message into the queue webjobs-blobtrigger-poison, which the local host does not. A version that was replaced or
deleted before its turn is dropped: the newer one has a turn of its own. The SDK's own retries are off (they take over
a minute, during which the host could not stop): the next listing is the retry.
"""

import asyncio
import contextlib
import logging
import sqlite3
import time

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobProperties
from azurefunctions.extensions.bindings.blob.utils import service_client_factory

from devkit.host.blob_input import make_blob_input
from devkit.host.blob_paths import BlobPath
from devkit.host.indexing import IndexedFunction, IndexingError
from devkit.host.invocation import Worker
from devkit.host.receipts import BlobReceipts

log = logging.getLogger("devkit.host")

POLL_S = 0.3
MAX_POLL_S = 10.0
LISTING_SHARE = 5  # a listing that takes long is repeated less often: it may use a fifth of the time
FIRST_RETRY_S, MAX_RETRY_S = 0.5, 60.0


class BlobTrigger:
    """Watches one container for one function. Raises `IndexingError` when its connection cannot be used."""

    def __init__(
        self,
        function: IndexedFunction,
        *,
        worker: Worker,
        database: sqlite3.Connection,
        parallelism: int,
        max_tries: int,
    ) -> None:
        self.function = function
        self._path = BlobPath(function.trigger["path"])
        self._worker = worker
        self._max_tries = max_tries
        try:
            service = service_client_factory(function.trigger["connection"])
        except ValueError as error:
            raise IndexingError(f"{function.name}: {error}") from error
        self._container = service.get_container_client(self._path.container)
        self._receipts = BlobReceipts(database, function=function.name, container=self._path.container)
        self._taken: dict[str, set[str]] = {}
        self._slots = asyncio.Semaphore(parallelism)
        self._stopping = asyncio.Event()
        self._is_reachable = True

    async def run(self) -> None:
        """Watch until `stop`, then let what is running end. What is cancelled is tried again at the next start."""
        self._taken = self._receipts.read_finished()
        async with asyncio.TaskGroup() as handling:
            while not self._stopping.is_set():
                started = time.monotonic()
                for name, etag in await self._look():
                    self._taken.setdefault(name, set()).add(etag)
                    handling.create_task(self._handle(name, etag))
                took_s = time.monotonic() - started
                await self._pause(min(MAX_POLL_S, max(POLL_S, LISTING_SHARE * took_s)))

    async def fire(self, path: str) -> None:
        """Run the function for one blob, given as `container/name`, whatever its receipts say."""
        container, _, name = path.partition("/")
        if container != self._path.container:
            raise ValueError(f"{self.function.name} watches another container")
        client = self._container.get_blob_client(name)
        await self._invoke(client, await asyncio.to_thread(client.get_blob_properties))

    def stop(self) -> None:
        """Take nothing new and try nothing again."""
        self._stopping.set()

    async def _look(self) -> list[tuple[str, str]]:
        try:
            new = await asyncio.to_thread(self._list_new)
        except ResourceNotFoundError:
            return []  # the container is not there yet
        except AzureError as error:
            if self._is_reachable:
                log.warning(
                    "function=%s cannot list its container: %s", self.function.name, type(error).__name__
                )
            self._is_reachable = False
            return []
        self._is_reachable = True
        return new

    def _list_new(self) -> list[tuple[str, str]]:
        new = []
        for blob in self._container.list_blobs(name_starts_with=self._path.prefix or None, retry_total=0):
            etag = blob.etag.strip('"')
            if self._path.wants(blob.name) and etag not in self._taken.get(blob.name, ()):
                new.append((blob.name, etag))
        return new

    async def _handle(self, name: str, etag: str) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            async with self._slots:
                if self._stopping.is_set() or await self._try(name, etag):
                    return
            await self._pause(retry_s)
            retry_s = min(2 * retry_s, MAX_RETRY_S)

    async def _try(self, name: str, etag: str) -> bool:
        """Return whether this version needs no further try."""
        error = "the host ended during the last try"
        if self._receipts.count_tries(name, etag) < self._max_tries:
            try:
                client = self._container.get_blob_client(name)
                properties = await self._read_properties(client, etag)
                if properties is not None:
                    self._receipts.begin_try(name, etag)
                    await self._invoke(client, properties)
            except Exception as failure:
                log.warning("function=%s: a blob failed: %s", self.function.name, type(failure).__name__)
                if self._receipts.count_tries(name, etag) < self._max_tries:
                    return False
                error = type(failure).__name__
            else:
                self._receipts.finish(name, etag)
                return True
        self._receipts.give_up(name, etag, error)
        log.error(
            "function=%s gave up a blob after %d tries, see poison_blobs", self.function.name, self._max_tries
        )
        return True

    async def _invoke(self, client: BlobClient, properties: BlobProperties) -> None:
        value = await make_blob_input(self.function, client, properties)
        await self._worker.invoke(self.function, {self.function.trigger_parameter: value})

    async def _read_properties(self, client: BlobClient, etag: str) -> BlobProperties | None:
        try:
            properties = await asyncio.to_thread(client.get_blob_properties, retry_total=0)
        except ResourceNotFoundError:
            return None
        return properties if properties.etag.strip('"') == etag else None

    async def _pause(self, duration_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), duration_s)
