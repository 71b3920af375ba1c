"""Staging: which people of a snapshot are to be sent, in which batches, and why the other rows are not."""

import gzip
from pathlib import Path

import duckdb
import orjson
import pytest

from shared.domain.destination import Stopped
from shared.domain.errors import SegmentUnreadable
from shared.domain.masking import spreadsheet_safe
from shared.pipeline import places
from shared.pipeline.rejects import RejectReason
from tests.staging_bench import StagingBench, as_csv

DUPLICATE = RejectReason.DUPLICATE


@pytest.fixture
def bench() -> StagingBench:
    return StagingBench()


def emails(count: int, start: int = 0) -> list[str]:
    return [f"person{number}@example.com" for number in range(start, start + count)]


def one_column(addresses: list[str]) -> str:
    return "EMail\n" + "".join(f"{address}\n" for address in addresses)


def test_everybody_is_new_when_there_is_no_ledger(bench):
    staged = bench.stage({"vip/a.csv": "EMail,First\nana@example.com,Ana\nion@example.com,Ion\n"})
    assert [person.email for person in bench.people(staged)] == ["ana@example.com", "ion@example.com"]
    assert all(person.joins for person in bench.people(staged))
    assert (staged.counts.rows, staged.counts.profiles, staged.counts.new) == (2, 2, 2)
    assert bench.rejects(staged) == []


def test_the_first_row_of_an_address_wins_and_the_others_are_rejected_with_their_lines(bench):
    staged = bench.stage(
        {
            "vip/a_1.csv": "EMail,First\nana@example.com,Ana\nANA@Example.com ,Later\n",
            "vip/a_2.csv": "First,EMail\nElsewhere,ana@example.com\n",
        },
        fields={"FirstName": "First"},
    )
    [ana] = bench.people(staged)
    assert orjson.loads(ana.body) == {"Email": "ana@example.com", "FirstName": "Ana"}
    assert ana.origin == (0, 2)
    assert bench.rejects(staged) == [
        ["vip", "vip/a_1.csv", "3", "EMail", DUPLICATE, "a***@example.com"],
        ["vip", "vip/a_2.csv", "2", "EMail", DUPLICATE, "a***@example.com"],
    ]
    assert staged.rejected == {DUPLICATE: 2}
    assert staged.counts.rows == 3


def test_rows_without_a_usable_address_are_rejected_and_the_rest_goes_on(bench):
    staged = bench.stage({"vip/a.csv": "EMail,First\n,Ana\nnot-an-address,Ion\nok@example.com,Eva\n"})
    assert [person.email for person in bench.people(staged)] == ["ok@example.com"]
    assert bench.rejects(staged) == [
        ["vip", "vip/a.csv", "2", "EMail", "email_blank", ""],
        ["vip", "vip/a.csv", "3", "EMail", "email_no_at_sign", "no***"],
    ]


def test_a_row_that_cannot_be_read_is_a_reject_and_counts_as_a_row(bench):
    staged = bench.stage(
        {"vip/a.csv": b"EMail,First\na@example.com,A\nb@example.com,B,extra\nc@example.com,\x00\n"}
    )
    assert [person.email for person in bench.people(staged)] == ["a@example.com"]
    assert [(line, reason) for _, _, line, _, reason, _ in bench.rejects(staged)] == [
        ("3", "too_many_fields"),
        ("4", "nul_byte"),
    ]
    assert (staged.counts.rows, staged.counts.profiles) == (3, 1)


def test_people_are_cut_into_batches_and_chunks_in_the_order_of_the_file(bench):
    addresses = emails(1_234)
    staged = bench.stage({"vip/a.csv": one_column(addresses)}, batch_size=100, batches_per_chunk=5)
    chunks = bench.chunks(staged)
    assert [[len(batch) for batch in chunk] for chunk in chunks] == [[100] * 5, [100] * 5, [100, 100, 34]]
    assert [person.email for person in bench.people(staged)] == addresses


def test_only_new_and_changed_people_are_sent(bench):
    before = [["EMail", "First"], ["ana@example.com", "Ana"], ["ion@example.com", "Ion"]]
    bench.accept(bench.people(bench.stage({"vip/a.csv": as_csv(before)}, fields={"FirstName": "First"})))
    after = [
        ["EMail", "First"],
        ["eva@example.com", "Eva"],
        ["ion@example.com", "Iosif"],
        ["ana@example.com", "Ana"],
    ]
    staged = bench.stage({"vip/a.csv": as_csv(after)}, fields={"FirstName": "First"})
    assert [(person.email, person.joins) for person in bench.people(staged)] == [
        ("eva@example.com", True),
        ("ion@example.com", False),
    ]
    assert (staged.counts.new, staged.counts.changed, staged.counts.unchanged) == (1, 1, 1)


def test_a_full_run_sends_everybody_again(bench):
    file = {"vip/a.csv": one_column(emails(3))}
    bench.accept(bench.people(bench.stage(file)))
    staged = bench.stage(file, full=True)
    assert [(person.email, person.joins) for person in bench.people(staged)] == [
        (address, True) for address in emails(3)
    ]
    assert (staged.counts.to_send, staged.counts.unchanged) == (3, 0)


def test_columns_that_are_not_mapped_do_not_make_a_change(bench):
    bench.accept(bench.people(bench.stage({"vip/a.csv": "EMail,Seen\nana@example.com,monday\n"})))
    staged = bench.stage({"vip/a.csv": "EMail,Seen\nana@example.com,tuesday\n"})
    assert staged.counts.unchanged == 1
    assert staged.chunks == 0


def test_at_the_limit_everybody_is_sent(bench):
    staged = bench.stage({"vip/a.csv": one_column(emails(50))}, max_profiles=50)
    assert len(bench.people(staged)) == 50


def test_over_the_limit_nobody_is_sent_and_the_true_number_is_told(bench):
    staged = bench.stage({"vip/a.csv": one_column(emails(51) + emails(10))}, max_profiles=50)
    assert staged.chunks == 0
    assert (staged.counts.rows, staged.counts.profiles) == (61, 51)
    assert [name for name in bench.state.names(staged.folder) if "chunk" in name] == []


@pytest.mark.parametrize("mapped", [0, 1, 2, 40])
def test_any_number_of_columns_can_be_mapped(bench, mapped):
    columns = [f"column {number}" for number in range(40)]
    rows = [["EMail", *columns], ["ana@example.com", *(f"value {number}" for number in range(40))]]
    fields = {f"field {number}": columns[number] for number in reversed(range(mapped))}
    [ana] = bench.people(bench.stage({"vip/a.csv": as_csv(rows)}, fields=fields))
    expected = {f"field {number}": f"value {number}" for number in range(mapped)}
    assert orjson.loads(ana.body) == {"Email": "ana@example.com", **expected}


def test_one_column_may_fill_several_fields_and_be_the_address_too(bench):
    [ana] = bench.people(
        bench.stage({"vip/a.csv": "EMail\nAna@example.com\n"}, fields={"One": "EMail", "Two": "EMail"})
    )
    assert orjson.loads(ana.body) == {
        "Email": "ana@example.com",
        "One": "Ana@example.com",
        "Two": "Ana@example.com",
    }


def test_every_file_has_its_own_order_of_columns(bench):
    staged = bench.stage(
        {
            "vip/a_1.csv": "EMail,First\nana@example.com,Ana\n",
            "vip/a_2.csv": "First,EMail\nIon,ion@example.com\n",
        },
        fields={"FirstName": "First"},
    )
    assert [orjson.loads(person.body)["FirstName"] for person in bench.people(staged)] == ["Ana", "Ion"]
    assert [person.origin for person in bench.people(staged)] == [(0, 2), (1, 2)]


@pytest.mark.parametrize("header", ["EMAIL", "email", " EMail ", "\ufeffEMail"])
def test_the_case_of_a_column_and_spaces_around_it_are_forgiven(bench, header):
    staged = bench.stage({"vip/a.csv": f"Id,{header}\n1,ana@example.com\n"})
    assert len(bench.people(staged)) == 1


def test_spaces_in_the_mapping_are_forgiven_too(bench):
    staged = bench.stage({"vip/a.csv": "Id,EMail\n1,ana@example.com\n"}, email_column=" email ")
    assert len(bench.people(staged)) == 1


def test_an_exact_name_goes_before_one_that_is_alike(bench):
    file = '{"email": "lower@example.com", "EMail": "exact@example.com"}\n'
    [person] = bench.people(bench.stage({"vip/a.jsonl": file}))
    assert person.email == "exact@example.com"


@pytest.mark.parametrize(
    ("email_column", "fields", "missing"),
    [("Address", {}, "Address"), ("EMail", {"FirstName": "Vorname"}, "Vorname")],
)
def test_a_missing_column_is_named_with_those_that_are_there(bench, email_column, fields, missing):
    with pytest.raises(SegmentUnreadable) as raised:
        bench.stage(
            {"vip/a.csv": "Id,EMail,First\n1,a@example.com,A\n"}, email_column=email_column, fields=fields
        )
    assert raised.value.reason == "column-missing"
    assert f"'{missing}'" in raised.value.message
    assert "vip/a.csv" in raised.value.message
    assert "Id, EMail, First" in raised.value.remedy


def test_a_file_without_names_of_columns_is_told_without_the_person_in_its_first_row(bench):
    with pytest.raises(SegmentUnreadable) as raised:
        bench.stage({"vip/a.csv": "7,ana@example.com,Ana,Cluj\n8,bo@example.com,Bo,Iasi\n"})
    assert raised.value.reason == "column-missing"
    told = f"{raised.value.message} {raised.value.remedy}"
    assert "the first row holds a person" in told
    assert not [each for each in ("ana", "Ana", "example.com", "Cluj") if each in told]


def test_a_header_without_rows_is_a_segment_without_people(bench):
    staged = bench.stage({"vip/a.csv": "EMail,First\n"}, fields={"FirstName": "First"})
    assert (staged.counts.rows, staged.counts.profiles, staged.chunks) == (0, 0, 0)
    assert bench.rejects(staged) == []


def test_a_partition_without_rows_does_no_harm(bench):
    staged = bench.stage({"vip/a_1.csv": "EMail\n", "vip/a_2.csv": "EMail\nana@example.com\n"})
    assert len(bench.people(staged)) == 1


def test_an_empty_partition_is_refused_by_its_name(bench):
    with pytest.raises(SegmentUnreadable) as raised:
        bench.stage({"vip/a_1.csv": "EMail\nana@example.com\n", "vip/a_2.csv": ""})
    assert raised.value.reason == "empty-file"
    assert "vip/a_2.csv" in raised.value.message


def test_a_partition_that_is_gone_is_refused_by_its_name(bench):
    def remove_the_second(_rows: int) -> None:
        bench.segments.files.pop("vip/a_2.csv", None)

    big = one_column(emails(60_000))
    with pytest.raises(SegmentUnreadable) as raised:
        bench.stage(
            {"vip/a_1.csv": big, "vip/a_2.csv": one_column(["ion@example.com"])},
            on_progress=remove_the_second,
        )
    assert "vip/a_2.csv" in raised.value.message


def test_damage_in_the_middle_of_a_file_is_told_with_its_name(bench):
    whole = gzip.compress(one_column(emails(5_000)).encode())
    with pytest.raises(SegmentUnreadable) as raised:
        bench.stage({"vip/a.csv.gz": whole[: len(whole) // 2]})
    assert raised.value.reason == "gzip-truncated"
    assert "vip/a.csv.gz" in raised.value.message


@pytest.mark.parametrize(
    "value",
    [
        "a\tb",
        'a "b" c',
        "a\nb",
        "🎉 é ß",
        "=cmd|' /C calc'!A0",
        "\\",
        "\\t",
        "\u2028x\x85",
        "NULL",
        "\x1b[0m",
        "'",
    ],
)
def test_values_arrive_as_they_are(bench, value):
    rows = [["EMail", "First"], ["ana@example.com", value], ["ion@example.com", "Ion"]]
    staged = bench.stage({"vip/a.csv": as_csv(rows)}, fields={"FirstName": "First"}, delimiter=",")
    assert [orjson.loads(person.body)["FirstName"] for person in bench.people(staged)] == [value, "Ion"]


def test_a_long_value_goes_through_and_too_much_of_one_person_is_a_reject(bench):
    long = "é" * 30_000
    rows = [
        ["EMail", "First"],
        ["ana@example.com", long],
        ["ion@example.com", "Ion"],
        ["eva@example.com", long * 2],
    ]
    staged = bench.stage({"vip/a.csv": as_csv(rows)}, fields={"field": "First"}, delimiter=",")
    ana, ion = bench.people(staged)
    assert orjson.loads(ana.body)["field"] == long
    assert orjson.loads(ion.body)["field"] == "Ion"
    assert staged.rejected == {"line_too_long": 1}
    assert staged.counts.rows == 3


def test_values_that_do_not_cast_are_counted_and_the_person_is_sent(bench):
    rows = [["EMail", "First"], ["ana@example.com", "?"], ["ion@example.com", "?"]]
    staged = bench.stage({"vip/a.csv": as_csv(rows)}, fields={"FirstName": "First"})
    assert staged.dropped_values == {"First": 2}
    assert len(bench.people(staged)) == 2


@pytest.mark.parametrize(
    "value", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1+1", "\n=1"]
)
def test_rejects_are_safe_to_open_in_a_spreadsheet(bench, value):
    rows = [["=Mail", "First"], [value, "x"]]
    name = "vip/-a.csv"
    staged = bench.stage({name: as_csv(rows)}, email_column="=Mail", delimiter=",")
    for row in bench.rejects(staged):
        for cell in row:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.parametrize("start", "=+-@\t\r\n")
def test_no_text_that_a_spreadsheet_would_compute_stays_bare(start):
    assert spreadsheet_safe(f"{start}1+1").startswith("'")


def test_jsonl_and_parquet_give_the_same_people_as_csv(bench, tmp_path):
    rows = [
        ("ana@example.com", "Ana"),
        ("ion@example.com", None),
        ("ana@example.com", "Twice"),
        ("nobody", "No"),
    ]
    jsonl = "".join(orjson.dumps({"EMail": email, "First": first}).decode() + "\n" for email, first in rows)
    parquet: Path = tmp_path / "a.parquet"
    database = duckdb.connect()
    database.execute("create table people (EMail varchar, First varchar)")
    database.executemany("insert into people values (?, ?)", rows)
    database.execute(f"copy people to '{parquet}' (format parquet)")
    text = as_csv([("EMail", "First"), *((email, first or "") for email, first in rows)])
    fields = {"FirstName": "First"}
    of_csv, of_jsonl, of_parquet = (
        StagingBench().stage({name: content}, fields=fields)
        for name, content in (("a.csv", text), ("a.jsonl", jsonl), ("a.parquet", parquet.read_bytes()))
    )
    assert of_csv.counts == of_jsonl.counts == of_parquet.counts
    assert (
        of_csv.rejected == of_jsonl.rejected == of_parquet.rejected == {DUPLICATE: 1, "email_no_at_sign": 1}
    )


def test_files_of_different_formats_make_up_one_snapshot(bench):
    staged = bench.stage(
        {
            "vip/a.csv": "EMail,First\nana@example.com,Ana\n",
            "vip/b.jsonl": '{"EMail": "ion@example.com", "First": 7}\n{"EMail": null, "First": 1}\n',
        },
        fields={"FirstName": "First"},
    )
    assert [orjson.loads(person.body)["FirstName"] for person in bench.people(staged)] == ["Ana", "7"]
    assert staged.rejected == {"email_blank": 1}


def test_a_file_without_header_is_read_by_the_columns_of_its_manifest(bench):
    staged = bench.stage(
        {"vip/a.csv": "1,ana@example.com\n2,ion@example.com\n"}, columns=("Id", "EMail"), has_header=False
    )
    assert [person.origin for person in bench.people(staged)] == [(0, 1), (0, 2)]


def test_progress_is_told_and_may_stop_the_work(bench):
    heard = []

    def stop_at_once(rows: int) -> None:
        heard.append(rows)
        raise Stopped

    with pytest.raises(Stopped):
        bench.stage({"vip/a.csv": one_column(emails(120_000))}, on_progress=stop_at_once)
    assert heard == [50_000]


def test_progress_is_told_also_when_no_row_can_be_used(bench):
    heard = []
    bench.stage({"vip/a.csv": "EMail,First\n" + "x\n" * 120_000}, on_progress=heard.append)
    assert len(heard) == 2


def test_three_hundred_thousand_rows_are_staged_within_64_mb_of_database_memory(bench):
    addresses = emails(200_000) + emails(100_000, start=100_000)
    staged = bench.stage({"vip/a.csv": one_column(addresses)}, max_profiles=1_000_000, memory_mb=64)
    assert (staged.counts.rows, staged.counts.profiles) == (300_000, 200_000)
    assert staged.rejected == {DUPLICATE: 100_000}
    assert [person.email for person in bench.people(staged)] == emails(200_000)
    bench.accept(bench.people(staged))
    again = bench.stage({"vip/a.csv": one_column(addresses)}, max_profiles=1_000_000, memory_mb=64)
    assert (again.counts.unchanged, again.chunks) == (200_000, 0)


def test_the_ledger_is_left_as_it_was_by_staging(bench):
    bench.accept(bench.people(bench.stage({"vip/a.csv": one_column(emails(3))})))
    before = bench.ledger()
    bench.stage({"vip/a.csv": one_column(emails(10))})
    assert bench.ledger() == before


def test_every_attempt_at_staging_keeps_to_its_own_folder(bench):
    first = bench.stage({"vip/a.csv": one_column(emails(2))})
    people = bench.people(first)
    second = bench.stage({"vip/a.csv": one_column(emails(5))})
    assert first.folder != second.folder
    assert bench.people(first) == people


def test_the_people_of_a_segment_are_kept_for_counting_them_over_segments(bench, tmp_path):
    staged = bench.stage({"vip/a.csv": one_column(emails(3) + emails(3))}, max_profiles=1)
    path = tmp_path / "profiles.parquet"
    bench.state.download(places.staged_profiles(staged.folder), path)
    found = duckdb.execute(f"select email from read_parquet('{path}') order by email").fetchall()
    assert [email for (email,) in found] == emails(3)


def test_a_zero_character_in_a_value_goes_through_and_in_an_address_makes_a_reject(bench):
    file = '{"EMail": "ana@example.com", "First": "A\\u0000na"}\n{"EMail": "\\u0000i\\u0000on@example.com"}\n'
    staged = bench.stage({"vip/a.jsonl": file}, fields={"FirstName": "First"})
    [ana] = bench.people(staged)
    assert orjson.loads(ana.body)["FirstName"] == "A\0na"
    assert [(line, reason) for _, _, line, _, reason, _ in bench.rejects(staged)] == [
        ("2", "email_hidden_character")
    ]


def test_addresses_in_other_scripts_are_compared_as_they_are_sent(bench):
    decomposed, composed = "jose\u0301@example.com", "josé@example.com"
    staged = bench.stage({"vip/a.csv": one_column([decomposed, composed, "用户@例子.中国"])})
    assert [person.email for person in bench.people(staged)] == [composed, "用户@例子.中国"]
    bench.accept(bench.people(staged))
    assert bench.stage({"vip/a.csv": one_column([composed])}).counts.unchanged == 1


def test_rejects_are_listed_up_to_a_limit_and_all_are_counted(bench):
    staged = bench.stage(
        {"vip/a.csv": "EMail\n" + "x\n" * 1_200 + "\n".join(["ana@example.com"] * 801)},
        max_listed_bytes=10_000,
    )
    size = len(bench.state.read(places.staged_rejects(staged.folder)))
    assert 10_000 <= size < 10_100
    listed = bench.rejects(staged)
    assert [row[2] for row in listed] == [str(line) for line in range(2, len(listed) + 2)]
    assert staged.rejected == {"email_no_at_sign": 1_200, DUPLICATE: 800}
    assert staged.warnings == (
        f"Only the first {len(listed)} rejects of the segment 'vip' are listed; all are counted.",
    )
    assert [person.email for person in bench.people(staged)] == ["ana@example.com"]


def test_the_limit_of_rejects_is_one_of_bytes(bench):
    staged = bench.stage({"vip/ă.csv": "EMail\n" + "ăăă\n" * 500}, max_listed_bytes=5_000)
    assert 5_000 <= len(bench.state.read(places.staged_rejects(staged.folder))) < 5_100


def test_of_rejects_that_are_all_listed_nothing_is_said(bench):
    assert bench.stage({"vip/a.csv": "EMail\n" + "x\n" * 1_000}).warnings == ()
