"""Schedules as people set them: the refresh, and many at once."""

import json

import pytest
from pydantic import ValidationError

from shared.domain.access import Principal, Role
from shared.domain.connection import Sharing
from shared.domain.errors import Forbidden, Invalid, PreconditionFailed, PreconditionRequired
from shared.domain.export import Export
from shared.domain.schedule import Recurrence, Schedule
from shared.pipeline.journal import Journal
from shared.usecases.runs.schedules import NewRefresh, ScheduleChange, Schedules
from tests.fakes_stores import START
from tests.unit.run_office import ADA, Office

CARL, VERA = Principal("Carl", Role.CONTRIBUTOR), Principal("Vera", Role.VIEWER)
NIGHTLY = NewRefresh(recurrence="daily", times=["02:00"], time_zone="Europe/Bucharest")
MONTHLY = {"recurrence": "monthly", "times": ["08:00"], "days_of_month": [10]}


class Desk(Office):
    """Exports 1 (shared connection), 2 (connection of administrators) and 3 (detached, not active)."""

    def __init__(self) -> None:
        super().__init__()
        self.connect()
        self.connect("connection-2", Sharing.ADMINISTRATORS)
        self.schedules = Schedules(self.stores, Journal(self.logs, self.clock), self.clock)
        first = self.export(1)
        for number, changes in (
            (2, {"connection_id": "connection-2"}),
            (3, {"connection_id": None, "active": False}),
        ):
            other = first.model_copy(update={"id": f"export-{number}", **changes})
            self.stores.exports.add(other.id, other)

    def export(self, number: int) -> Export:
        return self.stores.exports.get(f"export-{number}").record

    def change_all(self, principal: Principal, *numbers: int, **change: object) -> dict[str, str | None]:
        """Problems by export."""
        wanted = {"exports": [f"export-{number}" for number in numbers], **change}
        outcomes = self.schedules.change_all(ScheduleChange.model_validate(wanted), principal)
        assert all(outcome.done == (outcome.problem is None) for outcome in outcomes)
        return {outcome.export_id: outcome.problem for outcome in outcomes}


def test_the_refresh_is_off_until_an_administrator_sets_it_and_then_tells_when_it_is_due():
    desk = Desk()
    before = desk.schedules.get_refresh(VERA)
    assert (before.recurrence, before.next_slot) == ("off", None)
    after = desk.schedules.set_refresh(NIGHTLY, ADA, before.version)
    assert (after.updated_by, after.updated_at) == ("Ada", START)
    assert after.next_slot.isoformat() == "2026-03-02T00:00:00+00:00"
    assert desk.schedules.get_refresh(VERA) == after


@pytest.mark.parametrize("principal", [CARL, VERA])
def test_only_administrators_set_the_refresh(principal):
    desk = Desk()
    with pytest.raises(Forbidden):
        desk.schedules.set_refresh(NIGHTLY, principal, "*")
    assert desk.schedules.get_refresh(principal).recurrence == "off"
    assert desk.audited() == [("refresh.edit", "refresh", principal.name, "refused")]


def test_the_refresh_is_not_overwritten_unseen():
    desk = Desk()
    seen = desk.schedules.get_refresh(ADA).version
    desk.schedules.set_refresh(NIGHTLY, ADA, seen)
    weekly = NewRefresh(recurrence="weekly", times=["02:00"], weekdays=["monday"])
    with pytest.raises(PreconditionFailed):
        desk.schedules.set_refresh(weekly, ADA, seen)
    with pytest.raises(PreconditionRequired):
        desk.schedules.set_refresh(weekly, ADA, None)
    assert desk.schedules.get_refresh(ADA).recurrence == "daily"


def test_setting_the_refresh_to_what_it_is_changes_nothing():
    desk = Desk()
    first = desk.schedules.set_refresh(NIGHTLY, ADA, "*")
    desk.clock.advance(60)
    assert desk.schedules.set_refresh(NIGHTLY, ADA, first.version).updated_at == START


def test_a_refresh_that_makes_no_sense_is_refused():
    with pytest.raises(Invalid) as raised:
        Desk().schedules.set_refresh(NewRefresh(recurrence="weekly", time_zone="Nowhere"), ADA, "*")
    assert len(raised.value.errors) == 3
    for wrong in ({"recurrence": "daily", "times": ["8:00"]}, {"recurrence": "off", "colour": "red"}):
        with pytest.raises(ValidationError):
            NewRefresh.model_validate(wrong)


def test_one_schedule_can_be_defined_for_all():
    desk = Desk()
    desk.clock.advance(60)
    assert desk.change_all(ADA, 1, 2, 3, schedule=MONTHLY) == dict.fromkeys(
        ["export-1", "export-2", "export-3"]
    )
    assert [desk.export(number).schedule for number in (1, 2, 3)] == [Schedule(**MONTHLY)] * 3
    assert [desk.export(number).active for number in (1, 2, 3)] == [True, True, False]
    assert (desk.export(1).updated_by, desk.export(1).updated_at) == ("Ada", desk.clock())


def test_exports_can_be_switched_off_and_on_with_their_own_schedules():
    desk = Desk()
    desk.change_all(ADA, 1, schedule=MONTHLY)
    desk.change_all(ADA, 1, 2, active=False)
    assert not any(desk.export(number).active for number in (1, 2))
    desk.change_all(ADA, 1, 2, active=True)
    assert [desk.export(number).schedule.recurrence for number in (1, 2)] == [
        Recurrence.MONTHLY,
        Recurrence.REFRESH,
    ]


def test_each_export_is_changed_by_its_own_right_and_the_others_say_why_not():
    desk = Desk()
    problems = desk.change_all(CARL, 1, 2, 3, 4, active=True, schedule=MONTHLY)
    assert problems["export-1"] is None
    assert "administrators only" in problems["export-2"]
    assert "no connection" in problems["export-3"]
    assert "export-4" in problems["export-4"]
    assert desk.export(1).schedule.recurrence is Recurrence.MONTHLY
    assert desk.export(2).schedule.recurrence is Recurrence.REFRESH
    assert desk.audited() == [
        ("export.schedule", "export-1", "Carl", "done"),
        ("export.schedule", "export-2", "Carl", "refused"),
        ("export.schedule", "export-3", "Carl", "refused"),
        ("export.schedule", "export-4", "Carl", "refused"),
        ("export.schedule_all", None, "Carl", "done"),
    ]


def test_viewers_change_no_schedules():
    desk = Desk()
    with pytest.raises(Forbidden):
        desk.change_all(VERA, 1, active=False)
    assert desk.export(1).active
    assert desk.audited() == [("export.schedule_all", None, "Vera", "refused")]


@pytest.mark.parametrize(
    "change",
    [{}, {"schedule": None}, {"schedule": {"recurrence": "daily"}}, {"schedule": {"time_zone": "Nowhere"}}],
)
def test_a_change_that_makes_no_sense_changes_nothing(change):
    desk = Desk()
    with pytest.raises(Invalid):
        desk.change_all(ADA, 1, **change)
    assert desk.audited() == [("export.schedule_all", None, "Ada", "refused")]


@pytest.mark.parametrize(
    "change",
    [
        {"exports": []},
        {"exports": ["export-1"] * 1_001},
        {"exports": ["export-1"], "schedule": {"recurrence": "hourly", "minute": 60}},
        {"exports": ["export-1"], "schedule": {"recurrence": "daily", "times": ["24:00"]}},
        {"exports": ["export-1"], "schedule": {"every": "day"}},
        {"exports": ["export-1"], "on": True},
    ],
)
def test_the_form_of_a_change_is_checked(change):
    with pytest.raises(ValidationError):
        ScheduleChange.model_validate_json(json.dumps(change))


def test_an_export_that_is_named_twice_is_changed_once_and_without_a_change_it_keeps_its_version():
    desk = Desk()
    desk.clock.advance(60)
    assert desk.change_all(ADA, 1, 1, active=True) == {"export-1": None}
    assert desk.export(1).updated_at == START
