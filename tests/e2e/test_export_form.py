"""The form of exports in a browser: what renews itself, what the keyboard does, and what goes without JavaScript."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignIn
from tests.e2e.looking import look_at
from tests.e2e.watching import Watch
from tests.system.driver import Segpilot

FILE = (
    "EMail,FirstName,LastName,Shoe size\r\nana@{tag}.example,Ana,Ionescu,38\r\nnobody,No,One,40\r\n"
    "iñigo@{tag}.example,Íñigo,Muñoz,44\r\n"
)


@pytest.fixture
def form(app: Segpilot, tag: str) -> str:
    """The address of a form with a connection and a segment to choose."""
    connection = app.add_connection(display_name=f"Ours {tag}", shared_with="contributors")
    app.upload(f"{tag}/people.csv", FILE.format(tag=tag).encode())
    app.wait_until(lambda: (app.find_segment(tag) or {}).get("columns"), "the segment")
    return f"/portal/exports/new?connection={connection}"


def exports_called(app: Segpilot, name: str) -> list[dict[str, object]]:
    return [each for each in app.get(f"exports?search={name}")["exports"] if each["name"] == name]


def test_parts_renew_themselves_and_focus_and_typing_stay(
    sign_in: SignIn, app: Segpilot, form: str, tag: str
) -> None:
    page = sign_in("contributor")
    page.goto(form)
    page.get_by_role("textbox", name="Name", exact=True).fill(f"Export {tag}")
    page.get_by_role("button", name="+ Add attribute").click()
    expect(page.locator("#field-2-field")).to_be_focused()
    # Ticked and typed at once: the answer to the first must not undo the second.
    page.get_by_role("checkbox", name=tag).check()
    page.locator("#field-2-field").fill("Shoe size in Europe")
    expect(page.locator("#email")).to_have_value("EMail")
    expect(page.locator("#field-2-field")).to_have_value("Shoe size in Europe")
    page.locator("#field-2-column").select_option("Shoe size")
    page.locator("#field-2-type").select_option("integer")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("table.preview tbody tr")).to_have_count(3)
    assert look_at(page) == []
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1, name=f"Export {tag}")).to_be_visible()
    [export] = exports_called(app, f"Export {tag}")
    assert [(each["field"], each["column"]) for each in export["fields"]] == [
        ("FirstName", "FirstName"),
        ("LastName", "LastName"),
        ("Shoe size in Europe", "Shoe size"),
    ]


CHOOSE_AT_ONCE = """
new MutationObserver(() => {
  const kind = document.querySelector("select.list-kind");
  if (kind && kind.value === "own") setTimeout(() => {
    kind.value = "existing";
    kind.dispatchEvent(new Event("change", { bubbles: true }));
  });
}).observe(document.getElementById("export-form"), { childList: true, subtree: true });
"""


def test_a_choice_counts_from_the_moment_it_is_offered(
    sign_in: SignIn, app: Segpilot, form: str, tag: str
) -> None:
    app.simulator.write("list", {"name": f"Readers {tag}"})
    page = sign_in("contributor")
    page.goto(form)
    page.evaluate(CHOOSE_AT_ONCE)
    page.get_by_role("checkbox", name=tag).check()

    expect(page.get_by_role("option", name=f"Readers {tag}")).to_be_attached()


def test_what_another_choice_asks_for_is_shown_at_once_without_javascript_too(
    sign_in: SignIn, form: str
) -> None:
    page = sign_in("contributor", javascript=False)
    page.goto(form)
    expect(page.get_by_label("Days of the week")).to_be_hidden()
    page.get_by_label("Weekly").check()
    expect(page.get_by_label("Monday")).to_be_visible()
    expect(page.get_by_label("Time zone")).to_be_visible()
    page.locator("#field-0-fill").select_option("constant")
    expect(page.locator("#field-0-constant")).to_be_visible()
    expect(page.locator("#field-0-column")).to_be_hidden()
    page.get_by_role("button", name="+ Add attribute").click()
    expect(page.locator("#field-0-constant")).to_be_visible()
    expect(page.locator("#field-2-field")).to_be_visible()


def test_all_of_it_works_with_the_keyboard_alone(sign_in: SignIn, app: Segpilot, form: str, tag: str) -> None:
    page = sign_in("contributor")
    page.goto(form)
    go_to(page, "name")
    page.keyboard.type(f"Keys {tag}")
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_have_value(f"Keys {tag}")
    assert exports_called(app, f"Keys {tag}") == []
    number = page.get_by_role("checkbox", name=tag).get_attribute("id") or ""
    go_to(page, number)
    page.keyboard.press("Space")
    expect(page.locator("#email")).to_have_value("EMail")
    expect(page.locator(f"#{number}")).to_be_focused()
    go_to(page, "offers-0")
    page.keyboard.press("Enter")
    expect(page.locator("#new-field")).to_be_focused()
    go_to(page, "recurrence-refresh")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#schedule-words")).to_contain_text("every hour")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "save":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name=f"Keys {tag}")).to_be_visible()
    [export] = exports_called(app, f"Keys {tag}")
    assert export["schedule"]["recurrence"] == "hourly"
    assert "Shoe size" in [each["field"] for each in export["fields"]]


def test_errors_are_led_to_and_somebody_elses_change_is_not_overwritten_unknowingly(
    sign_in: SignIn, watch: Watch, app: Segpilot, form: str, tag: str
) -> None:
    watch.expect(422)
    page = sign_in("contributor")
    page.goto(form)
    page.get_by_role("checkbox", name=tag).check()
    expect(page.locator("#email")).to_have_value("EMail")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#errors")).to_be_focused()
    page.get_by_role("link", name="Give the export a name.").click()
    expect(page.locator("#name")).to_be_focused()
    page.keyboard.type(f"First {tag}")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1, name=f"First {tag}")).to_be_visible()
    mine = sign_in("administrator")
    edit = f"{page.url.partition('?')[0]}/edit"
    for each in (page, mine):
        each.goto(edit)
    page.locator("#name").fill(f"Theirs {tag}")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1, name=f"Theirs {tag}")).to_be_visible()
    mine.locator("#name").fill(f"Mine {tag}")
    mine.get_by_role("button", name="Save", exact=True).click()
    expect(mine.get_by_text("What you have typed differs in: Name.")).to_be_visible()
    expect(mine.locator("#name")).to_have_value(f"Mine {tag}")
    mine.get_by_role("button", name="Overwrite it with mine").click()
    expect(mine.get_by_role("heading", level=1, name=f"Mine {tag}")).to_be_visible()


def go_to(page: Page, wanted: str) -> None:
    """Press the tabulator until the control with this id has the focus."""
    for _ in range(120):
        if page.evaluate("document.activeElement.id") == wanted:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"The keyboard does not get to {wanted}.")
