"""The rejected rows of a run in the portal."""

import csv
import io
from itertools import count

import pytest

from portal.pages.runs.reject_rows import find_rows, read_rows
from shared.domain.access import Role
from shared.domain.connection import Sharing
from shared.domain.run import Counts, RunStatus, Stage
from shared.pipeline import places
from shared.pipeline.rejects import header_line
from tests.fakes_stores import START
from tests.unit.portal_runs import HOSTILE, RunDesk


@pytest.fixture
def desk() -> RunDesk:
    return RunDesk()


@pytest.fixture
def rejected(desk) -> RunDesk:
    """An ended run with sixty blank addresses, a bad one, a person without consent and one who was refused."""
    rows = [f"vip/a.csv,{line},EMail,email_blank," for line in range(2, 62)]
    rows += ["vip/a.csv,70,EMail,email_no_at_sign,an***", "vip/a.csv,71,News,no_consent,b***@example.com"]
    rows += ["vip/a.csv,72,EMail,refused_by_destination,c***@example.com"]
    desk.put_to(RunStatus.SUCCESSFUL_WITH_REJECTS, Stage.DONE, pushing_at=START, counts=Counts(refused=1))
    counts = {"email_blank": 60, "email_no_at_sign": 1, "no_consent": 1, "refused_by_destination": 1}
    desk.reject(*rows, rejected=counts)
    return desk


def groups_of(page) -> dict[str, list[list[str]]]:
    """Return the rows that are shown, by the title of their group."""
    return {
        section.h2.find(string=True).strip(): [
            [cell.get_text(strip=True) for cell in row.find_all("td")] for row in section.select("tbody tr")
        ]
        for section in page.soup.select("section.group")
    }


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.CONTRIBUTOR])
def test_rows_are_grouped_by_reason_with_what_it_means_and_the_first_of_each(rejected, role):
    page = rejected.browser(role).get(f"{rejected.address}/rejects")
    assert page.title == "Rejected rows"
    assert "63 rows of this run were not exported" in page.text
    groups = groups_of(page)
    assert next(iter(groups)) == "No e-mail address"
    assert list(groups)[-1] == "No consent"
    assert groups["No e-mail address"][0] == ["vip", "vip/a.csv", "2", "EMail", ""]
    assert [len(rows) for rows in groups.values()] == [3, 1, 1, 1]
    assert "Fill it in; nobody can be exported without one." in page.text
    assert "These are left out on purpose" in page.text
    assert "A retry sends these people again." in page.text
    assert ["vip", "vip/a.csv", "71", "News", "b***@example.com"] in groups["No consent"]


def test_all_rows_of_a_reason_are_shown_page_by_page(rejected):
    browser = rejected.browser()
    overview = browser.get(f"{rejected.address}/rejects")
    first = browser.get(overview.links()["More rows : No e-mail address"])
    second = browser.get(first.links()["Next page"])
    lines = [row[2] for page in (first, second) for rows in groups_of(page).values() for row in rows]
    assert lines == [str(line) for line in range(2, 62)]
    assert "Next page" not in second.links()
    assert list(groups_of(second)) == ["No e-mail address"]


def test_only_so_many_rows_of_a_reason_are_shown(desk):
    desk.put_to(RunStatus.SUCCESSFUL_WITH_REJECTS, Stage.DONE)
    desk.reject(*(f"a,{line},E,email_blank," for line in range(700)), rejected={"email_blank": 700})
    page = desk.browser().get(f"{desk.address}/rejects?reason=email_blank&after=450")
    assert [rows[-1][2] for rows in groups_of(page).values()] == ["499"]
    assert "Only the first 500 rows are shown here" in page.text
    assert "Next page" not in page.links()


@pytest.mark.parametrize(
    "query", ["reason=nonsense", "reason=email_blank&after=-1", "after=x&reason=no_consent"]
)
def test_addresses_that_nobody_made_show_a_page(rejected, query):
    assert rejected.browser().get(f"{rejected.address}/rejects?{query}").status == 200


def test_the_file_can_be_downloaded_as_it_is(rejected):
    page = rejected.browser(Role.CONTRIBUTOR).get(f"{rejected.address}/rejects.csv")
    assert page.body == rejected.state.read(places.rejects(rejected.run_id))
    assert page.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert f"rejects-{rejected.run_id}.csv" in page.headers["Content-Disposition"]


@pytest.mark.parametrize("path", ["rejects", "rejects.csv"])
def test_viewers_see_how_many_rows_but_none_of_them(rejected, path):
    browser = rejected.browser(Role.VIEWER)
    assert browser.get(f"{rejected.address}/{path}").status == 403
    page = browser.get(rejected.address)
    assert "No e-mail address 60" in page.text
    assert "Look at the rejected rows" not in page.links()


def test_contributors_see_no_rows_of_a_connection_for_administrators():
    desk = RunDesk(Sharing.ADMINISTRATORS)
    desk.put_to(RunStatus.SUCCESSFUL_WITH_REJECTS, Stage.DONE)
    desk.reject("a,1,E,email_blank,", rejected={"email_blank": 1})
    assert desk.browser(Role.CONTRIBUTOR).get(f"{desk.address}/rejects").status == 403
    assert desk.browser().get(f"{desk.address}/rejects").status == 200


def test_a_run_that_goes_on_has_no_rejects_yet(desk):
    desk.put_to(RunStatus.PROCESSING, Stage.PUSHING)
    page = desk.browser().get(f"{desk.address}/rejects")
    assert page.status == 200
    assert "The rejects are complete when the run has ended." in page.text
    assert "Download all as CSV" not in page.links()


def test_rejects_that_are_not_kept_any_more_are_still_explained(rejected):
    rejected.state.remove([places.rejects(rejected.run_id)])
    page = rejected.browser().get(f"{rejected.address}/rejects")
    assert "The rejects of this run are not kept any more." in page.text
    assert [len(rows) for rows in groups_of(page).values()] == [0, 0, 0, 0]
    assert "Download all as CSV" not in page.links()


def test_a_run_without_rejects_says_so(desk):
    desk.put_to(RunStatus.SUCCESSFUL, Stage.DONE)
    assert "No row was rejected." in desk.browser().get(f"{desk.address}/rejects").text


def test_before_a_decision_the_rejects_are_counted_from_the_file(desk):
    desk.let_ask()
    desk.reject("a,1,E,email_blank,", "a,2,E,email_blank,", "a,3,E,no_consent,")
    page = desk.browser(Role.CONTRIBUTOR).get(f"{desk.address}/rejects")
    assert "3 rows of this run" in page.text
    assert list(groups_of(page)) == ["No e-mail address", "No consent"]
    assert "Send again" not in page.text


@pytest.mark.parametrize("name", HOSTILE, ids=["markup", "right to left", "long"])
def test_what_is_in_the_file_is_shown_as_what_it_is(desk, name):
    text = io.StringIO()
    csv.writer(text).writerow((name, name, "1", f'{name}"\n,', "email_blank", name))
    desk.put_to(RunStatus.SUCCESSFUL_WITH_REJECTS, Stage.DONE, rejected={"email_blank": 1, name[:50]: 1})
    desk.state.write(places.rejects(desk.run_id), header_line() + text.getvalue().encode())
    page = desk.browser().get(f"{desk.address}/rejects")
    assert page.soup.find("img", src="x") is None
    [row] = groups_of(page)["No e-mail address"]
    assert row == [name, name, "1", f'{name}"\n,', name]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_rows_are_read_from_parts_of_any_size(size):
    text = header_line() + 'șir,"a\nb.csv",1,E,email_blank,é***\r\n"x, y",b,,,bad_json,\r\n'.encode()
    rows = list(read_rows(text[start : start + size] for start in range(0, len(text), size)))
    assert [row.file for row in rows] == ["a\nb.csv", "b"]
    assert [row.segment for row in rows] == ["șir", "x, y"]
    assert rows[0].value == "é***"


def test_reading_ends_when_enough_is_found():
    parts = (f"s,f,{number},E,email_blank,\r\n".encode() for number in count())
    found = find_rows(parts, lambda reason: range(10, 12), 2)
    assert [row.line for row in found.rows["email_blank"]] == ["11", "12"]
    assert not found.complete


def test_reading_ends_before_anybody_waits_too_long():
    parts = (f"s,f,{number},E,email_blank,\r\n".encode() for number in count())
    found = find_rows(parts, lambda reason: range(1))
    assert (found.complete, found.counts["email_blank"]) == (False, 200_000)


@pytest.mark.parametrize(("language", "title"), [("es", "Filas rechazadas"), ("ro", "Rânduri respinse")])
def test_the_page_speaks_the_readers_language(rejected, language, title):
    assert rejected.browser(language=language).get(f"{rejected.address}/rejects").title == title
