"""The form to edit an export: nothing changes but what somebody changes."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.access import Role
from shared.domain.export import Blank, DateOrder, FieldType, Leavers
from shared.domain.schedule import Recurrence, Weekday
from tests.unit.export_form_world import HOSTILE, PRIVATE, SHARED, FormPage, FormWorld
from tests.unit.portal_client import PEOPLE

ADMIN = PEOPLE[Role.ADMINISTRATOR]


@pytest.fixture
def world():
    return FormWorld()


def edit(world, export, role=Role.CONTRIBUTOR, language="en"):
    return FormPage(world.browser(role, language), f"exports/{export.id}/edit")


# Storage holds no NUL, and no text that is not Unicode.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
filled_texts = texts.filter(lambda text: text.strip())
names = filled_texts.map(str.strip)
segment_names = st.text(
    st.characters(codec="utf-8", exclude_characters="/", exclude_categories=("Cc", "Cs")),
    min_size=1,
    max_size=12,
).filter(str.strip)
shares = st.none() | st.floats(0, 1, exclude_min=True)
counts = st.none() | st.integers(1, 10**9)
clock_times = st.times().map(lambda time: time.strftime("%H:%M"))
zones = st.sampled_from(["UTC", "Europe/Bucharest", "Asia/Kathmandu"])


@st.composite
def mappings(draw):
    kind = draw(st.none() | st.sampled_from([str(each) for each in FieldType]))
    mapping = {
        "field": draw(names),
        "type": kind,
        "date_order": draw(st.sampled_from([str(each) for each in DateOrder])),
    }
    if draw(st.booleans()):
        return {**mapping, "constant": draw(st.just("") | texts)}
    blank = draw(st.sampled_from([str(each) for each in Blank]))
    default = {"default": draw(st.just("") | texts)} if blank == Blank.DEFAULT else {}
    return {**mapping, "column": draw(filled_texts), "blank": blank, **default}


@st.composite
def schedules(draw):
    recurrence = draw(st.sampled_from([str(each) for each in Recurrence]))
    schedule = {"recurrence": recurrence, "minute": draw(st.integers(0, 59)), "time_zone": draw(zones)}
    if recurrence in (Recurrence.DAILY, Recurrence.WEEKLY, Recurrence.MONTHLY):
        schedule["times"] = draw(st.lists(clock_times, min_size=1, max_size=4, unique=True))
    if recurrence == Recurrence.WEEKLY:
        days = st.sampled_from([str(each) for each in Weekday])
        schedule["weekdays"] = draw(st.lists(days, min_size=1, max_size=7, unique=True))
    if recurrence == Recurrence.MONTHLY:
        schedule["days_of_month"] = draw(st.lists(st.integers(1, 31), min_size=1, max_size=31, unique=True))
    return schedule


choices = st.fixed_dictionaries(
    {"name": segment_names}, optional={"list_name": names, "list_id": filled_texts}
)
exports = st.fixed_dictionaries(
    {
        "name": names,
        "email_column": filled_texts,
        "consent_column": st.none() | filled_texts,
        "fields": st.lists(mappings(), max_size=5),
        "segments": st.lists(choices, min_size=1, max_size=4, unique_by=lambda choice: choice["name"]),
        "schedule": schedules(),
        "leavers": st.sampled_from([str(each) for each in Leavers]),
        "trip_wire": st.fixed_dictionaries(
            {
                "max_removals_share": shares,
                "max_removals": counts,
                "max_rejects_share": shares,
                "max_rejects": counts,
            }
        ),
    }
)


def as_a_browser_sends(form):
    """Line ends become CRLF in what is sent (HTML standard, form submission)."""
    return {name: [re.sub(r"\r\n|\r|\n", "\r\n", value) for value in values] for name, values in form.items()}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=exports, language=st.sampled_from(["en", "es", "ro"]))
def test_what_an_export_holds_survives_editing_without_a_change(wanted, language):
    # Without a connection no destination checks the mapping, so that everything can occur in it.
    world = FormWorld()
    export = world.add(**wanted, connection_id=None, active=False)
    form = edit(world, export, language=language)
    sent = {**as_a_browser_sends(form.page.form()), "do": "save"}
    page = form.browser.post(form.address, sent)
    assert page.status == 303, page.soup.select_one("#errors")
    assert world.stored(export.id) == export


def test_it_survives_buttons_that_save_nothing_too(world):
    export = world.add(
        fields=[{"field": "FirstName", "column": "FirstName", "blank": "default", "default": " x "}],
        segments=[{"name": "vip", "list_id": "list-9", "list_name": "Theirs"}, "to come"],
        schedule={"recurrence": "weekly", "weekdays": ["friday", "monday"], "times": ["18:00", "06:00"]},
        trip_wire={"max_removals_share": 0.123456789},
    )
    form = edit(world, export)
    for button in ("update", "search", "segments-next", "suggest", "add-time", "preview"):
        form.press(button)
    form.press("save")
    assert world.stored(export.id) == export


def test_one_change_changes_nothing_else(world):
    export = world.add(consent_column="Newsletter", leavers="remove")
    page = edit(world, export).press("save", name="Daily")
    assert page.location == f"/portal/exports/{export.id}"
    changed = world.stored(export.id)
    assert changed.updated_by == PEOPLE[Role.CONTRIBUTOR].name
    known = {"name": export.name, "updated_by": export.updated_by}
    assert changed.model_copy(update=known) == export


@pytest.mark.parametrize(
    ("role", "connection", "status"),
    [
        (Role.VIEWER, SHARED, 403),
        (Role.CONTRIBUTOR, SHARED, 200),
        (Role.CONTRIBUTOR, PRIVATE, 403),
        (Role.CONTRIBUTOR, None, 200),
        (Role.ADMINISTRATOR, PRIVATE, 200),
    ],
)
def test_who_may_not_change_an_export_neither_sees_the_form_nor_saves(world, role, connection, status):
    export = world.add(connection_id=connection, active=connection is not None)
    browser = world.browser(role)
    assert browser.get(f"exports/{export.id}/edit").status == status
    if status == 403:
        assert browser.post(f"exports/{export.id}/edit", {"do": "save", "name": "Mine"}).status == 403
        assert world.stored(export.id) == export


def test_an_export_that_is_not_there_is_not_found(world):
    assert world.browser().get("exports/export-none/edit").status == 404


def test_a_change_by_somebody_else_is_told_and_can_be_overwritten_knowingly(world):
    export = world.add()
    form = edit(world, export)
    edit(world, export, Role.ADMINISTRATOR).press("save", name="Theirs", leavers="remove")
    page = form.press("save", name="Mine")
    assert page.status == 422
    assert "ada@example.com changed this export" in page.text
    assert "What you have typed differs in: Name, People who leave." in page.text
    assert f"/portal/exports/{export.id}" in page.links().values()
    assert form.value("name") == "Mine"
    assert world.stored(export.id).name == "Theirs"
    form.press("save")
    assert world.stored(export.id).name == "Theirs"
    assert form.press("overwrite").status == 303
    assert (world.stored(export.id).name, world.stored(export.id).leavers) == ("Mine", Leavers.KEEP)


def test_overwriting_reaches_no_further_than_what_was_shown(world):
    export = world.add()
    form = edit(world, export)
    edit(world, export).press("save", name="Second")
    form.press("save", name="Mine")
    edit(world, export).press("save", name="Third")
    assert form.press("overwrite").status == 422
    assert world.stored(export.id).name == "Third"


def test_the_same_change_sent_twice_is_no_conflict(world):
    export = world.add()
    form = edit(world, export)
    opened = form.page
    first = form.browser.submit(opened, form.address, do="run", name="New")
    again = form.browser.submit(opened, form.address, do="run", name="New")
    assert first.location == again.location
    assert len(list(world.app.stores.runs.all())) == 1


def test_of_an_export_that_was_removed_meanwhile_what_was_typed_is_kept(world):
    export = world.add()
    form = edit(world, export)
    world.app.exports.remove(export.id, ADMIN)
    page = form.press("save", name="Mine")
    assert page.status == 422
    assert "Somebody has removed this export meanwhile." in page.text
    assert page.soup.select_one("#export-form")["action"] == "/portal/exports/new"
    form.address = "exports/new"
    assert form.press("save").status == 303
    assert [each.name for each in world.exports()] == ["Mine"]


def test_a_detached_export_can_stay_without_a_connection_and_is_then_not_active(world):
    export = world.add(connection_id=None, active=False)
    form = edit(world, export)
    assert form.page.soup.select_one("#connection option").get_text() == "No connection"
    form.press("save", active="yes")
    assert form.errors() == {"active": "Without a connection the export cannot be active."}
    form.press("save", active=None, name="Still detached")
    assert world.stored(export.id).name == "Still detached"
    edit(world, export).press("save", connection=SHARED, active="yes")
    assert (world.stored(export.id).connection_id, world.stored(export.id).active) == (SHARED, True)


def test_the_connection_is_not_taken_away_by_the_form(world):
    form = edit(world, world.add())
    form.press("save", connection="")
    assert form.errors() == {"connection": "Choose a connection."}


def test_another_connection_says_what_becomes_of_those_on_the_lists(world):
    form = edit(world, world.add(), Role.ADMINISTRATOR)
    assert "counts as a first one" not in form.page.text
    assert "counts as a first one" in form.press("update", connection=PRIVATE).text


def test_editing_proposes_more_fields_only_when_somebody_asks(world):
    form = edit(world, world.add())
    assert not form.page.soup.select(".offers")
    assert form.fields() == {}
    form.press("suggest")
    assert form.page.soup.select(".offers")
    assert form.value("consent") == ""


def test_limits_that_are_not_the_usual_ones_are_seen_at_once(world):
    usual, own = edit(world, world.add()), edit(world, world.add(trip_wire={"max_removals": 5}))
    assert not usual.page.soup.select_one(".limits").has_attr("open")
    assert own.page.soup.select_one(".limits").has_attr("open")


def test_hundreds_of_fields_are_offered_their_columns_while_typing(world):
    columns = [f"Column {number}" for number in range(200)]
    world.arrive("wide", ",".join(["EMail", *columns]) + "\n")
    world.app.destinations["autopilot"].standard_fields = ()
    fields = [{"field": name, "type": "string", "column": name} for name in columns]
    export = world.add(segments=["wide"], fields=fields)
    form = edit(world, export)
    assert len(form.page.soup.select("#columns option")) == 201
    assert form.page.soup.select_one("#field-199-column")["list"] == "columns"
    form.press("save")
    assert world.stored(export.id) == export


def test_a_hostile_export_is_shown_as_text(world):
    export = world.add(name=HOSTILE, email_column=HOSTILE, segments=[{"name": HOSTILE, "list_name": HOSTILE}])
    form = edit(world, export)
    assert form.page.soup.find("img", attrs={"onerror": True}) is None
    form.press("save")
    assert world.stored(export.id) == export
