from pathlib import Path

import pytest
import requests
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from devkit.azurite import AzuriteServer


def test_blobs_and_tables_can_be_written_and_read(azurite: AzuriteServer, unique_name: str) -> None:
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        box = blobs.create_container(unique_name)
        box.upload_blob("people.csv", b"e-mail\n")
        assert box.download_blob("people.csv").readall() == b"e-mail\n"

    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        table = tables.create_table(unique_name)
        table.create_entity({"PartitionKey": "p", "RowKey": "r", "count": 3})
        assert table.get_entity("p", "r")["count"] == 3


def test_data_outlive_the_server(tmp_path: Path) -> None:
    with (
        AzuriteServer(tmp_path) as first,
        BlobServiceClient.from_connection_string(first.connection_string) as blobs,
    ):
        blobs.create_container("kept").upload_blob("x", b"1")

    with (
        AzuriteServer(tmp_path) as second,
        BlobServiceClient.from_connection_string(second.connection_string) as blobs,
    ):
        assert blobs.get_blob_client("kept", "x").download_blob().readall() == b"1"


def test_stopping_ends_the_process(tmp_path: Path) -> None:
    server = AzuriteServer(tmp_path)
    server.stop()

    with pytest.raises(requests.ConnectionError):
        requests.get(server.blob_url, timeout=5)
