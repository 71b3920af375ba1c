"""One local stack for all browser tests of a worker, and pages of a real Chromium that are signed in to it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, Protocol

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from devkit.browser import MISSING, find_chromium, launch, must_not_skip
from devkit.host.easy_auth import PEOPLE
from devkit.local.stack import LocalStack
from tests.e2e.watching import Watch
from tests.system.driver import Segpilot

Role = Literal["administrator", "contributor", "viewer"]
Language = Literal["en", "es", "ro"]
Theme = Literal["light", "dark"]
LOCALES: dict[Language, str] = {"en": "en-GB", "es": "es-ES", "ro": "ro-RO"}
HEIGHT = 800


PageOf = Callable[[Role, Language], Page]


class SignIn(Protocol):
    def __call__(
        self,
        role: Role,
        language: Language = "en",
        theme: Theme = "light",
        width: int = 1280,
        javascript: bool = True,
    ) -> Page:
        """Return a page of a browser of its own that shows the portal's start page to this person."""


def start_stack(folder: Path) -> LocalStack:
    """Storage, vault, simulator and host; files settle within a second and nothing slows calls down."""
    settings = {"SETTLE_TIME_S": "1", "MAX_CALLS_PER_S": "0"}
    return LocalStack(folder, autopilot_switches={"bulk_list": "honoured"}, settings=settings)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """What all tests of a worker use."""
    with start_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def app(stack: LocalStack) -> Iterator[Segpilot]:
    """The app, driven past the browser; afterwards its exports are gone and the simulator is calm again."""
    driver = Segpilot(stack)
    yield driver
    driver.simulator.calm()
    driver.clean_up()


@pytest.fixture
def tag(unique_name: str) -> str:
    """A name for this test's segment, list and people. The newest one comes first: forms show a page of segments."""
    return f"0{2**44 - int(time.time() * 1_000):011x}{unique_name[-1]}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium. It ends with the module, since no other event loop can run on the thread while Playwright's does."""
    program = find_chromium()
    if program is None and must_not_skip():
        pytest.fail(f"{MISSING} the browser tests cannot run.")
    if program is None:
        pytest.skip(f"{MISSING} BROWSER TESTS ARE SKIPPED. See python -m devkit browser.")
    with sync_playwright() as playwright, launch(playwright, program) as running:
        yield running


@pytest.fixture
def watch(stack: LocalStack) -> Iterator[Watch]:
    """Fails the test at its end if anything went wrong in the browser."""
    watching = Watch(stack.host_url)
    yield watching
    watching.verify()


@pytest.fixture
def sign_in(stack: LocalStack, browser: Browser, watch: Watch) -> Iterator[SignIn]:
    """Gives signed-in pages; each has cookies of its own and closes with the test."""
    contexts = []

    def sign_in(
        role: Role,
        language: Language = "en",
        theme: Theme = "light",
        width: int = 1280,
        javascript: bool = True,
    ) -> Page:
        context = browser.new_context(
            base_url=stack.host_url,
            locale=LOCALES[language],
            timezone_id="Europe/Bucharest",
            color_scheme=theme,
            viewport={"width": width, "height": HEIGHT},
            java_script_enabled=javascript,
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        watch.follow(context)
        page = context.new_page()
        page.goto("/.auth/login/aad?post_login_redirect_uri=/portal/")
        page.get_by_role("button", name=PEOPLE[role].name).click()
        page.wait_for_url("**/portal/**")
        return page

    yield sign_in
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def page_of(stack: LocalStack, browser: Browser) -> Iterator[PageOf]:
    """Gives one signed-in page per role and language for the whole module. Whoever uses it watches it."""
    found: dict[tuple[Role, Language], Page] = {}

    def page_of(role: Role, language: Language) -> Page:
        if (role, language) not in found:
            page = browser.new_context(base_url=stack.host_url, locale=LOCALES[language]).new_page()
            page.goto("/.auth/login/aad?post_login_redirect_uri=/portal/preferences")
            page.get_by_role("button", name=PEOPLE[role].name).click()
            page.wait_for_url("**/portal/**")
            found[role, language] = page
        return found[role, language]

    yield page_of
    for page in found.values():
        page.context.close()
