"""Zip archives: their rows are those of their files, and nothing in them can do harm."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from shared.domain.errors import SegmentUnreadable
from shared.domain.segment import SourceFormat
from shared.pipeline.reading import open_rows
from tests.unit.test_reading_formats import Reading, parquet, refusal

CSV = "id,name\n1,Ana\n2,Ion\n"


def archive(files: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return content.getvalue()


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_an_archive_is_known_by_its_first_bytes(compression: int, tmp_path: Path) -> None:
    packed = archive({"people.csv": CSV}, compression)
    for name in ("vip/people.zip", "vip/people.csv"):
        reading = Reading(packed, name, tmp_path)
        assert (reading.columns, reading.rows) == (["id", "name"], [(2, ["1", "Ana"]), (3, ["2", "Ion"])])
    assert list(tmp_path.iterdir()) == []


def test_the_rows_of_several_files_are_united_whatever_the_order_of_their_columns(tmp_path: Path) -> None:
    files = {"in/p_10.csv": "name;id\nIoana;3\n", "in/p_2.csv": CSV, "in/": b"", "__MACOSX/._p.csv": b"\0"}
    reading = Reading(archive({**files, ".DS_Store": b"\0"}), "vip/people.zip", tmp_path)
    assert reading.rows == [(2, ["1", "Ana"]), (3, ["2", "Ion"]), (2, ["3", "Ioana"])]


def test_files_of_any_format_may_be_in_an_archive(tmp_path: Path) -> None:
    files = {
        "a.jsonl": '{"id":1}\n{"id":2,"name":"Ion"}\n',
        "b.ndjson": '{"id":3}\n',
        "c.json": '[{"id":4,"more":1}]',
    }
    reading = Reading(archive(files), "p.zip", tmp_path)
    assert (reading.columns, [values for _, values in reading.rows]) == (
        ["id", "name"],
        [[1, None], [2, "Ion"], [3, None], [4, None]],
    )
    table = parquet("SELECT 7 AS id", tmp_path)
    assert Reading(archive({"p.parquet": table}), "p.zip", tmp_path).rows == [(1, [7])]
    assert list(tmp_path.iterdir()) == []


def test_broken_rows_are_told_with_their_lines(tmp_path: Path) -> None:
    reading = Reading(archive({"a.csv": "id,name\n1\n2,Ion\n"}), "p.zip", tmp_path)
    assert (reading.rows, reading.faults) == ([(3, ["2", "Ion"])], [(2, "too_few_fields")])


def test_files_with_other_columns_are_not_mixed(tmp_path: Path) -> None:
    packed = archive({"a.csv": CSV, "b.csv": "id,city\n3,Cluj\n"})
    assert refusal(packed, "p.zip", tmp_path) == "zip-columns-differ"


def test_an_archive_that_unpacks_to_too_much_is_stopped_at_the_limit(tmp_path: Path) -> None:
    rows = "id,name\n" + "1,Ana\n" * 200_000
    bomb = archive({"a.csv": rows, "b.csv": rows})
    assert len(bomb) < 50_000
    assert refusal(bomb, "p.zip", tmp_path, max_uncompressed_bytes=len(rows) + 1000) == "file-too-large"
    assert refusal(bomb, "p.zip", tmp_path, max_uncompressed_bytes=1000) == "file-too-large"
    assert len(Reading(bomb, "p.zip", tmp_path, max_uncompressed_bytes=2 * len(rows)).rows) == 400_000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../a.csv", "/etc/a.csv", "a/../../b.csv", "C:a.csv", "..\\a.csv"])
def test_names_that_lead_outside_are_refused(name: str, tmp_path: Path) -> None:
    assert refusal(archive({name: CSV}), "p.zip", tmp_path) == "zip-not-supported"


def encrypted() -> bytes:
    """A stored file whose flag says that it is encrypted, in both places."""
    packed = bytearray(archive({"a.csv": CSV}, zipfile.ZIP_STORED))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(packed)


UNFIT = {
    "encrypted": (encrypted(), "zip-not-supported"),
    "another compression": (archive({"a.csv": CSV}, zipfile.ZIP_BZIP2), "zip-not-supported"),
    "too many files": (archive({f"{n}.csv": CSV for n in range(1_001)}), "zip-not-supported"),
    "an archive in it": (archive({"a.zip": archive({"a.csv": CSV})}), "format-not-supported"),
    "a workbook": (archive({"[Content_Types].xml": "x", "xl/workbook.xml": "x"}), "format-not-supported"),
    "gzip in it": (archive({"a.csv": b"\x1f\x8b\x08rest"}), "format-not-supported"),
    "nothing in it": (archive({}), "zip-without-data"),
    "no data in it": (archive({"manifest.json": "{}", "_SUCCESS": ""}), "zip-without-data"),
    "an empty file": (archive({"a.csv": ""}), "empty-file"),
    "no manifest": (archive({"a.csv": CSV, "manifest.json": "[]"}), "zip-manifest-unreadable"),
    "cut off": (archive({"a.csv": CSV})[:-30], "zip-damaged"),
    "no table of contents": (archive({"a.csv": CSV}).replace(b"PK\x01\x02", b"PK\x01\x03"), "zip-damaged"),
    "other bytes": (archive({"a.csv": CSV}, zipfile.ZIP_STORED).replace(b"Ana", b"Ina"), "zip-damaged"),
}


@pytest.mark.parametrize("what", UNFIT)
def test_what_is_not_a_plain_archive_of_data_is_refused(what: str, tmp_path: Path) -> None:
    content, code = UNFIT[what]
    assert refusal(content, "p.zip", tmp_path) == code
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("files", "is_refused"),
    [
        ({"a.csv": 2}, False),
        ({"a.csv": 3}, True),
        ({"b.csv": 2}, True),
        ({"a.csv": None}, False),
    ],
)
def test_rows_are_counted_when_a_manifest_says_how_many_there_are(
    files: dict[str, int | None], is_refused: bool, tmp_path: Path
) -> None:
    totals = [{"file_name": name, "total_rows": total} for name, total in files.items()]
    packed = archive({"a.csv": CSV, "manifest.json": json.dumps({"files": totals})})
    if is_refused:
        assert refusal(packed, "p.zip", tmp_path) == "rows-missing"
    else:
        assert len(Reading(packed, "p.zip", tmp_path).rows) == 2


def read_all(content: bytes, name: str, source_format: SourceFormat) -> None:
    """Read as far as it goes; anything else than a refusal is a fault."""
    broken: list[object] = []
    with TemporaryDirectory() as scratch:
        try:
            rows = open_rows(
                io.BytesIO(content),
                name=name,
                on_broken=broken.append,
                scratch=Path(scratch),
                source_format=source_format,
                max_uncompressed_bytes=1 << 20,
            )
            widths = {len(values) for _, values in rows}
        except SegmentUnreadable:
            return
        assert widths <= {len(rows.columns)}


formats = st.sampled_from(SourceFormat)
WHOLE = archive(
    {"a.csv": CSV, "b.csv": CSV, "manifest.json": '{"files":[{"file_name":"a.csv","total_rows":2}]}'}
)


@examples(max_examples=200)
@given(st.data(), formats)
def test_a_damaged_archive_is_read_or_refused(data: st.DataObject, source_format: SourceFormat) -> None:
    content = bytearray(WHOLE)
    places = st.integers(0, len(content) - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
        content[place] = value
    read_all(bytes(content[: data.draw(st.integers(0, len(content)))]), "p.zip", source_format)


@examples(max_examples=100)
@given(st.binary(max_size=300), formats)
def test_any_bytes_in_an_archive_are_read_or_refused(content: bytes, source_format: SourceFormat) -> None:
    read_all(archive({"a.csv": content}), "p.zip", source_format)
    read_all(b"PK\x03\x04" + content, "p.zip", source_format)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    "type",
    "traits",
    "context",
    "userId",
    "email",
    "IsAddRequest",
    "IdentityValues",
    "segmentMembership",
    "__leaves",
]
events = st.dictionaries(st.sampled_from(KEYS), json_values | st.just("identify"))


@examples(max_examples=200)
@given(
    st.lists(events | json_values, max_size=5), st.sampled_from("\n ,"), st.sampled_from(["", "["]), formats
)
def test_any_json_is_read_or_refused_in_every_source_format(
    values: list[object], separator: str, beginning: str, source_format: SourceFormat
) -> None:
    text = beginning + separator.join(map(json.dumps, values)) + ("]" if beginning else "")
    read_all(text.encode(), "p.json", source_format)


@examples(max_examples=200)
@given(st.binary(max_size=200), st.sampled_from([b"", b"[", b"[{", b"{\n", b'{"a":']), formats)
def test_any_bytes_are_read_as_json_or_refused(
    content: bytes, beginning: bytes, source_format: SourceFormat
) -> None:
    read_all(beginning + content, "p.json", source_format)


headers = st.lists(
    st.sampled_from(
        [
            "email",
            "email_1",
            "external_ids",
            "audience_action",
            "batch_size",
            "identity_type",
            "identity_value",
        ]
    )
    | st.sampled_from(["segmentMembership.status", "__leaves", "key"]),
    min_size=1,
    max_size=5,
)
cells = st.sampled_from(
    ["", "true", "email", "a@example.com", '"{""email"": [“a@b.c”]}"', "[]", "active", "x"]
)


@examples(max_examples=200)
@given(headers, st.lists(st.lists(cells, max_size=6), max_size=4), formats)
def test_any_table_is_read_or_refused_in_every_source_format(
    header: list[str], rows: list[list[str]], source_format: SourceFormat
) -> None:
    text = "\n".join(map(",".join, [header, *rows]))
    read_all(text.encode(), "vip/IncrementalData/2026/03/01/08/Deletes/p.csv", source_format)
