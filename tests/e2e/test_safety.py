"""What a browser holds a page to, and what other sites must not make it do."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignIn
from tests.e2e.watching import Watch

PREFERENCES = "/portal/preferences"


def language_of(page: Page) -> str:
    page.goto(PREFERENCES)
    return page.locator("html").get_attribute("lang") or ""


def token_of(page: Page) -> str:
    return page.locator("form input[name=csrf]").first.input_value()


def test_pages_forbid_whatever_does_not_come_from_the_app(sign_in: SignIn) -> None:
    page = sign_in("viewer")
    answer = page.goto(PREFERENCES)
    assert answer is not None

    policy = {
        name: set(values)
        for name, *values in (part.split() for part in answer.headers["content-security-policy"].split(";"))
    }
    assert policy["default-src"] == {"'none'"}
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == {"'self'"}
    assert policy["frame-ancestors"] == {"'none'"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_a_form_with_its_token_is_accepted(sign_in: SignIn) -> None:
    page = sign_in("viewer")
    page.goto(PREFERENCES)

    form = {"language": "ro", "csrf": token_of(page), "back": PREFERENCES}
    page.request.post(PREFERENCES, form=form, headers={"Origin": page.url.partition(PREFERENCES)[0]})

    assert language_of(page) == "ro"


@pytest.mark.parametrize("token", [None, "", "AAAA", "x" * 88])
def test_a_form_without_its_token_changes_nothing(sign_in: SignIn, token: str | None) -> None:
    page = sign_in("viewer")
    page.goto(PREFERENCES)

    form = {"language": "ro"} | ({} if token is None else {"csrf": token})
    own = page.url.partition(PREFERENCES)[0]
    answer = page.request.post(PREFERENCES, form=form, headers={"Origin": own}, max_redirects=0)

    assert answer.status == 403
    assert language_of(page) == "en"


def test_a_token_of_somebody_else_changes_nothing(sign_in: SignIn) -> None:
    page, other = sign_in("viewer"), sign_in("administrator")
    for each in (page, other):
        each.goto(PREFERENCES)

    own = page.url.partition(PREFERENCES)[0]
    form = {"language": "ro", "csrf": token_of(other)}
    answer = page.request.post(PREFERENCES, form=form, headers={"Origin": own}, max_redirects=0)

    assert answer.status == 403
    assert language_of(page) == "en"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_from_another_site_changes_nothing_even_with_a_token(
    sign_in: SignIn, headers: dict[str, str]
) -> None:
    page = sign_in("viewer")
    page.goto(PREFERENCES)

    form = {"language": "ro", "csrf": token_of(page)}
    answer = page.request.post(PREFERENCES, form=form, headers=headers, max_redirects=0)

    assert answer.status == 403
    assert language_of(page) == "en"


def test_who_is_not_signed_in_is_led_to_the_sign_in_and_back(sign_in: SignIn) -> None:
    page = sign_in("viewer")
    page.context.clear_cookies()
    page.goto(PREFERENCES + "?back=/portal/runs")
    page.get_by_role("button", name="Viorica Viewer").click()

    expect(page.get_by_role("heading", level=1, name="Preferences")).to_be_visible()
    assert page.url.endswith(PREFERENCES + "?back=/portal/runs")


def test_a_page_that_does_not_exist_says_so(sign_in: SignIn, watch: Watch) -> None:
    page = sign_in("viewer")
    watch.expect(404)
    page.goto("/portal/nothing/of/the/kind")

    expect(page.get_by_role("alert")).to_contain_text("There is no such page.")


def test_the_first_page_weighs_little(sign_in: SignIn) -> None:
    page = sign_in("administrator")
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    received: list[float] = []
    session.on("Network.loadingFinished", lambda told: received.append(told["encodedDataLength"]))

    page.goto("/portal/", wait_until="networkidle")

    assert len(received) >= 4, "the page, a style sheet and two scripts"
    assert sum(received) <= 100_000
