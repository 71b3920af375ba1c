"""Runs: what can be seen of one, and how it is cancelled."""

import pytest

from shared.domain.errors import Conflict, NotFound
from shared.domain.run import Counts, RunStatus, Stage
from shared.pipeline import places
from shared.pipeline.rejects import header_line
from tests.unit.run_office import ADA, Office


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
