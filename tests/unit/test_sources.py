"""Files of other platforms: the examples of docs/segment-files.md are read as it says."""

import io
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.domain.errors import SegmentUnreadable
from shared.domain.segment import SnapshotMode, SourceFormat
from shared.pipeline.reading import LEAVES_COLUMN, BrokenRow, open_rows
from tests.source_examples import example
from tests.unit.test_reading_formats import parquet

Rows = list[dict[str, object]]


class Reading:
    """The rows of a file as mappings, and its broken rows."""

    def __init__(
        self, name: str, data: bytes | str, scratch: Path, source_format: SourceFormat, **options: object
    ) -> None:
        self.broken: list[BrokenRow] = []
        content = data.encode() if isinstance(data, str) else data
        rows = open_rows(
            io.BytesIO(content),
            name=name,
            on_broken=self.broken.append,
            scratch=scratch,
            source_format=source_format,
            **options,
        )
        self.columns = rows.columns
        self.rows: Rows = [dict(zip(rows.columns, values, strict=True)) for _, values in rows]

    @property
    def faults(self) -> list[tuple[int, str | None, str]]:
        return [(row.line, row.column, row.code.value) for row in self.broken]


def read_example(
    beginning: str, source_format: SourceFormat, scratch: Path, **options: object
) -> tuple[list[str], Rows]:
    """Read a documented example; nothing in it is broken."""
    reading = Reading(*example(beginning), scratch, source_format, **options)
    assert reading.broken == []
    return reading.columns, reading.rows


def read(source_format: SourceFormat, scratch: Path, text: str, name: str = "vip/p.csv") -> Reading:
    return Reading(name, text, scratch, source_format)


def test_adobe_tells_by_the_status_who_leaves(tmp_path: Path) -> None:
    columns, rows = read_example("vip/crm_segment7f2a_20260301080000.csv", SourceFormat.ADOBE, tmp_path)
    assert columns == ["person_name_firstName", "personalEmail_address", LEAVES_COLUMN]
    assert [list(row.values()) for row in rows] == [
        ["Ana", "ana@example.com", False],
        ["Ion", "ion@example.com", True],
    ]


def test_nested_profiles_of_adobe_get_dotted_columns(tmp_path: Path) -> None:
    columns, rows = read_example("vip/crm_segment7f2a_20260302", SourceFormat.ADOBE, tmp_path)
    assert columns == ["person.name.firstName", "personalEmail.address", LEAVES_COLUMN]
    assert [list(row.values()) for row in rows] == [
        ["Ana", "ana@example.com", True],
        ["Ion", "ion@example.com", False],
    ]


@pytest.mark.parametrize(
    ("status", "leaves"), [("Active", False), ("existing", False), (" realized ", False), ("EXITED", True)]
)
def test_every_status_of_adobe_is_known(status: str, leaves: bool, tmp_path: Path) -> None:
    text = f"email,segmentMembership.status\na@example.com,{status}\n"
    assert read(SourceFormat.ADOBE, tmp_path, text).rows == [
        {"email": "a@example.com", LEAVES_COLUMN: leaves}
    ]


def test_a_file_of_adobe_without_a_status_is_plain(tmp_path: Path) -> None:
    assert read(SourceFormat.ADOBE, tmp_path, "email\na@example.com\n").columns == ["email"]


def test_lines_of_mparticle_say_who_is_added_and_who_leaves(tmp_path: Path) -> None:
    columns, rows = read_example("vip/Test-Audience", SourceFormat.MPARTICLE, tmp_path)
    assert columns == ["email", "customer_id", "mpid", "MembershipChangedTimestamp", LEAVES_COLUMN]
    assert [(row["email"], row["customer_id"], row[LEAVES_COLUMN]) for row in rows] == [
        ("ana@example.com", "c1", False),
        ("ion@example.com", "c2", True),
    ]


def test_of_a_download_of_mparticle_the_addresses_are_people(tmp_path: Path) -> None:
    columns, rows = read_example("vip/mParticleAudiences", SourceFormat.MPARTICLE, tmp_path)
    assert columns == ["email", "mpid", "scanned_timestamp_ms"]
    assert [(row["email"], row["mpid"]) for row in rows] == [
        ("ana@example.com", "-1327484737295091692"),
        ("ion@example.com", "5991422180106081928"),
    ]


@pytest.mark.parametrize("delimiter", [",", "|", "\t", ";", ":"])
@pytest.mark.parametrize("ending", ["", "\n"])
def test_the_action_of_segment_is_read_with_every_delimiter(
    delimiter: str, ending: str, tmp_path: Path
) -> None:
    name, data = example("vip/people_")
    text = data.decode().replace(":", delimiter).strip() + ending
    reading = read(SourceFormat.SEGMENT, tmp_path, text, name)
    assert reading.columns == ["email", "first_name", LEAVES_COLUMN]
    assert [list(row.values()) for row in reading.rows] == [
        ["ana@example.com", 'Ana "A"', False],
        ["ion@example.com", "Ion", True],
    ]


def test_identify_calls_of_segment_are_rows_of_their_traits(tmp_path: Path) -> None:
    columns, rows = read_example("segment-logs/", SourceFormat.SEGMENT, tmp_path)
    assert columns == ["email", "userId", "city"]
    assert [list(row.values()) for row in rows] == [
        ["ana@example.com", "u1", "Iași"],
        ["ion@example.com", "ion@example.com", "Cluj"],
    ]


@pytest.mark.parametrize("name", ["vip/audience_formatted", "vip/audience_unformatted"])
def test_of_several_addresses_in_a_download_of_engage_the_first_counts(name: str, tmp_path: Path) -> None:
    columns, rows = read_example(name, SourceFormat.SEGMENT, tmp_path)
    assert columns[:2] == ["email", "key"]
    assert [row["email"] for row in rows] == ["ana@example.com", "ion@example.com"]


def test_identify_calls_of_rudderstack_have_their_traits_in_the_context_too(tmp_path: Path) -> None:
    columns, rows = read_example("rudder-logs/", SourceFormat.RUDDERSTACK, tmp_path)
    assert columns == ["email", "userId", "firstName"]
    assert [list(row.values()) for row in rows] == [
        ["ana@example.com", "u1", "Ana"],
        ["ion@example.com", "u2", "Ion"],
    ]


@pytest.mark.parametrize("source_format", [SourceFormat.RUDDERSTACK, SourceFormat.CENSUS])
def test_parquet_of_a_data_lake_is_plain_rows(source_format: SourceFormat, tmp_path: Path) -> None:
    table = parquet("SELECT 'a@example.com' AS email, 'Ana' AS first_name", tmp_path)
    name = "vip/rudder-datalake/ns/users/2026/03/01/08/part-0.parquet"
    assert Reading(name, table, tmp_path, source_format).rows == [
        {"email": "a@example.com", "first_name": "Ana"}
    ]


def test_census_writes_plain_rows_with_any_delimiter(tmp_path: Path) -> None:
    columns, rows = read_example("vip/2026/03/01/census.csv", SourceFormat.CENSUS, tmp_path, delimiter="~")
    assert columns == ["Email", "First Name"]
    assert [row["Email"] for row in rows] == ["ana@example.com", "ion@example.com"]


@pytest.mark.parametrize("source_format", [SourceFormat.CENSUS, SourceFormat.HIGHTOUCH, SourceFormat.AUTO])
def test_arrays_of_json_are_plain_rows(source_format: SourceFormat, tmp_path: Path) -> None:
    columns, rows = read_example("vip/2026-03/people.json", source_format, tmp_path)
    assert columns == ["email", "name"]
    assert rows[0] == {"email": "ana@example.com", "name": "Ana Mărgineanu"}


def test_hightouch_may_write_ascii_or_utf8(tmp_path: Path) -> None:
    text = "email,name\na@example.com,Zoë\n"
    for data in (text.encode(), text.replace("ë", "e").encode("ascii")):
        assert (
            Reading("vip/p.csv", data, tmp_path, SourceFormat.HIGHTOUCH).rows[0]["email"] == "a@example.com"
        )


def test_the_folder_of_a_lake_says_who_leaves(tmp_path: Path) -> None:
    for folder, email, leaves in (
        ("vip/IncrementalData/2026/03/01/08", "ana@example.com", False),
        ("vip/IncrementalData/2026/03/01/09", "ion@example.com", True),
    ):
        columns, rows = read_example(folder, SourceFormat.AUTO, tmp_path)
        assert columns == ["EMail", "FirstName", LEAVES_COLUMN]
        assert (rows[0]["EMail"], rows[0][LEAVES_COLUMN]) == (email, leaves)


def test_rows_that_are_not_as_declared_are_told_and_the_others_are_read(tmp_path: Path) -> None:
    adobe = "email,segmentMembership.status\na@example.com,perhaps\nb@example.com,\nc@example.com,active\n"
    reading = read(SourceFormat.ADOBE, tmp_path, adobe)
    assert [row["email"] for row in reading.rows] == ["c@example.com"]
    column = "segmentMembership.status"
    assert reading.faults == [(2, column, "not_as_declared"), (3, column, "not_as_declared")]

    good = '{"IsAddRequest":true,"IdentityValues":{"email":"a@example.com"}}'
    wrong = [
        '{"IsAddRequest":"yes","IdentityValues":{}}',
        '{"IsAddRequest":true}',
        '{"email":"b@example.com"}',
    ]
    reading = read(SourceFormat.MPARTICLE, tmp_path, "\n".join([*wrong, good]), "vip/p.txt")
    assert [row["email"] for row in reading.rows] == ["a@example.com"]
    assert [(line, code) for line, _, code in reading.faults] == [(n, "not_as_declared") for n in (1, 2, 3)]

    reading = read(SourceFormat.SEGMENT, tmp_path, '{"email":"a@example.com"}\n', "vip/p.json")
    assert (reading.rows, reading.faults) == ([], [(1, "type", "not_as_declared")])

    reading = read(SourceFormat.SEGMENT, tmp_path, "key,external_ids\nk,not json\n")
    assert reading.faults == [(2, "external_ids", "not_as_declared")]


def test_a_file_of_other_events_has_no_rows_and_no_faults(tmp_path: Path) -> None:
    reading = read(SourceFormat.SEGMENT, tmp_path, '{"type":"track"}\n{"type":"page"}\n', "vip/p.json")
    assert (reading.columns, reading.rows, reading.broken) == (["email", "userId"], [], [])


def test_a_column_of_the_file_is_never_taken_for_the_one_that_says_who_leaves(tmp_path: Path) -> None:
    for name, text in (
        ("vip/p.csv", f"email,{LEAVES_COLUMN}\na@example.com,true\n"),
        ("vip/p.json", f'{{"email":"a@example.com","{LEAVES_COLUMN}":true}}\n'),
    ):
        assert read(SourceFormat.AUTO, tmp_path, text, name).columns == ["email", f"{LEAVES_COLUMN}_2"]


def test_keys_that_earlier_files_had_are_blank_where_they_are_missing(tmp_path: Path) -> None:
    text = '{"type":"identify","traits":{"email":"a@example.com"}}\n'
    reading = Reading("vip/p.json", text, tmp_path, SourceFormat.SEGMENT, columns=["email", "userId", "city"])
    assert reading.rows == [{"email": "a@example.com", "userId": None, "city": None}]


def test_an_empty_file_is_refused_in_every_format(tmp_path: Path) -> None:
    for source_format in SourceFormat:
        with pytest.raises(SegmentUnreadable) as raised:
            read(source_format, tmp_path, "")
        assert raised.value.reason == "empty-file"


def test_those_that_write_what_has_changed_do_so_usually() -> None:
    modes: Mapping[str, SnapshotMode] = {each.value: each.usual_mode for each in SourceFormat}
    assert {name for name, mode in modes.items() if mode is SnapshotMode.DELTA} == {
        "mparticle",
        "segment",
        "rudderstack",
    }
