"""What once broke something, by name. Each of these was found by mutating files or by exploring a parser."""

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from devkit.azurite import AzuriteServer
from shared.domain.access import Principal, Role
from shared.domain.errors import Invalid, SegmentUnreadable
from shared.domain.segment import Segment, Snapshot, SnapshotFile
from shared.pipeline.journal import Journal
from shared.pipeline.layouts import classify, read_drop_manifest, read_manifest
from shared.usecases.segments.segments import SegmentQuery, Segments
from tests.fakes import MemoryBlobs
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS, read_file
from tests.inbox import Inbox

VIEWER = Principal("Ana", Role.VIEWER)
MODEL = "CustomerInsights_1/Export/model.json"

FOUND = {
    "a row of nothing but a tab in a file of one column": ("csv", b"seq\r\r\x07\r\t\r\rsep=;;\xe3;"),
    "an object whose first line is cut": ("json", b'\x00{\xdf\xdd: \x00 1\n}~\n{\n "a": 1\n}\n'),
    "a number that is cut in two": ("json", b"\x00{\n\n}999999\n{\n\n\xff:;\n}\n"),
}


@pytest.mark.parametrize("what", FOUND)
def test_what_was_found_by_exploring_stays_mended(what: str) -> None:
    target, data = FOUND[what]
    TARGETS[target](data)


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_keeps_its_promises_for_what_exploring_begins_with(target: str) -> None:
    for seed in SEEDS[target]:
        TARGETS[target](seed)
        TARGETS[target](seed[: len(seed) // 2])


def refusal(data: bytes, name: str, **options: object) -> SegmentUnreadable:
    with pytest.raises(SegmentUnreadable) as caught:
        read_file(data, name, **options)
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-32-be"])
def test_utf_32_is_read(encoding: str) -> None:
    text = "id,name\n" + "1,Núñez 😀 Ț\n" * 40
    columns, rows, broken = read_file(text.encode(encoding), "p.csv")
    assert (columns, len(rows), broken) == (["id", "name"], 40, [])
    assert rows[0][1] == ["1", "Núñez 😀 Ț"]


@pytest.mark.parametrize("delimiter", ['"', " ", "a", "7", "\0", "\udcff"])
def test_what_cannot_be_a_delimiter_is_not_declared_as_one(delimiter: str) -> None:
    data = f"sep={delimiter}\nid,name\n1,Ana\n".encode("utf-8", "surrogateescape")
    if delimiter == "\0":
        assert refusal(data, "p.csv").reason == "header-unreadable"
    else:
        columns, _, _ = read_file(data, "p.csv")
        assert columns == [f"sep={'ÿ' if delimiter == chr(0xDCFF) else delimiter}".strip()]


def manifest(
    delimiter: object = ",", name: object = "EMail", location: object = None, count: int = 1
) -> bytes:
    place = "https://x/CustomerInsights_1/Export/VIP/2026/03/01/0800/p_{}.csv"
    settings = {"columnHeaders": True, "delimiter": delimiter}
    return json.dumps(
        {
            "entities": [
                {
                    "attributes": [{"name": name}],
                    "partitions": [
                        {"location": location or place.format(number), "fileFormatSettings": settings}
                        for number in range(count)
                    ],
                }
            ]
        }
    ).encode()


def deep(levels: int = 900) -> list[object]:
    nested: list[object] = []
    for _ in range(levels):
        nested = [nested]
    return nested


@pytest.mark.parametrize("delimiter", ["||", '"', "\n", " ", 7, ["x"], deep()])
def test_a_manifest_with_an_impossible_delimiter_is_refused(delimiter: object) -> None:
    with pytest.raises(SegmentUnreadable) as caught:
        read_manifest(MODEL, manifest(delimiter))
    assert caught.value.reason == "manifest-unreadable"


@pytest.mark.parametrize("value", [7, deep(), {"a": 1}])
def test_a_manifest_whose_names_are_none_is_refused(value: object) -> None:
    for data in (manifest(name=value), manifest(location=value)):
        with pytest.raises(SegmentUnreadable) as caught:
            read_manifest(MODEL, data)
        assert caught.value.reason == "manifest-unreadable"
    with pytest.raises(SegmentUnreadable):
        read_drop_manifest(
            "vip/manifest-1.json", json.dumps({"exportResults": [{"name": deep(), "size": 1}]}).encode()
        )


def test_a_manifest_of_very_many_files_is_refused() -> None:
    with pytest.raises(SegmentUnreadable, match="100,000 files of one table") as caught:
        read_manifest(MODEL, manifest(count=100_000))
    assert caught.value.reason == "manifest-too-large"


def test_an_enormous_manifest_is_not_even_fetched() -> None:
    inbox = Inbox()
    inbox.put(MODEL, b" " * (16 << 20) + b"{}")
    with pytest.raises(SegmentUnreadable) as caught:
        inbox.notice(MODEL)
    assert caught.value.reason == "manifest-too-large"


@pytest.mark.parametrize(
    "name",
    [
        "//a.csv",
        "/a.csv",
        "../a.csv",
        "vip/../b/a.csv",
        "./a.csv",
        "vip//a.csv",
        "v\x01p/a.csv",
        "vip/a\n.csv",
        "x" * 501 + "/a.csv",
    ],
)
def test_names_that_would_spoil_the_list_of_segments_are_those_of_no_segment(name: str) -> None:
    assert classify(name) is None
    inbox = Inbox()
    inbox.put(name)
    inbox.notice(name)
    inbox.upload("vip/a.csv")
    page = Segments(
        inbox.stores, inbox.peeker, Journal(MemoryBlobs(), inbox.clock), max_profiles_per_run=1
    ).page(SegmentQuery(), VIEWER)
    assert [segment.name for segment in page.segments] == ["vip"]


def test_a_column_with_an_enormous_name_is_refused() -> None:
    name = "x" * 1_001
    for data, kind in ((f"id,{name}\n1,2\n".encode(), "p.csv"), (json.dumps({name: 1}).encode(), "p.json")):
        assert refusal(data, kind).reason == "header-unreadable"


def test_a_record_that_is_too_large_for_storage_is_refused_at_once(azurite: AzuriteServer) -> None:
    """It was tried again for ever."""
    from azure.data.tables import TableServiceClient

    from shared.adapters.tables import TableStores

    stores = TableStores(TableServiceClient.from_connection_string(azurite.connection_string))
    files = tuple(SnapshotFile(name=f"vip/{'x' * 900}{n}.csv", etag="1", size_bytes=1) for n in range(500))
    snapshot = Snapshot(id="1", segment="large", arrived_at=datetime(2026, 3, 1, tzinfo=UTC), files=files)
    with pytest.raises(Invalid):
        stores.segments.upsert("large", lambda _: Segment(name="large", source="large/", snapshot=snapshot))


def test_quotes_at_the_beginning_of_very_many_lines_after_a_broken_object_cost_little() -> None:
    data = b'[\n{"a":,\n' + b'"\n' * 1_000_000 + b'{"a":2}\n]'
    _, rows, broken = read_file(data, "p.json")
    assert ([values for _, values in rows], len(broken)) == ([[2]], 1)


def test_objects_that_are_opened_on_every_line_do_not_take_forever() -> None:
    data = b'[{"a":1},\n' + (b'{"a":[' + b"1," * 500 + b"\n") * 3_000
    assert refusal(data, "p.json").reason in ("unclosed-objects", "json-truncated")


def parquet(select: str, folder: Path) -> bytes:
    path = folder / "made.parquet"
    with duckdb.connect() as database:
        database.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


def test_a_small_parquet_file_with_enormous_values_gives_rejects_within_memory(tmp_path: Path) -> None:
    size = 128 * 1024 + 1
    data = parquet(f"SELECT 1 AS id, repeat('x', {size}) AS a FROM range(4000)", tmp_path)
    assert len(data) < 100_000
    _, rows, broken = read_file(data, "p.parquet", max_uncompressed_bytes=8 << 30)
    assert (rows, len(broken), broken[0].code) == ([], 4_000, "line_too_long")


def test_a_small_parquet_file_with_very_many_rows_is_stopped_at_the_limit(tmp_path: Path) -> None:
    data = parquet("SELECT 1 AS id FROM range(9000000)", tmp_path)
    assert len(data) < 100_000
    assert refusal(data, "p.parquet", max_uncompressed_bytes=100_000).reason == "file-too-large"


def test_a_manifest_within_an_archive_whose_names_are_none_is_refused() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("a.csv", "id\n1\n")
        packed.writestr("manifest.json", json.dumps({"files": [{"file_name": deep(), "total_rows": 1}]}))
    assert refusal(content.getvalue(), "p.zip").reason in ("zip-manifest-unreadable", "rows-missing")


def test_an_archive_with_a_file_without_a_name_is_refused() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("a.csv", "id\n1\n")
    data = bytearray(content.getvalue())
    entry = data.index(b"PK\x01\x02")
    # Its five characters become a comment.
    data[entry + 28], data[entry + 32] = 0, 5
    assert refusal(bytes(data), "p.zip").reason == "zip-damaged"


def test_counting_a_file_of_broken_rows_keeps_none_of_them() -> None:
    inbox = Inbox()
    inbox.upload("vip/a.csv.gz", gzip.compress(b"id,EMail\n" + b"1\n" * 100_000))
    assert inbox.segment("vip").rows == 100_000
