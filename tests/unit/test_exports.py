"""Exports: what may be stored, and who may store it."""

import pytest
from pydantic import ValidationError

from shared.domain.access import Principal
from shared.domain.errors import Forbidden, Invalid, NotFound
from shared.domain.export import Blank, DateOrder, FieldType, Leavers, SegmentChoice, TripWire
from shared.domain.run import RunStatus, Trigger
from shared.domain.schedule import Recurrence, Refresh, RefreshRecurrence, Schedule, Weekday
from shared.domain.standing import Standing
from shared.usecases.exports.forms import NewExport
from shared.usecases.exports.views import Permission
from tests.fakes_stores import START
from tests.unit.export_office import ADMIN, CONTRIBUTOR, LIMIT, PRIVATE, SHARED, VIEWER, ExportOffice, form


@pytest.fixture
def office() -> ExportOffice:
    return ExportOffice()


def test_everything_about_an_export_is_stored(office):
    export = office.add(
        consent_column="Newsletter",
        fields=[
            {"field": "FirstName", "column": "First", "blank": "clear"},
            {"field": "LastName", "constant": "Customer"},
            {"field": "Born", "column": "Birth", "type": "date", "date_order": "dmy"},
            {"field": "Orders", "column": "N", "type": "integer", "blank": "default", "default": "0"},
        ],
        segments=[{"name": "vip", "list_id": "contactlist_1", "list_name": "VIPs"}],
        schedule={
            "recurrence": "weekly",
            "times": ["08:00"],
            "weekdays": ["monday"],
            "time_zone": "Europe/Madrid",
        },
        leavers="remove",
        trip_wire={"max_removals": 5},
    )

    stored = office.stores.exports.get(export.id).record
    first, last, born, orders = stored.fields
    assert (first.column, first.blank) == ("First", Blank.CLEAR)
    assert (last.constant, last.column) == ("Customer", None)
    assert (born.type, born.date_order) == (FieldType.DATE, DateOrder.DMY)
    assert (orders.blank, orders.default) == (Blank.DEFAULT, "0")
    assert stored.consent_column == "Newsletter"
    assert stored.segments == (SegmentChoice(name="vip", list_id="contactlist_1", list_name="VIPs"),)
    assert stored.schedule == Schedule(
        recurrence=Recurrence.WEEKLY,
        times=("08:00",),
        weekdays=(Weekday.MONDAY,),
        time_zone="Europe/Madrid",
    )
    assert (stored.leavers, stored.trip_wire) == (Leavers.REMOVE, TripWire(max_removals=5))
    assert (stored.created_by, stored.updated_by, stored.created_at) == ("Ada", "Ada", START)
    assert stored.active


def test_a_segment_is_given_by_its_name_or_with_a_list_of_its_own(office):
    export = office.add(segments=["vip", {"name": "churn"}, {"name": "new", "list_name": "Welcome"}])
    assert export.segments == (
        SegmentChoice(name="vip"),
        SegmentChoice(name="churn"),
        SegmentChoice(name="new", list_name="Welcome"),
    )
    assert [choice.list_title for choice in export.segments] == ["vip", "churn", "Welcome"]
    assert office.get(export.id) == export


def test_an_export_over_an_unknown_connection_is_refused_and_the_field_is_named(office):
    with pytest.raises(Invalid) as raised:
        office.add(connection_id="connection-2")
    assert raised.value.errors == [{"pointer": "/connection_id", "detail": "unknown"}]


def test_a_mapping_that_the_destination_cannot_take_is_refused_with_every_reason(office):
    with pytest.raises(Invalid) as raised:
        office.add(fields=[{"field": "Shoe", "column": "a"}, {"field": "Hat", "column": "b"}])
    assert [error["pointer"] for error in raised.value.errors] == ["/fields", "/fields"]
    assert office.names() == []


@pytest.mark.parametrize("segments", [["vip", "vip"], ["vip", {"name": "vip", "list_name": "Other"}]])
def test_a_segment_that_is_named_twice_is_refused(office, segments):
    with pytest.raises(Invalid):
        office.add(segments=segments)


@pytest.mark.parametrize(
    "schedule",
    [
        {"recurrence": "daily"},
        {"recurrence": "weekly", "times": ["08:00"]},
        {"recurrence": "daily", "times": ["08:00"], "time_zone": "Mars/Olympus"},
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused(office, schedule):
    with pytest.raises(Invalid) as raised:
        office.add(schedule=schedule)
    assert {error["pointer"] for error in raised.value.errors} == {"/schedule"}
    assert office.names() == []


@pytest.mark.parametrize(
    ("wrong", "at"),
    [
        ({"segments": []}, ("segments",)),
        ({"segments": [""]}, ("segments", 0, "name")),
        ({"segments": ["a/b"]}, ("segments", 0, "name")),
        ({"segments": ["vip", {}]}, ("segments", 1, "name")),
        ({"segments": [{"name": "vip", "list": "x"}]}, ("segments", 0, "list")),
        ({"segments": [{"name": "vip", "list_id": " "}]}, ("segments", 0, "list_id")),
        ({"segments": [f"s{n}" for n in range(101)]}, ("segments",)),
        ({"name": " "}, ("name",)),
        ({"email_column": ""}, ("email_column",)),
        ({"email_column": " "}, ("email_column",)),
        ({"consent_column": ""}, ("consent_column",)),
        ({"consent_column": "\t"}, ("consent_column",)),
        ({"fields": [{"field": "A", "column": "a", "type": "money"}]}, ("fields", 0, "type")),
        ({"fields": [{"field": "A"}]}, ("fields", 0)),
        ({"fields": [{"field": "A", "column": "a", "constant": "x"}]}, ("fields", 0)),
        ({"fields": [{"field": "A", "constant": "x", "blank": "clear"}]}, ("fields", 0)),
        ({"fields": [{"field": "A", "column": "a", "default": "x"}]}, ("fields", 0)),
        ({"fields": [{"field": "A", "column": "a", "blank": "default"}]}, ("fields", 0)),
        ({"fields": [{"field": "A", "column": "a", "blank": "omit", "default": "x"}]}, ("fields", 0)),
        ({"schedule": {"surprise": 1}}, ("schedule", "surprise")),
        ({"schedule": {"recurrence": "yearly"}}, ("schedule", "recurrence")),
        ({"trip_wire": {"max_removals_share": 1.5}}, ("trip_wire", "max_removals_share")),
        ({"trip_wire": {"max_rejects": 0}}, ("trip_wire", "max_rejects")),
        ({"trip_wire": {"surprise": 1}}, ("trip_wire", "surprise")),
        ({"leavers": "delete"}, ("leavers",)),
        ({"connection_id": None}, ()),
        ({"extra": 1}, ("extra",)),
    ],
)
def test_what_is_wrong_is_told_at_its_place(office, wrong, at):
    with pytest.raises(ValidationError) as raised:
        office.add(**wrong)
    assert [error["loc"] for error in raised.value.errors()] == [at]


def test_a_name_alone_is_part_of_the_schema_of_a_segment():
    item = NewExport.model_json_schema()["properties"]["segments"]["items"]
    assert any("$ref" in choice for choice in item["anyOf"])
    assert any(choice.get("type") == "string" for choice in item["anyOf"])


def test_what_is_shown_of_an_export_can_be_sent_back(office):
    export = office.add(fields=[{"field": "FirstName", "column": "a"}], segments=["vip", "new"])
    shown = export.model_dump(mode="json", include=set(NewExport.model_fields))
    again = office.exports.replace(export.id, NewExport.model_validate(shown), export.version, ADMIN)
    assert again == export


@pytest.mark.parametrize(
    ("principal", "connection", "allowed"),
    [
        (ADMIN, SHARED, True),
        (ADMIN, PRIVATE, True),
        (ADMIN, None, True),
        (CONTRIBUTOR, SHARED, True),
        (CONTRIBUTOR, PRIVATE, False),
        (CONTRIBUTOR, None, True),
        (VIEWER, SHARED, False),
        (VIEWER, PRIVATE, False),
        (VIEWER, None, False),
    ],
)
def test_an_export_is_added_by_who_may_use_its_connection(
    office, principal: Principal, connection: str | None, allowed: bool
):
    wanted = form(connection_id=connection, active=connection is not None)
    if allowed:
        assert office.exports.add(wanted, principal).created_by == principal.name
        return
    with pytest.raises(Forbidden):
        office.exports.add(wanted, principal)
    assert office.names() == []
    assert [(entry["action"], entry["result"]) for entry in office.audit()] == [("export.add", "refused")]


def test_who_may_not_add_exports_learns_nothing_about_connections(office):
    with pytest.raises(Forbidden):
        office.exports.add(form(connection_id="connection-2"), VIEWER)


@pytest.mark.parametrize(
    ("principal", "connection", "permission"),
    [
        (ADMIN, SHARED, Permission.EDIT),
        (ADMIN, PRIVATE, Permission.EDIT),
        (ADMIN, None, Permission.EDIT),
        (CONTRIBUTOR, SHARED, Permission.EDIT),
        (CONTRIBUTOR, PRIVATE, Permission.VIEW),
        (CONTRIBUTOR, None, Permission.EDIT),
        (VIEWER, SHARED, Permission.VIEW),
        (VIEWER, PRIVATE, Permission.VIEW),
        (VIEWER, None, Permission.VIEW),
    ],
)
def test_everybody_sees_every_export_and_what_they_may_do_with_it(office, principal, connection, permission):
    export = office.add(connection_id=connection, active=connection is not None)
    shown = office.exports.get(export.id, principal)
    name = {SHARED: "Ours", PRIVATE: "Secret", None: None}[connection]
    assert (shown.permission, shown.connection_name) == (permission, name)
    assert shown.connection_type == (connection and "autopilot")
    assert [view.permission for view in office.page(principal).exports] == [permission]


def test_an_export_that_is_not_there_is_not_found(office):
    with pytest.raises(NotFound):
        office.exports.get("export-none", VIEWER)


def test_the_last_run_of_any_kind_is_shown_but_no_dry_one(office):
    export = office.add()
    assert (export.status, export.last_run) == ("Not started", None)
    office.add_run(export.id, RunStatus.FAILED, "first", Trigger.SCHEDULE)
    office.clock.advance(60)
    office.add_run(export.id, RunStatus.SUCCESSFUL_WITH_REJECTS, "second", Trigger.UPLOAD)
    office.clock.advance(60)
    office.add_run(export.id, RunStatus.SUCCESSFUL, "dry", dry=True)

    shown = office.get(export.id)

    assert shown.status == "Successful with rejects"
    assert shown.last_run
    assert (shown.last_run.trigger, shown.last_run.requested_by) == (Trigger.UPLOAD, "Ada")
    assert shown.version == export.version


def test_the_next_run_is_that_of_the_schedule_or_of_the_refresh(office):
    own = office.add(schedule={"recurrence": "daily", "times": ["09:30"]})
    follows = office.add()
    assert own.next_run == START.replace(hour=9, minute=30)
    assert follows.next_run is None

    daily = Refresh(recurrence=RefreshRecurrence.DAILY, times=("10:00",))
    office.stores.refreshes.add("refresh", daily)

    assert office.get(follows.id).next_run == START.replace(hour=10)
    assert office.get(own.id).next_run == START.replace(hour=9, minute=30)


def test_an_export_that_is_not_active_has_no_next_run(office):
    schedule = {"recurrence": "daily", "times": ["09:30"]}
    assert office.add(schedule=schedule, active=False).next_run is None
    assert office.add_detached(schedule=schedule).next_run is None


def test_a_run_that_is_tried_again_sooner_than_the_schedule_is_the_next_one(office):
    export = office.add(schedule={"recurrence": "daily", "times": ["09:30"]})
    soon = START.replace(minute=5)
    office.stores.standings.add(export.id, Standing(subject=export.id, retry_at=soon))
    assert office.get(export.id).next_run == soon


def test_segments_that_are_too_large_are_warned_of_one_by_one_or_together(office):
    export = office.add(segments=["vip", "churn", "new"])
    assert export.warnings == ()
    office.arrive("vip", "x", profiles=LIMIT, rows=LIMIT + 50)
    office.arrive("churn", "x", rows=0)
    assert office.get(export.id).warnings == ()

    office.arrive("new", "x", rows=1)
    assert office.get(export.id).warnings == (
        "Together the segments have up to 1,001 profiles; a run may have at most 1,000.",
    )

    office.arrive("churn", "x", rows=2_500)
    assert office.get(export.id).warnings == (
        "The segment 'churn' has 2,500 profiles; a run may have at most 1,000.",
    )


def test_a_connection_with_a_lower_limit_is_warned_of_at_that(office):
    export = office.add()
    office.arrive("vip", "x", profiles=500)
    assert office.get(export.id).warnings == ()
    office.stores.connections.change(
        SHARED, lambda present: present.model_copy(update={"max_profiles_per_run": 400})
    )
    assert office.get(export.id).warnings == (
        "The segment 'vip' has 500 profiles; a run may have at most 400.",
    )


def test_adding_is_audited_with_who_and_from_where(office):
    export = office.add()
    [entry] = office.audit()
    assert (entry["action"], entry["result"], entry["subject"]) == ("export.add", "done", export.id)
    assert (entry["who"], entry["role"], entry["from"]) == ("Ada", "administrator", "10.0.0.1")
