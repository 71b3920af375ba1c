"""Arrivals where something is declared: changes accumulate, Adobe's parts belong together."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from shared.domain.errors import SegmentUnreadable
from shared.domain.segment import SnapshotMode, SourceFormat
from shared.usecases.segments.arrivals import ArrivalState
from shared.usecases.segments.registrations import DELTA_WINDOW
from tests.fakes_stores import START
from tests.inbox import SETTLE_S, Inbox
from tests.source_examples import example

ADOBE = "vip/crm_segment7f2a_20260301080000"
MANIFEST = "vip/manifest-d0420d72-0ac8f3c0.json"
LINE = '{"IsAddRequest":true,"IdentityValues":{"email":"a@example.com"}}\n'


def test_what_is_declared_goes_into_the_snapshot():
    inbox = Inbox("vip")
    inbox.declare("vip", "census", "partial", delimiter="~", has_header=True)
    inbox.upload("vip/2026/03/01/a.csv", "EMail~First\na@example.com~Ana\n")
    segment = inbox.segment("vip")
    snapshot = segment.snapshot
    assert (snapshot.format, snapshot.mode) == (SourceFormat.CENSUS, SnapshotMode.PARTIAL)
    assert (snapshot.delimiter, snapshot.has_header) == ("~", True)
    assert segment.columns == ("EMail", "First")


def test_another_declaration_makes_another_snapshot_of_the_same_file():
    inbox = Inbox("vip")
    before = inbox.upload("vip/a.csv").snapshots[0]
    inbox.declare("vip", "auto", "partial")
    assert inbox.notice("vip/a.csv").snapshots[0].id != before.id
    assert inbox.segment("vip").snapshot.mode is SnapshotMode.PARTIAL


def test_changes_of_all_recent_files_make_up_a_snapshot():
    inbox = Inbox("vip")
    inbox.declare("vip", "auto", "delta")
    for number in range(3):
        inbox.upload(f"vip/{number}.csv")
        inbox.clock.advance(60)
    assert inbox.files_of("vip") == ["vip/0.csv", "vip/1.csv", "vip/2.csv"]
    assert inbox.segment("vip").snapshot.mode is SnapshotMode.DELTA
    assert len(inbox.runs) == 3


def test_the_newest_files_of_changes_count_and_not_more_than_the_window():
    inbox = Inbox()
    inbox.declare("vip", "auto", "delta")
    for number in range(DELTA_WINDOW + 3):
        inbox.put(f"vip/{number}.csv", at=START + timedelta(minutes=number))
    inbox.notice("vip/7.csv")
    assert len(inbox.files_of("vip")) == DELTA_WINDOW
    assert inbox.files_of("vip")[0] == "vip/3.csv"
    assert inbox.files_of("vip")[-1] == f"vip/{DELTA_WINDOW + 2}.csv"


@pytest.mark.parametrize(
    "names",
    [
        (
            "p_2026-02-28T23-59-59-999Z.csv",
            "p_2026-03-01T08-00-00-001Z.csv",
            "p_2026-03-01T08-00-00-020Z.csv",
        ),
        ("x_20260228235959.csv", "y_20260301080000.csv", "x_20260301080001.csv"),
        ("1772352000.b.csv", "1772352001.a.csv", "1772352010.a.csv"),
        ("b/2026/02/28/23/a.csv", "a/2026/03/01/08/b.csv", "a/2026/03/01/10/a.csv"),
        ("z.csv", "a.csv", "b_20260301080000.csv"),
    ],
)
def test_changes_are_in_the_order_of_their_stamps_or_else_of_their_arrival(names):
    inbox = Inbox()
    inbox.declare("vip", "auto", "delta")
    has_stamps = names[0] != "z.csv"
    for number, name in enumerate(reversed(names) if has_stamps else names):
        inbox.put(f"vip/{name}", at=START + timedelta(minutes=number))
    inbox.notice(f"vip/{names[1]}")
    assert inbox.files_of("vip") == [f"vip/{name}" for name in names]


@examples(max_examples=50)
@given(st.permutations(range(5)), st.lists(st.integers(0, 4), max_size=8))
def test_whatever_order_notices_come_in_the_changes_are_all_there(order, repeats):
    inbox = Inbox("vip")
    inbox.declare("vip", "mparticle")
    names = [f"vip/a_{number}.txt" for number in range(5)]
    for number in order:
        inbox.put(names[number], LINE, at=START + timedelta(minutes=number))
    for number in [*order, *repeats]:
        inbox.notice(names[number])
    assert inbox.files_of("vip") == names
    assert len(inbox.runs) == 1


def test_a_file_of_changes_that_was_removed_is_dropped_with_a_warning():
    inbox = Inbox("vip")
    inbox.declare("vip", "auto", "delta")
    for name in ("vip/1.csv", "vip/2.csv"):
        inbox.upload(name)
        inbox.clock.advance(60)
    inbox.remove("vip/1.csv")
    inbox.upload("vip/3.csv")
    assert inbox.files_of("vip") == ["vip/2.csv", "vip/3.csv"]
    assert "vip/1.csv" in inbox.segment("vip").warning
    inbox.clock.advance(60)
    inbox.upload("vip/4.csv")
    assert inbox.segment("vip").warning is None


def test_an_empty_file_of_changes_is_not_read():
    inbox = Inbox("vip")
    inbox.declare("vip", "auto", "delta")
    assert inbox.upload("vip/0.csv", "").state is ArrivalState.IGNORED
    inbox.upload("vip/1.csv")
    inbox.upload("vip/2.csv", "")
    assert inbox.files_of("vip") == ["vip/1.csv"]


def test_validation_files_of_mparticle_are_no_changes():
    inbox = Inbox("vip")
    inbox.declare("vip", "mparticle")
    inbox.put("vip/mparticle-validation-1.txt", "ok")
    inbox.put("vip/_SUCCESS", "ok")
    name, data = example("vip/Test-Audience")
    inbox.upload(name, data)
    assert inbox.files_of("vip") == [name]
    assert inbox.segment("vip").columns == ("email", "customer_id", "mpid", "MembershipChangedTimestamp")


def test_a_file_of_other_events_sets_nothing_off_and_is_no_fault():
    inbox = Inbox("vip")
    inbox.declare("vip", "segment")
    assert inbox.upload("vip/1.json", '{"type":"track"}\n').state is ArrivalState.IGNORED
    inbox.upload("vip/2.json", '{"type":"identify","userId":"a@example.com"}\n')
    inbox.clock.advance(60)
    assert inbox.upload("vip/3.json", '{"type":"page"}\n').state is ArrivalState.IGNORED
    assert len(inbox.runs) == 1
    assert inbox.segment("vip").warning is None


def test_columns_of_earlier_changes_stay_known():
    inbox = Inbox("vip")
    inbox.declare("vip", "segment")
    inbox.upload("vip/1.json", '{"type":"identify","traits":{"email":"a@example.com","city":"Iași"}}\n')
    inbox.clock.advance(60)
    inbox.upload("vip/2.json", '{"type":"identify","traits":{"email":"b@example.com","vip":true}}\n')
    segment = inbox.segment("vip")
    assert segment.columns == segment.snapshot.columns == ("email", "userId", "city", "vip")


@pytest.mark.parametrize("folder", ["IncrementalData/2026/03/01/08/Upserts", "FullData"])
def test_folders_of_changes_need_no_declaration(folder):
    inbox = Inbox("vip")
    inbox.upload(f"vip/{folder}/a.csv")
    inbox.upload(f"vip/{folder}/b.csv")
    assert inbox.segment("vip").snapshot.mode is SnapshotMode.DELTA
    assert len(inbox.files_of("vip")) == 2


def test_changes_stay_changes_whatever_is_declared():
    inbox = Inbox("vip")
    inbox.declare("vip", "auto", "full")
    inbox.upload("vip/IncrementalData/2026/03/01/08/Deletes/a.csv")
    assert inbox.segment("vip").snapshot.mode is SnapshotMode.DELTA


def test_parts_of_adobe_are_complete_when_the_files_of_the_manifest_are_there():
    inbox = Inbox("vip")
    inbox.declare("vip", "adobe")
    assert inbox.upload(*example(f"{ADOBE}.csv")).state is ArrivalState.SETTLING
    assert inbox.upload(*example(MANIFEST)).state is ArrivalState.IGNORED
    assert inbox.upload(*example(f"{ADOBE}_2.csv")).state is ArrivalState.COMPLETE
    inbox.settle()
    assert inbox.files_of("vip") == [f"{ADOBE}.csv", f"{ADOBE}_2.csv"]
    assert inbox.segment("vip").columns == ("person_name_firstName", "personalEmail_address")
    assert len(inbox.runs) == 1


@examples(max_examples=60)
@given(st.permutations([f"{ADOBE}.csv", f"{ADOBE}_2.csv", MANIFEST]), st.data())
def test_parts_of_adobe_set_off_one_run_in_whatever_order_they_come(order, data):
    inbox = Inbox("vip")
    inbox.declare("vip", "adobe")
    for name in order:
        inbox.upload(*example(name))
        inbox.clock.advance(data.draw(st.sampled_from([0, 1, SETTLE_S / 2])))
    inbox.settle()
    for name in order:
        inbox.notice(name)
    assert inbox.files_of("vip") == [f"{ADOBE}.csv", f"{ADOBE}_2.csv"]
    assert len(inbox.runs) == 1


def test_without_a_manifest_parts_of_adobe_are_complete_after_a_while():
    inbox = Inbox("vip")
    inbox.declare("vip", "adobe")
    inbox.upload(f"{ADOBE}.csv")
    inbox.upload(f"{ADOBE}_2.csv")
    assert inbox.runs == []
    inbox.settle()
    assert inbox.files_of("vip") == [f"{ADOBE}.csv", f"{ADOBE}_2.csv"]
    assert len(inbox.runs) == 1


def test_parts_of_another_export_of_adobe_are_not_mixed_in():
    inbox = Inbox("vip")
    inbox.declare("vip", "adobe")
    inbox.upload("vip/crm_segment7f2a_20260228080000_2.csv")
    inbox.settle()
    inbox.upload(f"{ADOBE}.csv")
    inbox.settle()
    assert inbox.files_of("vip") == [f"{ADOBE}.csv"]
    assert len(inbox.runs) == 2


def test_a_part_of_adobe_that_is_missing_is_waited_for_and_the_segment_says_so():
    inbox = Inbox("vip")
    inbox.declare("vip", "adobe")
    inbox.upload("vip/crm_segment7f2a_20260201080000.csv")
    inbox.settle()
    inbox.put(*example(f"{ADOBE}.csv"))
    assert inbox.upload(*example(MANIFEST)).state is ArrivalState.IGNORED
    assert "1 of 2 files" in inbox.segment("vip").warning
    inbox.upload(*example(f"{ADOBE}_2.csv"))
    inbox.settle()
    assert inbox.segment("vip").warning is None
    assert len(inbox.runs) == 2


def test_a_part_of_adobe_of_another_size_is_refused_and_the_segment_says_so():
    inbox = Inbox("vip")
    inbox.declare("vip", "adobe")
    inbox.upload("vip/crm_segment7f2a_20260201080000.csv")
    inbox.settle()
    inbox.put(f"{ADOBE}.csv", "EMail\n")
    inbox.put(f"{ADOBE}_2.csv")
    inbox.put(*example(MANIFEST))
    with pytest.raises(SegmentUnreadable) as raised:
        inbox.notice(MANIFEST)
    assert raised.value.reason == "file-incomplete"
    assert f"{ADOBE}.csv" in inbox.segment("vip").warning
    assert len(inbox.runs) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", "manifest-unreadable"),
        ("[]", "manifest-unreadable"),
        ('{"exportResults":[{"name":"a.csv"}]}', "manifest-unreadable"),
        ('{"exportResults":[{"name":"../b/a.csv","size":1}]}', "manifest-points-outside"),
        ('{"exportResults":[{"name":"","size":1}]}', "manifest-points-outside"),
    ],
)
def test_a_manifest_of_adobe_that_cannot_be_used_is_refused(content, code):
    inbox = Inbox("vip")
    inbox.declare("vip", "adobe")
    with pytest.raises(SegmentUnreadable) as raised:
        inbox.upload(MANIFEST, content)
    assert raised.value.reason == code


def test_without_a_declaration_a_manifest_of_adobe_means_nothing():
    inbox = Inbox("vip")
    assert inbox.upload(MANIFEST, "{").state is ArrivalState.IGNORED


def test_the_columns_are_known_before_any_run():
    inbox = Inbox()
    inbox.upload("vip/a.csv", 'EMail;"First Name"\na@example.com;Ana\nb@example.com;Ion\n')
    segment = inbox.segment("vip")
    assert (segment.columns, segment.rows, segment.profiles) == (("EMail", "First Name"), 2, None)


def test_rows_are_counted_only_when_no_export_will():
    inbox = Inbox("vip")
    inbox.upload("vip/a.csv")
    assert inbox.segment("vip").rows is None


def test_a_file_that_cannot_be_read_says_so_on_the_segment_and_lets_the_run_fail():
    inbox = Inbox("vip")
    inbox.upload("vip/a.csv", b"%PDF-1.7")
    segment = inbox.segment("vip")
    assert "vip/a.csv" in segment.warning
    assert segment.columns is None
    assert len(inbox.runs) == 1
    inbox.clock.advance(1)
    inbox.upload("vip/a.csv")
    assert inbox.segment("vip").warning is None
    assert inbox.segment("vip").columns == ("EMail",)


def test_rows_of_a_file_that_breaks_off_cannot_be_counted():
    inbox = Inbox()
    inbox.upload("vip/a.json", '[{"EMail":"a@example.com"},\n' + '{"EMail":"b@example.com"},\n' * 1_500)
    assert inbox.segment("vip").rows is None
    assert "ends in the middle" in inbox.segment("vip").warning
