"""What is too long is refused beside its field, in words, and nothing that was typed is lost."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignIn
from tests.e2e.looking import NARROW, find_overflow
from tests.e2e.watching import Watch
from tests.system.driver import Segpilot

TOO_LONG = "x" * 10_000


def lift_limits(page: Page) -> None:
    """Let the browser send what it would refuse by itself, as one does that knows no limits."""
    page.evaluate(
        """() => {
          document.querySelectorAll('[maxlength]').forEach(each => each.removeAttribute('maxlength'));
          document.querySelectorAll('form').forEach(each => { each.noValidate = true; });
        }"""
    )


@pytest.mark.parametrize(
    ("address", "field", "message"),
    [
        ("connections/new", "Display name", "At most 200 characters."),
        ("exports/new", "Name", "At most 200 characters."),
    ],
)
def test_a_name_of_10000_characters_is_refused_beside_its_field(
    sign_in: SignIn, app: Segpilot, watch: Watch, address: str, field: str, message: str
) -> None:
    page = sign_in("administrator", width=NARROW)
    page.goto(f"/portal/{address}")
    lift_limits(page)
    name = page.get_by_role("textbox", name=field, exact=True)
    name.fill(TOO_LONG)
    watch.expect(422)
    page.get_by_role("button", name="Save", exact=True).click()

    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_have_accessible_description(message)
    expect(name).to_have_value(TOO_LONG)
    expect(page.get_by_role("alert").get_by_role("link", name=message)).to_be_visible()
    assert find_overflow(page) == []


def test_a_segment_of_10000_characters_is_refused_beside_its_field(
    sign_in: SignIn, app: Segpilot, watch: Watch, tmp_path
) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(b"Email\r\nana@example.com\r\n")
    page = sign_in("contributor", width=NARROW)
    page.goto("/portal/segments/new")
    lift_limits(page)
    name = page.locator("#upload").get_by_role("textbox", name="Segment")
    name.fill(TOO_LONG)
    page.locator("#upload").get_by_label("File").set_input_files(file)
    watch.expect(400, 422)
    page.get_by_role("button", name="Upload", exact=True).click()

    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_have_value(TOO_LONG)
    expect(page.get_by_text("Give it 1 to 500 characters, without '/'.")).to_be_visible()
    assert find_overflow(page) == []
