"""The overview: what goes on, what comes next, what needs somebody, and what the last month brought."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from pydantic import BaseModel

from shared.domain.access import Principal, Role
from shared.domain.connection import Connection, ConnectionStatus, Finding
from shared.domain.ports import Stores
from shared.domain.record import Clock, Moment
from shared.domain.run import RunStatus
from shared.domain.segment import Segment, TrendPoint
from shared.domain.standing import Condition
from shared.domain.tally import Tally
from shared.usecases.exports.views import ExportRow, ExportViews
from shared.usecases.runs.runs import Runs, RunView

DAYS = 30
_UNFINISHED, _LAST_RUNS, _NEXT_RUNS, _TROUBLED, _LISTS = 12, 10, 10, 10, 8
_PASSED_OVER = 40


class ConnectionState(BaseModel):
    """How things are with a connection; ``finding`` is what its last check saw."""

    id: str
    display_name: str
    status: ConnectionStatus
    finding: Finding | None


class NextRun(BaseModel):
    """A run that is foreseen."""

    export_id: str
    export_name: str
    at: Moment


class TroubledExport(BaseModel):
    """An export whose newest run left something to be done."""

    export_id: str
    export_name: str
    condition: Condition
    run_id: str | None
    at: Moment | None


class DayFigures(BaseModel):
    """What the runs that ended on one day (UTC) did: ``sent``, ``rejected`` and ``left`` count people."""

    day: date
    runs: int = 0
    failed: int = 0
    sent: int = 0
    rejected: int = 0
    left: int = 0


class ListFigures(BaseModel):
    """How many people of a segment an export has on its list, and how many the segment had, oldest first."""

    export_id: str
    export_name: str
    segment: str
    list_title: str
    people: int
    at: Moment
    trend: tuple[TrendPoint, ...]


class OverviewView(BaseModel):
    """``unfinished`` are runs that go on; those that wait for approval come first. ``days`` are the last 30 days,
    oldest first, ``lists`` the largest, ``last_runs`` the newest that have ended. ``more_…`` is how many there are
    besides. ``connections`` are for administrators, and empty for others."""

    connections: list[ConnectionState]
    exports: int
    segments: int
    unfinished: list[RunView]
    more_unfinished: int
    last_runs: list[RunView]
    next_runs: list[NextRun]
    troubled: list[TroubledExport]
    more_troubled: int
    days: list[DayFigures]
    lists: list[ListFigures]
    more_lists: int


class Overview:
    """The use case of looking at everything at once. It reads no more however many runs there are."""

    def __init__(self, stores: Stores, views: ExportViews, runs: Runs, clock: Clock) -> None:
        self._stores, self._views, self._runs, self._clock = stores, views, runs, clock

    def show(self, principal: Principal) -> OverviewView:
        """Everybody with a role sees it. Raises StorageUnavailable."""
        principal.require(Role.VIEWER)
        around = self._views.look_around()
        rows = [ExportRow(export, principal, around) for export in self._stores.exports.glance()]
        unfinished, more_unfinished = self._unfinished(rows, principal)
        troubled, more_troubled = _find_troubled(rows)
        lists, more_lists = _find_largest_lists(rows, around.segments)
        return OverviewView(
            connections=_show_connections(around.connections.values(), principal),
            exports=len(rows),
            segments=len(around.segments),
            unfinished=unfinished,
            more_unfinished=more_unfinished,
            last_runs=self._last_runs(len(unfinished) + more_unfinished, principal),
            next_runs=_find_next_runs(rows),
            troubled=troubled,
            more_troubled=more_troubled,
            days=self._days(),
            lists=lists,
            more_lists=more_lists,
        )

    def _unfinished(self, rows: Sequence[ExportRow], principal: Principal) -> tuple[list[RunView], int]:
        """Which ones wait is known from the standings, so that only those that are shown have to be read."""
        newest = [row.standing.last_run for row in rows]
        waiting = {run.id for run in newest if run and run.status is RunStatus.WAITING_FOR_APPROVAL}
        ids = sorted(self._stores.runs.unfinished(), key=lambda run_id: run_id not in waiting)
        runs = self._stores.runs.read_unfinished(ids[:_UNFINISHED])
        runs.sort(key=lambda run: run.status is not RunStatus.WAITING_FOR_APPROVAL)
        return [self._runs.show(run, principal) for run in runs], len(ids[_UNFINISHED:])

    def _last_runs(self, unfinished: int, principal: Principal) -> list[RunView]:
        newest, _ = self._stores.runs.page(_LAST_RUNS + min(unfinished, _PASSED_OVER))
        ended = [run for run in newest if run.status.ended]
        return [self._runs.show(run, principal) for run in ended[:_LAST_RUNS]]

    def _days(self) -> list[DayFigures]:
        known = {tally.day: tally for tally in self._stores.tallies.glance()}
        today = self._clock().date()
        days = (today - timedelta(days=ago) for ago in reversed(range(DAYS)))
        return [DayFigures.model_validate(dict(known.get(day) or Tally(day=day))) for day in days]


def _show_connections(connections: Iterable[Connection], principal: Principal) -> list[ConnectionState]:
    if principal.role is not Role.ADMINISTRATOR:
        return []
    return [
        ConnectionState(id=each.id, display_name=each.display_name, status=each.status, finding=each.finding)
        for each in sorted(connections, key=lambda each: each.display_name.casefold())
    ]


def _find_next_runs(rows: Sequence[ExportRow]) -> list[NextRun]:
    foreseen = ((row.next_run, row.export.name, row.export.id) for row in rows if row.next_run)
    return [
        NextRun(export_id=export_id, export_name=name, at=at)
        for at, name, export_id in heapq.nsmallest(_NEXT_RUNS, foreseen)
    ]


def _find_troubled(rows: Sequence[ExportRow]) -> tuple[list[TroubledExport], int]:
    found = [
        TroubledExport(
            export_id=row.export.id,
            export_name=row.export.name,
            condition=row.standing.present_condition,
            run_id=row.standing.last_run.id if row.standing.last_run else None,
            at=row.standing.last_run.created_at if row.standing.last_run else None,
        )
        for row in rows
        if row.standing.present_condition is not Condition.WELL
    ]
    found.sort(key=lambda each: (each.at is not None, each.at), reverse=True)
    return found[:_TROUBLED], len(found[_TROUBLED:])


def _find_largest_lists(
    rows: Sequence[ExportRow], segments: Mapping[str, Segment]
) -> tuple[list[ListFigures], int]:
    # A segment that an export was just edited to carry no longer stays on its standing until the next run.
    sizes = [
        (size, row.export) for row in rows for size in row.standing.lists if row.export.segment(size.segment)
    ]
    largest = heapq.nlargest(_LISTS, sizes, key=lambda each: each[0].people)
    shown = [
        ListFigures(
            export_id=export.id,
            export_name=export.name,
            trend=segments[size.segment].trend if size.segment in segments else (),
            **dict(size),
        )
        for size, export in largest
    ]
    return shown, len(sizes) - len(shown)
