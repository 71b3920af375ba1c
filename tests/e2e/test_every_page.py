"""Every page, in each language: no barriers in light and dark, wide and narrow, and nothing inline."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from devkit.local.stack import LocalStack
from devkit.showcase import Showcase, fill
from devkit.showcase.filling import LOYAL, READERS, SALE
from tests.e2e.conftest import LOCALES, Language, PageOf, Role, start_stack
from tests.e2e.looking import visit
from tests.e2e.watching import Watch


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One of its own: what the showcase leaves there would be in the way of others."""
    with start_stack(tmp_path_factory.mktemp("showcase")) as running:
        yield running


@pytest.fixture(scope="module")
def showcase(stack: LocalStack) -> Showcase:
    return fill(stack)


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
def test_no_page_of_an_administrator_has_barriers(
    showcase: Showcase, page_of: PageOf, watch: Watch, language: Language
) -> None:
    visit(page_of("administrator", language), addresses(showcase), watch)


@pytest.mark.parametrize(("role", "language"), [("viewer", "ro"), ("contributor", "es")])
def test_nor_has_what_others_see(
    showcase: Showcase,
    page_of: PageOf,
    watch: Watch,
    role: Role,
    language: Language,
) -> None:
    visit(page_of(role, language), addresses_that_differ(showcase, role), watch)
