"""Files that nobody was told of are found again."""

from datetime import timedelta

import pytest

from shared.domain.access import Principal, Role
from shared.domain.errors import Forbidden, NotFound
from shared.pipeline.journal import Journal
from shared.usecases.segments.overlooked import Overlooked
from tests.fakes import MemoryBlobs
from tests.fakes_stores import START, MemorySegmentBlobs
from tests.inbox import Inbox

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
