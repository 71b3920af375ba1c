"""The page of one export: what it tells, and what may be done on it."""

import pytest

from portal.web import StartRun
from shared.domain.access import Role
from shared.domain.connection import Sharing
from shared.domain.run import RunStatus
from tests.unit.export_office import PRIVATE, SHARED
from tests.unit.portal_client import Browser
from tests.unit.portal_exports import (
    ADA,
    HOSTILE,
    LONG,
    RTL,
    add_connection,
    add_export,
    add_run,
    arrive,
    exports_app,
)

ACTIONS = (
    "run",
    "duplicate",
    "activate",
    "deactivate",
    "attach",
    "detach",
    "segments",
    "segments/remove",
    "remove",
)


@pytest.fixture
def app():
    return exports_app()


def facts(page):
    terms = [term.get_text(" ", strip=True) for term in page.soup.select("main dt")]
    told = [" ".join(each.get_text(" ").split()) for each in page.soup.select("main dd")]
    return dict(zip(terms, told, strict=True))


def table(page, caption):
    for each in page.soup.select("main table"):
        if each.caption.get_text(strip=True) == caption:
            return [
                [" ".join(cell.get_text(" ").split()) for cell in row.select("th, td")]
                for row in each.select("tbody tr")
            ]
    raise AssertionError(f"no table {caption}")


def buttons(page):
    return {" ".join(each.get_text(" ").split()) for each in page.soup.select("main button, main a.button")}


def test_every_setting_can_be_read(app):
    arrive(app, "vip", profiles=12_345)
    arrive(app, "churn", rows=7)
    export = add_export(
        app,
        consent_column="Newsletter",
        segments=[
            "vip",
            {"name": "churn", "list_name": "Win back"},
            {"name": "new", "list_id": "contactlist_1"},
        ],
        fields=[
            {"field": "FirstName", "column": "Prenume", "blank": "clear"},
            {"field": "LastName", "constant": "Insights"},
            {"field": "Orders", "column": "N", "type": "integer", "blank": "default", "default": "0"},
            {"field": "Born", "column": "Birthday", "type": "date", "date_order": "dmy"},
        ],
        schedule={"recurrence": "hourly", "minute": 15},
        leavers="remove",
        trip_wire={
            "max_removals_share": 0.2,
            "max_removals": 500,
            "max_rejects_share": 0.1,
            "max_rejects": 1,
        },
    )
    page = Browser(app).get(f"exports/{export.id}")
    told = facts(page)
    assert page.title == "Weekly"
    assert told["Connection for export"] == "Ours"
    assert told["Email"] == "column “ EMail ”"
    assert told["Consent"] == "column “ Newsletter ” Only people for whom it is true are sent."
    assert told["Runs"] == "every hour at 15 minutes past"
    assert told["State"] == "Active"
    assert told["Next run"].startswith("today at 08:15")
    assert "taken off its list, and never unsubscribed or deleted" in told["Leavers"]
    for limit in (
        "more than 20% of the people on a list would be taken off",
        "more than 500 people would be taken off the lists",
        "more than 10% of the rows of a segment are rejected",
        "more than 1 row is rejected",
    ):
        assert limit in told["Safety limits"]
    segments = table(page, "Segments and their lists")
    assert [row[:2] for row in segments] == [["vip", "12,345"], ["churn", "7 rows"], ["new", "unknown"]]
    assert [row[3] for row in segments] == ["vip", "Win back", "contactlist_1 contactlist_1"]
    assert segments[2][2] == "no file has arrived yet"
    assert table(page, "Fields") == [
        ["First name FirstName", "column “ Prenume ”", "Standard field", "empties the field"],
        ["Last name LastName", "always “ Insights ”", "Standard field", "never"],
        ["Orders", "column “ N ”", "whole number", "sends “ 0 ”"],
        ["Born", "column “ Birthday ”", "date day/month/year", "leaves the field as it is"],
    ]
    assert page.links()["vip"] == "/portal/segments/vip"
    assert page.links()["Ours"] == f"/portal/connections/{SHARED}"


def test_limits_on_removals_are_not_told_where_nobody_is_removed(app):
    page = Browser(app).get(f"exports/{add_export(app).id}")
    assert facts(page)["Safety limits"] == "No run waits for approval."
    assert facts(page)["Leavers"] == "Who has left the segment stays on its list."


def test_what_is_too_large_is_told(app):
    arrive(app, "vip", profiles=100_001)
    page = Browser(app).get(f"exports/{add_export(app).id}")
    assert "The segment 'vip' has 100,001 profiles" in page.soup.select_one(".notice.warn").get_text()


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("connection", [SHARED, PRIVATE])
def test_only_who_may_change_an_export_is_offered_to(app, role, connection):
    export = add_export(app, connection_id=connection, segments=["vip", "churn"])
    may = role is Role.ADMINISTRATOR or (role is Role.CONTRIBUTOR and connection == SHARED)
    browser = Browser(app, role)
    page = browser.get(f"exports/{export.id}")
    assert page.status == 200
    wanted = {"Edit", "Run now", "Dry run", "Run in full", "Switch off", "Take out vip", "Add the segment"}
    wanted |= {"Duplicate", "Detach the connection", "Remove"}
    assert buttons(page) & wanted == (wanted if may else set())
    assert bool(page.soup.select("main form")) == may
    assert browser.get(f"exports/{export.id}/remove").status == (200 if may else 403)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CONTRIBUTOR])
@pytest.mark.parametrize("action", ACTIONS)
def test_whoever_may_not_change_an_export_is_refused_every_action(app, role, action):
    arrive(app, "vip")
    export = add_export(app, connection_id=PRIVATE, segments=["vip", "churn"])
    sent = {"connection_id": SHARED, "segment": "vip", "segment-name": "new"}
    page = Browser(app, role).post(f"exports/{export.id}/{action}", sent)
    assert (page.status, page.effects) == (403, [])
    assert app.exports.get(export.id, ADA) == export


@pytest.mark.parametrize("action", ["", *ACTIONS])
def test_an_export_that_there_is_not_is_not_found(app, action):
    browser = Browser(app)
    sent = {"segment-name": "new", "connection_id": SHARED}
    page = browser.post(f"exports/export-1/{action}", sent) if action else browser.get("exports/export-1")
    assert page.status == 404
    assert "There is no 'export-1'." in page.text


@pytest.mark.parametrize("name", [HOSTILE, LONG, RTL])
def test_hostile_names_are_only_shown(app, name):
    export = add_export(
        app,
        name=name,
        email_column=name,
        consent_column=name,
        segments=[{"name": name.replace("/", ""), "list_name": name}, "churn"],
        fields=[{"field": name, "column": name, "blank": "default", "default": name, "type": "string"}],
    )
    browser = Browser(app)
    page = browser.get(f"exports/{export.id}")
    assert page.title == name
    assert page.soup.select("main img") == []
    assert browser.get(f"exports/{export.id}/remove").soup.select("main img") == []


@pytest.mark.parametrize(
    ("language", "told"), [("es", "Conexión para exportación"), ("ro", "Conexiune pentru export")]
)
def test_the_page_speaks_the_readers_language(app, language, told):
    page = Browser(app, language=language).get(f"exports/{add_export(app).id}")
    assert told in facts(page)


# Runs


def test_its_last_runs_are_shown_with_a_way_to_all_of_them(app):
    export, other = add_export(app), add_export(app, name="Other")
    for number in range(11):
        app.clock.advance(60)
        add_run(app, export, f"run-20260301T08{number:02}00Z-x", RunStatus.SUCCESSFUL, dry=number == 10)
    add_run(app, other, "run-20260301T092000Z-x", RunStatus.FAILED)
    page = Browser(app).get(f"exports/{export.id}")
    runs = table(page, "Last runs")
    assert len(runs) == 10
    assert runs[0][0] == "Successful Dry run"
    assert runs[0][3] == "1,234"
    assert page.soup.select_one("#runs tbody a")["href"] == "/portal/runs/run-20260301T081000Z-x"
    assert page.links()["All runs of this export"] == f"/portal/runs?export_id={export.id}"


@pytest.mark.parametrize(
    ("status", "looks"),
    [
        (RunStatus.PROCESSING, True),
        (RunStatus.QUEUED, True),
        (RunStatus.FAILED, False),
        (RunStatus.WAITING_FOR_APPROVAL, False),
    ],
)
def test_the_runs_renew_themselves_only_while_one_goes_on(app, status, looks):
    export = add_export(app)
    add_run(app, export, "run-1", status)
    runs = Browser(app).get(f"exports/{export.id}").soup.select_one("#runs")
    assert runs.has_attr("hx-trigger") == looks


@pytest.mark.parametrize(
    ("kind", "full", "dry", "notice"),
    [
        ("now", False, False, "The run has been started."),
        ("dry", False, True, "The dry run has been started. It sends nothing."),
        ("full", True, False, "The run has been started. It sends everybody again."),
    ],
)
def test_a_run_is_started_and_leads_to_its_page(app, kind, full, dry, notice):
    arrive(app, "vip")
    export, browser = add_export(app), Browser(app)
    page = browser.submit(browser.get(f"exports/{export.id}"), f"exports/{export.id}/run", do=kind)
    (effect,) = page.effects
    assert isinstance(effect, StartRun)
    assert (effect.run.full, effect.run.dry) == (full, dry)
    assert page.location == f"/portal/runs/{effect.run.id}"
    assert notice in browser.get("preferences").text


def test_only_some_segments_can_be_run(app):
    for name in ("vip", "churn", " new "):
        arrive(app, name)
    export, browser = add_export(app, segments=["vip", "churn", " new "]), Browser(app)
    page = browser.submit(
        browser.get(f"exports/{export.id}"), f"exports/{export.id}/run", do="now", segment=["vip", " new "]
    )
    assert [segment.name for segment in page.effects[0].run.segments] == ["vip", " new "]


def test_a_form_that_is_sent_twice_starts_one_run_of_a_kind(app):
    arrive(app, "vip")
    export, browser = add_export(app), Browser(app)
    address = f"exports/{export.id}"
    form = browser.get(address).form(f"/portal/{address}/run")
    first, again = (browser.post(f"{address}/run", form, do="now").effects[0].run for _ in range(2))
    assert first.id == again.id
    assert browser.post(f"{address}/run", form, do="dry").effects[0].run.id != first.id
    assert browser.submit(browser.get(address), f"{address}/run", do="now").effects[0].run.id != first.id


def test_an_old_form_does_not_say_that_it_has_started_a_run(app):
    arrive(app, "vip")
    export, browser = add_export(app), Browser(app)
    form = browser.get(f"exports/{export.id}").form()
    browser.post(f"exports/{export.id}/run", form, do="now")
    app.clock.advance(3_600)
    browser.post(f"exports/{export.id}/run", form, do="now")
    assert "This run was started before." in browser.get("preferences").text


def test_without_a_file_no_run_is_started_and_the_page_says_why(app):
    export, browser = add_export(app), Browser(app)
    page = browser.submit(browser.get(f"exports/{export.id}"), f"exports/{export.id}/run", do="now")
    assert (page.status, page.effects) == (409, [])
    assert "No file has arrived yet for the segments of 'Weekly': vip." in page.text
    assert page.title == "Weekly"


def test_a_segment_that_the_export_does_not_carry_is_not_run(app):
    arrive(app, "vip")
    page = Browser(app).post(f"exports/{add_export(app).id}/run", {"do": "now", "segment": "other"})
    assert (page.status, page.effects) == (409, [])


def test_too_many_segments_are_refused(app):
    sent = {"do": "now", "segment": ["vip"] * 101}
    page = Browser(app).post(f"exports/{add_export(app).id}/run", sent)
    assert (page.status, page.effects) == (400, [])


# What else may be done


def test_a_copy_is_made_and_shown(app):
    export, browser = add_export(app), Browser(app, Role.CONTRIBUTOR)
    page = browser.post(f"exports/{export.id}/duplicate", request_key="once")
    assert browser.post(f"exports/{export.id}/duplicate", request_key="once").location == page.location
    assert page.location != f"/portal/exports/{export.id}"
    copy = browser.get(page.location)
    assert copy.title == "Weekly (copy)"
    assert "This is the copy." in copy.text
    assert facts(copy)["State"].startswith("Not active")


def test_an_export_is_switched_off_and_on(app):
    export, browser = add_export(app), Browser(app)
    address = f"exports/{export.id}"
    off = browser.get(browser.post(f"{address}/deactivate").location)
    assert facts(off)["State"] == "Not active It runs only when somebody starts it."
    assert facts(off)["Next run"] == "not foreseen"
    assert "Switch on" in buttons(off)
    on = browser.get(browser.post(f"{address}/activate").location)
    assert facts(on)["State"] == "Active"


def test_an_export_is_detached_and_attached_again(app):
    export, browser = add_export(app), Browser(app, Role.CONTRIBUTOR)
    address = f"exports/{export.id}"
    page = browser.get(browser.post(f"{address}/detach").location)
    assert "This export has no connection, so it cannot run." in page.text
    assert not {"Run now", "Switch on", "Detach the connection"} & buttons(page)
    assert [option["value"] for option in page.soup.select("#connection_id option")] == [SHARED]
    again = browser.get(browser.post(f"{address}/attach", {"connection_id": SHARED}).location)
    assert facts(again)["Connection for export"] == "Ours"
    assert facts(again)["State"] == "Active"


def test_without_a_connection_to_use_the_page_leads_to_an_administrator(app):
    export = add_export(app, connection_id=None, active=False)
    app.stores.connections.remove(SHARED)
    page = Browser(app, Role.CONTRIBUTOR).get(f"exports/{export.id}")
    assert "There is no connection that you may use. Contact an administrator." in page.text


def test_another_connection_can_be_chosen(app):
    add_connection(app, "connection-3", "Third", Sharing.CONTRIBUTORS)
    export, browser = add_export(app), Browser(app, Role.CONTRIBUTOR)
    page = browser.get(f"exports/{export.id}")
    assert [option.get_text() for option in page.soup.select("#connection_id option")] == ["Third"]
    browser.post(f"exports/{export.id}/attach", {"connection_id": "connection-3"})
    assert app.exports.get(export.id, ADA).connection_id == "connection-3"


@pytest.mark.parametrize("action", ["detach", "attach", "remove"])
def test_what_cannot_be_while_it_runs_is_told_on_the_page(app, action):
    add_connection(app, "connection-3", "Third", Sharing.CONTRIBUTORS)
    export = add_export(app)
    add_run(app, export, "run-1", RunStatus.PROCESSING)
    page = Browser(app).post(f"exports/{export.id}/{action}", {"connection_id": "connection-3"})
    assert page.status == 409
    assert "The export 'Weekly' is running." in page.text
    assert app.exports.get(export.id, ADA).connection_id == SHARED


@pytest.mark.parametrize("connection", ["", "connection-gone"])
def test_a_connection_that_there_is_not_is_refused(app, connection):
    page = Browser(app).post(f"exports/{add_export(app).id}/attach", {"connection_id": connection})
    assert page.status == 400
    assert f"There is no connection '{connection}'." in page.text


def test_a_segment_comes_in_and_leaves(app):
    arrive(app, "churn")
    export, browser = add_export(app), Browser(app)
    address = f"exports/{export.id}"
    page = browser.get(address)
    assert [option["value"] for option in page.soup.select("#arrived option")] == ["churn"]
    sent = {"segment-name": "churn", "list-name": "Win back"}
    page = browser.get(browser.post(f"{address}/segments", sent).location)
    assert [row[0] for row in table(page, "Segments and their lists")] == ["vip", "churn"]
    assert table(page, "Segments and their lists")[1][3] == "Win back"
    assert "The export contains the segment “churn” from its next run on." in page.text
    page = browser.get(browser.post(f"{address}/segments/remove", {"segment": "vip"}).location)
    assert [row[0] for row in table(page, "Segments and their lists")] == ["churn"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [({"segment-name": "", "list-name": "Kept"}, "segment-name"), ({"segment-name": "a/b"}, "segment-name")],
)
def test_a_segment_that_cannot_be_is_told_beside_its_field_and_nothing_is_lost(app, sent, field):
    page = Browser(app).post(f"exports/{add_export(app).id}/segments", sent)
    assert page.status == 422
    assert page.soup.select_one(f"#{field}")["aria-invalid"] == "true"
    assert page.soup.select_one(f"#errors a[href='#{field}']")
    assert page.soup.select_one("#list-name")["value"] == sent.get("list-name", "")


def test_a_segment_that_is_there_already_and_the_last_one_are_refused(app):
    export, browser = add_export(app), Browser(app)
    twice = browser.post(f"exports/{export.id}/segments", {"segment-name": "vip"})
    assert (twice.status, "already contains the segment 'vip'" in twice.text) == (409, True)
    last = browser.post(f"exports/{export.id}/segments/remove", {"segment": "vip"})
    assert (last.status, "is the only segment" in last.text) == (409, True)
    other = browser.post(f"exports/{export.id}/segments/remove", {"segment": "other"})
    assert other.status == 404


def test_before_an_export_is_removed_a_page_tells_what_stays(app):
    export, browser = add_export(app), Browser(app, Role.CONTRIBUTOR)
    page = browser.get(f"exports/{export.id}/remove")
    assert "People stay on their lists in Autopilot." in page.text
    done = browser.submit(page, f"exports/{export.id}/remove")
    assert "The export “Weekly” has been removed." in browser.get(done.location).text
    assert browser.get(f"exports/{export.id}").status == 404


@pytest.mark.parametrize("language", ["es", "ro"])
def test_notices_speak_the_readers_language(app, language):
    browser = Browser(app, language=language)
    page = browser.get(browser.post(f"exports/{add_export(app).id}/deactivate").location)
    told = {"es": "La exportación ya no está activa.", "ro": "Exportul nu mai este activ."}
    assert told[language] in page.soup.select_one(".notice.good").get_text()
