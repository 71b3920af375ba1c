"""The form to add an export, without JavaScript."""

import pytest

from portal.web import StartRun
from shared.adapters.autopilot import Autopilot
from shared.domain.access import Role
from shared.domain.connection import Sharing
from shared.domain.errors import Unavailable
from shared.domain.export import Blank, Leavers
from shared.domain.schedule import Recurrence, Refresh, RefreshRecurrence, Weekday
from tests.unit.export_form_world import HOSTILE, PRIVATE, SHARED, FormPage, FormWorld

NEW = "exports/new"
LOOKED_UP = {"csrf", "connection", "suggested-for", "offers", "consents", "lists-of", "lists"}
"""What is found out anew for another connection, and nobody types."""


@pytest.fixture
def world():
    return FormWorld()


@pytest.fixture
def form(world):
    """A contributor before an empty form: with one connection to use, it is chosen already."""
    return FormPage(world.browser(), NEW)


@pytest.fixture
def filled(world):
    return FormPage(world.browser(), f"{NEW}?segment=vip&connection={SHARED}")


def only(world):
    [export] = world.exports()
    return export


def test_a_viewer_sees_no_form_and_saves_nothing(world):
    viewer = world.browser(Role.VIEWER)
    assert viewer.get(NEW).status == viewer.post(NEW, {"do": "save", "name": "x"}).status == 403
    assert world.exports() == []


def test_contributors_choose_among_shared_connections_only(world):
    connections = {
        role: {each["value"] for each in world.browser(role).get(NEW).soup.select("#connection option")}
        for role in (Role.CONTRIBUTOR, Role.ADMINISTRATOR)
    }
    assert connections == {Role.CONTRIBUTOR: {"", SHARED}, Role.ADMINISTRATOR: {"", SHARED, PRIVATE}}


def test_connections_are_in_the_section_of_their_destination(form):
    assert form.page.soup.select_one("#connection optgroup")["label"] == "Autopilot"


@pytest.mark.parametrize(
    ("role", "told"),
    [
        (Role.CONTRIBUTOR, "No connection is available. Contact an administrator."),
        (Role.ADMINISTRATOR, "No connection is available yet. Add connection"),
    ],
)
def test_without_a_connection_the_form_says_whom_to_ask(world, role, told):
    world.app.stores.connections.remove(SHARED)
    world.app.stores.connections.remove(PRIVATE)
    page = world.browser(role).get(NEW)
    assert told in page.text
    assert ("Add connection" in page.links()) == (role is Role.ADMINISTRATOR)


def test_what_a_link_names_is_chosen_and_its_columns_are_filled_in(filled):
    assert filled.value("connection") == SHARED
    assert filled.value("segment-0-name") == "vip"
    assert filled.value("segment-0-on") == "yes"
    assert filled.value("email") == "EMail"
    assert filled.fields() == {"FirstName": "FirstName", "LastName": "LastName"}


def test_a_connection_that_may_not_be_used_is_not_chosen_by_a_link(world):
    page = FormPage(world.browser(), f"{NEW}?connection={PRIVATE}")
    assert page.value("connection") == SHARED  # the only one there is to use


def test_ticking_a_segment_shows_its_columns_and_keeps_what_was_typed(form):
    form.press("update", name="My export", **{"segment-0-on": "yes"})
    assert form.page.status == 200
    assert form.value("name") == "My export"
    assert form.value("email") == "EMail"
    assert form.page.soup.select_one("#email option[value=Birthday]")


def test_saving_adds_the_export_and_runs_nothing(world, filled):
    page = filled.press("save", name="Weekly")
    export = only(world)
    assert page.location == f"/portal/exports/{export.id}"
    assert page.effects == []
    assert (export.name, export.connection_id, export.email_column) == ("Weekly", SHARED, "EMail")
    assert [choice.name for choice in export.segments] == ["vip"]
    assert [(each.field, each.column) for each in export.fields] == [
        ("FirstName", "FirstName"),
        ("LastName", "LastName"),
    ]
    assert export.active
    assert export.schedule.recurrence is Recurrence.REFRESH
    notice = filled.browser.get("preferences").text
    assert "Saved “Weekly”. It runs when files of its segments arrive." in notice


@pytest.mark.parametrize(("button", "dry"), [("run", False), ("dry", True)])
def test_saving_with_a_run_leads_to_the_run(world, filled, button, dry):
    page = filled.press(button, name="Weekly")
    [effect] = page.effects
    assert isinstance(effect, StartRun)
    assert effect.run.dry is dry
    assert page.location == f"/portal/runs/{effect.run.id}"


def test_what_is_sent_twice_is_done_once(world, filled):
    first = filled.browser.submit(filled.page, NEW, do="run", name="Weekly")
    again = filled.browser.submit(filled.page, NEW, do="run", name="Weekly")
    assert first.location == again.location
    assert len(world.exports()) == len(list(world.app.stores.runs.all())) == 1


def test_a_form_that_was_changed_after_it_was_saved_says_so_before_it_adds_another(world, filled):
    opened = filled.page
    filled.browser.submit(opened, NEW, do="save", name="First")
    filled.page = opened
    page = filled.press("save", name="Second")
    assert page.status == 422
    assert f"/portal/exports/{only(world).id}" in page.links()["the export that was added"]
    filled.press("save")
    assert sorted(each.name for each in world.exports()) == ["First", "Second"]


def test_an_export_that_cannot_run_yet_is_saved_all_the_same(world, form):
    page = form.press("run", name="Early", email="mail", **{"segment-typed": "to come"})
    assert page.location == f"/portal/exports/{only(world).id}"
    assert page.effects == []
    assert "but it was not run. No file has arrived yet" in form.browser.get("preferences").text


def test_all_that_is_missing_is_said_at_once_and_leads_to_its_field(form):
    page = form.press("save", connection="")
    assert page.status == 422
    assert set(form.errors()) == {"connection", "email", "segments", "name"}
    for name in form.errors():
        assert page.soup.select_one(f"#{name}"), name
    assert page.soup.select_one("#name")["aria-describedby"] == "name-wrong"


def test_who_saves_before_the_columns_were_shown_finds_them_filled_in(world, form):
    page = form.press("save", name="Weekly", **{f"segment-{form.number_of('vip')}-on": "yes"})
    assert page.status == 422
    assert list(form.errors()) == ["email"]
    assert form.value("email") == "EMail"
    assert form.press("save").status == 303


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"name": "x" * 201}, "name"),
        ({"connection": "connection-none"}, "connection"),
        ({"field-0-column": "", "field-0-field": "Company", "field-0-type": "string"}, "field-0-column"),
        ({"field-0-field": "Nonsense"}, "field-0-column"),
        ({"field-0-field": " ", "field-0-type": "string"}, "field-0-field"),
        ({"field-0-type": "colour"}, "field-0-type"),
        ({"segment-0-list": "named"}, "segment-0-list-name"),
        ({"segment-0-list": "existing"}, "segment-0-list-id"),
        ({"segment-typed": "a/b"}, "segment-typed"),
        ({"max-removals-share": "x"}, "max-removals-share"),
        ({"max-removals-share": "1e9999999"}, "max-removals-share"),
        ({"max-removals-share": "0"}, "max-removals-share"),
        ({"max-rejects-share": "101"}, "max-rejects-share"),
        ({"max-rejects-share": "NaN"}, "max-rejects-share"),
        ({"max-removals": "many"}, "max-removals"),
        ({"max-rejects": "0"}, "max-rejects"),
        ({"leavers": "burn"}, "leavers"),
        ({"recurrence": "never"}, "recurrence"),
        ({"recurrence": "hourly", "minute": "60"}, "minute"),
        ({"recurrence": "daily"}, "times"),
        ({"recurrence": "daily", "times": "7h"}, "times"),
        ({"recurrence": "daily", "times": ["07:00", "07:00"]}, "times"),
        ({"recurrence": "weekly", "times": "07:00"}, "weekdays"),
        ({"recurrence": "weekly", "times": "07:00", "weekdays": "someday"}, "weekdays"),
        ({"recurrence": "monthly", "times": "07:00"}, "days"),
        ({"recurrence": "monthly", "times": "07:00", "days": "32"}, "days"),
        ({"recurrence": "hourly", "time-zone": "Mars/Olympus"}, "time-zone"),
    ],
)
def test_each_error_stands_beside_its_field_and_nothing_typed_is_lost(world, filled, typed, wrong):
    sent = {**filled.page.form(), "name": "Weekly", **typed}
    page = filled.press("save", **{"name": "Weekly", **typed})
    assert page.status == 422
    assert list(filled.errors()) == [wrong]
    assert page.soup.find(id=wrong), f"nothing has the id {wrong}"
    assert page.soup.select_one(f"#{wrong}-wrong") or "wrong-text" in str(page.soup.find(id=wrong))
    kept = page.form()
    for name, value in sent.items():
        offered = page.soup.find(["select", "input"], attrs={"name": name})
        # A choice that is not offered cannot be shown again, and no browser sends one.
        if (
            name in typed
            and offered
            and (offered.name == "select" or offered["type"] in ("radio", "checkbox"))
        ):
            continue
        if name not in LOOKED_UP:
            assert kept.get(name) == (value if isinstance(value, list) else [value]), name
    assert world.exports() == []


def test_what_autopilot_cannot_take_is_said_beside_each_field(world, filled):
    world.app.destinations["autopilot"] = Autopilot("https://autopilot.example/v1", timeout_s=1)
    filled.press("add-field", name="Weekly", **{"new-field": "FirstName"})
    filled.press("add-field", **{"new-field": "unsubscribed", "field-2-column": "Birthday"})
    filled.press("save", **{"field-3-column": "Newsletter", "field-3-blank": "clear"})
    assert filled.errors() == {
        "field-2-column": "The field 'FirstName' is filled 2 times; keep one of them.",
        "field-3-column": "'unsubscribed' cannot be cleared: that would subscribe people again.",
    }


def test_the_limits_may_be_empty_or_written_with_a_comma(world, filled):
    typed = {"max-removals-share": "", "max-removals": "100", "max-rejects-share": "12,5", "max-rejects": "7"}
    filled.press("save", name="Weekly", **typed)
    wire = only(world).trip_wire
    assert (wire.max_removals_share, wire.max_removals, wire.max_rejects_share, wire.max_rejects) == (
        None,
        100,
        0.125,
        7,
    )


def test_fields_are_added_and_removed_and_what_stands_between_stays(world, filled):
    filled.press("add-field", name="Weekly", **{"new-field": ":custom"})
    filled.press(
        "add-field", **{"field-2-field": "Shoe", "field-2-type": "integer", "field-2-column": "Shoe size"}
    )
    filled.press(
        "remove-field-0", **{"field-3-field": "Source", "field-3-fill": "constant", "field-3-constant": "web"}
    )
    assert filled.fields() == {"LastName": "LastName", "Shoe": "Shoe size", "Source": ""}
    filled.press("add-field", **{"new-field": "FirstName"})
    filled.press(
        "save", **{"field-3-column": "FirstName", "field-1-blank": "default", "field-1-default": "1"}
    )
    by_name = {each.field: each for each in only(world).fields}
    assert set(by_name) == {"LastName", "Shoe", "Source", "FirstName"}
    assert (by_name["Shoe"].blank, by_name["Shoe"].default) == (Blank.DEFAULT, "1")
    assert (by_name["Source"].constant, by_name["Source"].column) == ("web", None)


def test_a_field_of_ones_own_is_asked_for_its_name_and_its_column(world, filled):
    filled.press("add-field", name="Weekly", **{"new-field": ":custom"})
    filled.press("save")
    assert [link.get_text() for link in filled.page.soup.select("#errors a")] == [
        "Give the custom field a name, or remove it.",
        "Choose a column for “Custom field”, or remove the field.",
    ]
    filled.press("save", **{"field-2-column": "Shoe size"})
    assert [link["href"] for link in filled.page.soup.select("#errors a")] == ["#field-2-field"]


def test_a_field_that_is_there_unasked_and_left_empty_is_not_exported(world, filled):
    filled.press("save", name="Weekly", **{"field-1-column": ""})
    assert [each.field for each in only(world).fields] == ["FirstName"]


def test_what_is_found_in_the_segment_is_added_with_one_click_each_or_at_once(filled):
    offered = [each["value"] for each in filled.page.soup.select(".offers .offer")]
    assert offered == ["offer-0", "offer-1"]
    filled.press("offer-0")
    assert list(filled.fields()) == ["FirstName", "LastName", "Shoe size"]
    assert [each["value"] for each in filled.page.soup.select(".offers .offer")] == ["offer-0"]
    filled.press("offer-all")
    assert list(filled.fields())[-1] == "Birthday"
    assert not filled.page.soup.select(".offers")
    filled.press("remove-field-3")
    filled.press("suggest")
    assert "Birthday" in filled.page.soup.select_one(".offers").get_text()


def test_nobody_chooses_a_consent_column_for_a_person_but_it_is_one_click(world, filled):
    assert filled.value("consent") == ""
    filled.press("consent-0")
    filled.press("save", name="Weekly")
    assert only(world).consent_column == "Newsletter"


def test_a_suggestion_follows_another_segment_until_a_person_has_chosen(world):
    world.arrive("lead", "correo,nombre,apellido\na@example.com,A,B\n")
    form = FormPage(world.browser(), NEW)
    form.tick("vip")
    assert form.value("email") == "EMail"
    form.press(
        "update",
        **{f"segment-{form.number_of('vip')}-on": None, f"segment-{form.number_of('lead')}-on": "yes"},
    )
    assert form.value("email") == "correo"
    form.press("update", email="apellido")
    form.tick("vip")
    assert form.value("email") == "apellido"


def test_columns_that_some_segments_lack_are_marked(world):
    world.arrive("lead", "Email,FirstName\n")
    page = FormPage(world.browser(), f"{NEW}?segment=vip").tick("lead")
    options = {each["value"]: each.get_text() for each in page.soup.select("#field-1-column option")}
    assert options["FirstName"] == "FirstName"
    assert options["LastName"] == "LastName – not in lead"
    assert options["EMail"] == "EMail", "runs forgive the case of a column's name"
    assert "Not in the segment lead : its run would fail." in page.text


def test_columns_that_are_not_known_are_typed(world, form):
    form.press("add-segment", **{"segment-typed": "to come"})
    assert form.page.soup.select_one("#email")["type"] == "text"
    form.press("save", name="Early", email="Mail", **{"field-0-column": "Vorname"})
    export = only(world)
    assert (export.email_column, export.fields[0].column) == ("Mail", "Vorname")
    assert [each.name for each in export.segments] == ["to come"]


def test_a_file_that_cannot_be_read_is_said_and_the_form_goes_on(world, form):
    world.app.segment_blobs.files.clear()
    page = form.tick("vip")
    assert page.status == 200
    assert "No columns could be suggested." in page.text


def test_the_people_of_a_segment_are_counted_and_too_many_are_warned_of_at_once(world):
    world = FormWorld(MAX_PROFILES_PER_RUN="2000")
    world.arrive("rows", "EMail\n", rows=900)
    world.arrive("open", "EMail\n")
    form = FormPage(world.browser(), NEW)
    assert "1,234" in form.page.text
    assert "900 rows" in form.page.text
    assert "not counted yet" in form.page.text
    page = form.tick("vip", "rows")
    assert "Together the segments have up to 2,134 profiles; a run may have at most 2,000." in page.text


def test_a_connection_with_a_lower_limit_warns_earlier(world):
    world.connect("connection-small", "Small", Sharing.CONTRIBUTORS, max_profiles_per_run=1_000)
    form = FormPage(world.browser(), f"{NEW}?segment=vip&connection=connection-small")
    assert "The segment 'vip' has 1,234 profiles; a run may have at most 1,000." in form.page.text


def test_hundreds_of_segments_are_searched_and_paged_and_chosen_ones_stay(world):
    for number in range(60):
        world.arrive(f"segment {number:02}", "EMail\n")
    form = FormPage(world.browser(), NEW)
    rows = form.page.soup.select(".segments tbody tr")
    assert len(rows) == 20
    assert "1–20 of 61" in form.page.text
    form.tick("segment 03", "segment 05")
    form.press("segments-next")
    assert [each["value"] for each in form.page.soup.select(".segments input[type=hidden][name$=-name]")][
        :3
    ] == [
        "segment 03",
        "segment 05",
        "segment 20",
    ]
    form.press("search", **{"segment-search": "SEGMENT 4"})
    assert len(form.page.soup.select(".segments tbody tr")) == 2 + 15  # every name with a 4
    form.press("search", **{"segment-search": "none such"})
    assert len(form.page.soup.select(".segments tbody tr")) == 2
    form.press("segments-previous")
    assert form.page.status == 200


def test_nothing_moves_while_somebody_ticks(world):
    for number in range(5):
        world.arrive(f"segment {number}", "EMail\n")
    form = FormPage(world.browser(), NEW)
    names = [each["value"] for each in form.page.soup.select(".segments input[name$=-name]")]
    form.tick("segment 3")
    assert [
        each["value"]
        for each in form.page.soup.select(".segments input[name$=-name]")
        if "list" not in each["name"]
    ] == names


def test_a_list_is_chosen_from_those_of_the_account(world, filled):
    destination = world.app.destinations["autopilot"]
    list_id = destination.create_list(HOSTILE)
    filled.press("update", **{"segment-0-list": "existing"})
    options = {
        each["value"]: each.get_text() for each in filled.page.soup.select("#segment-0-list-id option")
    }
    assert options == {"": "Choose a list", list_id: HOSTILE}
    filled.press("save", name="Weekly", **{"segment-0-list-id": list_id})
    [choice] = only(world).segments
    assert (choice.list_id, choice.list_name) == (list_id, HOSTILE)


def test_lists_are_not_asked_for_again_with_every_button(world, filled):
    calls = []
    world.app.destinations["autopilot"].on_call = calls.append
    filled.press("update", **{"segment-0-list": "existing"})
    filled.press("add-field")
    filled.press("add-time")
    assert calls == ["lists"]


@pytest.mark.parametrize("trouble", ["destination", "vault"])
def test_a_destination_that_does_not_answer_is_said_and_a_name_can_be_typed(world, filled, trouble):
    if trouble == "vault":
        world.app.vault.silent = True
    else:
        world.app.destinations["autopilot"].faults["lists"] = [Unavailable("Autopilot did not answer.")]
    page = filled.press("update", **{"segment-0-list": "existing"})
    assert page.status == 200
    assert "You can go on: choose “Another name”" in page.text
    assert "You can go on" not in filled.press("add-time").text, "nobody waits for it again"
    assert "Show lists" in filled.page.text
    filled.press("save", name="Weekly", **{"segment-0-list": "named", "segment-0-list-name": "Win back"})
    assert only(world).segments[0].list_name == "Win back"


def test_a_preview_shows_people_and_the_rows_between_and_saves_nothing(world, filled):
    filled.press("offer-all")
    page = filled.press("preview", consent="Newsletter")
    assert page.status == 200
    lines = [row.get_text(" ", strip=True) for row in page.soup.select(".preview tbody tr")]
    assert lines[0].startswith("2 *** Ana Pop 42")
    assert lines[1].startswith("3 Rejected")
    assert lines[2].startswith("4 Rejected")
    assert len(lines) == 3
    assert world.exports() == []


def test_a_preview_tells_of_values_that_are_left_out_and_of_segments_that_cannot_be_read(world):
    world.arrive("lead", "Other\n")
    form = FormPage(world.browser(), f"{NEW}?segment=vip")
    form.tick("lead")
    page = form.press("preview", **{"field-0-column": "Birthday"})
    assert "There is no column 'EMail'." in page.text
    assert "Birthday : 1 value" in page.text


def test_a_preview_of_what_is_not_complete_says_what_is_missing(form):
    page = form.press("preview")
    assert page.status == 422
    assert "email" in form.errors()
    assert "There is no preview yet" in page.text


def test_many_segments_are_previewed_ten_at_a_time(world):
    form = FormPage(world.browser(), NEW)
    for number in range(12):
        world.arrive(f"s{number:02}", "EMail\na@example.com\n")
    form = FormPage(world.browser(), NEW)
    form.tick(*(f"s{number:02}" for number in range(12)))
    page = form.press("preview", **{"field-0-column": "", "field-1-column": ""})
    assert len(page.soup.select("table.preview")) == 10
    assert "Segments 1–10 of 12" in page.text
    assert len(form.press("preview-10").soup.select("table.preview")) == 2


def test_a_schedule_is_said_in_words_as_it_is_filled_in(world, filled):
    filled.browser.cookies["time-zone"] = "Europe%2FBucharest"
    page = filled.press("update", recurrence="weekly", times="06:00", **{"time-zone": "Europe/Bucharest"})
    assert page.soup.select_one("#schedule-words").get_text() == "Fill in when it is to run."
    page = filled.press("update", weekdays=["monday", "tuesday", "wednesday", "thursday", "friday"])
    words = page.soup.select_one("#schedule-words").get_text()
    assert words == "It runs every weekday at 06:00, Bucharest time; next: tomorrow at 06:00."
    page = filled.press("add-time")
    assert len(page.soup.select("input[name=times]")) == 2
    filled.press("save", name="Weekly", times=["06:00", "18:00"])
    schedule = only(world).schedule
    assert (schedule.recurrence, schedule.times) == (Recurrence.WEEKLY, ("06:00", "18:00"))
    assert Weekday.SATURDAY not in schedule.weekdays
    assert schedule.time_zone == "Europe/Bucharest"


def test_a_time_is_removed_with_its_button(filled):
    filled.press("add-time", times=["06:00", "07:00", "08:00"])
    filled.press("remove-time-1")
    assert filled.page.form()["times"] == ["06:00", "08:00", ""]


def test_the_time_zone_begins_with_the_readers(world):
    browser = world.browser()
    browser.cookies["time-zone"] = "Europe%2FMadrid"
    assert FormPage(browser, NEW).value("time-zone") == "Europe/Madrid"


def test_the_refresh_is_said_with_when_it_is_next(world, filled):
    refresh = Refresh(recurrence=RefreshRecurrence.DAILY, times=("02:00",))
    world.app.stores.refreshes.upsert("refresh", lambda _: refresh)
    page = filled.press("update")
    assert "with the refresh every day at 02:00, UTC; next: tomorrow at 02:00." in page.text


def test_leavers_and_whether_it_is_active_are_set(world, filled):
    page = filled.press("update", leavers="remove", active=None)
    assert "It is not active: it only runs when somebody starts it." in page.text
    filled.press("save", name="Weekly")
    export = only(world)
    assert (export.leavers, export.active) == (Leavers.REMOVE, False)


def test_pressing_enter_saves_nothing(filled):
    """The first button of a form is what Enter presses."""
    buttons = filled.page.soup.select("#export-form button[name=do]")
    assert buttons[0]["value"] == "update"
    assert filled.press("update", name="Weekly").status == 200


def test_hostile_names_are_shown_as_text(world):
    world.arrive(f"{HOSTILE}".replace("/", ""), f"EMail,{HOSTILE}\na@example.com,{HOSTILE}\n")
    world.connect("connection-odd", HOSTILE, Sharing.CONTRIBUTORS)
    form = FormPage(world.browser(), NEW)
    form.press("update", connection="connection-odd")
    form.tick(HOSTILE)
    page = form.press("add-field", name=HOSTILE, **{"field-0-column": HOSTILE, "field-1-column": ""})
    page = form.press("preview", **{"field-2-field": HOSTILE, "field-2-column": HOSTILE})
    assert page.soup.find("img", attrs={"onerror": True}) is None
    assert form.value("field-0-column") == HOSTILE
    form.press("remove-field-2")
    form.press("save")
    export = only(world)
    assert (export.name, export.segments[0].name, export.fields[0].column) == (HOSTILE, HOSTILE, HOSTILE)


def test_what_is_far_too_long_is_refused_and_kept(form):
    form.press("save", name="x" * 10_000, **{"segment-typed": "y" * 10_000})
    assert {"name", "segment-typed"} <= set(form.errors())
    assert len(form.value("name")) == 10_000
    assert len(form.value("segment-typed")) == 10_000


def test_a_form_with_nonsense_in_its_hidden_fields_is_shown_again(form):
    nonsense = {"offers": "[{", "lists": '{"a"', "consents": "7", "segment-page": "-9", "suggested-for": "x"}
    assert form.press("update", **nonsense).status == 200
    assert form.press("offer-9999").status == form.press("remove-field-9999").status == 200
    assert form.press("no-such-button").status == 200


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("es", ["Agregar exportación", "Conexión para exportación", "Coincidencia de datos", "Correo electrónico",
                "Nombre de pila", "Apellido", "Guardar"]),
        ("ro", ["Adăugați export", "Conexiune pentru export", "Potrivirea datelor", "E-mail", "Prenume",
                "Nume de familie", "Salvare"]),
    ],
)  # fmt: skip
def test_the_steps_have_the_words_of_the_documentation(world, language, words):
    page = FormPage(world.browser(language=language), f"{NEW}?segment=vip").page
    assert [word for word in words if word not in page.text] == []
    assert "FirstName" in page.text, "Autopilot's own name stands beside"
