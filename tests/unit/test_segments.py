"""Segments as people see them, and what they declare about their files."""

import json

import pytest

from shared.domain.access import Principal, Role
from shared.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    SegmentUnreadable,
)
from shared.domain.segment import TREND_POINTS, SegmentSource, SnapshotMode, renewed_counts
from shared.pipeline.journal import Journal
from shared.usecases.segments.segments import SORTS, SegmentQuery, Segments
from shared.usecases.segments.sources import SourceForm, Sources, source_version
from tests.fakes import MemoryBlobs
from tests.inbox import Inbox

ADA = Principal("Ada", Role.ADMINISTRATOR)
CARL = Principal("Carl", Role.CONTRIBUTOR)
VERA = Principal("Vera", Role.VIEWER)


class Shelf:
    """The use cases over an inbox. ``limit`` is how many profiles a run may have."""

    def __init__(self, *exported: str, limit: int = 100) -> None:
        self.inbox, self._logs = Inbox(*exported), MemoryBlobs()
        journal = Journal(self._logs, self.inbox.clock)
        stores = self.inbox.stores
        self.segments = Segments(stores, self.inbox.peeker, journal, max_profiles_per_run=limit)
        self.sources = Sources(stores, self.inbox.arrivals, journal, self.inbox.clock)

    @property
    def audit(self) -> list[tuple[str, str, str]]:
        lines = b"".join(self._logs.blobs.values()).splitlines()
        entries = map(json.loads, lines)
        return [(entry["action"], entry["subject"], entry["result"]) for entry in entries]

    def names(self, who: Principal = VERA, **query: object) -> list[str]:
        return [view.name for view in self.segments.page(SegmentQuery(**query), who).segments]

    def declare(
        self, segment: str = "vip", *, who: Principal = CARL, if_match: str | None = None, **form: object
    ) -> SegmentSource:
        return self.sources.declare(segment, SourceForm(**form), who, if_match)


def people(count: int) -> str:
    return "EMail,Name\n" + "".join(f"p{number}@example.com,Ana\n" for number in range(count))


def test_a_segment_shows_what_arrived_and_who_exports_it():
    shelf = Shelf("vip", "churn", "vip")
    shelf.inbox.upload("vip/a.csv", people(3))
    shown = shelf.segments.get("vip", VERA)
    assert shown.exports == ["Export vip", "Export vip"]
    assert (shown.columns, shown.files, shown.arrived_at) == (("EMail", "Name"), 1, shelf.inbox.clock())
    assert (shown.format, shown.mode, shown.warning) == ("auto", "full", None)
    assert [file.name for file in shown.snapshot.files] == ["vip/a.csv"]


def test_segments_are_sorted_searched_and_paged():
    shelf = Shelf("b")
    for name, count in (("b", 3), ("A b", 1), ("c", 2)):
        shelf.inbox.upload(f"{name}/a.csv", people(count))
        shelf.inbox.clock.advance(60)
    assert shelf.names() == ["A b", "b", "c"]
    assert shelf.names(sort="-arrived_at") == ["c", "A b", "b"]
    assert shelf.names(sort="profiles") == ["A b", "c", "b"]  # the rows of b are counted by its runs
    assert shelf.names(sort="-exports")[0] == "b"
    assert shelf.names(search="B") == ["A b", "b"]
    assert shelf.names(search="b a") == ["A b"]
    first = shelf.segments.page(SegmentQuery(size=2), VERA)
    assert (first.next, first.total) == ("b", 3)
    assert shelf.names(size=2, after=first.next) == ["c"]
    for sort in SORTS:
        assert len(shelf.names(sort=sort)) == len(shelf.names(sort=f"-{sort}")) == 3


@pytest.mark.parametrize("query", [{"sort": "colour"}, {"after": "gone"}])
def test_a_page_that_there_cannot_be_is_refused(query):
    with pytest.raises(Invalid):
        Shelf().names(**query)


def test_too_many_people_are_told_before_a_run_fails_for_them():
    shelf = Shelf(limit=2)
    shelf.inbox.upload("vip/a.csv", people(3))
    assert shelf.segments.get("vip", VERA).limit_warning.startswith("It has 3 rows; a run may have at most 2")
    shelf.inbox.stores.segments.change("vip", lambda segment: segment.model_copy(update={"profiles": 2}))
    assert shelf.segments.get("vip", VERA).limit_warning is None


def test_a_sample_shows_rows_but_no_addresses_and_is_audited():
    shelf = Shelf()
    shelf.inbox.upload("vip/a.csv", people(3))
    sample = shelf.segments.sample("vip", 2, CARL)
    assert sample.columns == ("EMail", "Name")
    assert sample.rows == [["p***@example.com", "Ana"], ["p***@example.com", "Ana"]]
    assert shelf.audit == [("sample.read", "vip", "done")]


def test_a_sample_of_changes_is_of_people_as_they_are_read():
    shelf = Shelf()
    shelf.declare(format="segment")
    shelf.inbox.upload("vip/a.json", '{"type":"identify","userId":"u1","traits":{"email":"a@b.com","n":7}}\n')
    sample = shelf.segments.sample("vip", 10, ADA)
    assert (sample.columns, sample.rows) == (("email", "userId", "n"), [["a***@b.com", "u1", "7"]])


def test_a_sample_of_a_file_that_is_gone_cannot_be_read():
    shelf = Shelf()
    shelf.inbox.upload("vip/a.csv", people(1))
    shelf.inbox.remove("vip/a.csv")
    with pytest.raises(SegmentUnreadable):
        shelf.segments.sample("vip", 1, CARL)


def test_a_segment_is_forgotten_unless_an_export_carries_it():
    shelf = Shelf("vip")
    shelf.inbox.upload("vip/a.csv")
    shelf.inbox.upload("old/a.csv")
    with pytest.raises(Conflict):
        shelf.segments.remove("vip", CARL)
    shelf.segments.remove("old", CARL)
    assert shelf.names() == ["vip"]
    assert "old/a.csv" in shelf.inbox.blobs.files
    assert shelf.audit == [("segment.remove", "vip", "refused"), ("segment.remove", "old", "done")]
    shelf.inbox.notice("old/a.csv")
    assert shelf.names() == ["old", "vip"]


def test_what_there_is_not_is_not_found():
    shelf = Shelf()
    for ask in (
        lambda: shelf.segments.get("vip", VERA),
        lambda: shelf.segments.sample("vip", 1, CARL),
        lambda: shelf.segments.remove("vip", CARL),
        lambda: shelf.sources.get("vip", VERA),
        lambda: shelf.sources.remove("vip", CARL, "*"),
    ):
        with pytest.raises(NotFound):
            ask()


def test_viewers_look_but_change_nothing_and_see_no_rows():
    shelf = Shelf()
    shelf.inbox.upload("vip/a.csv")
    shelf.declare()
    assert shelf.names(VERA) == ["vip"]
    assert shelf.sources.get("vip", VERA).updated_by == "Carl"
    for ask in (
        lambda: shelf.segments.sample("vip", 1, VERA),
        lambda: shelf.segments.remove("vip", VERA),
        lambda: shelf.declare(who=VERA, if_match="*"),
        lambda: shelf.sources.remove("vip", VERA, "*"),
    ):
        with pytest.raises(Forbidden):
            ask()


def test_a_source_is_declared_before_any_file_came():
    shelf = Shelf()
    declared = shelf.declare(format="mparticle", has_header=True)
    assert declared.mode is SnapshotMode.DELTA
    assert shelf.sources.get("vip", VERA) == declared
    assert shelf.audit == [("source.declare", "vip", "done")]


def test_a_source_is_changed_only_by_who_has_seen_it():
    shelf = Shelf()
    version = source_version(shelf.declare(delimiter=";"))
    with pytest.raises(PreconditionRequired):
        shelf.declare(delimiter="|")
    with pytest.raises(PreconditionFailed):
        shelf.declare(delimiter="|", if_match="other")
    changed = shelf.declare(delimiter="|", if_match=version, who=ADA)
    assert (changed.delimiter, changed.updated_by) == ("|", "Ada")
    with pytest.raises(PreconditionFailed):
        shelf.sources.remove("vip", CARL, version)
    shelf.sources.remove("vip", CARL, source_version(changed))
    with pytest.raises(PreconditionFailed):
        shelf.declare(if_match=version)
    assert source_version(shelf.declare(delimiter=";")) == version


@pytest.mark.parametrize("name", ["", "a/b", "a\nb", "x" * 501])
def test_a_name_that_no_segment_can_have_is_refused(name):
    with pytest.raises(Invalid):
        Shelf().declare(name)


@pytest.mark.parametrize("delimiter", ["", "ab", '"', "\n", " "])
def test_a_delimiter_is_one_character_that_can_stand_between_fields(delimiter):
    with pytest.raises(ValueError, match="delimiter"):
        SourceForm(delimiter=delimiter)


def test_files_that_are_there_are_read_as_declared_but_no_run_starts():
    shelf = Shelf("vip")
    shelf.inbox.upload("vip/a.csv", "EMail~Name\na@example.com~Ana\n")
    assert shelf.segments.get("vip", VERA).columns == ("EMail~Name",)
    version = source_version(shelf.declare(delimiter="~"))
    assert shelf.segments.get("vip", VERA).columns == ("EMail", "Name")
    assert len(shelf.inbox.runs) == 1
    shelf.sources.remove("vip", CARL, version)
    assert shelf.segments.get("vip", VERA).columns == ("EMail~Name",)


def test_a_declaration_that_does_not_fit_the_files_shows_on_the_segment():
    shelf = Shelf("vip")
    shelf.inbox.upload("vip/crm_2.csv")
    shelf.inbox.put("vip/manifest-1-2.json", "{")
    shelf.declare(format="adobe")
    assert "manifest-1-2.json" in shelf.segments.get("vip", VERA).warning


def test_the_trend_keeps_the_last_points_and_one_for_each_snapshot():
    shelf = Shelf("vip")
    for number in range(TREND_POINTS + 2):
        shelf.inbox.clock.advance(60)
        shelf.inbox.upload("vip/a.csv", people(1))
        for profiles in (0, number):
            shelf.inbox.stores.segments.change(
                "vip", lambda segment, size=profiles: renewed_counts(segment, segment.snapshot.id, size, 7)
            )
    shown = shelf.segments.get("vip", VERA)
    assert [point.profiles for point in shown.trend] == list(range(2, TREND_POINTS + 2))
    assert shown.trend[-1].at == shown.arrived_at
    assert (shown.profiles, shown.rows) == (TREND_POINTS + 1, 7)


def test_counts_of_an_older_snapshot_and_of_changes_make_no_trend():
    shelf = Shelf("vip")
    shelf.inbox.upload("vip/a.csv")
    segment = shelf.inbox.segment("vip")
    assert renewed_counts(segment, "another", 7) == segment
    changes = segment.snapshot.model_copy(update={"mode": SnapshotMode.DELTA})
    counted = renewed_counts(segment.model_copy(update={"snapshot": changes}), changes.id, 7)
    assert (counted.profiles, counted.trend) == (7, ())
