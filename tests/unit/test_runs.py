"""Runs: what starts one, what it is told, and what can be seen of it."""

from datetime import timedelta

import pytest

from shared.domain.access import Principal, Role
from shared.domain.errors import Conflict, NotFound
from shared.domain.export import Export, SegmentChoice
from shared.domain.run import Counts, Plan, RunStatus, Stage, Trigger
from shared.domain.segment import Segment, Snapshot, SnapshotFile
from shared.pipeline import places
from shared.pipeline.journal import Journal
from shared.pipeline.rejects import header_line
from shared.usecases.run_orders import NewRun, RunOrders
from shared.usecases.runs import Runs, is_unstarted
from tests.fakes import MemoryBlobs
from tests.fakes_stores import START, FakeClock, MemoryStores

ADA = Principal("Ada", Role.ADMINISTRATOR)


class Office:
    """One export that carries the segments vip and churn."""

    def __init__(self, *arrived: str) -> None:
        self.stores, self.state, self.clock = MemoryStores(), MemoryBlobs(), FakeClock()
        journal = Journal(MemoryBlobs(), self.clock)
        self.orders = RunOrders(self.stores, self.state, journal, self.clock)
        self.runs = Runs(self.stores, self.state, journal, self.clock)
        export = Export(
            id="export-1",
            name="Weekly",
            connection_id="connection-1",
            email_column="EMail",
            segments=(SegmentChoice(name="vip", list_name="Our best"), SegmentChoice(name="churn")),
            created_at=START,
            updated_at=START,
        )
        self.stores.exports.add(export.id, export)
        for name in arrived:
            self.arrive(name)

    def arrive(self, name: str, version: str = "1") -> Snapshot:
        snapshot = Snapshot(
            id=f"{name}-{version}",
            segment=name,
            arrived_at=self.clock(),
            files=(SnapshotFile(name=f"{name}/a.csv", etag=version, size_bytes=1),),
        )
        self.stores.segments.remove(name)
        self.stores.segments.add(name, Segment(name=name, source=f"{name}/", snapshot=snapshot))
        return snapshot

    def order(self, request_key: str | None = None, **order: object):
        return self.orders.on_demand("export-1", NewRun(**order), ADA, request_key)

    def change(self, run_id: str, **changes: object) -> None:
        self.stores.runs.change(run_id, lambda run: run.model_copy(update=changes))


def test_a_run_on_demand_takes_all_segments_that_have_arrived_and_warns_of_the_others():
    office = Office("vip")
    run = office.order()
    assert [(segment.name, segment.list_title, segment.snapshot_id) for segment in run.segments] == [
        ("vip", "Our best", "vip-1")
    ]
    assert "churn" in run.warnings[0]
    assert (run.trigger, run.requested_by, run.status) == (Trigger.ON_DEMAND, "Ada", RunStatus.QUEUED)
    assert is_unstarted(run)


def test_what_a_run_does_is_frozen_when_it_is_created():
    office = Office("vip")
    run = office.order()
    office.arrive("vip", "2")
    office.stores.exports.change(
        "export-1", lambda export: export.model_copy(update={"email_column": "Other"})
    )
    plan = Plan.model_validate_json(office.state.read(places.plan(run.id)))
    assert plan.export.email_column == "EMail"
    assert plan.snapshot("vip").id == "vip-1"


def test_segments_may_be_chosen_of_those_that_the_export_carries():
    office = Office("vip", "churn")
    assert [segment.name for segment in office.order(segments=["churn"]).segments] == ["churn"]
    with pytest.raises(Conflict) as raised:
        office.order(segments=["churn", "other"])
    assert "'other'" in raised.value.message


def test_nothing_can_be_run_before_a_file_has_arrived():
    with pytest.raises(Conflict) as raised:
        Office().order()
    assert raised.value.reason == "segment-not-arrived"
    assert "vip/" in raised.value.remedy


def test_an_export_that_does_not_exist_cannot_be_run():
    with pytest.raises(NotFound):
        Office("vip").orders.on_demand("export-2", NewRun(), ADA)


def test_two_requests_are_two_runs_even_in_the_same_second():
    office = Office("vip")
    assert office.order().id != office.order().id


def test_the_same_request_key_gives_the_same_run_whenever_it_is_repeated():
    office = Office("vip")
    first = office.order("key-1")
    office.clock.advance(3_600)
    office.arrive("vip", "2")
    assert office.order("key-1") == first
    assert office.order("key-2").id != first.id
    assert len(office.runs.list().runs) == 2


def test_the_same_snapshot_starts_one_run_per_export_that_carries_it():
    office = Office()
    vip, churn, other = office.arrive("vip"), office.arrive("churn"), office.arrive("other")
    first = office.orders.for_arrival([vip, churn, other])
    office.clock.advance(60)
    assert office.orders.for_arrival([churn]) == [first[1]]
    assert [[segment.name for segment in run.segments] for run in first] == [["vip"], ["churn"]]
    assert [run.warnings for run in first] == [(), ()]


def test_an_arrival_after_a_run_has_ended_does_not_start_it_again():
    office = Office()
    vip = office.arrive("vip")
    [run] = office.orders.for_arrival([vip])
    office.change(run.id, status=RunStatus.SUCCESSFUL)
    [again] = office.orders.for_arrival([vip])
    assert not is_unstarted(again)


def test_a_slot_of_the_schedule_starts_one_run_per_export_with_files():
    office = Office("vip")
    slot = START + timedelta(hours=2)
    [first] = office.orders.for_refresh(slot)
    assert office.orders.for_refresh(slot) == [first]
    assert first.trigger is Trigger.REFRESH
    [second] = office.orders.for_refresh(slot + timedelta(days=1))
    assert second.id != first.id
    assert Office().orders.for_refresh(slot) == []


def test_of_two_creators_of_a_run_the_first_plan_counts_for_both():
    office, slot = Office("vip"), START + timedelta(hours=2)
    [first] = office.orders.for_refresh(slot)
    office.stores.runs.remove(first.id)
    office.arrive("vip", "2")
    [second] = office.orders.for_refresh(slot)
    assert second.id == first.id
    assert [segment.snapshot_id for segment in second.segments] == ["vip-1"]


def test_runs_are_listed_newest_first_in_pages():
    office = Office("vip")
    ids = []
    for _ in range(5):
        office.clock.advance(60)
        ids.append(office.order().id)
    first = office.runs.list(size=2)
    second = office.runs.list(first.next, size=2)
    third = office.runs.list(second.next, size=2)
    assert [run.id for page in (first, second, third) for run in page.runs] == ids[::-1]
    assert third.next is None


def test_a_run_that_is_sending_shows_how_far_it_is():
    office = Office("vip")
    run = office.order()
    counts = Counts(profiles=100, new=60, changed=20, unchanged=20, calls=3)
    office.change(
        run.id, status=RunStatus.PROCESSING, stage=Stage.PUSHING, pushing_at=office.clock(), counts=counts
    )
    office.stores.runs.report(run.id, "push vip 0", Counts(sent=30, refused=10, calls=4))
    office.clock.advance(20)
    view = office.runs.get(run.id)
    assert (view.counts.sent, view.counts.refused, view.counts.calls) == (30, 10, 7)
    assert (view.progress.to_send, view.progress.done) == (80, 40)
    assert (view.progress.rate_per_s, view.progress.time_left_s) == (2.0, 20.0)


def test_a_run_that_has_just_begun_to_send_promises_no_time():
    office = Office("vip")
    run = office.order()
    office.change(run.id, stage=Stage.PUSHING, pushing_at=office.clock(), counts=Counts(new=5))
    progress = office.runs.get(run.id).progress
    assert (progress.done, progress.rate_per_s, progress.time_left_s) == (0, None, None)


def test_more_reports_than_people_do_not_show_more_than_all():
    office = Office("vip")
    run = office.order()
    office.change(run.id, stage=Stage.PUSHING, pushing_at=office.clock(), counts=Counts(new=5))
    office.stores.runs.report(run.id, "push vip 0", Counts(sent=9))
    office.clock.advance(1)
    progress = office.runs.get(run.id).progress
    assert (progress.done, progress.time_left_s) == (5, 0)


def test_cancelling_names_who_asked_and_an_ended_run_cannot_be_cancelled():
    office = Office("vip")
    run = office.order()
    assert office.runs.cancel(run.id, ADA).cancel_requested_by == "Ada"
    office.change(run.id, status=RunStatus.CANCELED)
    with pytest.raises(Conflict) as raised:
        office.runs.cancel(run.id, ADA)
    assert raised.value.reason == "run-ended"


def test_rejects_are_there_when_the_run_has_ended():
    office = Office("vip")
    run = office.order()
    with pytest.raises(Conflict):
        list(office.runs.rejects(run.id))
    office.change(run.id, status=RunStatus.SUCCESSFUL)
    assert b"".join(office.runs.rejects(run.id)) == header_line()
    office.state.write(places.rejects(run.id), header_line() + b"vip,a,1,EMail,x,y\r\n")
    assert b"vip,a,1" in b"".join(office.runs.rejects(run.id))


def test_a_run_that_does_not_exist_is_not_found():
    office = Office()
    for ask in (office.runs.get, lambda run_id: list(office.runs.rejects(run_id))):
        with pytest.raises(NotFound):
            ask("run-1")
