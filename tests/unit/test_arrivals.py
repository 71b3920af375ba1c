"""Arrivals: files come in any order, twice, late or incomplete, and every snapshot sets off each export once."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from shared.domain.errors import SegmentUnreadable
from shared.usecases.segments.arrivals import ArrivalState
from tests.fakes_stores import START
from tests.inbox import SETTLE_S, Inbox

EXPORT_FOLDER = "CustomerInsights_abcd1234/BlobExport"
MANIFEST = f"{EXPORT_FOLDER}/model.json"
REAL_LAYOUTS = Path(__file__).parents[3] / "shared" / "data" / "layouts"


def partition(table: str, number: int, minute: str = "2022/10/27/1433") -> str:
    return f"{EXPORT_FOLDER}/{table}/{minute}/{table}_{number}.csv"


def manifest(*tables: list[str], has_header: bool = True, columns: tuple[str, ...] = ("Id", "EMail")) -> str:
    return json.dumps(
        {
            "name": "BlobExport",
            "entities": [
                {
                    "name": "table",
                    "attributes": [{"name": name, "dataType": "string"} for name in columns],
                    "partitions": [
                        {
                            "location": f"https://acct.blob.core.windows.net/anywhere/{name}",
                            "fileFormatSettings": {"columnHeaders": has_header},
                        }
                        for name in names
                    ],
                }
                for names in tables
            ],
        }
    )


def test_a_plain_file_is_a_snapshot_and_starts_the_exports_that_carry_its_segment():
    inbox = Inbox("vip", "other", "vip")
    arrival = inbox.upload("vip/march.csv")
    assert arrival.state is ArrivalState.COMPLETE
    assert {run.export_id for run in inbox.runs} == {"export-0", "export-2"}
    assert inbox.files_of("vip") == ["vip/march.csv"]


@pytest.mark.parametrize("name", ["a.csv", "vip/readme.md", "vip/_SUCCESS", "vip/model.json"])
def test_other_files_set_nothing_off(name):
    inbox = Inbox("vip")
    assert inbox.upload(name).state is ArrivalState.IGNORED
    assert inbox.runs == []


def test_a_notice_that_is_delivered_twice_starts_one_run():
    inbox = Inbox("vip")
    inbox.upload("vip/a.csv")
    inbox.clock.advance(3600)
    assert inbox.notice("vip/a.csv").state is ArrivalState.COMPLETE
    assert len(inbox.runs) == 1


def test_a_file_that_is_replaced_is_another_snapshot():
    inbox = Inbox("vip")
    inbox.upload("vip/a.csv")
    inbox.clock.advance(5)
    inbox.upload("vip/a.csv", "EMail\nb@example.com\n")
    assert len({run.segments[0].snapshot_id for run in inbox.runs}) == 2


def test_a_file_that_is_gone_when_the_notice_comes_is_ignored():
    inbox = Inbox("vip")
    assert inbox.notice("vip/a.csv").state is ArrivalState.IGNORED
    assert inbox.notice(MANIFEST).state is ArrivalState.IGNORED
    assert inbox.notice(partition("VIP", 1)).state is ArrivalState.IGNORED


def test_an_older_file_whose_notice_comes_late_does_not_take_the_place_of_a_newer_one():
    inbox = Inbox("vip")
    inbox.put("vip/old.csv", at=START)
    inbox.put("vip/new.csv", at=START + timedelta(seconds=1))
    inbox.notice("vip/new.csv")
    assert inbox.notice("vip/old.csv").state is ArrivalState.IGNORED
    assert inbox.files_of("vip") == ["vip/new.csv"]
    assert len(inbox.runs) == 1


def test_a_new_snapshot_forgets_how_many_people_the_old_one_had():
    inbox = Inbox()
    inbox.upload("vip/a.csv")
    inbox.stores.segments.change("vip", lambda segment: segment.model_copy(update={"profiles": 7}))
    inbox.notice("vip/a.csv")
    assert inbox.stores.segments.get("vip").record.profiles == 7
    inbox.clock.advance(1)
    inbox.upload("vip/a.csv", "EMail\n")
    assert inbox.stores.segments.get("vip").record.profiles is None


def test_the_same_name_from_another_folder_is_not_mixed_in_and_the_segment_says_so():
    inbox = Inbox("VIP")
    inbox.upload("VIP/a.csv")
    inbox.put(partition("VIP", 1))
    inbox.put(MANIFEST, manifest([partition("VIP", 1)]))
    assert inbox.notice(MANIFEST).state is ArrivalState.IGNORED
    segment = inbox.stores.segments.get("VIP").record
    assert segment.source == "VIP/"
    assert f"{EXPORT_FOLDER}/VIP/" in segment.warning
    assert len(inbox.runs) == 1


def test_a_manifest_that_comes_last_completes_the_snapshot():
    inbox = Inbox("VIP")
    one, two = partition("VIP", 1), partition("VIP", 2)
    assert inbox.upload(two).state is ArrivalState.SETTLING
    assert inbox.upload(one).state is ArrivalState.SETTLING
    assert inbox.upload(MANIFEST, manifest([two, one])).state is ArrivalState.COMPLETE
    inbox.settle()
    assert inbox.files_of("VIP") == [one, two]
    assert len(inbox.runs) == 1


def test_a_manifest_that_comes_first_waits_for_its_files():
    inbox = Inbox("VIP")
    one, two = partition("VIP", 1), partition("VIP", 2)
    assert inbox.upload(MANIFEST, manifest([one, two])).state is ArrivalState.IGNORED
    assert inbox.upload(one).state is ArrivalState.IGNORED
    inbox.upload(two)
    inbox.settle()
    assert inbox.files_of("VIP") == [one, two]
    assert len(inbox.runs) == 1


def test_partitions_are_read_in_the_order_of_their_numbers():
    inbox = Inbox("VIP")
    names = [partition("VIP", number) for number in (10, 2, 1)]
    for name in names:
        inbox.put(name)
    inbox.upload(MANIFEST, manifest(names))
    assert inbox.files_of("VIP") == [partition("VIP", 1), partition("VIP", 2), partition("VIP", 10)]


def test_the_manifest_tells_how_to_read_the_files():
    inbox = Inbox("VIP")
    inbox.put(partition("VIP", 1))
    inbox.upload(MANIFEST, manifest([partition("VIP", 1)], has_header=False))
    snapshot = inbox.stores.segments.get("VIP").record.snapshot
    assert (snapshot.columns, snapshot.has_header, snapshot.delimiter) == (("Id", "EMail"), False, ",")


def test_without_a_manifest_a_folder_is_complete_when_nothing_new_came_for_a_while():
    inbox = Inbox("VIP")
    first = inbox.upload(partition("VIP", 1))
    assert (first.state, first.wait_s) == (ArrivalState.SETTLING, SETTLE_S)
    inbox.clock.advance(SETTLE_S - 1)
    inbox.upload(partition("VIP", 2))
    inbox.clock.advance(1)
    assert inbox.notice(partition("VIP", 1)).wait_s == SETTLE_S - 1
    assert inbox.runs == []
    inbox.settle()
    assert inbox.files_of("VIP") == [partition("VIP", 1), partition("VIP", 2)]
    assert len(inbox.runs) == 1


def test_partitions_are_looked_at_again_soon_although_the_clock_is_days_behind_that_of_storage():
    inbox = Inbox("table")
    name = inbox.put(partition("table", 1), at=START + timedelta(days=3))
    assert inbox.notice(name).wait_s == SETTLE_S


def test_a_partition_that_comes_after_all_had_settled_makes_a_larger_snapshot():
    inbox = Inbox("VIP")
    inbox.upload(partition("VIP", 1))
    inbox.settle()
    inbox.upload(partition("VIP", 2))
    inbox.settle()
    assert inbox.files_of("VIP") == [partition("VIP", 1), partition("VIP", 2)]
    assert len(inbox.runs) == 2


def test_a_partition_of_an_older_minute_is_ignored():
    inbox = Inbox("VIP")
    old, new = partition("VIP", 1, "2022/10/26/1433"), partition("VIP", 1, "2022/10/27/1433")
    inbox.put(new)
    assert inbox.upload(old).state is ArrivalState.IGNORED
    inbox.notice(new)
    inbox.settle()
    assert inbox.files_of("VIP") == [new]
    assert len(inbox.runs) == 1


def test_a_partition_of_an_older_minute_than_the_manifest_names_is_ignored():
    inbox = Inbox("VIP")
    inbox.put(MANIFEST, manifest([partition("VIP", 1, "2022/10/27/1433")]))
    assert inbox.upload(partition("VIP", 1, "2022/10/26/1433")).state is ArrivalState.IGNORED


def test_files_that_are_newer_than_the_manifest_are_read_as_it_said_of_the_older_ones():
    inbox = Inbox("VIP")
    old, new = partition("VIP", 1, "2022/10/26/1433"), partition("VIP", 1, "2022/10/27/1433")
    inbox.put(old)
    inbox.upload(MANIFEST, manifest([old], has_header=False))
    inbox.clock.advance(86_400)
    inbox.upload(new)
    inbox.settle()
    snapshot = inbox.stores.segments.get("VIP").record.snapshot
    assert [file.name for file in snapshot.files] == [new]
    assert (snapshot.columns, snapshot.has_header) == (("Id", "EMail"), False)
    inbox.upload(MANIFEST, manifest([new], has_header=False))
    inbox.settle()
    assert len(inbox.runs) == 2


def test_a_first_manifest_that_comes_after_all_had_settled_makes_the_files_be_read_again():
    inbox = Inbox("VIP")
    inbox.upload(partition("VIP", 1), "1,a@example.com\n")
    inbox.settle()
    inbox.upload(MANIFEST, manifest([partition("VIP", 1)], has_header=False))
    inbox.settle()
    assert inbox.stores.segments.get("VIP").record.snapshot.has_header is False
    assert len(inbox.runs) == 2


def test_an_empty_file_that_a_manifest_names_is_refused():
    inbox = Inbox("VIP")
    inbox.put(MANIFEST, manifest([partition("VIP", 1)]))
    inbox.put(partition("VIP", 1), "")
    inbox.clock.advance(SETTLE_S)
    with pytest.raises(SegmentUnreadable):
        inbox.notice(partition("VIP", 1))
    assert inbox.runs == []


def test_one_bad_table_of_a_manifest_does_not_hold_up_the_others():
    inbox = Inbox("VIP", "Bad", "Late")
    inbox.put(partition("VIP", 1))
    inbox.put(partition("Bad", 1), "")
    arrival = inbox.upload(
        MANIFEST, manifest([partition("Bad", 1)], [partition("VIP", 1)], [partition("Late", 1)], [])
    )
    assert arrival.state is ArrivalState.COMPLETE
    assert [run.export_name for run in inbox.runs] == ["Export VIP"]


@pytest.mark.parametrize(
    "content", ["{", "", '{"entities": [{"partitions": [{"location": "/etc/passwd"}]}]}']
)
def test_a_manifest_that_cannot_be_used_is_refused_and_starts_nothing(content):
    inbox = Inbox("VIP")
    inbox.put(partition("VIP", 1))
    inbox.put(MANIFEST, content)
    for name in (MANIFEST, partition("VIP", 1)):
        with pytest.raises(SegmentUnreadable):
            inbox.notice(name)
    assert inbox.runs == []


def test_tables_of_one_manifest_are_segments_of_their_own():
    inbox = Inbox("VIP", "Churn")
    for table in ("VIP", "Churn"):
        inbox.put(partition(table, 1))
    inbox.upload(MANIFEST, manifest([partition("VIP", 1)], [partition("Churn", 1)]))
    assert {run.export_name for run in inbox.runs} == {"Export VIP", "Export Churn"}


UPLOADS = {
    partition("VIP", 1, "2022/10/26/1433"): "Id,EMail\n1,old@example.com\n",
    partition("VIP", 1): "Id,EMail\n1,a@example.com\n",
    partition("VIP", 2): "Id,EMail\n2,b@example.com\n",
    partition("Churn", 1): "Id,EMail\n2,b@example.com\n",
    MANIFEST: manifest([partition("VIP", 1), partition("VIP", 2)], [partition("Churn", 1)]),
    "plain/a.csv": "EMail\na@example.com\n",
}


@examples(max_examples=150)
@given(st.data())
def test_whatever_order_files_and_notices_come_in_every_snapshot_starts_each_export_once(data):
    inbox = Inbox("VIP", "VIP", "Churn", "plain")
    uploads = data.draw(st.permutations(list(UPLOADS)))
    repeats = data.draw(st.lists(st.sampled_from(uploads), max_size=8))
    for name in uploads:
        inbox.upload(name, UPLOADS[name])
        if repeats and repeats[-1] in inbox.blobs.files:
            inbox.notice(repeats.pop())
    inbox.settle()
    for name in data.draw(st.permutations(uploads)) + repeats:
        inbox.notice(name)
        inbox.settle()
    assert sorted(run.export_name for run in inbox.runs) == [
        "Export Churn",
        "Export VIP",
        "Export VIP",
        "Export plain",
    ]
    assert inbox.files_of("VIP") == [partition("VIP", 1), partition("VIP", 2)]


@examples(max_examples=100)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=15))
def test_any_sequence_of_notices_starts_one_run_per_export_and_newest_snapshot(notices):
    inbox = Inbox("vip", "vip")
    for number in range(5):
        inbox.put(f"vip/{number}.csv", at=START + timedelta(seconds=number))
    heard, newest = set(), -1
    for number in notices:
        inbox.notice(f"vip/{number}.csv")
        if number >= newest:
            newest = number
            heard.add(number)
    assert len(inbox.runs) == 2 * len(heard)
    assert inbox.files_of("vip") == [f"vip/{newest}.csv"]


@pytest.mark.skipif(not REAL_LAYOUTS.exists(), reason="the layouts are not on this machine")
@pytest.mark.parametrize("layout", ["ci-blob", "ci-blob-noheader"])
def test_recorded_layouts_arrive_in_any_order(layout):
    root = REAL_LAYOUTS / layout
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    newest = [name for name in names if "/2022/10/27/1433/" in name]
    for turn in range(len(names)):
        for order in (names[turn:] + names[:turn], (names[turn:] + names[:turn])[::-1]):
            inbox = Inbox("HighValueSegment")
            for name in order:
                inbox.upload(name, (root / name).read_bytes())
                inbox.notice(order[0])
            inbox.settle()
            for name in order:
                inbox.notice(name)
            assert inbox.files_of("HighValueSegment") == newest
            assert len(inbox.runs) == 1
            snapshot = inbox.stores.segments.get("HighValueSegment").record.snapshot
            assert snapshot.has_header is (layout == "ci-blob")
            assert snapshot.columns[3] == "EMail"


def test_what_a_manifest_says_of_the_header_counts_more_than_what_was_declared():
    inbox = Inbox("VIP")
    inbox.declare("VIP", "auto", "partial", has_header=True, delimiter=";")
    inbox.put(partition("VIP", 1))
    inbox.upload(MANIFEST, manifest([partition("VIP", 1)], has_header=False))
    snapshot = inbox.segment("VIP").snapshot
    assert (snapshot.has_header, snapshot.delimiter, snapshot.mode) == (False, ",", "partial")


def test_without_a_manifest_what_was_declared_of_the_header_counts():
    inbox = Inbox("VIP")
    inbox.declare("VIP", has_header=False, delimiter=";")
    inbox.upload(partition("VIP", 1), "1;a@example.com\n")
    inbox.settle()
    segment = inbox.segment("VIP")
    assert (segment.snapshot.has_header, segment.columns) == (False, ("column_1", "column_2"))


def test_a_table_that_cannot_be_used_leaves_its_reason_on_the_segment_until_a_good_one_comes():
    inbox = Inbox("VIP")
    old, new = partition("VIP", 1, "2022/10/26/1433"), partition("VIP", 1)
    inbox.put(old)
    inbox.upload(MANIFEST, manifest([old]))
    inbox.clock.advance(86_400)
    inbox.upload(MANIFEST, manifest([new, partition("VIP", 2)]))
    assert "2 of 2 files" in inbox.segment("VIP").warning
    inbox.put(new, "")
    inbox.put(partition("VIP", 2))
    inbox.clock.advance(SETTLE_S)
    inbox.notice(MANIFEST)
    assert new in inbox.segment("VIP").warning
    with pytest.raises(SegmentUnreadable):
        inbox.upload(MANIFEST, "{")
    assert MANIFEST in inbox.segment("VIP").warning
    inbox.put(new)
    inbox.upload(MANIFEST, manifest([new, partition("VIP", 2)]))
    assert inbox.segment("VIP").warning is None
    assert len(inbox.runs) == 2


def test_a_person_in_the_first_row_is_not_kept_as_names_of_columns():
    inbox = Inbox("vip")
    inbox.upload("vip/march.csv", "7,ana@example.com,Ana\n8,bo@example.com,Bo\n")
    segment = inbox.segment("vip")
    assert segment.columns is None
    assert "the first row holds a person" in segment.warning
    assert "ana" not in segment.model_dump_json()
