"""Runs: what can be seen of one, and how it is cancelled."""

import pytest

from shared.domain.access import Principal, Role
from shared.domain.connection import Sharing
from shared.domain.errors import Conflict, Forbidden, NotFound
from shared.domain.run import Counts, Failure, RunStatus, Stage, Step, Trigger
from shared.domain.standing import Standing
from shared.pipeline import places
from shared.pipeline.rejects import header_line
from shared.usecases.runs.runs import RunFilter
from tests.fakes_stores import START
from tests.unit.run_office import ADA, Office

CARL, VERA = Principal("Carl", Role.CONTRIBUTOR), Principal("Vera", Role.VIEWER)


def audited(office: Office, action: str) -> list[tuple[object, object]]:
    """Who did this, and how it ended."""
    return [(who, result) for done, _, who, result in office.audited() if done == action]


def test_runs_are_listed_newest_first_in_pages():
    office = Office("vip")
    ids = []
    for _ in range(5):
        office.clock.advance(60)
        ids.append(office.order().id)
    first = office.runs.list(ADA, size=2)
    second = office.runs.list(ADA, first.next, size=2)
    third = office.runs.list(ADA, second.next, size=2)
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
    view = office.runs.get(run.id, ADA)
    assert (view.counts.sent, view.counts.refused, view.counts.calls) == (30, 10, 7)
    assert (view.progress.to_send, view.progress.done) == (80, 40)
    assert (view.progress.rate_per_s, view.progress.time_left_s) == (2.0, 20.0)


def test_a_run_that_has_just_begun_to_send_promises_no_time():
    office = Office("vip")
    run = office.order()
    office.change(run.id, stage=Stage.PUSHING, pushing_at=office.clock(), counts=Counts(new=5))
    progress = office.runs.get(run.id, ADA).progress
    assert (progress.done, progress.rate_per_s, progress.time_left_s) == (0, None, None)


def test_more_reports_than_people_do_not_show_more_than_all():
    office = Office("vip")
    run = office.order()
    office.change(run.id, stage=Stage.PUSHING, pushing_at=office.clock(), counts=Counts(new=5))
    office.stores.runs.report(run.id, "push vip 0", Counts(sent=9))
    office.clock.advance(1)
    progress = office.runs.get(run.id, ADA).progress
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
        list(office.runs.rejects(run.id, ADA))
    office.change(run.id, status=RunStatus.SUCCESSFUL)
    assert b"".join(office.runs.rejects(run.id, ADA)) == header_line()
    office.state.write(places.rejects(run.id), header_line() + b"vip,a,1,EMail,x,y\r\n")
    assert b"vip,a,1" in b"".join(office.runs.rejects(run.id, ADA))


def test_rejects_that_were_kept_long_enough_are_gone_and_not_none():
    office = Office("vip")
    run = office.order()
    office.change(run.id, status=RunStatus.SUCCESSFUL_WITH_REJECTS, rejected={"email_blank": 2})
    office.state.write(places.rejects(run.id), header_line() + b"vip,a,1,EMail,email_blank,\r\n")
    assert b"email_blank" in b"".join(office.runs.rejects(run.id, ADA))
    office.state.remove([places.rejects(run.id)])
    with pytest.raises(NotFound) as raised:
        office.runs.rejects(run.id, ADA)
    assert raised.value.reason == "rejects-gone"


def test_a_run_that_takes_people_off_shows_how_far_that_is():
    office = Office("vip")
    run = office.order()
    since = Step(stage=Stage.REMOVING, started_at=office.clock())
    counts = Counts(profiles=10, new=10, leavers=40)
    office.change(run.id, status=RunStatus.PROCESSING, stage=Stage.REMOVING, steps=(since,), counts=counts)
    office.stores.runs.report(run.id, "push vip 0", Counts(sent=10))
    office.stores.runs.report(run.id, "remove vip 0", Counts(removed=10))
    office.clock.advance(5)
    progress = office.runs.get(run.id, ADA).progress
    assert (progress.done, progress.to_remove, progress.removed) == (10, 40, 10)
    assert (progress.rate_per_s, progress.time_left_s) == (2.0, 15.0)


def test_runs_are_listed_by_export_status_and_trigger():
    office = Office("vip")
    ids = []
    for number in range(7):
        office.clock.advance(60)
        ids.append(office.order().id)
        if number % 3 == 0:
            office.change(ids[-1], status=RunStatus.FAILED)
    office.change(ids[5], trigger=Trigger.RETRY)

    def listed(**wanted: object) -> list[str]:
        return [run.id for run in office.runs.list(ADA, wanted=RunFilter(**wanted)).runs]

    assert listed(status="Failed") == [ids[6], ids[3], ids[0]]
    assert listed(trigger="retry") == [ids[5]]
    assert listed(trigger="retry", status="Failed") == []
    assert len(listed(export_id="export-1")) == 7
    assert listed(export_id="export-2") == []


def test_pages_of_chosen_runs_follow_each_other_without_a_gap():
    office = Office("vip")
    failed = []
    for number in range(9):
        office.clock.advance(60)
        run_id = office.order().id
        if number % 2 == 0:
            office.change(run_id, status=RunStatus.FAILED)
            failed.insert(0, run_id)
    found, after = [], None
    wanted = RunFilter(export_id="export-1", status=RunStatus.FAILED)
    while True:
        page = office.runs.list(ADA, after, 2, wanted)
        assert len(page.runs) <= 2
        found += [run.id for run in page.runs]
        if (after := page.next) is None:
            break
    assert found == failed


def test_whoever_has_a_role_sees_runs_but_personal_data_only_who_may_use_the_connection():
    office = Office("vip")
    office.connect(sharing=Sharing.CONTRIBUTORS)
    run = office.order(dry=True)
    office.state.write(places.samples(run.id), b'[{"segment": "vip", "body": {"Email": "***"}}]')
    office.change(run.id, status=RunStatus.SUCCESSFUL)
    for principal in (ADA, CARL, VERA):
        assert office.runs.get(run.id, principal).id == run.id
        assert len(office.runs.list(principal).runs) == 1
    for principal in (ADA, CARL):
        assert office.runs.samples(run.id, principal).samples[0].body == {"Email": "***"}
        assert b"".join(office.runs.rejects(run.id, principal)) == header_line()
    for ask in (office.runs.samples, office.runs.rejects, office.runs.cancel):
        with pytest.raises(Forbidden):
            ask(run.id, VERA)
    assert audited(office, "rejects.read") == [("Ada", "done"), ("Carl", "done"), ("Vera", "refused")]
    assert audited(office, "samples.read") == [("Ada", "done"), ("Carl", "done"), ("Vera", "refused")]


def test_the_name_of_a_secret_is_for_administrators():
    office = Office("vip")
    office.connect(sharing=Sharing.CONTRIBUTORS)
    run = office.order()
    failure = Failure(code="secret-unavailable", message="There is no Key Vault secret 'theirs'.")
    office.change(run.id, status=RunStatus.FAILED, failure=failure)
    assert office.runs.get(run.id, ADA).failure == failure
    for principal in (CARL, VERA):
        (listed,) = office.runs.list(principal).runs
        for shown in (listed, office.runs.get(run.id, principal)):
            assert shown.failure.code == failure.code
            assert "theirs" not in shown.model_dump_json()


@pytest.mark.parametrize("gone", ["connections", "exports"])
def test_what_is_left_of_a_removed_export_or_connection_is_for_administrators(gone):
    office = Office("vip")
    office.connect(sharing=Sharing.CONTRIBUTORS)
    run = office.order()
    office.change(run.id, status=RunStatus.FAILED)
    getattr(office.stores, gone).remove({"connections": "connection-1", "exports": "export-1"}[gone])
    with pytest.raises(Forbidden):
        office.runs.rejects(run.id, CARL)
    assert b"".join(office.runs.rejects(run.id, ADA)) == header_line()


def test_a_run_that_is_no_dry_run_has_no_samples():
    office = Office("vip")
    with pytest.raises(NotFound) as raised:
        office.runs.samples(office.order().id, ADA)
    assert raised.value.reason == "no-samples"


def test_a_run_that_does_not_exist_is_not_found():
    office = Office()
    for ask in (office.runs.get, office.runs.rejects, office.runs.samples, office.runs.cancel):
        with pytest.raises(NotFound):
            ask("run-1", ADA)


def test_the_situation_of_a_run_tells_who_may_do_something_with_it():
    office = Office("vip")
    office.connect(sharing=Sharing.CONTRIBUTORS)
    run = office.order()
    assert [office.runs.situation(run, each).may_use for each in (ADA, CARL, VERA)] == [True, True, False]
    situation = office.runs.situation(run, VERA)
    assert (situation.export_exists, situation.connection_name, situation.retry_at) == (True, "Ours", None)
    office.stores.exports.remove("export-1")
    assert [office.runs.situation(run, each).may_use for each in (ADA, CARL, VERA)] == [True, False, False]
    assert not office.runs.situation(run, ADA).export_exists
    office.stores.connections.remove("connection-1")
    assert office.runs.situation(run, ADA).connection_name is None


def test_the_situation_of_a_failed_run_tells_when_it_is_tried_again():
    office = Office("vip")
    run, other = office.order(), office.order()
    standing = Standing(subject="export-1", retry_run=run.id, retry_at=START)
    office.stores.standings.upsert("export-1", lambda present: standing)
    for each in (run, other):
        office.change(each.id, status=RunStatus.FAILED)
    failed = [office.runs.get(each.id, ADA) for each in (run, other)]
    assert [office.runs.situation(each, VERA).retry_at for each in failed] == [START, None]
