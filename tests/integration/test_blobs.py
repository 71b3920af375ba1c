"""Segment and state blobs, against the emulator."""

import csv
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from devkit.azurite import PROGRAM, AzuriteServer
from shared.adapters.blobs import AzureSegmentBlobs, AzureStateBlobs
from shared.domain.errors import NotFound, SegmentUnreadable, StorageUnavailable
from shared.domain.segment import SnapshotFile

PART = 4096


@pytest.fixture
def service(azurite: AzuriteServer) -> Iterator[BlobServiceClient]:
    """Fetches in small parts, so that a short blob behaves as a long one does."""
    with BlobServiceClient.from_connection_string(
        azurite.connection_string, max_single_get_size=PART, max_chunk_get_size=PART
    ) as client:
        yield client


@pytest.fixture
def container(service: BlobServiceClient, unique_name: str) -> ContainerClient:
    return service.create_container(unique_name)


@pytest.fixture
def segments(service: BlobServiceClient, container: ContainerClient) -> AzureSegmentBlobs:
    return AzureSegmentBlobs(service, container.container_name)


@pytest.fixture
def state(service: BlobServiceClient, unique_name: str) -> AzureStateBlobs:
    return AzureStateBlobs(service, unique_name)


def find(segments: AzureSegmentBlobs, name: str) -> SnapshotFile:
    found = segments.find(name)
    assert found is not None
    return found[0]


def test_listing_and_finding_tell_the_same(segments: AzureSegmentBlobs, container: ContainerClient) -> None:
    for name in ("Segment A/1.csv", "Segment A/ñ 👋 50%.csv", "Segment B/1.csv"):
        container.upload_blob(name, b"email\n")

    listed = list(segments.list("Segment A/"))

    assert sorted(file.name for file, _ in listed) == ["Segment A/1.csv", "Segment A/ñ 👋 50%.csv"]
    assert {segments.find(file.name) for file, _ in listed} == set(listed)
    assert listed[0][0].size_bytes == 6
    assert listed[0][1].tzinfo is not None


def test_folders_that_a_data_lake_lists_are_no_files(
    segments: AzureSegmentBlobs, container: ContainerClient
) -> None:
    container.upload_blob("vip/people.csv", b"", metadata={"hdi_isfolder": "true"})
    container.upload_blob("vip/people.csv/part-00000.csv", b"email\n", metadata={"written_by": "spark"})
    container.upload_blob("vip/empty.csv", b"")
    names = [file.name for file, _ in segments.list("vip/")]
    assert names == ["vip/empty.csv", "vip/people.csv/part-00000.csv"]
    assert segments.find("vip/people.csv") is None
    assert find(segments, "vip/empty.csv").size_bytes == 0


@pytest.mark.parametrize(
    "name", ["nothing.csv", "", "a/../b", "..", "./a", "x" * 10_000, "what?", "#", "%", "tab\there", "👻"]
)
def test_what_is_not_there_is_not_found(segments: AzureSegmentBlobs, name: str) -> None:
    assert segments.find(name) is None


def test_no_name_leads_out_of_the_container(
    segments: AzureSegmentBlobs, service: BlobServiceClient, unique_name: str
) -> None:
    other = f"{unique_name}-other"
    service.create_container(other).upload_blob("secret.csv", b"x")

    assert segments.find(f"../{other}/secret.csv") is None
    assert segments.find(f"a/../../{other}/secret.csv") is None


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 5 * PART + 7])
def test_a_file_is_read_whole(segments: AzureSegmentBlobs, container: ContainerClient, size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    container.upload_blob("a.bin", data)
    file = find(segments, "a.bin")

    with segments.open(file) as stream:
        assert stream.read() == data
    assert segments.read(file) == data


def test_a_file_is_read_as_text_line_by_line(segments: AzureSegmentBlobs, container: ContainerClient) -> None:
    rows = [[f"persön{number}@example.com", "x" * (number % 90)] for number in range(800)]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    container.upload_blob("a.csv", text.getvalue().encode())

    with segments.open(find(segments, "a.csv")) as stream:
        assert list(csv.reader(io.TextIOWrapper(stream, "utf-8", newline=""))) == rows


def test_a_file_that_was_replaced_before_it_is_read_is_noticed(
    segments: AzureSegmentBlobs, container: ContainerClient
) -> None:
    container.upload_blob("a.csv", b"old")
    file = find(segments, "a.csv")
    container.upload_blob("a.csv", b"new", overwrite=True)

    with pytest.raises(SegmentUnreadable) as caught:
        segments.open(file)
    assert caught.value.reason == "file-changed"
    with pytest.raises(SegmentUnreadable):
        segments.read(file)
    assert segments.read(find(segments, "a.csv")) == b"new"


@pytest.mark.parametrize("removed", [False, True])
def test_a_file_that_is_replaced_while_it_is_read_is_noticed(
    segments: AzureSegmentBlobs, container: ContainerClient, removed: bool
) -> None:
    container.upload_blob("a.csv", b"o" * 10 * PART)

    with segments.open(find(segments, "a.csv")) as stream:
        assert stream.raw.read(10) == b"o" * 10
        if removed:
            container.delete_blob("a.csv")
        else:
            container.upload_blob("a.csv", b"n" * 10 * PART, overwrite=True)
        with pytest.raises(SegmentUnreadable):
            stream.read()


def test_a_removed_file_is_noticed(segments: AzureSegmentBlobs, container: ContainerClient) -> None:
    container.upload_blob("a.csv", b"x")
    file = find(segments, "a.csv")
    container.delete_blob("a.csv")

    with pytest.raises(SegmentUnreadable):
        segments.open(file)


def test_state_is_written_read_listed_and_removed(state: AzureStateBlobs) -> None:
    state.write("runs/1/a", b"first")
    state.write("runs/1/a", b"second")
    state.write("runs/1/b", (part for part in (b"x", b"", b"y")))
    state.write("runs/2/c", b"")

    assert state.read("runs/1/a") == b"second"
    assert state.read("runs/1/b") == b"xy"
    assert state.read("runs/2/c") == b""
    assert state.names("runs/1/") == ["runs/1/a", "runs/1/b"]
    state.remove(["runs/1/a", "runs/1/nothing", "runs/1/b"])
    assert state.names("runs/") == ["runs/2/c"]


def test_files_go_up_and_come_down(state: AzureStateBlobs, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(b"data" * 10_000)

    state.upload("ledger", tmp_path / "up")

    assert state.download("ledger", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == b"data" * 10_000
    assert not state.download("nothing", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_state_that_is_missing_is_not_found(state: AzureStateBlobs) -> None:
    with pytest.raises(NotFound):
        state.read("nothing")
    with pytest.raises(NotFound):
        next(iter(state.stream("nothing")))


def test_an_existing_container_is_used(
    service: BlobServiceClient, state: AzureStateBlobs, unique_name: str
) -> None:
    state.write("kept", b"1")

    assert AzureStateBlobs(service, unique_name).read("kept") == b"1"


def test_a_missing_container_is_named(service: BlobServiceClient) -> None:
    with pytest.raises(StorageUnavailable, match="nowhere"):
        AzureSegmentBlobs(service, "nowhere").ping()
    with pytest.raises(StorageUnavailable):
        list(AzureSegmentBlobs(service, "nowhere").list(""))


def test_storage_that_is_down_is_named_as_such(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    with (
        AzuriteServer(tmp_path_factory.mktemp("mortal")) as mortal,
        BlobServiceClient.from_connection_string(mortal.connection_string, retry_total=0) as client,
    ):
        state, segments = AzureStateBlobs(client, "state"), AzureSegmentBlobs(client, "state")
        state.write("a", b"1")
        file = find(segments, "a")
        mortal.stop()

        for action in (
            state.ping,
            segments.ping,
            lambda: state.read("a"),
            lambda: state.write("a", b"2"),
            lambda: state.change("a", lambda present: b"2"),
            lambda: state.append("log", b"2"),
            lambda: state.names(""),
            lambda: list(state.changed_at("")),
            lambda: state.remove(["a"]),
            lambda: state.download("a", tmp_path / "a"),
            lambda: list(segments.list("")),
            lambda: segments.find("a"),
            lambda: segments.open(file),
            lambda: AzureStateBlobs(client, "other"),
        ):
            with pytest.raises(StorageUnavailable):
                action()


def test_what_was_written_once_stays(state: AzureStateBlobs) -> None:
    assert state.write_once("plan.json", b"first") == b"first"
    assert state.write_once("plan.json", b"second") == b"first"
    assert state.read("plan.json") == b"first"


def test_a_blob_is_changed_from_what_it_holds(state: AzureStateBlobs) -> None:
    seen: list[bytes | None] = []

    def add(present: bytes | None) -> bytes:
        seen.append(present)
        return (present or b"") + b"x"

    assert state.change("list.txt", add) == b"x"
    assert state.change("list.txt", add) == b"xx"
    assert (state.read("list.txt"), seen) == (b"xx", [None, b"x"])


def test_a_change_to_the_same_writes_nothing(state: AzureStateBlobs) -> None:
    state.write("list.txt", b"same")
    before = list(state.changed_at("list.txt"))

    assert state.change("list.txt", lambda present: present or b"") == b"same"

    assert list(state.changed_at("list.txt")) == before


@pytest.mark.parametrize("there_before", [False, True])
def test_changes_of_many_writers_all_count(state: AzureStateBlobs, there_before: bool) -> None:
    if there_before:
        state.write("numbers.txt", b"")

    def add(number: int) -> None:
        state.change("numbers.txt", lambda present: (present or b"") + f"{number}\n".encode())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))

    assert sorted(map(int, state.read("numbers.txt").split())) == list(range(24))


def test_a_change_that_breaks_down_changes_nothing(state: AzureStateBlobs) -> None:
    state.write("list.txt", b"kept")

    with pytest.raises(ZeroDivisionError):
        state.change("list.txt", lambda _present: bytes(1 // 0))

    assert state.read("list.txt") == b"kept"


def test_entries_are_added_at_the_end(state: AzureStateBlobs) -> None:
    for number in range(3):
        state.append("audit/2026/03/01.jsonl", f"{number}\n".encode())

    assert state.read("audit/2026/03/01.jsonl") == b"0\n1\n2\n"
    assert state.names("audit/") == ["audit/2026/03/01.jsonl"]


def test_entries_of_many_writers_do_not_mix(state: AzureStateBlobs) -> None:
    entries = [f"{number:03}".encode() * 700 + b"\n" for number in range(48)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda entry: state.append("log.jsonl", entry), entries))

    assert sorted(state.read("log.jsonl").splitlines(keepends=True)) == sorted(entries)


def test_what_does_not_fit_into_a_full_log_goes_beside_it(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Storage takes 50,000 blocks per log; here it is told that three are enough."""
    constants = PROGRAM.parent / "blob" / "utils" / "constants"
    patch = f"require({json.dumps(str(constants))}).MAX_APPEND_BLOB_BLOCK_COUNT = 3;"
    (tmp_path / "patch.js").write_text(patch)
    monkeypatch.setenv("NODE_OPTIONS", f"--require {tmp_path / 'patch.js'}")
    with (
        AzuriteServer(tmp_path_factory.mktemp("small")) as small,
        BlobServiceClient.from_connection_string(small.connection_string) as client,
    ):
        state = AzureStateBlobs(client, "logs")
        for number in range(8):
            state.append("audit/2026/03/01.jsonl", f"{number}\n".encode())

        names = ["audit/2026/03/01++.jsonl", "audit/2026/03/01+.jsonl", "audit/2026/03/01.jsonl"]
        assert state.names("audit/") == names
        assert [state.read(name) for name in reversed(names)] == [b"0\n1\n2\n", b"3\n4\n5\n", b"6\n7\n"]


def test_blobs_are_listed_with_the_moment_of_their_last_change(state: AzureStateBlobs) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    state.write("runs/1/a", b"1")
    state.append("runs/1/b", b"2")
    state.write("other", b"3")

    found = dict(state.changed_at("runs/"))

    assert sorted(found) == ["runs/1/a", "runs/1/b"]
    assert all(before <= moment <= datetime.now(UTC) for moment in found.values())
