"""Pages in states that one has to bring about: with nothing yet, wrong, refused, previewed. No barriers in any language."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from devkit.local.stack import LocalStack
from tests.e2e.conftest import LOCALES, Language, PageOf, start_stack
from tests.e2e.looking import look_at, visit
from tests.e2e.watching import Watch
from tests.system.driver import Segpilot, make_people

SEGMENT = "Readers"


@dataclass(frozen=True)
class World:
    """A connection, and an export over it that has not run yet."""

    connection: str
    export: str


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One of its own, which is empty at first."""
    with start_stack(tmp_path_factory.mktemp("states")) as running:
        yield running


@pytest.fixture(scope="module")
def world(stack: LocalStack) -> World:
    app = Segpilot(stack)
    connection = app.add_connection(display_name="Newsletter")
    export = app.add_export(SEGMENT, connection=connection, active=False)
    app.upload(f"{SEGMENT}/people.csv", make_people(range(20), "reader").data)
    app.wait_until(lambda: (app.find_segment(SEGMENT) or {}).get("columns"), "the segment")
    return World(connection, export)


@pytest.mark.parametrize("language", LOCALES)
def test_where_there_is_nothing_yet_there_are_no_barriers(
    stack: LocalStack, page_of: PageOf, watch: Watch, language: Language
) -> None:
    """The first of this file: the world is not there yet."""
    assert Segpilot(stack).get("segments")["segments"] == []

    visit(
        page_of("administrator", language),
        ["", "connections", "exports", "runs", "segments", "exports/new"],
        watch,
    )


@pytest.mark.parametrize("language", LOCALES)
def test_no_state_of_a_page_has_barriers(
    world: World, page_of: PageOf, watch: Watch, language: Language
) -> None:
    page = page_of("administrator", language)
    watch.follow(page.context)
    watch.expect(404, 422)
    states: list[tuple[str, Callable[[Page], object]]] = [
        ("connections/new", save_nothing),
        ("connections/new", refuse_key),
        (f"connections/{world.connection}/suppression", look_somebody_up),
        ("exports/new", save_nothing),
        (f"exports/new?segment={SEGMENT}", add_custom_field),
        (f"exports/{world.export}/edit", preview),
        (f"exports/schedules?export={world.export}", save_nothing),
        ("segments/new", upload_nothing),
        ("nothing/of/the/kind", lambda page: expect(page.get_by_role("alert")).to_be_visible()),
    ]
    found = []
    for address, bring_about in states:
        page.goto(f"/portal/{address}")
        bring_about(page)
        found += [f"/portal/{address} ({bring_about.__name__}): {each}" for each in look_at(page)]
    assert not found, "\n".join(found)


def save_nothing(page: Page) -> None:
    page.evaluate("() => document.querySelectorAll('form').forEach(each => { each.noValidate = true; })")
    page.locator("main form button.primary").first.click()
    expect(page.locator("#errors")).to_be_visible()


def refuse_key(page: Page) -> None:
    page.locator("#api-key").fill("no such key")
    page.locator("button[value=connect]").click()
    expect(page.locator("#connect-result .notice.bad").first).to_be_visible()


def look_somebody_up(page: Page) -> None:
    page.locator("main input[type=email], main input[name=email]").first.fill("ana@example.com")
    page.locator("button[value=check]").click()
    expect(page.locator("main [role=status], main .notice").first).to_be_visible()


def add_custom_field(page: Page) -> None:
    page.locator("select.list-kind").select_option("named")
    page.locator("button[value=add-field]").click()
    expect(page.locator(".match.custom")).to_be_visible()


def preview(page: Page) -> None:
    page.locator("button[value=preview]").click()
    expect(page.locator("#part-preview table").first).to_be_visible()


def upload_nothing(page: Page) -> None:
    page.locator("#segment").fill("Nobody")
    page.locator("#file").set_input_files({"name": "nobody.csv", "mimeType": "text/csv", "buffer": b""})
    page.locator("#upload button.primary").click()
    expect(page.locator("#file-wrong")).to_be_visible()
