import gzip
import io
import random
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import SegmentUnreadable
from shared.domain.segment import SourceFormat
from shared.pipeline.reading import BrokenCode, BrokenRow, FileFormat, open_rows


class OneByteAtATime(io.RawIOBase):
    """A stream as slow and as poor as a download can be: no seeking, hardly any data per call."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._content.read(min(size, 1))


class Reading:
    """What one file gave: columns, ``(line, values)`` per row, and the broken rows."""

    def __init__(self, content: bytes | str, name: str, scratch: Path, **options: object) -> None:
        self.broken: list[BrokenRow] = []
        data = content.encode() if isinstance(content, str) else content
        reader = open_rows(
            OneByteAtATime(data) if len(data) < 10_000 else io.BytesIO(data),
            name=name,
            on_broken=self.broken.append,
            scratch=scratch,
            **options,
        )
        self.columns = reader.columns
        self.rows = [(line, list(values)) for line, values in reader]

    @property
    def faults(self) -> list[tuple[int, str]]:
        return [(row.line, row.code.value) for row in self.broken]


def refusal(content: bytes | str, name: str, scratch: Path, **options: object) -> str:
    with pytest.raises(SegmentUnreadable) as caught:
        Reading(content, name, scratch, **options)
    return caught.value.reason


CSV = "id,name\n1,Ana\n2,Ion\n"
CSV_ROWS = [(2, ["1", "Ana"]), (3, ["2", "Ion"])]


@pytest.mark.parametrize(
    "name",
    [
        "p.csv",
        "a/p.CSV",
        "p.csv.gz",
        "p.txt",
        "p",
        "a.b/p",
        "x.csv.snapshots/x.csv@snapshot=2018-11-20T01:30:19.9Z",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_the_name_tells_the_format_and_the_first_bytes_tell_gzip(
    name: str, packed: bool, tmp_path: Path
) -> None:
    content = gzip.compress(CSV.encode(), mtime=0) if packed else CSV.encode()
    assert Reading(content, name, tmp_path).rows == CSV_ROWS


def test_gzip_members_may_follow_each_other_and_zeros_may_pad_the_end(tmp_path: Path) -> None:
    members = b"".join(gzip.compress(part.encode(), mtime=0) for part in (CSV[:10], CSV[10:]))
    assert Reading(members + bytes(100), "p.csv", tmp_path).rows == CSV_ROWS


def test_gzip_that_is_cut_off_or_damaged_is_refused(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(200_000).hex()
    packed = gzip.compress(f"id,name\n1,{noise}\n".encode(), mtime=0)
    assert refusal(packed[:-9], "p.csv", tmp_path) == "gzip-truncated"
    assert refusal(packed[: len(packed) // 2], "p.csv", tmp_path) == "gzip-truncated"
    assert refusal(packed[:1000] + bytes(50) + packed[1050:], "p.csv", tmp_path) == "gzip-damaged"
    assert refusal(packed + b"more", "p.csv", tmp_path) == "gzip-damaged"


def test_a_gzip_bomb_is_stopped_at_the_limit(tmp_path: Path) -> None:
    bomb = gzip.compress(b"id,name\n" + b"1,Ana\n" * 2_000_000, mtime=0)
    assert len(bomb) < 50_000
    assert refusal(bomb, "p.csv", tmp_path, max_uncompressed_bytes=1_000_000) == "file-too-large"


@pytest.mark.parametrize(
    "beginning",
    [b"%PDF-1.7", b"\xd0\xcf\x11\xe0", b"Obj\x01", b"ORC", gzip.compress(CSV.encode(), mtime=0)],
)
def test_what_is_not_a_segment_file_is_refused_by_name(beginning: bytes, tmp_path: Path) -> None:
    assert (
        refusal(gzip.compress(beginning + bytes(100), mtime=0), "people.csv", tmp_path)
        == "format-not-supported"
    )


def test_json_lines_give_native_values_and_nested_ones_as_text(tmp_path: Path) -> None:
    text = '{"id":1,"name":"Ana","tags":["a","b"]}\n\n{"id":2,"vip":true,"address":{"city": "Iași"}}\n{"id":null}\n'
    reading = Reading(text, "p.jsonl", tmp_path)
    assert reading.columns == ["id", "name", "tags", "vip", "address"]
    assert reading.rows == [
        (1, [1, "Ana", '["a","b"]', None, None]),
        (3, [2, None, None, True, '{"city":"Iași"}']),
        (4, [None, None, None, None, None]),
    ]


@pytest.mark.parametrize(
    ("name", "file_format"),
    [("p.ndjson", None), ("p.json.gz", None), ("p.txt", None), ("p.csv", FileFormat.JSONL)],
)
def test_json_lines_are_known_by_name_by_content_or_by_declaration(
    name: str, file_format: FileFormat | None, tmp_path: Path
) -> None:
    assert Reading('{"id":1}\n', name, tmp_path, file_format=file_format).rows == [(1, [1])]


def test_a_line_that_is_not_an_object_is_broken(tmp_path: Path) -> None:
    reading = Reading(b'{"id":"\xc8\x9a"}\n{"id":\n[1]\n7\n{"id":"\xff"}\n{"id":2}\n', "p.jsonl", tmp_path)
    assert [line for line, _ in reading.rows] == [1, 6]
    assert reading.faults == [(2, "bad_json"), (3, "bad_json"), (4, "bad_json"), (5, "bad_encoding")]


@pytest.mark.parametrize("source_format", list(SourceFormat))
def test_json_that_is_nested_too_deeply_is_broken(source_format: SourceFormat, tmp_path: Path) -> None:
    deep = ['{"id":' + "[" * depth + "]" * depth + "}" for depth in (300, 1_000, 100_000)]
    deep += ['{"id":' * depth + "1" + "}" * depth for depth in (300, 1_000, 100_000)]
    for text in ("\n".join(deep), "[" + ",\n".join(deep) + "\n]"):
        for line in Reading(text, "p.json", tmp_path, source_format=source_format).broken:
            assert line.code in (BrokenCode.BAD_JSON, BrokenCode.NOT_AS_DECLARED)


def test_a_giant_json_line_is_broken(tmp_path: Path) -> None:
    giant = orjson.dumps({"id": "x" * 3_000_000}).decode()
    reading = Reading(f'{{"id":1}}\n{giant}\n{{"id":2}}\n', "p.jsonl", tmp_path)
    assert reading.rows == [(1, [1]), (3, [2])]
    assert reading.faults == [(2, "line_too_long")]


def test_keys_that_only_come_after_the_first_thousand_rows_are_left_out(tmp_path: Path) -> None:
    lines = ['{"id":1}'] * 999 + ['{"id":2,"late":1}', '{"id":3,"later":1}']
    reading = Reading("\n".join(lines), "p.jsonl", tmp_path)
    assert reading.columns == ["id", "late"]
    assert reading.rows[-2:] == [(1000, [2, 1]), (1001, [3, None])]
    assert Reading("\n".join(lines), "p.jsonl", tmp_path, columns=["later"]).rows[-1] == (1001, [1, 3, None])


@pytest.mark.parametrize(
    "text",
    [
        '[{"id":1},\n{"id":2,"a":{"b":[]}}\n]',
        '[\n {"id":1},\n {"id":2,"a":{"b":[]}}]\n',
        '[{"id":1},{"id":2,"a":{"b":[]}}]',
    ],
)
def test_an_array_is_read_when_objects_stand_on_lines_of_their_own(text: str, tmp_path: Path) -> None:
    reading = Reading(text, "p.json", tmp_path)
    assert [values for _, values in reading.rows] == [[1, None], [2, '{"b":[]}']]
    assert reading.broken == []


def test_a_broken_element_of_an_array_does_not_stop_the_others(tmp_path: Path) -> None:
    reading = Reading('[\n{"id":1},\n{"id":,\n7,\n{"id":2}\n]\n{"id":3}\n', "p.json", tmp_path)
    assert reading.rows == [(2, [1]), (5, [2])]
    assert reading.faults == [(3, "bad_json"), (4, "bad_json"), (7, "bad_json")]


@pytest.mark.parametrize("rows", [1, 3])
def test_objects_that_are_spread_over_lines_are_read(rows: int, tmp_path: Path) -> None:
    people = [{"id": number, "name": "Ana [}", "tags": {"a": [1]}} for number in range(rows)]
    expected = [(2 + 8 * number, [number, "Ana [}", '{"a":[1]}']) for number in range(rows)]
    array = orjson.dumps(people, option=orjson.OPT_INDENT_2).replace(b"\n", b"\r\n")
    assert Reading(array, "p.json", tmp_path).rows == [
        (2 + 9 * n, values) for n, (_, values) in enumerate(expected)
    ]
    one_by_one = b"\n".join(orjson.dumps(person, option=orjson.OPT_INDENT_2) for person in people)
    assert [values for _, values in Reading(one_by_one, "p.json", tmp_path).rows] == [
        values for _, values in expected
    ]


def test_an_array_on_one_line_may_be_longer_than_any_record(tmp_path: Path) -> None:
    people = [{"id": number, "name": "Ană" * 20} for number in range(30_000)]
    reading = Reading(orjson.dumps(people), "p.json", tmp_path)
    assert [values[0] for _, values in reading.rows] == list(range(30_000))
    assert reading.broken == []


def test_an_object_that_is_broken_in_a_pretty_array_costs_one_person(tmp_path: Path) -> None:
    people = [{"id": number, "name": "Ană"} for number in range(4)]
    text = orjson.dumps(people, option=orjson.OPT_INDENT_2).replace(b'"id": 1', b'"id" 1')
    reading = Reading(text.replace(b'"id": 2', b'"id": "\xff"'), "p.json", tmp_path)
    assert [values[0] for _, values in reading.rows] == [0, 3]
    assert reading.faults == [(6, "bad_json"), (10, "bad_encoding")]


def test_an_enormous_object_in_an_array_is_broken(tmp_path: Path) -> None:
    lines = [b"[", orjson.dumps({"id": "x" * 3_000_000}) + b",", b'{"id":2}', b"]"]
    reading = Reading(b"\n".join(lines), "p.json", tmp_path)
    assert (reading.rows, reading.faults) == ([(3, [2])], [(2, "line_too_long")])


def test_json_that_ends_in_the_middle_or_holds_nothing_is_refused(tmp_path: Path) -> None:
    assert refusal('[{"id":1},{"id":2},{"i', "p.json", tmp_path) == "json-truncated"
    assert refusal('[{"id":1},\n{"id":2},\n', "p.json", tmp_path) == "json-truncated"
    assert refusal("\n\n", "p.jsonl", tmp_path) == "empty-file"
    assert refusal("[]", "p.json", tmp_path) == "empty-file"
    assert refusal("", "p.json", tmp_path) == "empty-file"


json_values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"))


@given(
    st.lists(st.dictionaries(st.sampled_from(["id", "name", "note"]), json_values, min_size=1), min_size=1)
)
def test_whatever_is_written_as_json_lines_is_read_back(rows: list[dict[str, object]]) -> None:
    content = b"\n".join(map(orjson.dumps, rows))
    reading = Reading(content, "p.jsonl", Path("unused"))
    assert [dict(zip(reading.columns, values, strict=True)) for _, values in reading.rows] == [
        {column: row.get(column) for column in reading.columns} for row in rows
    ]
    assert [line for line, _ in reading.rows] == list(range(1, len(rows) + 1))


def parquet(select: str, folder: Path) -> bytes:
    path = folder / "source.parquet"
    with duckdb.connect() as database:
        database.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    content = path.read_bytes()
    path.unlink()
    return content


def test_parquet_gives_native_values(tmp_path: Path) -> None:
    content = parquet(
        """SELECT 7::BIGINT AS id, 'Ana' AS " Name ", true AS vip, 1.50::DECIMAL(9,2) AS spent, DATE '1966-04-08' AS born,
        TIMESTAMP '2022-07-01 08:00:00' AS seen, TIMESTAMPTZ '2022-07-01 08:00:00+02' AS seen_there, NULL::INT AS nothing,
        {'city': 'Iași'} AS address, ['a', 'b'] AS tags, encode('é') AS bytes, TIME '12:30:00' AS at""",
        tmp_path,
    )
    reading = Reading(content, "part-0.snappy.parquet", tmp_path)
    assert dict(zip(reading.columns, reading.rows[0][1], strict=True)) == {
        "id": 7,
        "Name": "Ana",
        "vip": True,
        "spent": Decimal("1.50"),
        "born": date(1966, 4, 8),
        "seen": datetime(2022, 7, 1, 8),
        "seen_there": datetime(2022, 7, 1, 6),
        "nothing": None,
        "address": '{"city":"Iași"}',
        "tags": '["a","b"]',
        "bytes": "é",
        "at": "12:30:00",
    }


def test_parquet_rows_are_numbered_in_order_and_nothing_stays_on_disk(tmp_path: Path) -> None:
    content = parquet("SELECT range AS id FROM range(300000)", tmp_path)
    for packed in (content, gzip.compress(content, mtime=0)):
        assert Reading(packed, "people.csv", tmp_path).rows == [(n + 1, [n]) for n in range(300_000)]
        assert list(tmp_path.iterdir()) == []


def test_parquet_without_rows_has_columns(tmp_path: Path) -> None:
    reading = Reading(parquet("SELECT 1 AS id WHERE false", tmp_path), "p.parquet", tmp_path)
    assert (reading.columns, reading.rows) == (["id"], [])


def test_parquet_that_is_damaged_or_something_else_is_refused(tmp_path: Path) -> None:
    content = parquet("SELECT range AS id, 'x' || range AS name FROM range(300000)", tmp_path)
    assert refusal(content[:-100], "p.parquet", tmp_path) == "parquet-damaged"
    assert refusal(content[:2000] + bytes(3000) + content[5000:], "p.parquet", tmp_path) == "parquet-damaged"
    assert refusal(CSV, "p.parquet", tmp_path) == "not-parquet"
    assert list(tmp_path.iterdir()) == []


def test_every_reason_code_is_documented() -> None:
    root = Path(__file__).resolve().parents[2]
    text = (root / "docs" / "segment-files.md").read_text("utf-8")
    sources = [path.read_text("utf-8") for path in (root / "shared").rglob("*.py")]
    pattern = re.compile(r'(?:SegmentUnreadable|_refused)\((?:[^()]|\([^()]*\))*?code="([a-z-]+)"')
    raised = {code for source in sources for code in pattern.findall(source)}
    tables = re.findall(r"^\| code \| meaning \|\n(?:\|.*\n)+", text, re.MULTILINE)
    documented = {
        code for table in tables for code in re.findall(r"^\| `([a-z_-]+)` \|", table, re.MULTILINE)
    }
    assert documented == raised | {code.value for code in BrokenCode}
