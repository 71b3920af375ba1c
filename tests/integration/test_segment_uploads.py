"""Files written into the segment container in blocks, against the emulator."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    generate_container_sas,
)

from devkit.azurite import AzuriteServer
from shared.adapters.blobs import AzureSegmentUploads
from shared.domain.access import Principal, Role
from shared.domain.errors import Conflict, Invalid, StorageUnavailable
from shared.pipeline.journal import Journal
from shared.usecases.segments.uploads import BLOCK_BYTES, Uploads
from tests.fakes import MemoryBlobs
from tests.fakes_stores import FakeClock, MemoryStores

NAME = "Segment ñ 50%/20260301T080000Z-abcdefghijkm-people.csv"


@pytest.fixture
def service(azurite: AzuriteServer) -> Iterator[BlobServiceClient]:
    with BlobServiceClient.from_connection_string(azurite.connection_string) as client:
        yield client


@pytest.fixture
def container(service: BlobServiceClient, unique_name: str) -> ContainerClient:
    return service.create_container(unique_name)


@pytest.fixture
def uploads(service: BlobServiceClient, container: ContainerClient) -> AzureSegmentUploads:
    return AzureSegmentUploads(service, container.container_name)


def content(container: ContainerClient, name: str = NAME) -> bytes:
    return container.download_blob(name).readall()


def test_blocks_become_a_file_in_the_order_of_the_list(
    uploads: AzureSegmentUploads, container: ContainerClient
) -> None:
    for block_id, data in (("00002", b"third"), ("00000", b"first,"), ("00001", b"second,")):
        uploads.stage_block(NAME, block_id, data)
    assert uploads.staged(NAME) == {"00000": 6, "00001": 7, "00002": 5}
    assert list(container.list_blob_names()) == []

    uploads.commit(NAME, ["00000", "00001", "00002"])

    assert content(container) == b"first,second,third"


def test_a_block_that_comes_again_takes_the_place_of_the_first(
    uploads: AzureSegmentUploads, container: ContainerClient
) -> None:
    uploads.stage_block(NAME, "00000", b"half")
    uploads.stage_block(NAME, "00000", b"the whole")
    assert uploads.staged(NAME) == {"00000": 9}

    uploads.commit(NAME, ["00000"])

    assert content(container) == b"the whole"


def test_a_file_is_committed_once(uploads: AzureSegmentUploads, container: ContainerClient) -> None:
    uploads.stage_block(NAME, "00000", b"first")
    uploads.commit(NAME, ["00000"])

    with pytest.raises(Conflict):
        uploads.commit(NAME, ["00000"])
    uploads.stage_block(NAME, "00000", b"other")
    with pytest.raises(Conflict):
        uploads.commit(NAME, ["00000"])
    with pytest.raises(Conflict):
        uploads.staged(NAME)
    assert content(container) == b"first"


def test_a_list_that_names_a_block_that_never_came_is_refused(
    uploads: AzureSegmentUploads, container: ContainerClient
) -> None:
    uploads.stage_block(NAME, "00000", b"first")

    with pytest.raises(Invalid):
        uploads.commit(NAME, ["00000", "00001"])
    assert list(container.list_blob_names()) == []
    uploads.commit(NAME, ["00000"])
    assert content(container) == b"first"


def test_of_what_was_never_begun_nothing_waits(uploads: AzureSegmentUploads) -> None:
    assert uploads.staged(NAME) == {}
    with pytest.raises(Invalid):
        uploads.commit(NAME, ["00000"])


def test_a_file_is_put_once(uploads: AzureSegmentUploads, container: ContainerClient) -> None:
    uploads.put(NAME, b"first")

    with pytest.raises(Conflict):
        uploads.put(NAME, b"second")
    assert content(container) == b"first"


def test_a_missing_container_is_told(service: BlobServiceClient) -> None:
    nowhere = AzureSegmentUploads(service, "nowhere")
    for write in (
        lambda: nowhere.stage_block(NAME, "00000", b"x"),
        lambda: nowhere.staged(NAME),
        lambda: nowhere.put(NAME, b"x"),
    ):
        with pytest.raises(StorageUnavailable, match="'nowhere' does not exist"):
            write()


def test_an_identity_that_may_only_read_is_told_which_role_it_needs(
    azurite: AzuriteServer, container: ContainerClient, service: BlobServiceClient
) -> None:
    only_read = generate_container_sas(
        service.account_name,
        container.container_name,
        account_key=service.credential.account_key,
        permission=ContainerSasPermissions(read=True, list=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    with BlobServiceClient(azurite.blob_url, credential=only_read) as reader:
        uploads = AzureSegmentUploads(reader, container.container_name)
        with pytest.raises(StorageUnavailable) as raised:
            uploads.stage_block(NAME, "00000", b"x")
    assert "Storage Blob Data Contributor" in raised.value.remedy


def test_a_person_uploads_a_file_of_three_blocks(
    uploads: AzureSegmentUploads, container: ContainerClient
) -> None:
    carl, clock = Principal("Carl", Role.CONTRIBUTOR), FakeClock()
    desk = Uploads(MemoryStores(), uploads, Journal(MemoryBlobs(), clock), clock, max_file_mb=16)
    data = b"email\n" + b"ana@example.com\n" * (BLOCK_BYTES // 8)
    upload = desk.begin("Segment ñ 50%", "people.csv", len(data), carl)
    assert upload.blocks == 3

    for number in (2, 0, 1, 0):
        block = data[number * upload.block_size_bytes :][: upload.block_size_bytes]
        desk.add_block(upload.name, number, block, carl)
    with pytest.raises(Invalid):
        desk.finish(upload.name, 4, carl)
    desk.finish(upload.name, 3, carl)

    assert content(container, upload.name) == data
    with pytest.raises(Conflict) as raised:
        desk.finish(upload.name, 3, carl)
    assert raised.value.reason == "upload-finished"
    with pytest.raises(Invalid) as refused:
        desk.begin("Segment ñ 50%", "people.csv", (16 << 20) + 1, carl)
    assert refused.value.reason == "file-too-large"
