"""What contributors and viewers see, and what they get nowhere with, whatever they send."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import FilePayload, Page, expect

import portal.pages  # noqa: F401 - registers them
from portal.routing import pages
from tests.e2e.conftest import SignIn
from tests.e2e.watching import Watch
from tests.system.driver import Segpilot, make_people

UPLOAD = f"another/{datetime.now(UTC):%Y%m%dT%H%M%SZ}-aaaaaaaaaaaa-people.csv"


@dataclass(frozen=True)
class World:
    """One of each: a connection that contributors may not use, and what hangs on it."""

    connection: str
    export: str
    run: str
    segment: str

    def address(self, steps: tuple[str, ...]) -> str:
        """Return the address of a route, its parameters filled with what is there."""
        area = steps[0]
        by_area = {
            "connections": self.connection,
            "exports": self.export,
            "runs": self.run,
            "segments": self.segment,
        }
        filled, known = [], [by_area.get(area, "nothing"), self.export]
        for step in steps:
            filled.append(quote(known.pop(0), safe="") if step.startswith("{") else step)
        return "/".join(filled)


@pytest.fixture
def world(app: Segpilot, tag: str) -> World:
    connection = app.add_connection(display_name=f"Private {tag}", shared_with="administrators")
    export = app.add_export(tag, connection=connection)
    app.upload(f"{tag}/people.csv", make_people(range(3), tag).data + b"not-an-address,Nobody,,\r\n")
    run = app.wait_for_run(export)
    return World(connection, export, run["id"], tag)


def everything(app: Segpilot) -> dict[str, Any]:
    """Return all that can be changed."""
    paths = ("connections", "exports?size=200", "segments?size=200", "runs?size=200", "refresh", "erasures")
    return {path: app.get(path) for path in paths}


def post_everywhere(page: Page, world: World, *, but: tuple[str, ...]) -> dict[str, int]:
    """Send a form, with its token, to each route that changes something, but those that begin so; return the statuses."""
    page.goto("/portal/preferences")
    token = page.locator("form input[name=csrf]").first.input_value()
    origin = page.url.partition("/portal")[0]
    forms = complete_forms(world)
    found = {}
    for route in pages.routes:
        name = "/".join(route.steps)
        if route.method != "POST" or name.startswith(but):
            continue
        form = {"csrf": token, "do": "save", "round": "1", **forms.get(name, {})}
        sent: dict[str, Any] = {"multipart": form} if name == "segments/new" else {"form": form}
        headers = {"Origin": origin, "X-Upload-Name": quote(UPLOAD), "X-Upload-Block": "0"}
        address = f"/portal/{world.address(route.steps)}"
        found[name] = page.request.post(address, headers=headers, max_redirects=0, **sent).status
    return found


def complete_forms(world: World) -> dict[str, dict[str, Any]]:
    """Return what forms need that are looked at before the right to send them is. Others are refused as they are."""
    file: FilePayload = {"name": "people.csv", "mimeType": "text/csv", "buffer": b"Email\r\na@b.example\r\n"}
    return {
        "segments/{name}/exports": {"export_id": world.export},
        "exports/schedules": {"export": world.export, "what": "keep", "active": "no"},
        "exports/schedules/refresh": {
            "refresh-recurrence": "daily",
            "refresh-times": "02:00",
            "refresh-time-zone": "UTC",
        },
        "exports/{id}/segments": {"segment-name": "another"},
        "segments/new": {"segment": "another", "file": file},
        "segments/new/begin": {"segment": "another", "file_name": "people.csv", "size_bytes": "10"},
        "segments/new/finish": {"name": UPLOAD, "blocks": "1"},
    }


def test_a_viewer_is_refused_whatever_is_sent(sign_in: SignIn, app: Segpilot, world: World) -> None:
    page = sign_in("viewer")
    before = everything(app)

    answers = post_everywhere(page, world, but=("preferences",))

    assert {name: status for name, status in answers.items() if status != 403} == {}
    assert everything(app) == before


def test_a_viewer_sees_everything_but_connections_and_has_nothing_to_press(
    sign_in: SignIn, world: World, watch: Watch
) -> None:
    page = sign_in("viewer")
    seen = ["", "exports", f"exports/{world.export}", "runs", f"runs/{world.run}", "segments"]
    for address in [*seen, f"segments/{world.segment}"]:
        page.goto(f"/portal/{address}")
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        expect(page.locator("main form[method=post]")).to_have_count(0)
        expect(
            page.locator("main a[href$='/new'], main a[href$='/edit'], main a[href$='/remove']")
        ).to_have_count(0)
        expect(page.get_by_role("link", name="Connections")).to_have_count(0)

    watch.expect(403)
    for address in closed_to_viewers(world):
        answer = page.goto(f"/portal/{address}")
        assert answer is not None
        assert answer.status == 403, address
        expect(page.get_by_role("alert")).to_contain_text("role")


def closed_to_viewers(world: World) -> list[str]:
    return [
        *closed_to_contributors(world),
        "connections",
        "exports/new",
        f"exports/{world.export}/remove",
        f"runs/{world.run}/rejects",
        f"runs/{world.run}/rejects.csv",
        "segments/new",
        f"segments/{world.segment}/source",
    ]


def closed_to_contributors(world: World) -> list[str]:
    return [
        "connections/new",
        f"connections/{world.connection}",
        f"connections/{world.connection}/key",
        f"connections/{world.connection}/alerts",
        f"connections/{world.connection}/suppression",
        f"connections/{world.connection}/remove",
        f"exports/{world.export}/edit",
        "audit",
        "erasures",
        "health",
    ]


def test_a_contributor_gets_nowhere_with_what_is_for_administrators(
    sign_in: SignIn, app: Segpilot, world: World, watch: Watch
) -> None:
    page = sign_in("contributor")
    watch.expect(403)
    before = everything(app)
    for address in closed_to_contributors(world):
        answer = page.goto(f"/portal/{address}")
        assert answer is not None
        assert answer.status == 403, address

    mine = ("preferences", "segments/", "exports/new", "exports/run-all", "exports/schedules")
    answers = post_everywhere(page, world, but=mine)

    assert {name: status for name, status in answers.items() if status != 403} == {}
    assert everything(app) == before


def test_a_contributor_is_offered_shared_connections_only(
    sign_in: SignIn, app: Segpilot, world: World, tag: str
) -> None:
    shared = app.add_connection(display_name=f"Shared {tag}", shared_with="contributors")
    page = sign_in("contributor")
    page.goto("/portal/connections")
    expect(page.get_by_role("link", name=f"Shared {tag}", exact=True)).to_be_visible()
    expect(page.get_by_text(f"Private {tag}")).to_have_count(0)
    expect(page.get_by_role("link", name="Add connection")).to_have_count(0)

    page.goto("/portal/exports/new")
    offered = page.get_by_role("combobox", name="Connection for export").locator("option")
    assert [option.get_attribute("value") for option in offered.all()] == ["", shared]


def test_without_a_shared_connection_a_contributor_is_sent_to_an_administrator(
    sign_in: SignIn, world: World
) -> None:
    page = sign_in("contributor")
    page.goto("/portal/exports/new")

    expect(page.get_by_text("No connection is available. Contact an administrator.")).to_be_visible()
    expect(page.get_by_role("combobox", name="Connection for export")).to_have_count(0)
