"""The overview: what goes on, what comes next, what needs somebody, what the month brought."""

from datetime import date, timedelta

import pytest

from shared.domain.connection import Finding, Sharing
from shared.domain.identifiers import run_id
from shared.domain.run import Counts, Run, RunStatus, Stage, Trigger
from shared.domain.segment import TrendPoint
from shared.domain.standing import Condition, ListSize, Standing
from shared.domain.tally import Tally
from shared.usecases.overview import Overview, OverviewView
from shared.usecases.runs.runs import Runs
from tests.fakes_stores import START
from tests.unit.export_office import ADMIN, CONTRIBUTOR, SHARED, VIEWER, ExportOffice


class Tower(ExportOffice):
    def __init__(self) -> None:
        super().__init__()
        runs = Runs(self.stores, self.state, self.journal, self.clock)
        self.overview = Overview(self.stores, self.views, runs, self.clock)

    def look(self, principal=ADMIN) -> OverviewView:
        return self.overview.show(principal)

    def run(self, export_id: str, status: RunStatus, **more: object) -> Run:
        self.clock.advance(1)
        return self.add_run(export_id, status, **more)

    def put(self, export_id: str, **sizes: int) -> None:
        lists = tuple(
            ListSize(segment=name, list_title=name.title(), people=people, at=START)
            for name, people in sizes.items()
        )
        self.stores.standings.upsert(
            export_id,
            lambda present: (present or Standing(subject=export_id)).model_copy(update={"lists": lists}),
        )


@pytest.fixture
def tower() -> Tower:
    return Tower()


def test_an_empty_system_has_an_empty_overview_of_thirty_days(tower):
    view = tower.look(VIEWER)
    assert (view.exports, view.segments, view.unfinished, view.last_runs, view.next_runs) == (
        0,
        0,
        [],
        [],
        [],
    )
    assert (view.troubled, view.lists, view.more_lists, view.connections) == ([], [], 0, [])
    assert (len(view.days), view.days[0].day, view.days[-1].day) == (30, date(2026, 1, 31), date(2026, 3, 1))
    assert {(day.runs, day.failed, day.sent, day.rejected, day.left) for day in view.days} == {
        (0, 0, 0, 0, 0)
    }


def test_connections_are_for_administrators(tower):
    finding = Finding(checked_at=START, ok=False, message="The key was refused.")
    tower.add_connection("connection-a", "a first", Sharing.CONTRIBUTORS, finding=finding)
    shown = tower.look(ADMIN).connections
    assert [each.display_name for each in shown] == ["a first", "Ours", "Secret"]
    assert shown[0].finding == finding
    for principal in (CONTRIBUTOR, VIEWER):
        assert tower.look(principal).connections == []


def test_runs_that_wait_for_approval_come_before_those_that_go_on(tower):
    exports = [tower.add(name=f"Export {number}") for number in range(4)]
    waiting = tower.run(exports[0].id, RunStatus.WAITING_FOR_APPROVAL)
    queued = tower.run(exports[1].id, RunStatus.QUEUED)
    tower.run(exports[2].id, RunStatus.SUCCESSFUL)
    processing = tower.run(exports[3].id, RunStatus.PROCESSING)
    view = tower.look()
    assert [run.id for run in view.unfinished] == [waiting.id, processing.id, queued.id]
    assert [run.status for run in view.last_runs] == [RunStatus.SUCCESSFUL]


def test_of_many_runs_that_go_on_some_are_shown_and_the_others_counted(tower):
    waiting = tower.run(tower.add().id, RunStatus.WAITING_FOR_APPROVAL)
    for _ in range(19):
        tower.run(tower.add().id, RunStatus.QUEUED)
    view = tower.look()
    assert (len(view.unfinished), view.more_unfinished) == (12, 8)
    assert view.unfinished[0].id == waiting.id


def test_dry_runs_and_older_runs_of_the_same_export_go_on_too(tower):
    export = tower.add()
    ids = [tower.run(export.id, RunStatus.PROCESSING, dry=dry).id for dry in (False, False, True)]
    assert [run.id for run in tower.look().unfinished] == ids[::-1]


def test_a_run_that_sends_shows_how_far_it_is(tower):
    run = tower.run(tower.add().id, RunStatus.PROCESSING)
    tower.stores.runs.change(
        run.id, lambda present: present.model_copy(update={"stage": Stage.PUSHING, "counts": Counts(new=10)})
    )
    tower.stores.runs.report(run.id, "push vip 0", Counts(sent=4))
    [shown] = tower.look(VIEWER).unfinished
    assert (shown.progress.done, shown.progress.to_send) == (4, 10)


def test_the_last_ten_runs_that_have_ended_are_shown_newest_first(tower):
    export = tower.add()
    ids = [tower.run(export.id, RunStatus.SUCCESSFUL).id for _ in range(12)]
    for _ in range(15):
        tower.run(export.id, RunStatus.QUEUED)
    assert [run.id for run in tower.look().last_runs] == ids[:1:-1]


def test_the_next_ten_runs_are_shown_in_the_order_of_their_moments(tower):
    for minute in range(12):
        tower.add(name=f"At {minute}", schedule={"recurrence": "hourly", "minute": 59 - minute})
    tower.add(name="Never", active=False, schedule={"recurrence": "hourly", "minute": 1})
    shown = tower.look().next_runs
    assert [run.export_name for run in shown] == [f"At {number}" for number in range(11, 1, -1)]
    assert shown[0].at == START + timedelta(minutes=48)


def test_exports_that_are_not_well_are_shown_with_the_newest_trouble_first(tower):
    failed, partial, asking, well, canceled = (tower.add(name=name) for name in "abcde")
    tower.run(failed.id, RunStatus.FAILED)
    tower.run(partial.id, RunStatus.SUCCESSFUL_WITH_REJECTS)
    newest = tower.run(asking.id, RunStatus.WAITING_FOR_APPROVAL)
    tower.run(well.id, RunStatus.FAILED)
    tower.run(well.id, RunStatus.SUCCESSFUL)
    tower.run(canceled.id, RunStatus.CANCELED)
    shown = tower.look(VIEWER).troubled
    assert [(each.export_name, each.condition) for each in shown] == [
        ("c", Condition.APPROVAL_NEEDED),
        ("b", Condition.PARTIAL),
        ("a", Condition.FAILED),
    ]
    assert (shown[0].run_id, shown[0].at) == (newest.id, newest.created_at)


def test_a_cancelled_run_does_not_hide_that_the_one_before_failed_where_alerts_told_of_it(tower):
    export = tower.add()
    tower.run(export.id, RunStatus.CANCELED)
    tower.stores.standings.change(
        export.id, lambda present: present.model_copy(update={"condition": Condition.FAILED})
    )
    assert [each.condition for each in tower.look().troubled] == [Condition.FAILED]


def test_of_much_trouble_some_is_shown_and_the_rest_counted(tower):
    for _ in range(13):
        tower.run(tower.add().id, RunStatus.FAILED)
    view = tower.look()
    assert (len(view.troubled), view.more_troubled) == (10, 3)


def test_days_without_runs_are_there_and_older_ones_are_not(tower):
    for ago in (0, 2, 29, 30):
        day = (START - timedelta(days=ago)).date()
        tower.stores.tallies.add(day.isoformat(), Tally(day=day, runs=ago + 1, sent=10 * ago))
    days = tower.look(VIEWER).days
    assert [(29 - place, day.runs, day.sent) for place, day in enumerate(days) if day.runs] == [
        (29, 30, 290),
        (2, 3, 20),
        (0, 1, 0),
    ]


def test_the_largest_lists_are_shown_with_the_trend_of_their_segment(tower):
    trend = (TrendPoint(at=START, profiles=90), TrendPoint(at=START, profiles=100))
    tower.arrive("vip", "EMail\n", trend=trend)
    first = tower.add(name="First", segments=["vip", *(f"s{number}" for number in range(8))])
    tower.put(first.id, vip=100, **{f"s{number}": number for number in range(8)})
    second = tower.add(name="Second", segments=["vip"])
    tower.put(second.id, vip=50, gone=1_000)
    view = tower.look(VIEWER)
    assert [(each.export_name, each.segment, each.people) for each in view.lists[:3]] == [
        ("First", "vip", 100),
        ("Second", "vip", 50),
        ("First", "s7", 7),
    ]
    assert (view.lists[0].trend, view.lists[2].trend) == (trend, ())
    assert (view.lists[0].list_title, len(view.lists), view.more_lists) == ("Vip", 8, 2)


def test_the_name_of_a_secret_is_for_administrators_here_too(tower):
    run = tower.run(tower.add().id, RunStatus.FAILED)
    failure = {"code": "secret-unavailable", "message": "There is no Key Vault secret 'theirs'."}
    tower.stores.runs.change(
        run.id, lambda present: Run.model_validate({**dict(present), "failure": failure})
    )
    assert "theirs" in tower.look(ADMIN).model_dump_json()
    assert "theirs" not in tower.look(VIEWER).model_dump_json()


def test_runs_of_exports_that_are_gone_are_still_shown(tower):
    run = Run(
        id=run_id("export-gone", "x", START),
        export_id="export-gone",
        export_name="Gone",
        connection_id=SHARED,
        trigger=Trigger.UPLOAD,
        requested_by="upload",
        segments=(),
        status=RunStatus.PROCESSING,
        created_at=START,
    )
    tower.stores.runs.add(run.id, run)
    assert [each.export_name for each in tower.look().unfinished] == ["Gone"]
    tower.stores.runs.change(run.id, lambda run: run.model_copy(update={"status": RunStatus.CANCELED}))
    assert [each.export_name for each in tower.look().last_runs] == ["Gone"]
