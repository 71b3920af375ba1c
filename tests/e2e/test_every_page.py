"""Every page, in each language: no barriers in light and dark, wide and narrow, and nothing inline."""

from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from devkit.host.easy_auth import PEOPLE
from devkit.local.stack import LocalStack
from devkit.showcase import Showcase, fill
from devkit.showcase.filling import LOYAL, READERS, SALE
from tests.e2e.conftest import LOCALES, Language, Role, start_stack
from tests.e2e.looking import find_inline, look_at
from tests.e2e.watching import Watch
from tests.system.driver import Segpilot


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One of its own: what the showcase leaves there would be in the way of others."""
    with start_stack(tmp_path_factory.mktemp("showcase")) as running:
        yield running


@pytest.fixture(scope="module")
def showcase(stack: LocalStack) -> Showcase:
    return fill(stack)


@pytest.fixture(scope="module")
def pages(stack: LocalStack, browser: Browser) -> Iterator[dict[tuple[Role, Language], Page]]:
    """One signed-in page per role and language for the whole module."""
    found: dict[tuple[Role, Language], Page] = {}
    contexts = []
    for language in LOCALES:
        for role in PEOPLE:
            context = browser.new_context(base_url=stack.host_url, locale=LOCALES[language])
            contexts.append(context)
            page = context.new_page()
            page.goto("/.auth/login/aad?post_login_redirect_uri=/portal/preferences")
            page.get_by_role("button", name=PEOPLE[role].name).click()
            page.wait_for_url("**/portal/**")
            found[role, language] = page
    yield found
    for context in contexts:
        context.close()


def addresses(showcase: Showcase) -> list[str]:
    """Return all pages, below /portal/."""
    newsletter = showcase.connections["Newsletter account"]
    broken = showcase.connections["Old trial account"]
    weekly, off = showcase.exports["Weekly newsletter"], showcase.exports["Press list"]
    readers = f"segments/{quote(READERS)}"
    return [
        "",
        "connections",
        "connections/new",
        f"connections/{broken}",
        *(f"connections/{newsletter}{more}" for more in ("", "/key", "/lists", "/alerts")),
        *(f"connections/{newsletter}{more}" for more in ("/suppression", "/remove")),
        "audit",
        "erasures",
        "erasures/new",
        "health",
        "exports",
        "exports?search=nothing+is+called+that",
        "exports/new",
        f"exports/new?segment={quote(LOYAL)}&connection={newsletter}",
        *(f"exports/{weekly}{more}" for more in ("", "/edit", "/remove")),
        f"exports/{off}",
        "exports/schedules",
        f"exports/schedules?export={weekly}&export={off}",
        "exports/run-all",
        "runs",
        "runs?status=Failed",
        *(f"runs/{run}" for run in (showcase.going, showcase.waiting, showcase.with_rejects)),
        *(f"runs/{run}" for run in (showcase.failed, showcase.dry)),
        f"runs/{showcase.with_rejects}/rejects",
        "segments",
        "segments?search=nothing+is+called+that",
        *(f"{readers}{more}" for more in ("", "?sample=1", "/source", "/remove")),
        f"segments/{quote(SALE)}",
        "segments/new",
        "preferences",
    ]


def addresses_that_differ(showcase: Showcase, role: Role) -> list[str]:
    """Return the pages that look otherwise to this role than to an administrator."""
    shared = ["", "exports", f"exports/{showcase.exports['Recuperar clientes']}", f"runs/{showcase.waiting}"]
    if role == "viewer":
        return [*shared, f"runs/{showcase.failed}", f"segments/{quote(READERS)}", "segments"]
    newsletter = showcase.connections["Newsletter account"]
    return [
        *shared,
        "connections",
        f"connections/{newsletter}",
        "exports/new",
        f"connections/{newsletter}/lists",
    ]


@pytest.mark.parametrize("language", LOCALES)
def test_where_there_is_nothing_yet_there_are_no_barriers(
    stack: LocalStack, pages: dict[tuple[Role, Language], Page], watch: Watch, language: Language
) -> None:
    """The first of this file: the showcase is not there yet."""
    assert Segpilot(stack).get("segments")["segments"] == []

    visit(
        pages["administrator", language],
        ["", "connections", "exports", "runs", "segments", "exports/new"],
        watch,
    )


@pytest.mark.parametrize("language", LOCALES)
def test_no_page_of_an_administrator_has_barriers(
    showcase: Showcase, pages: dict[tuple[Role, Language], Page], watch: Watch, language: Language
) -> None:
    visit(pages["administrator", language], addresses(showcase), watch)


@pytest.mark.parametrize(("role", "language"), [("viewer", "ro"), ("contributor", "es")])
def test_nor_has_what_others_see(
    showcase: Showcase,
    pages: dict[tuple[Role, Language], Page],
    watch: Watch,
    role: Role,
    language: Language,
) -> None:
    visit(pages[role, language], addresses_that_differ(showcase, role), watch)


@pytest.mark.parametrize("language", LOCALES)
def test_no_state_of_a_page_has_barriers(
    showcase: Showcase, pages: dict[tuple[Role, Language], Page], watch: Watch, language: Language
) -> None:
    page = pages["administrator", language]
    watch.follow(page.context)
    watch.expect(404, 422)
    weekly = showcase.exports["Weekly newsletter"]
    newsletter = f"connections/{showcase.connections['Newsletter account']}"
    states: list[tuple[str, Callable[[Page], object]]] = [
        ("connections/new", save_nothing),
        ("connections/new", refuse_key),
        (f"{newsletter}/suppression", look_somebody_up),
        ("exports/new", save_nothing),
        (f"exports/new?segment={quote(LOYAL)}", add_custom_field),
        (f"exports/{weekly}/edit", preview),
        (f"exports/schedules?export={weekly}", save_nothing),
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


def visit(page: Page, visited: list[str], watch: Watch) -> None:
    """Fail with all that is wrong with these pages."""
    watch.follow(page.context)
    found = []
    for address in visited:
        answer = page.goto(f"/portal/{address}")
        assert answer is not None
        assert answer.ok, f"{answer.status}: {page.url}"
        wrong = [f"inline: {each}" for each in find_inline(answer.text())] + look_at(page)
        found += [f"/portal/{address}: {each}" for each in wrong]
    assert not found, "\n".join(found)
