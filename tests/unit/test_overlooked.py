"""Files that nobody was told of are found again."""

from datetime import timedelta

import pytest

from devkit.host.durable.testing import asynchronous
from functions.starting import start_overlooked_arrivals
from shared.domain.access import Principal, Role
from shared.domain.errors import Forbidden, NotFound
from shared.pipeline.journal import Journal
from shared.usecases.segments.overlooked import Overlooked
from tests.fakes import MemoryBlobs
from tests.fakes_stores import START, MemorySegmentBlobs
from tests.inbox import Inbox
from tests.unit.test_lost_runs import TaskHub

ADA = Principal("ada", Role.CONTRIBUTOR)


class Unasked(MemorySegmentBlobs):
    def list(self, prefix: str):
        raise AssertionError(f"Storage was asked about {prefix!r}.")


def find_newest(inbox: Inbox, segment: str, who: Principal = ADA) -> str:
    journal = Journal(MemoryBlobs(), inbox.clock)
    return Overlooked(inbox.stores, inbox.blobs, journal).newest(segment, who).name


def test_the_newest_file_of_a_segment_is_found_and_starts_the_run_that_was_missing():
    inbox = Inbox("vip")
    inbox.upload("vip/a.csv")
    inbox.put("vip/b.csv", at=START + timedelta(days=1))
    inbox.put("vip/model.json", at=START + timedelta(days=2))
    inbox.put("vip-too/c.csv", at=START + timedelta(days=3))

    newest = find_newest(inbox, "vip")

    assert newest == "vip/b.csv"
    assert inbox.notice(newest).state.value == "complete"
    assert [run.segments[0].name for run in inbox.runs] == ["vip", "vip"]


def test_a_segment_that_has_never_arrived_is_looked_for_in_the_folder_of_its_name():
    inbox = Inbox("vip")
    inbox.put("vip/deep/below/a.csv")
    assert find_newest(inbox, "vip") == "vip/deep/below/a.csv"


def test_a_segment_of_customer_insights_is_looked_for_where_it_came_from():
    inbox = Inbox("vip")
    table = "CustomerInsights_abcd1234/BlobExport/vip/2022/10"
    inbox.upload(f"{table}/27/1433/vip_1.csv")
    inbox.settle()
    inbox.put(f"{table}/28/1433/vip_1.csv", at=START + timedelta(days=1))
    assert find_newest(inbox, "vip") == f"{table}/28/1433/vip_1.csv"


def test_where_there_is_no_file_that_is_said():
    with pytest.raises(NotFound, match="There is no file of the segment 'vip' in the container"):
        find_newest(Inbox("vip"), "vip")


def find_recent(inbox: Inbox, after: timedelta) -> list[str]:
    overlooked = Overlooked(inbox.stores, inbox.blobs, Journal(MemoryBlobs(), inbox.clock))
    return [file.name for file in overlooked.recent(START + after)]


def test_recent_files_that_no_segment_shows_are_found_once_there_was_time_to_notice_them():
    inbox = Inbox("vip")
    inbox.upload("vip/noticed.csv")
    inbox.put("vip/renamed.csv", at=START)
    inbox.put("new/a.csv", at=START)
    inbox.put("vip/dummy-object.txt", at=START)
    table = "CustomerInsights_abcd1234/BlobExport"
    inbox.put(f"{table}/vip/2022/10/27/1433/vip_1.csv", at=START)
    inbox.put(f"{table}/model.json", at=START)
    found = {"vip/renamed.csv", "new/a.csv", f"{table}/vip/2022/10/27/1433/vip_1.csv", f"{table}/model.json"}
    assert find_recent(inbox, timedelta(minutes=9)) == []
    assert set(find_recent(inbox, timedelta(minutes=11))) == found
    assert set(find_recent(inbox, timedelta(hours=23))) == found
    assert find_recent(inbox, timedelta(hours=25)) == []


def test_of_very_many_the_newest_are_looked_at():
    inbox = Inbox("vip")
    for number in range(1_200):
        inbox.put(f"vip/{number}.csv", at=START + timedelta(seconds=number))
    found = find_recent(inbox, timedelta(hours=2))
    assert (len(found), found[0], found[-1]) == (1_000, "vip/1199.csv", "vip/200.csv")


def test_a_file_that_took_the_place_of_a_noticed_one_is_found():
    inbox = Inbox("vip")
    inbox.upload("vip/a.csv")
    inbox.put("vip/a.csv", at=START + timedelta(hours=1))
    assert find_recent(inbox, timedelta(hours=2)) == ["vip/a.csv"]


@asynchronous
async def test_only_what_nobody_has_ever_looked_at_is_looked_at():
    inbox = Inbox("vip")
    for name in ("vip/noticed.csv", "vip/lost.csv"):
        inbox.put(name, at=START)
    overlooked = Overlooked(inbox.stores, inbox.blobs, Journal(MemoryBlobs(), inbox.clock))
    hub = TaskHub()
    await start_overlooked_arrivals(hub, lambda: overlooked, START + timedelta(minutes=30))
    assert sorted(each["name"] for each in hub.started.values()) == ["vip/lost.csv", "vip/noticed.csv"]
    hub.started.clear()
    await start_overlooked_arrivals(hub, lambda: overlooked, START + timedelta(minutes=60))
    assert hub.started == {}, "whatever came of it, it was looked at"


@pytest.mark.parametrize("name", ["\x00", "..", "a/b", "x" * 5_000, ""])
def test_storage_is_not_asked_about_what_cannot_be_a_segment(name):
    inbox = Inbox()
    inbox.blobs = Unasked()
    with pytest.raises(NotFound):
        find_newest(inbox, name)


def test_viewers_may_not_look():
    inbox = Inbox("vip")
    inbox.put("vip/a.csv")
    with pytest.raises(Forbidden):
        find_newest(inbox, "vip", Principal("vera", Role.VIEWER))
