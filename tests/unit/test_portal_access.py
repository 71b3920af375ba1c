"""Every page and every form of the portal, for every role: who is let through, and that the others change nothing."""

import orjson
import pytest

from portal.routing import pages
from shared.domain.access import Role
from shared.domain.run import RunStatus, Stage
from tests.unit.export_office import PRIVATE, SHARED
from tests.unit.portal_client import Browser
from tests.unit.portal_exports import add_export, add_run, arrive, exports_app

EVERYBODY, CONTRIBUTORS, USERS, ADMINISTRATORS = "everybody", "contributors", "users", "administrators"
"""*users* are contributors as far as the connection is shared with them, and administrators."""

PAGES = {
    "": EVERYBODY,
    "preferences": EVERYBODY,
    "exports": EVERYBODY,
    "exports/{id}": EVERYBODY,
    "exports/schedules": EVERYBODY,
    "runs": EVERYBODY,
    "runs/{id}": EVERYBODY,
    "segments": EVERYBODY,
    "segments/{name}": EVERYBODY,
    "segments/{name}/details": EVERYBODY,
    "connections": CONTRIBUTORS,
    "exports/new": CONTRIBUTORS,
    "exports/run-all": CONTRIBUTORS,
    "segments/new": CONTRIBUTORS,
    "segments/new/declare": CONTRIBUTORS,
    "segments/new/done": CONTRIBUTORS,
    "segments/{name}/remove": CONTRIBUTORS,
    "segments/{name}/source": CONTRIBUTORS,
    "connections/{id}": USERS,
    "connections/{id}/lists": USERS,
    "exports/{id}/edit": USERS,
    "exports/{id}/remove": USERS,
    "runs/{id}/rejects": USERS,
    "runs/{id}/rejects.csv": USERS,
    "audit": ADMINISTRATORS,
    "connections/new": ADMINISTRATORS,
    "connections/{id}/alerts": ADMINISTRATORS,
    "connections/{id}/key": ADMINISTRATORS,
    "connections/{id}/remove": ADMINISTRATORS,
    "connections/{id}/suppression": ADMINISTRATORS,
    "erasures": ADMINISTRATORS,
    "erasures/new": ADMINISTRATORS,
    "erasures/{id}": ADMINISTRATORS,
    "health": ADMINISTRATORS,
}
FORMS = {
    "preferences": EVERYBODY,
    "exports/new": CONTRIBUTORS,
    "exports/run-all": CONTRIBUTORS,
    "exports/schedules": CONTRIBUTORS,
    "segments/new": CONTRIBUTORS,
    "segments/new/begin": CONTRIBUTORS,
    "segments/new/block": CONTRIBUTORS,
    "segments/new/finish": CONTRIBUTORS,
    "segments/{name}/exports": CONTRIBUTORS,
    "segments/{name}/remove": CONTRIBUTORS,
    "segments/{name}/source": CONTRIBUTORS,
    "segments/{name}/source/remove": CONTRIBUTORS,
    "exports/{id}/activate": USERS,
    "exports/{id}/attach": USERS,
    "exports/{id}/deactivate": USERS,
    "exports/{id}/detach": USERS,
    "exports/{id}/duplicate": USERS,
    "exports/{id}/edit": USERS,
    "exports/{id}/remove": USERS,
    "exports/{id}/run": USERS,
    "exports/{id}/segments": USERS,
    "exports/{id}/segments/remove": USERS,
    "runs/{id}/approve": USERS,
    "runs/{id}/cancel": USERS,
    "runs/{id}/refuse": USERS,
    "runs/{id}/repeat": USERS,
    "runs/{id}/retry": USERS,
    "segments/{name}/exports/{id}/remove": USERS,
    "connections/new": ADMINISTRATORS,
    "connections/{id}": ADMINISTRATORS,
    "connections/{id}/alerts": ADMINISTRATORS,
    "connections/{id}/key": ADMINISTRATORS,
    "connections/{id}/remove": ADMINISTRATORS,
    "connections/{id}/suppression": ADMINISTRATORS,
    "erasures/new": ADMINISTRATORS,
    "exports/schedules/refresh": ADMINISTRATORS,
}
FILLED = {
    "exports/{id}/segments": {"segment-name": "Another"},
    "runs/{id}/approve": {"round": 1},
    "runs/{id}/refuse": {"round": 1},
}
"""Forms that say what is wrong with them before they ask whose they are."""

COLUMNS = {
    "viewer": (Role.VIEWER, SHARED, {EVERYBODY}),
    "contributor, not shared": (Role.CONTRIBUTOR, PRIVATE, {EVERYBODY, CONTRIBUTORS}),
    "contributor, shared": (Role.CONTRIBUTOR, SHARED, {EVERYBODY, CONTRIBUTORS, USERS}),
    "administrator": (Role.ADMINISTRATOR, PRIVATE, {EVERYBODY, CONTRIBUTORS, USERS, ADMINISTRATORS}),
}


class World:
    """A connection with an export, whose segment has arrived, and a run that has ended."""

    def __init__(self, connection_id: str) -> None:
        self.app = exports_app()
        self.connection_id = connection_id
        arrive(self.app, "VIP", rows=5, columns=("Email",))
        self.export = add_export(self.app, connection_id=connection_id, segments=["VIP"])
        self.run = add_run(
            self.app, self.export, "run-20260301T080000Z-0123456789ab", RunStatus.SUCCESSFUL, stage=Stage.DONE
        )

    def address(self, route: str) -> str:
        ids = {"exports": self.export.id, "runs": self.run.id, "connections": self.connection_id}
        first = route.partition("/")[0]
        made = route.replace("{name}", "VIP").replace("{id}", ids.get(first, self.export.id))
        return (
            f"{made}?file=VIP/20260301T080000Z-abcdefghijkm-a.csv" if route == "segments/new/done" else made
        )

    def stored(self) -> dict[str, object]:
        stores = self.app.stores
        kinds = ("connections", "exports", "segments", "sources", "refreshes", "runs", "erasures")
        return {kind: list(getattr(stores, kind).all()) for kind in kinds}


def test_every_page_and_form_is_in_the_matrix():
    registered = {(route.method, "/".join(route.steps)) for route in pages.routes}
    assert registered == {("GET", route) for route in PAGES} | {("POST", route) for route in FORMS}


@pytest.mark.parametrize("column", COLUMNS)
def test_pages_open_for_whom_they_are(column):
    role, connection_id, groups = COLUMNS[column]
    world = World(connection_id)
    browser = Browser(world.app, role)
    answers = {route: browser.get(world.address(route), follow=False).status for route in PAGES}
    assert {route for route, status in answers.items() if status == 403} == {
        route for route, group in PAGES.items() if group not in groups
    }
    assert {route: status for route, status in answers.items() if status >= 500} == {}


@pytest.mark.parametrize("column", COLUMNS)
def test_forms_are_taken_from_whom_they_are_for_and_change_nothing_for_others(column):
    role, connection_id, groups = COLUMNS[column]
    wrong = []
    for route, group in FORMS.items():
        world = World(connection_id)
        before = world.stored()
        page = Browser(world.app, role).post(world.address(route), FILLED.get(route))
        is_let_through = page.status < 500 and page.status != 403
        is_refused = page.status == 403 and not page.effects and world.stored() == before
        if not (is_let_through if group in groups else is_refused):
            wrong.append((route, page.status))
    assert wrong == []


def test_a_form_that_is_refused_is_in_the_audit_log():
    world = World(SHARED)
    Browser(world.app, Role.VIEWER).post(f"exports/{world.export.id}/remove")
    entry = orjson.loads(world.app.log_blobs.read("audit/2026/03/01.jsonl").splitlines()[-1])
    said = {name: entry[name] for name in ("action", "who", "result", "form")}
    assert said == {
        "action": "portal.form",
        "who": "viorica@example.com",
        "result": "refused",
        "form": "exports/{id}/remove",
    }


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CONTRIBUTOR])
def test_what_would_be_refused_is_not_offered(role):
    world = World(PRIVATE)
    browser = Browser(world.app, role)
    groups = {EVERYBODY} if role is Role.VIEWER else {EVERYBODY, CONTRIBUTORS}
    refused = [route for route, group in {**PAGES, **FORMS}.items() if group not in groups]
    addresses = {f"/portal/{world.address(route)}" for route in refused if PAGES.get(route) not in groups}
    for route in (route for route, group in PAGES.items() if group in groups):
        page = browser.get(world.address(route))
        links = {link["href"].partition("?")[0] for link in page.soup.select("main a[href]")}
        buttons = {
            form.get("action", "").partition("?")[0] for form in page.soup.select("main form[method=post]")
        }
        assert (links | buttons) & addresses == set(), route
