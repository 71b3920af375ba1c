"""The dev kit's sign-in page, which stands in for Microsoft's, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from devkit.host.easy_auth import PEOPLE, Person
from devkit.local.stack import LocalStack
from tests.e2e.accessibility import check_accessibility
from tests.e2e.watching import Watch


@pytest.fixture
def page(stack: LocalStack, browser: Browser, watch: Watch) -> Iterator[Page]:
    with browser.new_context(base_url=stack.host_url) as context:
        watch.follow(context)
        yield context.new_page()


@pytest.mark.parametrize("person", PEOPLE.values(), ids=lambda person: person.role)
def test_each_person_signs_in_and_is_led_back(page: Page, person: Person) -> None:
    page.goto("/.auth/login/aad?post_login_redirect_uri=/.auth/me")
    page.get_by_role("button", name=person.name).click()

    page.wait_for_url("**/.auth/me")
    assert person.email in page.content()


def test_the_page_has_no_barriers(page: Page) -> None:
    page.goto("/.auth/login/aad")

    check_accessibility(page)


def test_whoever_signs_out_is_signed_out(page: Page) -> None:
    page.goto("/.auth/login/aad?post_login_redirect_uri=/.auth/me")
    page.get_by_role("button", name=PEOPLE["viewer"].name).click()
    page.goto("/.auth/logout")
    expect(page.get_by_role("heading", name="Signed out")).to_be_visible()

    assert page.request.get("/.auth/me").status == 401
