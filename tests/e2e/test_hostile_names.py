"""Names that would like to be markup, formulas or walls of text are shown as what they are."""

from dataclasses import dataclass
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignIn
from tests.e2e.looking import NARROW, find_loose, find_overflow
from tests.system.driver import Segpilot

MARKUP = "<img src=x onerror=alert(1)>"
FORMULA = "=cmd|' /C calc'!A0"
TURNED = "abc\u202egnp.exe"  # shows as abcexe.png where it is not isolated
WALL = "W" * 200  # as long as a name may be


@dataclass(frozen=True)
class Named:
    """What carries a hostile name, everywhere."""

    name: str
    segment: str
    connection: str
    export: str
    run: str

    @property
    def addresses(self) -> list[str]:
        segment = quote(self.segment, safe="")
        return [
            "",
            "connections",
            f"connections/{self.connection}",
            f"connections/{self.connection}/remove",
            "exports",
            f"exports/{self.export}",
            f"exports/{self.export}/edit",
            f"exports/{self.export}/remove",
            f"exports/new?segment={segment}&connection={self.connection}",
            f"exports/schedules?export={self.export}",
            "runs",
            f"runs/{self.run}",
            f"runs/{self.run}/rejects",
            "segments",
            f"segments/{segment}",
            f"segments/{segment}?sample=1",
            f"segments/{segment}/source",
            f"segments/{segment}/remove",
        ]


@pytest.fixture(params=[MARKUP, FORMULA, TURNED, WALL], ids=["markup", "formula", "turned", "wall"])
def named(request: pytest.FixtureRequest, app: Segpilot, tag: str) -> Named:
    """A connection, an export, a segment, its columns, values and a run, all under this name."""
    name: str = request.param
    # Segments are folders: no slash, and one of their own for each test.
    segment = f"{name} {tag}".replace("/", "-")[-200:]
    column = name.replace('"', '""')
    rows = f'Email,"{column}"\r\n{tag}@example.com,"{column}"\r\n"{column}","{column}"\r\n'
    app.upload(f"{segment}/people.csv", rows.encode())
    app.wait_until(lambda: (found := app.find_segment(segment)) and found["columns"] and found, "the segment")
    connection = app.add_connection(display_name=name)
    custom = (
        "Custom" if name == TURNED else name
    )  # Autopilot's fields have no unseen characters in their names
    fields = [{"field": "FirstName", "column": name}, {"field": custom, "column": name, "type": "string"}]
    export = app.add_export(segment, connection=connection, fields=fields, name=name)
    run = app.run_now(export)["id"]
    app.wait_for(run)
    return Named(name, segment, connection, export, run)


def test_a_hostile_name_is_text_everywhere(sign_in: SignIn, named: Named) -> None:
    page = sign_in("administrator", width=NARROW)
    for address in named.addresses:
        answer = page.goto(f"/portal/{address}")
        assert answer is not None
        assert answer.ok, f"{answer.status}: {address}"
        shown = page.locator("body").inner_text() + values_of(page)
        # A wall is cut where much is shown.
        assert named.name[:60] in shown or named.segment[:60] in shown, address
        expect(page.locator("img[src=x]")).to_have_count(0)
        assert find_overflow(page) == [], address
        assert find_loose(page, "\u202e") == [], address


def values_of(page: Page) -> str:
    """Return what stands in the fields and choices of a page."""
    script = "() => [...document.querySelectorAll('input, textarea, option')].map(each => `${each.value} ${each.text}`).join()"
    return str(page.evaluate(script))
