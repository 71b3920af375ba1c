"""Schedules of several exports at once, and the refresh."""

import pytest

from shared.domain.access import Role
from shared.domain.schedule import Recurrence
from shared.usecases.runs.schedules import NewRefresh
from tests.unit.export_office import PRIVATE
from tests.unit.portal_client import Browser
from tests.unit.portal_exports import ADA, HOSTILE, add_export, exports_app

BULK, REFRESH = "exports/schedules", "exports/schedules/refresh"
DAILY = {
    "refresh-recurrence": "daily",
    "refresh-times": ["02:00", ""],
    "refresh-time-zone": "Europe/Bucharest",
}


@pytest.fixture
def app():
    return exports_app()


def wrong(page):
    """What is told beside fields, by the address of the field in the summary."""
    return {link["href"].lstrip("#"): link.get_text() for link in page.soup.select("#errors a")}


def version(page):
    return page.soup.select_one("input[name=version]")["value"]


def set_refresh(app, **wanted):
    present = app.schedules.get_refresh(ADA)
    return app.schedules.set_refresh(NewRefresh(**wanted), ADA, present.version)


# Several exports


def test_the_chosen_exports_are_shown_with_their_schedules(app):
    first, second = add_export(app, name="A"), add_export(app, name=HOSTILE, active=False)
    add_export(app, name="Not chosen")
    page = Browser(app).get(f"{BULK}?export={first.id}&export={second.id}&export=export-gone")
    assert [each["value"] for each in page.soup.select("input[name=export][checked]")] == [
        first.id,
        second.id,
    ]
    assert "whenever its segments are renewed" in page.text
    assert "Not active" in page.text
    assert "Not chosen" not in page.text
    assert page.soup.select("main img") == []


def test_without_a_choice_the_page_leads_to_the_list(app):
    page = Browser(app).get(BULK)
    assert page.links()["Select exports"] == "/portal/exports"
    assert page.soup.select("input[name=export]") == []


def test_exports_that_somebody_may_not_change_are_not_offered(app):
    closed = add_export(app, connection_id=PRIVATE)
    page = Browser(app, Role.CONTRIBUTOR).get(f"{BULK}?export={closed.id}")
    assert page.soup.select("input[name=export]") == []


@pytest.mark.parametrize(("active", "is_active"), [("yes", True), ("no", False)])
def test_exports_are_switched_on_or_off_and_keep_their_schedules(app, active, is_active):
    own = {"recurrence": "hourly", "minute": 5}
    exports = [add_export(app, name=name, schedule=own, active=not is_active) for name in "AB"]
    browser = Browser(app, Role.CONTRIBUTOR)
    page = browser.get(f"{BULK}?" + "&".join(f"export={each.id}" for each in exports))
    done = browser.submit(page, BULK, active=active)
    assert "2 exports have been changed." in browser.get(done.location).text
    for each in exports:
        changed = app.exports.get(each.id, ADA)
        assert (changed.active, changed.schedule) == (is_active, each.schedule)


@pytest.mark.parametrize(
    ("typed", "schedule"),
    [
        ({"recurrence": "refresh"}, {"recurrence": "refresh"}),
        (
            {"recurrence": "hourly", "minute": "20", "time-zone": "UTC"},
            {"recurrence": "hourly", "minute": 20},
        ),
        (
            {
                "recurrence": "daily",
                "times": ["18:00:00", "", "06:00", "06:00"],
                "time-zone": "Europe/Madrid",
            },
            {"recurrence": "daily", "times": ("06:00", "18:00"), "time_zone": "Europe/Madrid"},
        ),
        (
            {
                "recurrence": "weekly",
                "times": ["06:00"],
                "weekdays": ["monday", "friday"],
                "time-zone": "UTC",
            },
            {"recurrence": "weekly", "times": ("06:00",), "weekdays": ("monday", "friday")},
        ),
        (
            # What other recurrences take may be filled in, too.
            {"recurrence": "monthly", "times": ["06:00"], "weekdays": ["monday"], "days": ["1", "31"]}
            | {"minute": "7", "time-zone": "UTC"},
            {"recurrence": "monthly", "times": ("06:00",), "days_of_month": (1, 31)},
        ),
    ],
)
def test_one_schedule_is_given_to_all(app, typed, schedule):
    exports = [add_export(app, name=name) for name in "AB"]
    sent = {"export": [each.id for each in exports], "what": "define", "active": "", **typed}
    assert Browser(app).post(BULK, sent).location == "/portal/exports"
    for each in exports:
        changed = app.exports.get(each.id, ADA)
        assert changed.schedule.model_dump(exclude_defaults=True) == {
            name: value for name, value in schedule.items() if (name, value) != ("recurrence", "refresh")
        }
        assert changed.active


@pytest.mark.parametrize(
    ("typed", "fields"),
    [
        ({"what": "keep"}, {"active"}),
        ({"what": "define", "recurrence": "daily", "time-zone": "UTC"}, {"times"}),
        ({"what": "define", "recurrence": "weekly", "time-zone": "UTC"}, {"times", "weekdays"}),
        ({"what": "define", "recurrence": "monthly", "time-zone": "UTC"}, {"times", "days"}),
        ({"what": "define", "recurrence": "hourly", "minute": "60", "time-zone": "UTC"}, {"minute"}),
        ({"what": "define", "recurrence": "hourly", "minute": "5", "time-zone": "Mars"}, {"time-zone"}),
        ({"what": "define", "recurrence": "daily", "times": "25:00", "time-zone": "UTC"}, {"times"}),
        ({"what": "define", "recurrence": "sometimes"}, {"recurrence"}),
        (
            {"what": "define", "recurrence": "monthly", "times": "06:00", "days": "32", "time-zone": "UTC"},
            {"days"},
        ),
    ],
)
def test_what_is_wrong_with_a_schedule_is_told_beside_it_and_nothing_is_lost(app, typed, fields):
    export = add_export(app)
    page = Browser(app).post(BULK, {"export": export.id, "active": "", **typed})
    assert page.status == 422
    assert set(wrong(page)) == fields
    assert page.soup.select_one(f"input[name=export][value={export.id}][checked]")
    assert all(page.soup.find(id=field) for field in fields)
    assert page.soup.select_one(f"input[name=what][value={typed['what']}][checked]")
    assert app.exports.get(export.id, ADA).schedule.recurrence is Recurrence.REFRESH


def test_without_an_export_there_is_nothing_to_change(app):
    page = Browser(app).post(BULK, {"what": "keep", "active": "yes"})
    assert (page.status, set(wrong(page))) == (422, {"export"})


def test_each_export_that_could_not_be_changed_is_named_with_the_reason_and_stays_chosen(app):
    done, closed = add_export(app, name="Open"), add_export(app, name="Closed", connection_id=PRIVATE)
    loose = add_export(app, name="Loose", connection_id=None, active=False)
    sent = {"export": [done.id, closed.id, loose.id, "export-gone"], "what": "keep", "active": "yes"}
    page = Browser(app, Role.CONTRIBUTOR).post(BULK, sent)
    told = [" ".join(each.get_text(" ").split()) for each in page.soup.select(".notice.warn li")]
    assert told == [
        "Open : changed",
        "Closed : The connection 'Secret' is for administrators only.",
        "Loose : The export 'Loose' has no connection.",
        "export-gone : There is no 'export-gone'.",
    ]
    assert [each["value"] for each in page.soup.select("input[name=export][checked]")] == [loose.id]


def test_a_viewer_changes_no_schedule_and_reads_the_refresh(app):
    export, browser = add_export(app), Browser(app, Role.VIEWER)
    page = browser.get(f"{BULK}?export={export.id}")
    assert "switched off" in page.text
    assert page.soup.select("main form") == []
    assert browser.post(BULK, {"export": export.id, "what": "keep", "active": "no"}).status == 403
    assert app.exports.get(export.id, ADA).active


# The refresh


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CONTRIBUTOR])
def test_the_refresh_can_be_read_by_all_and_set_by_administrators_only(app, role):
    set_refresh(app, recurrence="daily", times=["02:00", "14:00"], time_zone="Europe/Bucharest")
    browser = Browser(app, role)
    page = browser.get(BULK)
    assert "every day at 02:00 and 14:00, Bucharest time" in page.text
    assert "in 4 hours" in page.text
    assert "Administrators set it." in page.text
    assert browser.post(REFRESH, {**DAILY, "version": "*"}).status == 403
    assert app.schedules.get_refresh(ADA).times == ("02:00", "14:00")


def test_the_refresh_is_set_to_be_daily_weekly_and_off(app):
    browser = Browser(app)
    for typed, told in (
        (DAILY, "every day at 02:00, Bucharest time"),
        (
            {**DAILY, "refresh-recurrence": "weekly", "refresh-weekdays": ["monday", "sunday"]},
            "every Monday and Sunday at 02:00, Bucharest time",
        ),
        ({"refresh-recurrence": "off", "refresh-times": "02:00"}, "switched off"),
    ):
        sent = {**typed, "version": version(browser.get(BULK))}
        page = browser.get(browser.post(REFRESH, sent).location)
        assert "The refresh has been saved." in page.text
        assert told in page.text


def test_the_form_shows_the_refresh_as_it_is(app):
    set_refresh(app, recurrence="weekly", times=["02:00"], weekdays=["friday"], time_zone="Europe/Madrid")
    form = Browser(app).get(BULK).form("/portal/exports/schedules/refresh")
    assert form["refresh-recurrence"] == ["weekly"]
    assert form["refresh-times"] == ["02:00", "", "", ""]
    assert form["refresh-weekdays"] == ["friday"]
    assert form["refresh-time-zone"] == ["Europe/Madrid"]


@pytest.mark.parametrize(
    ("typed", "fields"),
    [
        ({"refresh-recurrence": "weekly", "refresh-times": []}, {"refresh-times", "refresh-weekdays"}),
        ({"refresh-time-zone": "Mars"}, {"refresh-time-zone"}),
        ({"refresh-recurrence": "sometimes"}, {"refresh-recurrence"}),
        ({"refresh-times": ["01:00", "02:00", "03:00", "04:00", "05:00"]}, {"refresh-times"}),
    ],
)
def test_what_is_wrong_with_the_refresh_is_told_beside_it(app, typed, fields):
    page = Browser(app).post(REFRESH, {**DAILY, **typed, "version": "*"})
    assert (page.status, set(wrong(page))) == (422, fields)
    assert all(page.soup.find(id=field) for field in fields)


def test_a_refresh_that_was_changed_meanwhile_is_not_overwritten_unseen(app):
    browser = Browser(app)
    old = version(browser.get(BULK))
    set_refresh(app, recurrence="daily", times=["05:00"])
    page = browser.post(REFRESH, {**DAILY, "version": old})
    assert page.status == 412
    assert "every day at 05:00, UTC" in page.text
    assert page.form("/portal/exports/schedules/refresh")["refresh-times"][0] == "02:00"
    browser.submit(page, REFRESH, **page.form("/portal/exports/schedules/refresh"))
    assert app.schedules.get_refresh(ADA).times == ("02:00",)


def test_a_form_without_a_version_changes_nothing(app):
    page = Browser(app).post(REFRESH, DAILY)
    assert page.status == 412
    assert app.schedules.get_refresh(ADA).times == ()


@pytest.mark.parametrize(
    ("language", "told"),
    [("es", "de lunes a viernes a las 02:00"), ("ro", "de luni până vineri la 02:00")],
)
def test_the_page_speaks_the_readers_language(app, language, told):
    days = ["monday", "tuesday", "wednesday", "thursday", "friday"]
    set_refresh(app, recurrence="weekly", times=["02:00"], weekdays=days)
    assert told in Browser(app, language=language).get(BULK).text
