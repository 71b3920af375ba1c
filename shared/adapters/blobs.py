"""Azure Blob Storage: the container that segments arrive in, and the container of our own state."""

import contextlib
import io
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import (
    BlobBlock,
    BlobProperties,
    BlobServiceClient,
    ContainerClient,
    StorageErrorCode,
    StorageStreamDownloader,
)

from shared.adapters.storage_errors import storage_errors
from shared.domain.errors import Conflict, Invalid, NotFound, SegmentUnreadable, StorageUnavailable
from shared.domain.segment import SnapshotFile

_BAD_REQUEST, _FORBIDDEN = 400, 403


def _ping(container: ContainerClient) -> None:
    with storage_errors("Blob"):
        try:
            container.get_container_properties()
        except ResourceNotFoundError:
            raise _no_container(container) from None


def _no_container(container: ContainerClient) -> StorageUnavailable:
    return StorageUnavailable(
        f"The container '{container.container_name}' does not exist.", remedy="Create the container."
    )


@contextlib.contextmanager
def _pinned(file: SnapshotFile) -> Iterator[None]:
    """A long file is fetched in parts, and each of them may find that it was replaced meanwhile."""
    with storage_errors("Blob"):
        try:
            yield
        except (ResourceModifiedError, ResourceNotFoundError):
            raise SegmentUnreadable(
                f"The file '{file.name}' was replaced or removed while it was to be read.",
                code="file-changed",
                remedy="Run the export again; it takes the file that is there now.",
            ) from None


class _DownloadStream(io.RawIOBase):
    """A blob download as a file that is read once, from front to back."""

    def __init__(self, file: SnapshotFile, download: StorageStreamDownloader[bytes]) -> None:
        self._file, self._chunks, self._rest = file, download.chunks(), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            try:
                with _pinned(self._file):
                    self._rest = memoryview(next(self._chunks))
            except StopIteration:
                return 0
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


class AzureSegmentBlobs:
    """Reads are pinned to the ETag that was seen, so that a file that changes meanwhile is noticed."""

    def __init__(self, service: BlobServiceClient, container: str) -> None:
        self._container = service.get_container_client(container)

    def list(self, prefix: str) -> Iterator[tuple[SnapshotFile, datetime]]:
        with storage_errors("Blob"):
            for blob in self._container.list_blobs(name_starts_with=prefix, include=["metadata"]):
                if _is_folder(blob):
                    continue
                yield (
                    SnapshotFile(name=blob.name, etag=_plain(blob.etag), size_bytes=blob.size),
                    blob.last_modified,
                )

    def find(self, name: str) -> tuple[SnapshotFile, datetime] | None:
        # HTTP libraries resolve dots in paths, even out of the container.
        if not name or not {".", ".."}.isdisjoint(name.split("/")):
            return None
        with storage_errors("Blob"):
            try:
                blob = self._container.get_blob_client(name).get_blob_properties()
            except ResourceNotFoundError:
                return None
            except HttpResponseError as problem:
                # A manifest may name anything; what cannot be a name is the name of nothing.
                if problem.status_code == _BAD_REQUEST:
                    return None
                raise
        if _is_folder(blob):
            return None
        return SnapshotFile(name=name, etag=_plain(blob.etag), size_bytes=blob.size), blob.last_modified

    def open(self, file: SnapshotFile) -> BinaryIO:
        return io.BufferedReader(_DownloadStream(file, self._download(file)), 1 << 20)

    def read(self, file: SnapshotFile) -> bytes:
        with _pinned(file):
            return self._download(file).readall()

    def ping(self) -> None:
        _ping(self._container)

    def _download(self, file: SnapshotFile) -> StorageStreamDownloader[bytes]:
        with _pinned(file):
            return self._container.get_blob_client(file.name).download_blob(
                etag=file.etag, match_condition=MatchConditions.IfNotModified
            )


def _is_folder(blob: BlobProperties) -> bool:
    """A data lake lists its folders as empty blobs, and Spark's are called ``people.csv`` (azure-sdk-for-python #30470)."""
    return (blob.metadata or {}).get("hdi_isfolder") == "true"


def _plain(etag: str) -> str:
    """Listings give ETags without quotes, properties and headers with them."""
    return '"' + etag.strip('"') + '"'


class AzureSegmentUploads:
    """Blocks that were not committed vanish a week after the last one came (Azure documentation, "Put Block")."""

    def __init__(self, service: BlobServiceClient, container: str) -> None:
        self._container = service.get_container_client(container)

    def stage_block(self, name: str, block_id: str, data: bytes) -> None:
        with self._writing():
            self._container.get_blob_client(name).stage_block(block_id, data)

    def staged(self, name: str) -> dict[str, int]:
        with self._writing():
            try:
                committed, waiting = self._container.get_blob_client(name).get_block_list("all")
            except ResourceNotFoundError as problem:
                if getattr(problem, "error_code", None) == StorageErrorCode.CONTAINER_NOT_FOUND:
                    raise
                return {}
        if committed:
            raise _taken(name)
        return {block.id: block.size for block in waiting}

    def commit(self, name: str, block_ids: Sequence[str]) -> None:
        with self._writing():
            try:
                self._container.get_blob_client(name).commit_block_list(
                    [BlobBlock(block_id) for block_id in block_ids], match_condition=MatchConditions.IfMissing
                )
            except (ResourceExistsError, ResourceModifiedError):
                raise _taken(name) from None
            except HttpResponseError as problem:
                if getattr(problem, "error_code", None) != StorageErrorCode.INVALID_BLOCK_LIST:
                    raise
                raise Invalid(
                    f"Parts of the file '{name}' are missing.", remedy="Upload the file again."
                ) from None

    def put(self, name: str, data: bytes) -> None:
        with self._writing():
            try:
                self._container.upload_blob(name, data, overwrite=False)
            except ResourceExistsError:
                raise _taken(name) from None

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with storage_errors("Blob"):
            try:
                yield
            except HttpResponseError as problem:
                if getattr(problem, "error_code", None) == StorageErrorCode.CONTAINER_NOT_FOUND:
                    raise _no_container(self._container) from None
                if problem.status_code == _FORBIDDEN:
                    raise StorageUnavailable(
                        f"The app may not write into the container '{self._container.container_name}'.",
                        remedy="Give the app's identity the role Storage Blob Data Contributor on it.",
                    ) from None
                raise


def _taken(name: str) -> Conflict:
    return Conflict(f"There is already a file '{name}'.")


class AzureStateBlobs:
    """Chunks, results, ledgers and rejects. The container is made when it is missing."""

    def __init__(self, service: BlobServiceClient, container: str) -> None:
        self._container = service.get_container_client(container)
        with storage_errors("Blob"), contextlib.suppress(ResourceExistsError):
            self._container.create_container()

    def write(self, name: str, data: bytes | Iterable[bytes]) -> None:
        with storage_errors("Blob"):
            self._container.upload_blob(name, data, overwrite=True)

    def write_once(self, name: str, data: bytes) -> bytes:
        with storage_errors("Blob"):
            try:
                self._container.upload_blob(name, data, overwrite=False)
                return data
            except ResourceExistsError:
                return self.read(name)

    def change(self, name: str, change: Callable[[bytes | None], bytes]) -> bytes:
        blob = self._container.get_blob_client(name)
        while True:
            with storage_errors("Blob"):
                present: bytes | None = None
                condition: dict[str, Any] = {"overwrite": False}
                try:
                    download = blob.download_blob()
                    present, about = download.readall(), download.properties
                    if not present:
                        # For an empty blob the SDK asks twice, and the second answer may be about a later version.
                        about = blob.get_blob_properties()
                        if about.size:
                            continue
                    condition = {
                        "overwrite": True,
                        "etag": about.etag,
                        "match_condition": MatchConditions.IfNotModified,
                    }
                except ResourceNotFoundError:
                    present = None
                wanted = change(present)
                if wanted == present:
                    return wanted
                try:
                    blob.upload_blob(wanted, **condition)
                    return wanted
                except (ResourceExistsError, ResourceModifiedError):
                    time.sleep(0.02)

    def append(self, name: str, data: bytes) -> None:
        """An append blob takes 50,000 blocks (Azure Blob Storage documentation); the next ones go beside it."""
        blob = self._container.get_blob_client(name)
        with storage_errors("Blob"):
            try:
                blob.append_block(data)
            except ResourceNotFoundError:
                with contextlib.suppress(ResourceExistsError, ResourceModifiedError):
                    blob.create_append_blob(match_condition=MatchConditions.IfMissing)
                blob.append_block(data)
            except HttpResponseError as problem:
                if getattr(problem, "error_code", None) != StorageErrorCode.BLOCK_COUNT_EXCEEDS_LIMIT:
                    raise
                stem, dot, ending = name.rpartition(".")
                self.append(f"{stem}+{dot}{ending}", data)

    def upload(self, name: str, path: Path) -> None:
        with storage_errors("Blob"), path.open("rb") as file:
            self._container.upload_blob(name, file, overwrite=True, max_concurrency=2)

    def read(self, name: str) -> bytes:
        return b"".join(self.stream(name))

    def stream(self, name: str) -> Iterator[bytes]:
        with storage_errors("Blob"):
            try:
                yield from self._container.get_blob_client(name).download_blob().chunks()
            except ResourceNotFoundError:
                raise NotFound(f"There is no stored file '{name}'.") from None

    def download(self, name: str, path: Path) -> bool:
        with storage_errors("Blob"):
            try:
                download = self._container.get_blob_client(name).download_blob()
            except ResourceNotFoundError:
                return False
            with path.open("wb") as file:
                download.readinto(file)
        return True

    def names(self, prefix: str) -> list[str]:
        with storage_errors("Blob"):
            return list(self._container.list_blob_names(name_starts_with=prefix))

    def changed_at(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        with storage_errors("Blob"):
            for blob in self._container.list_blobs(name_starts_with=prefix):
                yield blob.name, blob.last_modified

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            with storage_errors("Blob"), contextlib.suppress(ResourceNotFoundError):
                self._container.delete_blob(name)

    def ping(self) -> None:
        _ping(self._container)
