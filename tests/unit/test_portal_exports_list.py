"""The list of exports, and the order to run all of them."""

import pytest

from portal.web import StartRun
from shared.domain.access import Role
from shared.domain.run import RunStatus
from tests.unit.export_office import PRIVATE
from tests.unit.portal_client import Browser
from tests.unit.portal_exports import HOSTILE, LONG, RTL, add_export, add_run, arrive, exports_app


@pytest.fixture
def app():
    return exports_app()


def names(page):
    return [cell.get_text(" ", strip=True) for cell in page.soup.select("table.exports tbody th a")]


def rows(page):
    return {
        row.th.get_text(" ", strip=True): " ".join(row.get_text(" ").split())
        for row in page.soup.select("table.exports tbody tr")
    }


@pytest.mark.parametrize("role", list(Role))
def test_everybody_sees_every_export_with_what_they_may_do(app, role):
    add_export(app, name="Open")
    add_export(app, name="Closed", connection_id=PRIVATE)
    page = Browser(app, role).get("exports")
    assert names(page) == ["Closed", "Open"]
    permissions = [cell.get_text(strip=True) for cell in page.soup.select("[data-label='Your permission']")]
    edits = [role is Role.ADMINISTRATOR, role is not Role.VIEWER]
    assert [each == "edit" for each in permissions] == edits
    assert ("Add export" in page.links()) == (role is not Role.VIEWER)
    assert ("Run all" in page.links()) == (role is not Role.VIEWER)
    assert len(page.soup.select("input[name=export]")) == sum(edits)


def test_a_row_tells_how_the_export_stands(app):
    export = add_export(
        app,
        name="Weekly",
        segments=["vip", "churn", "new", "old"],
        schedule={"recurrence": "daily", "times": ["09:30"], "time_zone": "Europe/Bucharest"},
    )
    add_run(app, export, "run-1", RunStatus.FAILED)
    page = Browser(app).get("exports")
    row = rows(page)["Weekly"]
    for told in (
        "Ours",
        "vip , churn , new and 1 more",
        "Failed",
        "schedule",
        "every day at 09:30, Bucharest time",
        "tomorrow at 07:30",
        "ada@example.com",
    ):
        assert told in row
    assert page.links()["Failed"] == "/portal/runs/run-1"


def test_an_export_without_a_connection_says_so(app):
    add_export(app, name="Loose", connection_id=None, active=False)
    row = rows(Browser(app).get("exports"))["Loose"]
    for told in ("No connection", "Not active", "not foreseen", "Not started"):
        assert told in row


def test_the_list_can_be_searched_and_filtered(app):
    add_export(app, name="Weekly", segments=["vip"])
    add_export(app, name="Monthly", segments=["churn"], active=False)
    add_export(app, name="Closed", connection_id=PRIVATE, segments=["new"])
    browser = Browser(app)
    assert names(browser.get("exports?search=CHU")) == ["Monthly"]
    assert names(browser.get("exports?search=secret")) == ["Closed"]
    assert names(browser.get("exports?active=yes")) == ["Closed", "Weekly"]
    assert names(browser.get("exports?active=no")) == ["Monthly"]
    assert names(browser.get(f"exports?connection_id={PRIVATE}")) == ["Closed"]
    assert names(browser.get("exports?connection_id=none")) == []


def test_the_search_keeps_what_else_was_asked_for(app):
    add_export(app)
    form = Browser(app).get("exports?search=week&active=yes&sort=-status").form("/portal/exports")
    assert form == {"search": ["week"], "connection_id": [""], "active": ["yes"], "sort": ["-status"]}


def test_when_nothing_fits_all_can_be_shown_again(app):
    add_export(app)
    page = Browser(app).get("exports?search=nothing")
    assert "No export fits." in page.text
    assert page.links()["Show all"] == "/portal/exports"


@pytest.mark.parametrize(("role", "offered"), [(Role.VIEWER, False), (Role.CONTRIBUTOR, True)])
def test_without_exports_those_who_may_are_led_to_add_one(app, role, offered):
    page = Browser(app, role).get("exports")
    assert "There is no export yet." in page.text
    assert bool(page.soup.select(".empty a")) == offered


@pytest.mark.parametrize(
    "column",
    [
        "name",
        "connection",
        "status",
        "last_run",
        "schedule",
        "active",
        "next_run",
        "permission",
        "updated_at",
        "updated_by",
    ],
)
def test_every_column_sorts_either_way(app, column):
    add_export(app, name="A")
    page = Browser(app).get(f"exports?sort={column}")
    assert page.soup.select_one("th[aria-sort]")["aria-sort"] == "ascending"
    assert page.soup.select_one(f"th a[href$='sort=-{column}']")
    down = Browser(app).get(f"exports?sort=-{column}")
    assert down.soup.select_one("th[aria-sort]")["aria-sort"] == "descending"


def test_a_column_that_there_is_not_sorts_by_name(app):
    add_export(app, name="B")
    add_export(app, name="A")
    assert names(Browser(app).get("exports?sort=nonsense")) == ["A", "B"]


def test_many_exports_come_in_pages(app):
    for number in range(51):
        add_export(app, name=f"Export {number:02}")
    browser = Browser(app)
    first = browser.get("exports")
    assert (len(names(first)), "51 in all" in first.text) == (50, True)
    assert names(browser.get(first.links()["Next page"])) == ["Export 50"]


def test_a_page_that_is_gone_leads_to_the_beginning(app):
    add_export(app, name="A")
    page = Browser(app).get("exports?after=gone&sort=-name", follow=False)
    assert page.location == "/portal/exports?sort=-name"


def test_all_of_a_page_can_be_chosen_without_a_script(app):
    add_export(app, name="A")
    add_export(app, name="B")
    browser = Browser(app)
    page = browser.get(browser.get("exports").soup.select_one("th.choice a")["href"])
    assert len(page.soup.select("input[name=export][form=several][checked]")) == 2


@pytest.mark.parametrize("name", [HOSTILE, LONG, RTL, "{{ 7 * 7 }}"])
def test_hostile_names_are_only_shown(app, name):
    add_export(app, name=name, segments=[name.replace("/", "")])
    page = Browser(app).get("exports")
    assert names(page) == [name]
    assert page.soup.select("main img") == []


def test_a_contributor_may_filter_by_a_connection_that_is_not_theirs(app):
    add_export(app, name="Closed", connection_id=PRIVATE)
    page = Browser(app, Role.CONTRIBUTOR).get(f"exports?connection_id={PRIVATE}")
    assert page.soup.select_one("#connection_id option[selected]").get_text() == "Secret"


@pytest.mark.parametrize(
    ("language", "title", "told"),
    [
        ("es", "Exportaciones", "siempre que se renuevan sus segmentos"),
        ("ro", "Exporturi", "ori de câte ori"),
    ],
)
def test_the_list_speaks_the_readers_language(app, language, title, told):
    add_export(app)
    page = Browser(app, language=language).get("exports")
    assert page.title == title
    assert told in page.text


def test_before_all_are_run_a_page_tells_which(app):
    add_export(app, name="Open")
    add_export(app, name="Closed", connection_id=PRIVATE)
    add_export(app, name="Resting", active=False)
    ada, carlos = Browser(app), Browser(app, Role.CONTRIBUTOR)
    assert "2 exports will be run now." in ada.get("exports/run-all").text
    page = carlos.get("exports/run-all")
    for told in (
        "1 export will be run now.",
        "1 export is not active and is passed over.",
        "1 export has a connection that you may not use, and is passed over.",
    ):
        assert told in page.text


def test_with_nothing_to_run_there_is_no_button(app):
    page = Browser(app).get("exports/run-all")
    assert "There is no active export that you may run." in page.text
    assert page.soup.select("main button") == []


def test_running_all_starts_what_can_run_and_tells_of_the_rest(app):
    started = add_export(app, name="Open")
    add_export(app, name="Waiting", segments=["nothing-yet"])
    add_export(app, name="Resting", active=False)
    arrive(app, "vip")
    browser = Browser(app)
    page = browser.submit(browser.get("exports/run-all"), "exports/run-all")
    assert [effect.run.export_id for effect in page.effects] == [started.id]
    assert "1 run has been started." in page.text
    tables = page.soup.select("table")
    passed_over = {
        row.th.get_text(strip=True): row.td.get_text(strip=True) for row in tables[1].select("tbody tr")
    }
    assert set(passed_over) == {"Waiting", "Resting"}
    assert passed_over["Resting"] == "It is not active."


def test_a_form_that_is_sent_twice_runs_all_once(app):
    add_export(app)
    arrive(app, "vip")
    browser = Browser(app)
    form = browser.get("exports/run-all").form()
    runs = {browser.post("exports/run-all", form).effects[0].run.id for _ in range(2)}
    assert len(runs) == 1
    another = browser.submit(browser.get("exports/run-all"), "exports/run-all")
    assert {another.effects[0].run.id} != runs
    assert isinstance(another.effects[0], StartRun)


def test_when_nothing_could_run_the_page_says_so(app):
    add_export(app)
    page = Browser(app).post("exports/run-all")
    assert (page.status, page.effects) == (200, [])
    assert "No run has been started." in page.text


def test_a_viewer_cannot_run_all(app):
    browser = Browser(app, Role.VIEWER)
    assert browser.get("exports/run-all").status == 403
    assert browser.post("exports/run-all").status == 403
