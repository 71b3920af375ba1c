"""What a blob is by its name, and what a manifest may say."""

import json

import pytest

from shared.domain.errors import SegmentUnreadable
from shared.pipeline.layouts import (
    DropManifest,
    ManifestFile,
    Partition,
    PlainFile,
    classify,
    part_group,
    read_manifest,
)

FOLDER = "CustomerInsights_abcd1234/BlobExport"
MANIFEST = f"{FOLDER}/model.json"
HERE = f"https://acct.blob.core.windows.net/segments/{FOLDER}"


@pytest.mark.parametrize(
    "name",
    [
        "vip/a.csv",
        "vip/2026/03/a.CSV",
        "vip/a.csv.gz",
        "vip/a.parquet",
        "vip/a.jsonl",
        "vip/a.txt",
        "vip/a.zip",
        "vip/año nuevo.csv",
        "vip/model.csv",
    ],
)
def test_a_data_file_in_a_folder_belongs_to_the_segment_of_that_folder(name):
    assert classify(name) == PlainFile("vip", name)


@pytest.mark.parametrize(
    "name",
    [
        "a.csv",
        "",
        "/",
        "vip/",
        "/a.csv",
        "vip/readme.md",
        "vip/_SUCCESS",
        "vip/_part.csv",
        "vip/.hidden.csv",
        "vip/dummy-object.txt",
        "vip/mparticle_validation.txt",
        "vip/mparticle-validation-1.txt",
        "vip/mParticle_Bucket_Verification_1.txt",
        "vip/model.json",
        "vip/manifest.json",
        "vip/default.manifest.cdm.json",
        "CustomerInsights_abcd/Export_vip_1598264000.csv",
        "CustomerInsights_abcd/BlobExport/VIP/VIP_1.csv",
        "in/CustomerInsights_abcd/BlobExport/VIP/VIP_1.csv",
        "CustomerInsights_abcd/BlobExport/VIP/2020/08/24/1433/_SUCCESS",
        "CustomerInsights_abcd/BlobExport/VIP/2020/08/24/1433/",
        "CustomerInsights_abcd/BlobExport/VIP/2020/08/24/1433",
    ],
)
def test_other_files_belong_to_no_segment(name):
    assert classify(name) is None


@pytest.mark.parametrize("above", ["", "Dynamics365CustomerInsights/", "a/b/"])
def test_a_partition_of_customer_insights_belongs_to_its_table(above):
    name = f"{above}{FOLDER}/HighValue/2020/08/24/1433/HighValue_1.csv"
    assert classify(name) == Partition(
        "HighValue", f"{above}{FOLDER}/HighValue", "2020/08/24/1433", f"{above}{FOLDER}"
    )


def test_the_file_of_a_partition_may_be_called_otherwise_than_its_table():
    place = classify(f"{FOLDER}/ChurnSegmentDemo/2021/02/16/1433/ChurnProneCustomers_1.csv")
    assert isinstance(place, Partition)
    assert place.segment == "ChurnSegmentDemo"
    assert place.folder == f"{FOLDER}/ChurnSegmentDemo/2021/02/16/1433/"
    assert place.manifests == (MANIFEST, f"{FOLDER}/ChurnSegmentDemo/model.json")


@pytest.mark.parametrize("name", [MANIFEST, f"{FOLDER}/HighValue/model.json", f"in/{MANIFEST}"])
def test_a_manifest_lies_beside_the_tables_or_in_one(name):
    assert classify(name) == ManifestFile(name)


def test_a_manifest_of_adobe_lies_in_a_segment():
    assert classify("vip/a/manifest-1-2.json") == DropManifest("vip", "vip/a/manifest-1-2.json")
    assert classify("manifest-1-2.json") is None
    assert classify("CustomerInsights_abcd/manifest-1-2.json") is None


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("vip/a.csv", "vip/a_2.csv", True),
        ("vip/a_2.csv.gz", "vip/a_13.csv.gz", True),
        ("vip/x_20260301080000.csv", "vip/x_20260301080000_2.csv", True),
        ("vip/x_20260301_080000.csv", "vip/x_20260301_090000.csv", False),
        ("vip/a.csv", "vip/b_2.csv", False),
        ("vip/a.csv", "vip/a_2.json", False),
        ("vip/a.csv", "other/a_2.csv", False),
    ],
)
def test_parts_of_adobe_are_called_like_each_other(one, other, is_same):
    assert (part_group(one) == part_group(other)) is is_same


def table(*locations: str, name: str = "HighValue", **settings: object) -> dict:
    return {
        "$type": "LocalEntity",
        "name": name,
        "attributes": [{"name": "Id", "dataType": "string"}, {"name": "EMail", "dataType": "string"}],
        "partitions": [
            {"name": "p", "location": location, "fileFormatSettings": settings} for location in locations
        ],
    }


def manifest(*tables: dict, key: str = "entities") -> bytes:
    return json.dumps(
        {"name": "BlobExport", "version": "1.0", key: list(tables), "x:unknown": {"a": 1}}
    ).encode()


@pytest.mark.parametrize("key", ["entities", "tables"])
def test_a_manifest_gives_columns_layout_and_blob_names(key):
    [found] = read_manifest(
        MANIFEST,
        manifest(
            table(f"{HERE}/HighValue/2020/08/24/1433/x_1.csv", columnHeaders=True, delimiter=";"), key=key
        ),
    )
    assert found.columns == ("Id", "EMail")
    assert found.partitions == (f"{FOLDER}/HighValue/2020/08/24/1433/x_1.csv",)
    assert (found.has_header, found.delimiter) == (True, ";")


def test_without_format_settings_there_is_no_header_and_the_delimiter_is_a_comma():
    entity = table(f"{HERE}/HighValue/x.csv")
    del entity["partitions"][0]["fileFormatSettings"]
    [found] = read_manifest(MANIFEST, manifest(entity))
    assert (found.has_header, found.delimiter) == (False, ",")


@pytest.mark.parametrize("said", [True, "true", "True"])
def test_a_header_may_be_declared_as_text(said):
    [found] = read_manifest(MANIFEST, manifest(table(f"{HERE}/x.csv", columnHeaders=said)))
    assert found.has_header


@pytest.mark.parametrize("said", [False, "false", "False", None])
def test_the_text_false_is_no_header(said):
    [found] = read_manifest(MANIFEST, manifest(table(f"{HERE}/x.csv", columnHeaders=said)))
    assert not found.has_header


@pytest.mark.parametrize(
    ("location", "name"),
    [
        (f"{HERE}/a%20b/%C3%A9.csv", f"{FOLDER}/a b/é.csv"),
        (f"{HERE}/100%25.csv", f"{FOLDER}/100%.csv"),
        (f"{HERE}/x.csv?sv=2020&sig=abc", f"{FOLDER}/x.csv"),
        (
            f"{HERE}/X.csv.snapshots/X.csv@snapshot=2018-11-20T01%3A30%3A19Z",
            f"{FOLDER}/X.csv.snapshots/X.csv@snapshot=2018-11-20T01:30:19Z",
        ),
        (f"https://other.dfs.core.windows.net/elsewhere/deeper/{FOLDER}/x.csv", f"{FOLDER}/x.csv"),
        (f"{HERE}/a..b/..c.csv", f"{FOLDER}/a..b/..c.csv"),
    ],
)
def test_an_address_becomes_a_blob_name_of_our_own_container(location, name):
    [found] = read_manifest(MANIFEST, manifest(table(location)))
    assert found.partitions == (name,)


def test_names_are_found_below_the_folder_into_which_an_export_was_copied():
    [found] = read_manifest(f"copied/{MANIFEST}", manifest(table(f"{HERE}/x.csv")))
    assert found.partitions == (f"copied/{FOLDER}/x.csv",)


def test_a_file_that_is_named_twice_counts_once():
    [found] = read_manifest(MANIFEST, manifest(table(f"{HERE}/x.csv", f"{HERE}/y.csv", f"{HERE}/x.csv")))
    assert found.partitions == (f"{FOLDER}/x.csv", f"{FOLDER}/y.csv")


@pytest.mark.parametrize(
    "location",
    [
        "https://acct.blob.core.windows.net/segments/other/x.csv",
        "https://acct.blob.core.windows.net/segments/CustomerInsights_other/BlobExport/x.csv",
        "https://acct.blob.core.windows.net/segments/CustomerInsights_abcd1234/Other/x.csv",
        f"{HERE}/../Other/x.csv",
        f"{HERE}/%2e%2e/Other/x.csv",
        f"{HERE}/a/%2E%2E/%2E%2E/x.csv",
        f"{HERE}/..%2FOther/x.csv",
        f"{HERE}/..\\Other\\x.csv",
        f"{HERE}/",
        HERE,
        "x.csv",
        "",
        "http://169.254.169.254/metadata",
        "http://[::1/x.csv",
        "file:///etc/passwd",
        f"{HERE}2/x.csv",
    ],
)
def test_an_address_outside_the_folder_of_the_manifest_is_refused(location):
    with pytest.raises(SegmentUnreadable) as raised:
        read_manifest(MANIFEST, manifest(table(f"{HERE}/fine.csv", location)))
    assert raised.value.reason == "manifest-points-outside"
    assert raised.value.remedy


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"not json",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"\xff\xfe{\x00}\x00",
        b'{"entities": 7}',
        b'{"entities": [7]}',
        b'{"entities": {"name": "x"}}',
        b'{"entities": [{"partitions": [7]}]}',
        b'{"entities": [{"partitions": [{"name": "no location"}]}]}',
        b'{"entities": [{"partitions": "text"}]}',
        b'{"entities": [{"attributes": [{"dataType": "string"}], "partitions": []}]}',
        manifest(table(f"{HERE}/x.csv")).replace(b"{}", b'"csv"'),
        b"[" * 100_000,
    ],
)
def test_what_is_no_manifest_is_refused_with_its_name(data):
    with pytest.raises(SegmentUnreadable) as raised:
        read_manifest(MANIFEST, data)
    assert raised.value.reason == "manifest-unreadable"
    assert MANIFEST in raised.value.message


def test_a_byte_order_mark_before_the_manifest_is_skipped():
    assert len(read_manifest(MANIFEST, b"\xef\xbb\xbf" + manifest(table(f"{HERE}/x.csv")))) == 1


@pytest.mark.parametrize("data", [b"{}", b'{"entities": []}', b'{"tables": null}', b'{"entities": [{}]}'])
def test_a_manifest_may_name_nothing(data):
    assert [found.partitions for found in read_manifest(MANIFEST, data)] in ([], [()])
