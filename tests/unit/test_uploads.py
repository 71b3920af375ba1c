"""Uploads through the app: who may, what names files get, and how blocks become a file."""

import json
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.access import Principal, Role
from shared.domain.errors import Conflict, Forbidden, Invalid
from shared.pipeline.journal import Journal
from shared.pipeline.layouts import PlainFile, classify
from shared.usecases.segments.upload_names import KEPT_FOR, new_upload_name, segment_of_upload
from shared.usecases.segments.uploads import BLOCK_BYTES, Upload, Uploads
from tests.fakes import MemoryBlobs, MemoryUploads
from tests.fakes_stores import START
from tests.inbox import Inbox

ADA = Principal("Ada", Role.ADMINISTRATOR)
CARL = Principal("Carl", Role.CONTRIBUTOR)
VERA = Principal("Vera", Role.VIEWER)
FULL = b"x" * BLOCK_BYTES
NAME = "vip/20260301T080000Z-abcdefghijkm-people.csv"


class Desk:
    """The use cases over an inbox. ``max_file_mb`` is the largest file that can be read."""

    def __init__(self, max_file_mb: int = 12) -> None:
        self.inbox, self.files, self._logs = Inbox(), MemoryUploads(), MemoryBlobs()
        journal = Journal(self._logs, self.inbox.clock)
        self.uploads = Uploads(
            self.inbox.stores, self.files, journal, self.inbox.clock, max_file_mb=max_file_mb
        )

    @property
    def audit(self) -> list[tuple[object, ...]]:
        entries = map(json.loads, b"".join(self._logs.blobs.values()).splitlines())
        shown = ("action", "subject", "result", "size_bytes", "code")
        return [tuple(entry.get(field) for field in shown) for entry in entries]

    def begin(
        self, size_bytes: int = 3, *, segment: str = "vip", file: str = "people.csv", who: Principal = CARL
    ) -> Upload:
        return self.uploads.begin(segment, file, size_bytes, who)


@pytest.mark.parametrize("who", [CARL, ADA])
def test_a_file_in_blocks_arrives_when_it_is_finished(who):
    desk = Desk()
    upload = desk.begin(2 * BLOCK_BYTES + 3, who=who)
    assert (upload.block_size_bytes, upload.blocks) == (BLOCK_BYTES, 3)

    for number, data in ((2, b"end"), (0, b"half"), (1, FULL), (0, FULL)):
        desk.uploads.add_block(upload.name, number, data, who)
    assert desk.files.written == {}
    desk.uploads.finish(upload.name, 3, who)

    assert desk.files.written == {upload.name: FULL + FULL + b"end"}
    assert desk.inbox.put(upload.name, desk.files.written[upload.name])
    size = 2 * BLOCK_BYTES + 3
    assert desk.audit == [
        ("upload.begin", "vip", "done", size, None),
        ("upload.finish", "vip", "done", size, None),
    ]


def test_an_uploaded_file_becomes_a_snapshot_of_its_segment():
    desk = Desk()
    name = desk.uploads.put("vip", "people.csv", b"EMail\na@example.com\n", CARL)
    assert desk.audit == [("upload.put", "vip", "done", 20, None)]

    arrival = desk.inbox.upload(name, desk.files.written[name])

    assert [snapshot.segment for snapshot in arrival.snapshots] == ["vip"]
    assert desk.inbox.segment("vip").source == "vip/"


def test_a_later_upload_of_changes_comes_after_an_earlier_one():
    desk = Desk()
    desk.inbox.declare("vip", mode="delta")
    names = []
    for content in ("EMail\na@example.com\n", "EMail\nb@example.com\n"):
        names.append(desk.uploads.put("vip", "changes.csv", content.encode(), CARL))
        desk.inbox.upload(names[-1], content)
        desk.inbox.clock.advance(60)
    assert desk.inbox.files_of("vip") == names


@pytest.mark.parametrize(
    "act",
    [
        lambda desk: desk.begin(who=VERA),
        lambda desk: desk.uploads.add_block(NAME, 0, b"x", VERA),
        lambda desk: desk.uploads.finish(NAME, 1, VERA),
        lambda desk: desk.uploads.put("vip", "people.csv", b"x", VERA),
    ],
    ids=["begin", "add_block", "finish", "put"],
)
def test_viewers_upload_nothing(act):
    desk = Desk()
    desk.files.stage_block(NAME, "00000", b"x")
    with pytest.raises(Forbidden):
        act(desk)
    assert desk.files.written == {}
    assert desk.files.waiting == {NAME: {"00000": b"x"}}


def test_refused_uploads_are_in_the_audit_log():
    desk = Desk()
    for act in (
        lambda: desk.begin(who=VERA),
        lambda: desk.begin(file="people.xlsx"),
        lambda: desk.uploads.finish(NAME, 1, CARL),
    ):
        with pytest.raises((Forbidden, Invalid)):
            act()
    assert desk.audit == [
        ("upload.begin", "vip", "refused", None, "forbidden"),
        ("upload.begin", "vip", "refused", 3, "file-name"),
        ("upload.finish", "vip", "refused", None, "upload-incomplete"),
    ]


@pytest.mark.parametrize(
    ("file", "cleaned"),
    [
        ("people.csv", "people.csv"),
        ("People 2026 (final).CSV", "People_2026_final_.CSV"),
        (r"C:\fakepath\people.csv", "people.csv"),
        ("../../other/people.csv", "people.csv"),
        ("a%2F..%2Fpeople.csv", "a_2F.._2Fpeople.csv"),
        ("\u202evsc.people.csv", "vsc.people.csv"),
        ("campaña año 2026.csv.gz", "campaña_año_2026.csv.gz"),
        ("客户.parquet", "客户.parquet"),
        ("<img onerror=alert(1)>.jsonl", "img_onerror_alert_1_.jsonl"),
        ("_part-0.csv", "part-0.csv"),
        (".hidden.csv", "hidden.csv"),
        ("a\tb\n.csv", "a_b_.csv"),
        ("x" * 10_000 + ".ndjson.gz", "x" * 90 + ".ndjson.gz"),
        ("ana@example.com.csv", "ana_example.com.csv"),
    ],
)
def test_a_file_keeps_of_its_name_what_is_safe(file, cleaned):
    assert new_upload_name("vip", file, START).removeprefix("vip/")[30:] == cleaned


@pytest.mark.parametrize(
    "file",
    [
        "",
        ".",
        "..",
        ".csv",
        "people",
        "people.xlsx",
        "people.csv.exe",
        "people.csv/",
        "model.json",
        "../model.json",
        "manifest.json",
        "manifest-1-2.json",
        "default.manifest.cdm.json",
        "_SUCCESS",
        "dummy-object.txt",
        "mparticle_validation.txt",
    ],
)
def test_a_file_that_would_not_be_read_as_people_is_refused_with_what_would_be(file):
    with pytest.raises(Invalid) as raised:
        new_upload_name("vip", file, START)
    assert raised.value.reason == "file-name"
    assert raised.value.errors[0]["pointer"] == "/file_name"
    assert ".parquet" in raised.value.remedy


@pytest.mark.parametrize(
    "segment",
    [
        "",
        ".",
        "..",
        "vip.",
        "a/b",
        "a\\b",
        " vip",
        "vip ",
        "a\tb",
        "a\nb",
        "a\x7fb",
        "a\x85b",
        "a\u202eb",
        "a\u200fb",
        "a\u2066b",
        "a\u2028b",
        "a\ud800b",
        "a\uffffb",
        "%2e%2e",
        "a%2Fb",
        "x" * 501,
        "👻" * 500,
        "CustomerInsights_abcd1234",
    ],
)
def test_a_segment_that_could_not_be_or_mislead_is_refused_with_a_remedy(segment):
    desk = Desk()
    with pytest.raises(Invalid) as raised:
        desk.begin(segment=segment)
    assert raised.value.reason == "segment-name"
    assert raised.value.errors[0]["pointer"] == "/segment"
    assert raised.value.remedy
    with pytest.raises(Invalid):
        desk.uploads.put(segment, "people.csv", b"x", CARL)
    with pytest.raises(Invalid):
        desk.uploads.add_block(f"{segment}/{NAME.partition('/')[2]}", 0, b"x", CARL)
    assert (desk.files.written, desk.files.waiting) == ({}, {})


@pytest.mark.parametrize(
    "segment",
    ["vip", "Clienți fideli", "50% off", "مرحبا", "=cmd|' C'!A0", "👨‍👩‍👧", "<b>", "?#&", "x" * 500],
)
def test_odd_names_of_segments_are_taken(segment):
    name = new_upload_name(segment, "people.csv", START)
    assert segment_of_upload(name, START) == segment


@pytest.mark.parametrize(
    "name",
    [
        "",
        "vip",
        "vip/people.csv",
        "people.csv",
        "vip/20260301T080000Z-abcdefghijkm-",
        "vip/20260301T080000Z-abcdefghijkm-people.xlsx",
        "vip/20260301T080000Z-abcdefghijkm-model.json",
        "vip/20260301T080000Z-abcdefghijkm-a b.csv",
        "vip/20260301T080000Z-abcdefghijkm-../x.csv",
        "vip/20260301T080000Z-abcdefghijkm-a/b.csv",
        "vip/20260301T080000Z-abcdefghijkl-people.csv",
        "vip/20260301T080000Z-ABCDEFGHIJKM-people.csv",
        "vip/20260301T080000Z-abc-people.csv",
        "vip/20261301T080000Z-abcdefghijkm-people.csv",
        "vip/2026031T0080000Z-abcdefghijkm-people.csv",
        "vip/٢٠٢٦0301T080000Z-abcdefghijkm-people.csv",
        "vip/20260301T080000Z-abcdefghijkm-people.csv\n",
        "/20260301T080000Z-abcdefghijkm-people.csv",
        "../20260301T080000Z-abcdefghijkm-people.csv",
        "vip/../20260301T080000Z-abcdefghijkm-people.csv",
        "vip/sub/20260301T080000Z-abcdefghijkm-people.csv",
        "CustomerInsights_abcd/20260301T080000Z-abcdefghijkm-people.csv",
    ],
)
def test_no_other_files_can_be_written(name):
    desk = Desk()
    with pytest.raises(Invalid):
        desk.uploads.add_block(name, 0, b"x", ADA)
    desk.files.stage_block(name, "00000", b"x")
    with pytest.raises(Invalid):
        desk.uploads.finish(name, 1, ADA)
    assert desk.files.written == {}


@pytest.mark.parametrize(
    ("age", "is_taken"),
    [
        (timedelta(), True),
        (KEPT_FOR, True),
        (KEPT_FOR + timedelta(seconds=1), False),
        (-timedelta(minutes=4), True),
        (-timedelta(minutes=6), False),
    ],
)
def test_a_name_can_be_used_as_long_as_its_blocks_are_kept(age: timedelta, is_taken: bool):
    desk = Desk()
    name = desk.begin().name
    desk.inbox.clock.now += age
    if is_taken:
        desk.uploads.add_block(name, 0, b"abc", CARL)
        desk.uploads.finish(name, 1, CARL)
    else:
        with pytest.raises(Invalid):
            desk.uploads.add_block(name, 0, b"abc", CARL)
        with pytest.raises(Invalid):
            desk.uploads.finish(name, 1, CARL)
    assert (name in desk.files.written) is is_taken


@given(st.text(), st.text(), st.sampled_from([".csv", ".CSV.gz", ".json", ".parquet", ".exe", ""]))
@example("vip", "manifest-1", ".json")
@example("vip", "a" * 79 + "_" * 30, ".csv")
@example("%41", "x", ".csv")
def test_whatever_is_given_the_name_is_that_of_a_plain_file_of_the_segment_or_refused(segment, stem, ending):
    try:
        name = new_upload_name(segment, stem + ending, START)
    except Invalid:
        return
    assert classify(name) == PlainFile(segment, name)
    assert segment_of_upload(name, START) == segment
    file = name.removeprefix(f"{segment}/")
    assert len(name.encode("utf-16-le")) <= 2 * 1024
    assert not set(file) & set("/\\%?#\"'<>:*| @")
    assert file.isprintable()
    assert not {".", ".."} & set(name.split("/"))


@given(st.text(), st.text())
@example("vip", "20260301T080000Z-abcdefghijkm-a.csv")
@example("..", "20260301T080000Z-abcdefghijkm-a.csv")
def test_whatever_name_is_taken_it_is_one_that_was_clean_from_the_beginning(segment, file):
    name = f"{segment}/{file}"
    try:
        found = segment_of_upload(name, START)
    except Invalid:
        return
    again = new_upload_name(found, file[30:], START)
    assert again.removeprefix(f"{found}/")[30:] == file[30:]
    assert classify(name) == PlainFile(segment, name)


def test_every_upload_has_a_name_of_its_own():
    names = {new_upload_name("vip", "people.csv", START) for _ in range(100)}
    assert len(names) == 100


@pytest.mark.parametrize(("max_file_mb", "size_bytes"), [(12, (12 << 20) + 1), (1, 2 << 20), (12, 1 << 62)])
def test_a_file_that_could_not_be_read_is_refused_with_the_limit(max_file_mb, size_bytes):
    desk = Desk(max_file_mb)
    with pytest.raises(Invalid) as raised:
        desk.begin(size_bytes)
    assert raised.value.reason == "file-too-large"
    assert f"{max_file_mb:,} MB" in raised.value.message
    assert "STAGE_MAX_FILE_MB" in raised.value.remedy


def test_the_largest_file_is_taken():
    desk = Desk(max_file_mb=10)
    upload = desk.begin(10 << 20)
    assert upload.blocks == 3
    desk.uploads.add_block(upload.name, 2, b"x", CARL)
    with pytest.raises(Invalid):
        desk.uploads.add_block(upload.name, 3, b"x", CARL)
    with pytest.raises(Invalid):
        desk.uploads.finish(upload.name, 4, CARL)


def test_no_file_has_more_blocks_than_storage_takes():
    desk = Desk(max_file_mb=1_000_000)
    assert desk.begin(200_000 << 20).blocks == 50_000
    with pytest.raises(Invalid):
        desk.begin((200_000 << 20) + 1)


def test_a_large_file_in_one_request_is_refused_like_one_in_blocks():
    desk = Desk(max_file_mb=1)
    with pytest.raises(Invalid) as raised:
        desk.uploads.put("vip", "people.csv", b"x" * ((1 << 20) + 1), CARL)
    assert raised.value.reason == "file-too-large"
    assert desk.files.written == {}


@pytest.mark.parametrize("size_bytes", [0, -1])
def test_an_empty_file_is_refused(size_bytes):
    with pytest.raises(Invalid) as raised:
        Desk().begin(size_bytes)
    assert raised.value.reason == "file-empty"


@pytest.mark.parametrize(
    ("number", "data"), [(-1, b"x"), (3, b"x"), (50_000, b"x"), (0, b""), (0, FULL + b"x")]
)
def test_blocks_that_cannot_be_are_refused(number, data):
    desk = Desk()
    with pytest.raises(Invalid) as raised:
        desk.uploads.add_block(desk.begin().name, number, data, CARL)
    assert raised.value.remedy
    assert desk.files.waiting == {}


def test_blocks_that_are_missing_or_cut_short_are_named():
    desk = Desk()
    name = desk.begin(2 * BLOCK_BYTES + 1).name
    desk.uploads.add_block(name, 0, b"cut short", CARL)
    desk.uploads.add_block(name, 2, b"x", CARL)

    with pytest.raises(Invalid) as raised:
        desk.uploads.finish(name, 3, CARL)
    assert raised.value.reason == "upload-incomplete"
    assert {error["pointer"] for error in raised.value.errors} == {"/blocks/0", "/blocks/1"}
    assert desk.files.written == {}

    desk.uploads.add_block(name, 0, FULL, CARL)
    desk.uploads.add_block(name, 1, FULL, CARL)
    desk.uploads.finish(name, 3, CARL)
    assert len(desk.files.written[name]) == 2 * BLOCK_BYTES + 1


@pytest.mark.parametrize("blocks", [0, -1])
def test_a_file_without_blocks_is_refused(blocks):
    desk = Desk()
    with pytest.raises(Invalid):
        desk.uploads.finish(desk.begin().name, blocks, CARL)


def test_a_finished_upload_is_neither_finished_again_nor_changed():
    desk = Desk()
    name = desk.begin().name
    desk.uploads.add_block(name, 0, b"abc", CARL)
    desk.uploads.finish(name, 1, CARL)
    desk.uploads.add_block(name, 0, b"xyz", CARL)

    with pytest.raises(Conflict) as raised:
        desk.uploads.finish(name, 1, CARL)
    assert raised.value.reason == "upload-finished"
    assert desk.files.written == {name: b"abc"}


def test_a_segment_whose_files_come_from_elsewhere_takes_no_uploads():
    desk = Desk()
    desk.inbox.upload("CustomerInsights_abcd1234/BlobExport/vip/2026/03/01/0800/vip_1.csv")
    desk.inbox.settle()
    for act in (desk.begin, lambda: desk.uploads.put("vip", "people.csv", b"x", CARL)):
        with pytest.raises(Conflict) as raised:
            act()
        assert raised.value.reason == "segment-elsewhere"
        assert "CustomerInsights_abcd1234" in raised.value.message
    assert desk.files.written == {}


def test_moments_in_names_are_those_of_the_beginning():
    desk = Desk()
    stamp = desk.begin().name.removeprefix("vip/").partition("-")[0]
    assert datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=START.tzinfo) == START
