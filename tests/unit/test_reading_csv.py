import csv
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.domain.errors import SegmentUnreadable
from shared.pipeline.reading import BrokenRow, open_rows
from shared.pipeline.reading.rows import MAX_RECORD_CHARACTERS, MAX_RECORD_LINES
from shared.pipeline.reading.source import BLOCK_BYTES

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the sample data is not beside the checkout")


class Reading:
    """What one file gave: columns, ``(line, values)`` per row, and the broken rows."""

    def __init__(self, content: bytes | str, name: str = "people.csv", **options: object) -> None:
        self.broken: list[BrokenRow] = []
        data = content.encode() if isinstance(content, str) else content
        reader = open_rows(
            io.BytesIO(data), name=name, on_broken=self.broken.append, scratch=Path("unused"), **options
        )
        self.columns = reader.columns
        self.rows = [(line, list(values)) for line, values in reader]

    @property
    def faults(self) -> list[tuple[int, str]]:
        return [(row.line, row.code.value) for row in self.broken]


def refusal(content: bytes | str, name: str = "people.csv", **options: object) -> str:
    with pytest.raises(SegmentUnreadable) as caught:
        Reading(content, name, **options)
    return caught.value.reason


def test_rows_come_with_the_numbers_of_their_lines() -> None:
    reading = Reading("id,name\n1,Ana\n2,Ion\n")
    assert reading.columns == ["id", "name"]
    assert reading.rows == [(2, ["1", "Ana"]), (3, ["2", "Ion"])]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_understood_and_blank_lines_are_counted_but_skipped(line_end: str) -> None:
    text = line_end.join(["", "id,name", "", "1,Ana", "  ", '2,"a', 'b"', "3,Ion"])
    assert Reading(text).rows == [(4, ["1", "Ana"]), (6, ["2", "a\nb"]), (8, ["3", "Ion"])]


def test_quotes_are_doubled_and_stray_ones_are_data() -> None:
    reading = Reading('id,name\n1,"Jo ""JJ"" O\'Neil, Jr"\n2,5" pipe\n3,"Al" B\n4, "x, y"\n')
    assert [row[1][1] for row in reading.rows] == ['Jo "JJ" O\'Neil, Jr', '5" pipe', "Al B", "x, y"]
    assert reading.broken == []


def test_a_ragged_row_is_broken_and_the_rest_is_read() -> None:
    reading = Reading("a,b,c\n1,2,3\n1,2\n1,2,3,4\n1,2,3,\n,,\n")
    assert reading.rows == [(2, ["1", "2", "3"]), (6, ["", "", ""])]
    assert reading.faults == [(3, "too_few_fields"), (4, "too_many_fields"), (5, "too_many_fields")]
    assert reading.broken[1].detail == "3 fields expected, 4 found"


def test_reading_resumes_on_the_line_after_an_unclosed_quote() -> None:
    reading = Reading('id,name\n1,"Ana\n2,Ion\n3,Eva\n')
    assert reading.rows == [(3, ["2", "Ion"]), (4, ["3", "Eva"])]
    assert reading.faults == [(2, "unclosed_quote")]


def test_two_unclosed_quotes_do_not_make_one_person_of_two() -> None:
    reading = Reading('id,name,email\n1,"Ana,ana@example.com\n2,"Bob",bob@example.com\n')
    assert reading.rows == [(3, ["2", "Bob", "bob@example.com"])]
    assert reading.faults == [(2, "unclosed_quote")]


def test_a_quoted_value_may_have_many_lines_but_not_too_many() -> None:
    allowed = "\n" * (MAX_RECORD_LINES - 1)
    assert Reading(f'id,note\n1,"{allowed}"\n2,x\n').rows == [
        (2, ["1", allowed]),
        (MAX_RECORD_LINES + 2, ["2", "x"]),
    ]
    reading = Reading(f'id,note\n1,"{allowed}\n"\n2,x\n')
    assert reading.rows == [(MAX_RECORD_LINES + 3, ["2", "x"])]
    assert reading.faults[0] == (2, "unclosed_quote")


def test_a_giant_line_is_broken_without_holding_it_in_memory() -> None:
    content = b"id,name\n1,Ana\n2," + b"x" * (40 * MAX_RECORD_CHARACTERS) + b"\n3,Ion\n"
    tracemalloc.start()
    try:
        reading = Reading(content)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reading.rows == [(2, ["1", "Ana"]), (4, ["3", "Ion"])]
    assert reading.faults == [(3, "line_too_long")]
    assert peak_bytes < 12 * MAX_RECORD_CHARACTERS


def test_records_may_cross_the_edges_of_blocks() -> None:
    filler = "".join(f'{number},"a\nb"\n' for number in range(BLOCK_BYTES // 6))
    reading = Reading("id,note\n" + filler)
    assert reading.broken == []
    assert [row[0] for row in reading.rows] == list(range(2, 2 + 2 * len(reading.rows), 2))
    assert len(reading.rows) == BLOCK_BYTES // 6


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_though_others_occur_in_values(delimiter: str) -> None:
    others = {",", ";", "\t", "|"} - {delimiter}
    rows = [
        ["id", "name", "note"],
        *[[str(n), f"Ana{n % 3 * ','}", "".join(others) * (n % 2)] for n in range(30)],
    ]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    reading = Reading(text.getvalue(), "people.txt")
    assert reading.columns == ["id", "name", "note"]
    assert [row[1][0] for row in reading.rows] == [str(n) for n in range(30)]


def test_a_delimiter_can_be_declared_by_the_file_or_by_the_caller() -> None:
    assert Reading("sep=;\nid;a,b\n1;x,y\n").rows == [(3, ["1", "x,y"])]
    assert Reading("id;a,b\n1;x,y\n", delimiter=",").columns == ["id;a", "b"]
    assert Reading("id\ta,b,c\n1\tx,y,z\n", "people.tsv").columns == ["id", "a,b,c"]


def test_a_single_column_is_enough() -> None:
    reading = Reading("Email\nana@example.com\n\nion@example.com\n")
    assert reading.rows == [(2, ["ana@example.com"]), (4, ["ion@example.com"])]


def test_header_names_are_stripped_and_made_unique() -> None:
    reading = Reading("\ufeff Full Name, Email,,email,Email_2\n1,2,3,4,5\n")
    assert reading.columns == ["Full Name", "Email", "column_3", "email_3", "Email_2"]


KNOWN = ["CustomerId", "Name", "EMail"]


def test_a_header_is_recognised_by_the_declared_names() -> None:
    assert Reading("customerid, email ,extra\n1,2,3\n", columns=KNOWN).columns == [
        "customerid",
        "email",
        "extra",
    ]
    headerless = Reading("1,Ana,ana@example.com\n", columns=KNOWN)
    assert headerless.columns == KNOWN
    assert headerless.rows == [(1, ["1", "Ana", "ana@example.com"])]
    assert refusal("1,Ana\n", columns=KNOWN) == "columns-mismatch"


def test_the_caller_may_say_whether_there_is_a_header() -> None:
    assert Reading("1,Ana\n", has_header=False).rows == [(1, ["1", "Ana"])]
    assert Reading("1,Ana\n", has_header=False).columns == ["column_1", "column_2"]
    assert Reading("a,b,c\n", has_header=True, columns=KNOWN).columns == ["a", "b", "c"]


def test_a_header_alone_is_a_file_without_people() -> None:
    assert Reading("id,name\n").rows == []


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\r\n  \n", b"\xff\xfe"])
def test_an_empty_file_is_refused(content: bytes) -> None:
    assert refusal(content) == "empty-file"


def test_a_file_without_a_readable_header_is_refused() -> None:
    assert refusal('id,"name\n1,Ana\n') == "header-unreadable"
    assert refusal(b"id,n\x00ame\n1,Ana\n") == "header-unreadable"
    assert refusal(",".join(map(str, range(2001)))) == "too-many-columns"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"]
)
def test_the_encoding_is_found(encoding: str) -> None:
    people = "".join(f"{n},Núñez\r\n" for n in range(BLOCK_BYTES // 8))
    reading = Reading(f"id,name\r\n{people}".encode(encoding))
    assert reading.columns == ["id", "name"]
    assert {row[1][1] for row in reading.rows} == {"Núñez"}
    assert len(reading.rows) == BLOCK_BYTES // 8


def test_the_encoding_is_decided_where_the_first_letters_beyond_ascii_stand() -> None:
    plain = "1,Ana\n" * (BLOCK_BYTES // 3)
    for text in ("2,Țurcanu\n", "2,ț\n" * 5):
        assert Reading(f"id,name\n{plain}{text}".encode()).rows[-1][1] == text.splitlines()[-1].split(",")
    assert Reading(f"id,name\n{plain}2,Núñez".encode("cp1252")).rows[-1][1] == ["2", "Núñez"]


def test_a_row_with_bytes_that_are_not_text_is_broken() -> None:
    content = "id,name\n1,Țurcanu\n2,Núñez\n".encode() + b"3,N\xfa\xf1ez\n4,Ana\n"
    reading = Reading(content)
    assert [row[0] for row in reading.rows] == [2, 3, 5]
    assert reading.broken == [BrokenRow(4, "name", reading.broken[0].code, "bytes that are not text")]
    assert reading.faults == [(4, "bad_encoding")]


def test_a_row_with_a_zero_byte_is_broken() -> None:
    assert Reading("id,name\n1,A\0na\n2,Ion\n").faults == [(2, "nul_byte")]


def test_a_broken_row_tells_nothing_about_its_values() -> None:
    content = b'id,name\n1,secret,secret\n2,"secret\nsecret\n3,sec\x00ret\nsecret\n4,\xc8\x9a\n5,secret\xff\n'
    reading = Reading(content)
    assert len(reading.broken) == 6
    assert not [row for row in reading.broken if "sec" in row.detail or "sec" in (row.column or "")]


def test_quotes_opened_on_every_line_do_not_take_forever() -> None:
    assert refusal("id,name\n" + f'a","{"c" * 1000}\n' * 2000) == "unclosed-quotes"


cells = st.text(
    st.sampled_from("ab ,;|\"\n\t'é") | st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=8
)


@given(
    st.integers(2, 4).flatmap(
        lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), max_size=12)
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_whatever_a_csv_writer_writes_is_read_back(
    rows: list[list[str]], line_end: str, delimiter: str, quoting: int, encoding: str
) -> None:
    width = len(rows[0]) if rows else 2
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow([f"h{place}" for place in range(width)])
    lines = []
    for row in rows:
        lines.append(text.getvalue().replace("\r\n", "\n").count("\n") + 1)
        writer.writerow(row)
    reading = Reading(text.getvalue().encode(encoding), delimiter=delimiter)
    # Spaces before an unquoted value are not part of it.
    expected = [(line, [cell.lstrip(" ") for cell in row]) for line, row in zip(lines, rows, strict=True)]
    assert [(line, [cell.lstrip(" ") for cell in row]) for line, row in reading.rows] == expected
    assert reading.broken == []


@given(st.binary(max_size=300) | st.text(st.sampled_from('a,;"\n\r\0é'), max_size=60).map(str.encode))
def test_any_bytes_give_rows_of_the_right_width_or_a_clear_refusal(content: bytes) -> None:
    assume(not content.startswith((b"PAR1", b"PK")))
    try:
        reading = Reading(content)
    except SegmentUnreadable:
        return
    assert {len(values) for _, values in reading.rows} <= {len(reading.columns)}
    lines = [line for line, _ in reading.rows]
    assert lines == sorted(set(lines))


@needs_data
def test_all_adventure_works_customers_are_read() -> None:
    path = DATA / "adventure_works_customers.csv"
    reading = Reading(path.read_bytes())
    assert reading.broken == []
    assert [line for line, _ in reading.rows] == list(range(2, 18_150))
    assert reading.columns[0] == "CustomerKey"


@needs_data
@pytest.mark.parametrize("path", sorted((DATA / "layouts").rglob("*.csv")), ids=lambda path: path.name)
def test_the_files_of_customer_insights_are_read(path: Path) -> None:
    names = [
        "CustomerId",
        "FirstName",
        "LastName",
        "EMail",
        "Telephone",
        "CreatedOn",
        "EmailOptIn",
        "LifetimeValue",
        "Tags",
    ]
    reading = Reading(path.read_bytes(), columns=names)
    assert reading.columns == names
    assert reading.broken == []
    assert all(values[0].startswith("c1a7b0e0-") for _, values in reading.rows)
