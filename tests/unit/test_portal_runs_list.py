"""The list of runs in the portal."""

from datetime import timedelta

import pytest

from shared.domain.access import Role
from shared.domain.identifiers import run_id
from shared.domain.run import Counts, RunStatus, Stage, Trigger
from tests.fakes_stores import START
from tests.unit.portal_runs import HOSTILE, RunDesk


@pytest.fixture
def desk() -> RunDesk:
    return RunDesk()


def cells(page, row=0):
    return [" ".join(cell.get_text(" ").split()) for cell in page.soup.select("tbody tr")[row].find_all("td")]


@pytest.mark.parametrize("role", list(Role))
def test_everybody_sees_runs_newest_first_with_who_set_them_off_and_what_they_did(desk, role):
    counts = Counts(profiles=9, new=5, unchanged=4, sent=4, refused=1, leavers=3, removed=2)
    desk.put_to(
        RunStatus.SUCCESSFUL_WITH_REJECTS,
        Stage.DONE,
        counts=counts,
        rejected={"refused_by_destination": 1, "email_blank": 2},
    )
    desk.order(dry=True)
    page = desk.browser(role).get("runs")
    assert page.title == "Runs"
    assert "Dry run" in cells(page)[1]
    which, export, origin, *numbers = cells(page, 1)
    assert "Successful with rejects" in which
    assert export == "Weekly"
    assert origin == "on demand Ada on behalf of Eve"
    assert numbers == ["1 minute", "4", "4", "3", "2"]
    assert page.links()["Weekly"] == "/portal/exports/export-1"
    assert f"/portal/{desk.address}" in page.links().values()


def test_a_run_of_an_export_that_is_gone_leads_to_no_page_of_it(desk):
    desk.stores.exports.remove("export-1")
    page = desk.browser().get("runs?export_id=export-1")
    assert "/portal/exports/export-1" not in page.links().values()
    assert page.soup.select_one("#export_id option[selected]").get_text() == "An export that was removed"
    assert "Weekly" in cells(page)[1]


def test_runs_that_are_far_down_are_found_by_going_on(desk):
    desk.put(trigger=Trigger.SCHEDULE, status=RunStatus.FAILED)
    for hours in range(1, 2_001):
        later = run_id("export-1", "x", START + timedelta(hours=hours))
        changes = {"id": later, "trigger": Trigger.UPLOAD, "status": RunStatus.SUCCESSFUL}
        desk.stores.runs.add(later, desk.run.model_copy(update=changes))
    browser = desk.browser()
    page = browser.get("runs?trigger=schedule")
    assert "There is no such run among those that were looked at." in page.text
    assert len(browser.get(page.links()["Look at older ones"]).soup.select("tbody tr")) == 1


def test_runs_are_filtered_by_export_status_and_trigger(desk):
    desk.put(status=RunStatus.FAILED, trigger=Trigger.SCHEDULE)
    desk.order()
    browser = desk.browser()

    def count(query):
        return len(browser.get(f"runs?{query}").soup.select("tbody tr"))

    assert (count(""), count("status=Failed"), count("trigger=schedule"), count("export_id=export-1")) == (
        2,
        1,
        1,
        2,
    )
    page = browser.get("runs?status=Failed&trigger=retry")
    assert "There is no such run." in page.text
    assert page.soup.select_one("#status option[selected]")["value"] == "Failed"
    assert count("status=nonsense&trigger=<b>") == 2


def test_pages_of_runs_lead_from_one_to_the_next(desk):
    for _ in range(60):
        desk.clock.advance(60)
        desk.order()
    browser = desk.browser()
    first = browser.get("runs?export_id=export-1")
    second = browser.get(first.links()["Next page"])
    assert [len(page.soup.select("tbody tr")) for page in (first, second)] == [50, 11]
    assert "export_id=export-1" in second.links()["First page"]
    assert "Next page" not in second.links()


def test_only_rows_that_go_on_renew_themselves(desk):
    browser = desk.browser()
    desk.clock.advance(60)
    going = desk.order().id
    desk.put(status=RunStatus.SUCCESSFUL)
    page = browser.get("runs?export_id=export-1")
    renewing = page.soup.select_one("#renewing")
    assert renewing["hx-get"] == "/portal/runs?export_id=export-1"
    assert renewing["hx-select-oob"] == f"#row-{going}"
    assert page.soup.find(id=f"row-{going}") is not None
    desk.change(going, status=RunStatus.WAITING_FOR_APPROVAL)
    assert browser.get("runs").soup.select_one("#renewing") is None
    desk.change(going, status=RunStatus.FAILED)
    assert browser.get("runs").soup.select_one("#renewing") is None


def test_a_run_that_sends_tells_how_far_it_is(desk):
    desk.put_to(RunStatus.PROCESSING, Stage.PUSHING, counts=Counts(profiles=200, new=200))
    desk.stores.runs.report(desk.run_id, "push vip 0", Counts(sent=50))
    assert "25%" in cells(desk.browser().get("runs"))[0]


def test_an_app_without_runs_says_how_they_begin(desk):
    desk.stores.runs.remove(desk.run_id)
    page = desk.browser().get("runs")
    assert "Nothing has run yet." in page.text
    assert page.links()["Go to the exports"] == "/portal/exports"


@pytest.mark.parametrize("name", HOSTILE, ids=["markup", "right to left", "long"])
def test_names_are_shown_as_what_they_are(desk, name):
    desk.edit(name=name)
    desk.put(export_name=name, requested_by=name)
    page = desk.browser().get("runs")
    assert page.soup.find("img", src="x") is None
    assert name in cells(page)[1]


@pytest.mark.parametrize(
    ("language", "title", "tag"), [("es", "Ejecuciones", "Simulación"), ("ro", "Rulări", "Simulare")]
)
def test_the_list_speaks_the_readers_language(desk, language, title, tag):
    desk.put(dry=True)
    page = desk.browser(language=language).get("runs")
    assert page.title == title
    assert tag in cells(page)[1]
