"""docs/migrating*.md: what the guide tells to do in the portal is done, by the labels that it names, in its language.

The old connector's list is there already, with somebody who left the segment long ago. The files are laid out as Customer
Insights writes them (Microsoft Learn, Customer Insights - Data, "Export data to an Azure Blob Storage"). A label that the guide
of a language does not quote in bold fails the walk.
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from portal.languages import language as read_language
from tests.e2e.conftest import Language, SignIn
from tests.e2e.test_seed_pages import id_in, with_columns
from tests.system.driver import Segpilot

DOCS = Path(__file__).parents[2] / "docs"
GUIDES: dict[Language, str] = {"en": "migrating.md", "es": "migrating.es.md", "ro": "migrating.ro.md"}
HEADER = "CustomerId,FirstName,LastName,EMail"
PEOPLE = {"ana": "Ana,Núñez", "ion": "Ion,Țurcanu", "jo": "Jo,O'Neil"}


class Guide:
    """Says what the portal calls something, and insists that the guide of the language says so, too."""

    def __init__(self, code: Language) -> None:
        self._language = read_language(code)
        text = (DOCS / GUIDES[code]).read_text(encoding="utf-8")
        self._bold = set(re.findall(r"\*\*([^*\n]+)\*\*", text))

    def __call__(self, label: str) -> str:
        said = self._language.catalogue.gettext(label)
        assert said in self._bold, f"the guide does not name **{said}** ({label})"
        return said

    def status(self, status: str) -> str:
        """Return how the portal says the status of a run, which the guide names as well."""
        said = self._language.catalogue.pgettext("word", status)
        assert said in self._bold, f"the guide does not name **{said}** ({status})"
        return said


@pytest.mark.parametrize("code", GUIDES)
def test_the_guide_leads_from_the_old_connector_to_the_first_run(
    sign_in: SignIn, app: Segpilot, tag: str, code: Language
) -> None:
    guide = Guide(code)
    segment = f"{tag}HighValue"  # in front of the others: the form shows a page of segments
    list_id = fill_as_the_connector_did(app, segment, tag)
    page = sign_in("administrator", code)

    connection = connect(page, guide, app, tag)
    write_as_customer_insights_does(app, segment, tag)
    app.wait_until(lambda: with_columns(app.find_segment(segment)), "the segment")
    look_at_the_segment(page, guide, segment)
    add_the_export(page, guide, tag, segment)

    expect(page.locator("main")).to_contain_text(guide("Dry run"))
    dry = app.wait_for(id_in(page))
    export = dry["export_id"]
    assert (dry["dry"], dry["counts"]["new"], dry["counts"]["sent"]) == (True, 3, 0)
    assert dry["rejected"] == {"email_blank": 1}
    page.reload()
    for row in ("What a real run would do", "New people", "Rejected rows", "Rejected rows by reason"):
        expect(page.get_by_text(guide(row), exact=True).first).to_be_visible()
    assert len(app.runs(export)) == 1, "nothing but the dry run has run"

    page.goto(f"/portal/exports/{export}")
    page.get_by_role("button", name=guide("Switch on"), exact=True).click()
    page.get_by_role("button", name=guide("Run now"), exact=True).click()
    run = app.wait_for_run(export, 2)
    assert (run["status"], run["counts"]["sent"]) == ("Successful with rejects", 3)
    page.goto(f"/portal/runs/{run['id']}")
    expect(page.locator("main .status").first).to_have_text(guide.status("Successful with rejects"))

    assert app.simulator.list_ids(segment) == [list_id], "the list was used, and no second one was made"
    assert sorted(app.simulator.members(segment)) == sorted(
        [f"{name}@{tag}.example" for name in (*PEOPLE, "former")]
    )
    write_as_customer_insights_does(app, segment, tag, day="28", without="jo")
    second = app.wait_for_run(export, 3)
    assert (second["trigger"], second["counts"]["unchanged"], second["counts"]["removed"]) == ("upload", 2, 1)
    left = sorted(f"{name}@{tag}.example" for name in ("ana", "ion", "former"))
    assert sorted(app.simulator.members(segment)) == left, "nobody is taken off whom the app did not send"
    app.call("DELETE", f"api/exports/{export}")
    app.call("DELETE", f"api/connections/{connection}")


def fill_as_the_connector_did(app: Segpilot, title: str, tag: str) -> str:
    """Put two people of the segment and one who has left it on a list; return its id."""
    list_id = str(app.simulator.write("list", {"name": title})["list_id"])
    for name in ("ana", "ion", "former"):
        app.simulator.write(
            "contact", {"contact": {"Email": f"{name}@{tag}.example", "_autopilot_list": list_id}}
        )
    return list_id


def write_as_customer_insights_does(
    app: Segpilot, segment: str, tag: str, day: str = "27", without: str = ""
) -> None:
    """Write a minute folder of two files for the segment; one person has no address."""
    folder = f"CustomerInsights_{tag}-4312-11f4-93dc-24f72f43e7d5/Segments to Segpilot/{segment}/2026/11/{day}/1433"
    rows = [f"{name},{names},{name}@{tag}.example" for name, names in PEOPLE.items() if name != without]
    for part, lines in enumerate((rows[:1], [*rows[1:], "nobody,No,Body,"]), start=1):
        app.upload(f"{folder}/{segment}_{part}.csv", "\r\n".join([HEADER, *lines, ""]).encode())


def connect(page: Page, guide: Guide, app: Segpilot, tag: str) -> str:
    page.get_by_role("navigation").get_by_role("link", name=guide("Connections")).click()
    page.get_by_role("link", name=guide("Add connection")).first.click()
    page.get_by_role("textbox", name=guide("Display name")).fill(f"Autopilot {tag}")
    page.get_by_role("radio", name=guide("Administrators and contributors")).check()
    page.get_by_label(guide("Autopilot API key")).fill(app.stack.autopilot_key)
    page.get_by_role("checkbox", name=guide("I agree")).check()
    page.get_by_role("button", name=guide("Connect"), exact=True).click()
    expect(page.get_by_text(guide("It works."))).to_be_visible()
    page.get_by_role("checkbox", name=guide("Add yourself as export user")).check()
    page.get_by_role("button", name=guide("Save"), exact=True).click()
    expect(page.get_by_role("heading", level=1, name=f"Autopilot {tag}")).to_be_visible()
    return id_in(page)


def look_at_the_segment(page: Page, guide: Guide, segment: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=guide("Segments")).click()
    page.get_by_role("link", name=segment).first.click()
    page.get_by_role("button", name=guide("Show the first rows")).click()
    expect(page.get_by_role("columnheader", name="EMail")).to_be_visible()


def add_the_export(page: Page, guide: Guide, tag: str, segment: str) -> None:
    """Fill in the form as the guide says and save it with a dry run, which is shown then."""
    page.get_by_role("navigation").get_by_role("link", name=guide("Exports")).click()
    page.get_by_role("link", name=guide("Add export")).first.click()
    page.get_by_role("combobox", name=guide("Connection for export")).select_option(f"Autopilot {tag}")
    page.get_by_role("textbox", name=guide("Name"), exact=True).fill(f"Customer Insights {tag}")
    choosing = page.get_by_role("region", name=guide("Select segments"))
    choosing.get_by_role("checkbox", name=segment).check()
    choosing.get_by_role("combobox", name=guide("List in Autopilot")).select_option(
        guide("A list that exists")
    )
    choosing.locator(".for-existing select").select_option(segment)
    matching = page.get_by_role("region", name=guide("Data matching"))
    matching.get_by_role("combobox", name=guide("Email"), exact=True).select_option("EMail")
    for field, column in (("First name", "FirstName"), ("Last name", "LastName")):
        group = matching.get_by_role("group", name=guide(field), exact=True)
        group.get_by_role("combobox").nth(1).select_option(column)
    page.get_by_role("button", name=guide("Preview"), exact=True).click()
    expect(page.get_by_role("cell", name="Núñez")).to_be_visible()
    page.get_by_role("radio", name=guide("are taken off the list")).check()
    page.get_by_role("checkbox", name=guide("Active")).uncheck()
    page.get_by_role("button", name=guide("Save and dry run"), exact=True).click()
    page.wait_for_url(re.compile(r"/portal/runs/"))
