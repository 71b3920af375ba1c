"""What a blob function receives: a stream that reads the blob when it is read, its bytes, or an SDK client.

Azure hands the whole content over; the stream here does not, so that a big file costs no memory until it is used.
"""

import asyncio
import json
from typing import Any

from azure.core import MatchConditions
from azure.functions.blob import InputStream
from azure.storage.blob import BlobClient, BlobProperties, StorageStreamDownloader
from azurefunctions.extensions.base import Datum, get_binding_registry

from devkit.host.indexing import IndexedFunction
from devkit.host.signatures import is_sdk_type


class LazyInputStream(InputStream):
    """A `func.InputStream` over one version of a blob. A read fails once the blob has been replaced."""

    def __init__(self, client: BlobClient, properties: BlobProperties) -> None:
        super().__init__(
            data=b"",
            name=f"{client.container_name}/{client.blob_name}",
            uri=client.url,
            length=properties.size,
            blob_properties={
                "ContentLength": properties.size,
                "ETag": properties.etag,
                "ContentType": properties.content_settings.content_type,
                "LastModified": properties.last_modified.isoformat(),
            },
            metadata=dict(properties.metadata or {}),
        )
        self._client = client
        self._version = properties.etag
        self._download: StorageStreamDownloader[bytes] | None = None

    def read(self, size: int | None = -1) -> bytes:
        if self._download is None:
            self._download = self._client.download_blob(
                etag=self._version, match_condition=MatchConditions.IfNotModified
            )
        return self._download.read(-1 if size is None else size)

    read1 = read


class _ModelBindingData:
    """The message in which the host names a blob to the SDK extension instead of sending its content."""

    version = "1.0"
    source = "AzureStorageBlobs"
    content_type = "application/json"

    def __init__(self, connection: str, client: BlobClient) -> None:
        self.content = json.dumps(
            {"Connection": connection, "ContainerName": client.container_name, "BlobName": client.blob_name}
        )


async def make_blob_input(function: IndexedFunction, client: BlobClient, properties: BlobProperties) -> Any:
    """Return the value of the trigger parameter, in the type that its annotation asks for."""
    annotation = function.annotations[function.trigger_parameter]
    if is_sdk_type(annotation):
        data = Datum(_ModelBindingData(function.trigger["connection"], client), "model_binding_data")
        converter = get_binding_registry().get("blobTrigger")
        return converter.decode(data, trigger_metadata={}, pytype=annotation)
    stream = LazyInputStream(client, properties)
    if annotation in (str, bytes):
        return await asyncio.to_thread(stream.read)
    return stream
