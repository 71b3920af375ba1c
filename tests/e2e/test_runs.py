"""One run in the browser, from its start to its end: watched, approved, refused, cancelled, read and tried again."""

import csv
import io

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignIn
from tests.system.driver import Segpilot, make_people

SLOW = 4  # calls per second: 30 batches take seconds
BAR_ABOVE = """least => {
  const bar = document.querySelector('main progress[value]');
  return bar && bar.value > least && bar.value < bar.max;
}"""


def start_slow_run(app: Segpilot, tag: str) -> str:
    connection = app.add_connection(shared_with="contributors", max_calls_per_s=SLOW)
    app.upload(f"{tag}/people.csv", make_people(range(3_000), tag).data)
    app.wait_until(lambda: app.find_segment(tag), "the segment")
    return str(app.run_now(app.add_export(tag, connection=connection))["id"])


def start_run_that_waits(app: Segpilot, tag: str) -> str:
    """Of 40 people on the list, 30 have left."""
    connection = app.add_connection(shared_with="contributors")
    export = app.add_export(tag, connection=connection, leavers="remove")
    for number, count in enumerate((40, 10), 1):
        app.upload(f"{tag}/people-{number}.csv", make_people(range(count), tag).data)
        run_id = app.wait_for_start(export, number)
        app.wait_for_state(run_id, lambda run: run["status"] in ("Successful", "Waiting for approval"))
    return run_id


def status(page: Page) -> str:
    return page.locator("main .status").first.inner_text()


def open_run(page: Page, run_id: str) -> None:
    page.goto(f"/portal/runs/{run_id}")


def test_a_run_is_watched_to_its_end_without_a_reload(sign_in: SignIn, app: Segpilot, tag: str) -> None:
    run_id = start_slow_run(app, tag)
    page = sign_in("viewer")
    open_run(page, run_id)
    page.evaluate("() => { window.isTheSamePage = true }")

    page.wait_for_function(BAR_ABOVE, arg=0, timeout=30_000)
    share = page.locator("main progress").evaluate("bar => bar.value")
    page.wait_for_function(BAR_ABOVE, arg=share, timeout=30_000)
    expect(page).to_have_title(f"Export of {tag} · Successful · Segpilot", timeout=60_000)

    expect(page.locator("main .status").first).to_have_text("Successful")
    expect(
        page.get_by_role("status").filter(has_text="Everybody in the files is on the list.")
    ).to_be_visible()
    expect(page.get_by_role("region", name="What it did").locator("dd").first).to_have_text("3,000")
    assert page.evaluate("() => window.isTheSamePage")


def test_focus_and_what_was_opened_stay_while_the_page_renews_itself(
    sign_in: SignIn, app: Segpilot, tag: str
) -> None:
    run_id = start_slow_run(app, tag)
    page = sign_in("contributor")
    open_run(page, run_id)
    page.wait_for_function(BAR_ABOVE, arg=0, timeout=30_000)

    page.get_by_text("Cancel the run", exact=True).click()
    button = page.get_by_role("button", name="Yes, cancel the run")
    button.focus()
    share = page.locator("main progress").evaluate("bar => bar.value")
    page.wait_for_function(BAR_ABOVE, arg=share, timeout=30_000)

    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main .status").first).to_have_text("Canceled", timeout=30_000)
    assert app.wait_for(run_id)["cancel_requested_by"] == "contributor@segpilot.example"


def test_a_run_is_watched_and_cancelled_without_javascript(sign_in: SignIn, app: Segpilot, tag: str) -> None:
    run_id = start_slow_run(app, tag)
    page = sign_in("contributor", javascript=False)
    app.wait_for_state(run_id, lambda run: run["progress"]["done"] > 0)
    open_run(page, run_id)
    assert 0 < float(page.locator("main progress").get_attribute("value") or 0) < 3_000

    page.get_by_text("Cancel the run", exact=True).click()
    page.get_by_role("button", name="Yes, cancel the run").click()

    expect(page.get_by_role("status").filter(has_text="being cancelled")).to_be_visible()
    run = app.wait_for(run_id)
    open_run(page, run_id)
    expect(page.locator("main .status").first).to_have_text("Canceled")
    assert len(app.simulator.members(tag)) == run["counts"]["sent"] < 3_000


@pytest.mark.parametrize("javascript", [True, False], ids=["live", "without JavaScript"])
def test_an_approved_run_goes_on(sign_in: SignIn, app: Segpilot, tag: str, javascript: bool) -> None:
    run_id = start_run_that_waits(app, tag)
    page = sign_in("contributor", javascript=javascript)
    open_run(page, run_id)
    asked = page.get_by_role("region", name="This run waits for approval")
    expect(asked).to_contain_text("30 of the 40 people")
    asked.get_by_role("button", name="Approve").click()

    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    app.wait_for(run_id)
    if not javascript:
        open_run(page, run_id)
    expect(page.locator("main .status").first).to_have_text("Successful", timeout=30_000)
    assert app.simulator.members(tag) == sorted(make_people(range(10), tag).emails)


def test_a_refused_run_sends_nothing(sign_in: SignIn, app: Segpilot, tag: str) -> None:
    run_id = start_run_that_waits(app, tag)
    page, other = sign_in("contributor"), sign_in("administrator")
    for each in (page, other):
        open_run(each, run_id)
    page.get_by_role("button", name="Refuse").click()
    expect(page.locator("main .status").first).to_have_text("Canceled", timeout=30_000)

    # Somebody else, who has the page open, learns of it by itself.
    expect(other.locator("main .status").first).to_have_text("Canceled", timeout=30_000)
    expect(other.get_by_role("button", name="Approve")).to_have_count(0)
    assert len(app.simulator.members(tag)) == 40


def test_rejected_rows_are_read_and_downloaded(sign_in: SignIn, app: Segpilot, tag: str) -> None:
    rows = [f"{tag}@example.com,Ana", "not-an-address,Ion", f"{tag}@example.com,Ana again", ",Nobody"]
    app.upload(f"{tag}/people.csv", "\r\n".join(["Email,FirstName", *rows, ""]).encode())
    app.wait_until(lambda: app.find_segment(tag), "the segment")
    export = app.add_export(tag, fields=[{"field": "FirstName", "column": "FirstName"}])
    run_id = app.run_now(export)["id"]
    app.wait_for(run_id)
    page = sign_in("administrator")
    open_run(page, run_id)
    page.get_by_role("link", name="Look at the rejected rows").click()

    expect(page.get_by_role("heading", level=1, name="Rejected rows")).to_be_visible()
    lines = [cell.inner_text() for cell in page.locator("main section table td.number").all()]
    assert sorted(lines) == list("345")
    expect(page.get_by_text(f"{tag}@example.com")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all as CSV").click()
    read = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    assert read == app.rejects(run_id)
    assert sorted(row["line"] for row in read) == list("345")


def test_who_was_refused_is_sent_again_from_the_page(sign_in: SignIn, app: Segpilot, tag: str) -> None:
    people = make_people(range(5), tag)
    unlucky = min(people.emails)
    app.simulator.order("faults", {"poison": [unlucky]})
    app.upload(f"{tag}/people.csv", people.data)
    app.wait_until(lambda: app.find_segment(tag), "the segment")
    run_id = app.run_now(app.add_export(tag))["id"]
    app.wait_for(run_id)
    assert unlucky not in app.simulator.members(tag)
    app.simulator.calm()
    page = sign_in("administrator")
    open_run(page, run_id)
    page.get_by_role("button", name="Send again who was left out").click()

    expect(page).not_to_have_url(f"{app.stack.host_url}/portal/runs/{run_id}")
    expect(page.locator("main .status").first).to_have_text("Successful", timeout=30_000)
    assert app.simulator.members(tag) == sorted(people.emails)
