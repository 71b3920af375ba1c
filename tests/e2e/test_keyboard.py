"""Everything can be done without a mouse."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import SignIn
from tests.system.driver import Json, Segpilot, make_people

MOST_STEPS = 120
HIDDEN_BY_SOMETHING = """each => {
  const {left, top, width, height} = each.getBoundingClientRect();
  const there = document.elementFromPoint(left + width / 2, top + height / 2);
  return !(there && (each.contains(there) || there.contains(each)));
}"""


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the control has the focus, and see that it is in sight then."""
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        if wanted.count() == 1 and wanted.evaluate("each => each === document.activeElement"):
            assert not wanted.evaluate(HIDDEN_BY_SOMETHING), "what has the focus is covered"
            return
    pytest.fail(f"Tab does not lead to {wanted}")


def with_columns(segment: Json | None) -> Json | None:
    return segment if segment and segment["columns"] else None


def test_the_first_tab_skips_to_the_content(sign_in: SignIn) -> None:
    page = sign_in("viewer")
    page.goto("/portal/exports")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()

    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_an_export_is_added_and_run_by_keyboard_alone(sign_in: SignIn, app: Segpilot, tag: str) -> None:
    app.add_connection(display_name=f"Autopilot {tag}", shared_with="contributors")
    people = make_people(range(5), tag)
    app.upload(f"{tag}/people.csv", people.data)
    app.wait_until(lambda: with_columns(app.find_segment(tag)), "the segment")
    page = sign_in("contributor")

    tab_to(page, page.get_by_role("navigation").get_by_role("link", name="Exports"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Exports")).to_be_visible()
    tab_to(page, page.get_by_role("link", name="Add export").first)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Add export")).to_be_visible()
    tab_to(page, page.get_by_role("combobox", name="Connection for export"))
    page.keyboard.type(f"Autopilot {tag}")
    tab_to(page, page.get_by_role("textbox", name="Name", exact=True))
    page.keyboard.type(f"Export {tag}")
    segment = page.get_by_role("checkbox", name=tag)
    tab_to(page, segment)
    page.keyboard.press("Space")
    # The part that has the focus renews itself, and the focus stays.
    expect(page.get_by_role("combobox", name="Email", exact=True)).to_have_value("Email")
    expect(segment).to_be_checked()
    expect(segment).to_be_focused()
    tab_to(page, page.get_by_role("button", name="Save and run"))
    page.keyboard.press("Enter")

    expect(page.locator("main .status").first).to_have_text("Successful", timeout=30_000)
    assert app.simulator.members(tag) == sorted(people.emails)
    [export] = [each for each in app.get("exports?size=200")["exports"] if each["name"] == f"Export {tag}"]
    app.call("DELETE", f"api/exports/{export['id']}")
