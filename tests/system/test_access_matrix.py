"""Who may do what: every operation × role × ownership does what the matrix in docs/security.md says."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from devkit.local.stack import LocalStack
from functions.api import operations
from functions.operation import Operation
from tests.system.driver import Json, Segpilot

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
ROW = re.compile(r"^\| `(?P<method>[A-Z]+) /(?P<route>[^`]+)` \|(?P<cells>(?: [✓–] \|){4})$", re.MULTILINE)
BEARER = {"Authorization": "Bearer a.b.c"}
TABLE = "Email,FirstName\nada.matrix@example.com,Ada\nnobody,Nobody\n"

COLUMNS = {
    "viewer": ("viewer", "shared"),
    "contributor, connection not shared": ("contributor", "administrators"),
    "contributor, connection shared": ("contributor", "shared"),
    "administrator": ("administrator", "administrators"),
}
LAST = ("remove_segment", "remove_export", "remove_connection", "remove_connection_in_use")
"""What takes things away that others need comes last."""


@dataclass(frozen=True)
class World:
    """A connection, an export of a segment over it, and its runs."""

    connection: str
    export: str
    spare_export: str
    segment: str
    run: str
    dry_run: str
    erasure: str

    def path(self, operation: Operation) -> str:
        of = operation.route.partition("/")[0]
        run = self.dry_run if operation.route.endswith("samples") else self.run
        export = self.spare_export if operation.route.endswith("detach") else self.export
        things = {"connections": self.connection, "exports": export, "runs": run, "erasures": self.erasure}
        route = operation.route.replace("{id}", things.get(of, "")).replace("{name}", self.segment)
        if operation.route.endswith("mapping-suggestion"):
            route += f"?connection_id={self.connection}"
        return route + ("?day=2026-01-01" if operation.route == "audit" else "")

    def body(self, operation: Operation) -> Json | None:
        export = {
            "name": "Matrix",
            "connection_id": self.connection,
            "email_column": "Email",
            "segments": [self.segment],
        }
        bodies: Mapping[str, Json] = {
            "NewAlertTarget": {"url": "https://alerts.example.com/a", "shape": "generic"},
            "NewConnection": {
                "display_name": "Another",
                "api_key": "a-key",
                "consent": {"agreed": True, "version": "1"},
            },
            "ConnectionChanges": {"display_name": "Changed"},
            "NewKey": {"api_key": "another-key"},
            "Removal": {"decisions": {}},
            "NewErasure": {"email": "nobody.matrix@example.com"},
            "NewExport": export,
            "Duplicate": {},
            "Attachment": {"connection_id": self.connection},
            "NewSegmentChoice": {"name": "matrix-other"},
            "NewPreview": {"export": {key: value for key, value in export.items() if key != "name"}},
            "NewRun": {"dry": True},
            "Verdict": {},
            "NewRefresh": {"recurrence": "off"},
            "ScheduleChange": {"exports": [self.export], "active": True},
            "SourceForm": {"format": "auto"},
            "SuppressionChange": {"add": ["nobody.matrix@example.com"]},
            "Address": {"email": "nobody.matrix@example.com"},
        }
        return bodies[operation.body.__name__] if operation.body else None


def read_matrix() -> dict[tuple[str, str], dict[str, bool]]:
    text = DOCUMENT.read_text(encoding="utf-8")
    return {
        (row["method"], row["route"]): dict(
            zip(COLUMNS, ("✓" in cell for cell in row["cells"].strip(" |").split("|")), strict=True)
        )
        for row in ROW.finditer(text)
    }


class Person:
    """Somebody with one role, at the door for people."""

    def __init__(self, stack: LocalStack, role: str) -> None:
        self._url, self._session = stack.host_url, requests.Session()
        form = {"who": role}
        self._session.post(f"{self._url}/.auth/login/dev", data=form, timeout=30, allow_redirects=False)

    def may(self, operation: Operation, world: World) -> bool:
        """Tell whether the operation was let through, whatever became of it then."""
        answer = self._session.request(
            operation.method,
            f"{self._url}/api/signed-in/{world.path(operation)}",
            json=world.body(operation),
            headers={**BEARER, "If-Match": '"an-old-version"'},
            timeout=60,
        )
        assert answer.status_code != 401
        assert answer.status_code < 500 or answer.status_code == 502, answer.text
        if answer.status_code == 400:
            assert "does not fit" not in answer.text, f"the test's body: {answer.text}"
        return answer.status_code != 403


@pytest.fixture(scope="module")
def signed_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    settings = {"WEBSITE_AUTH_ENABLED": "True", "SETTLE_TIME_S": "1", "MAX_CALLS_PER_S": "0"}
    with LocalStack(tmp_path_factory.mktemp("matrix"), settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def worlds(signed_in: LocalStack) -> dict[str, World]:
    return {name: build_world(Segpilot(signed_in), name) for name in ("shared", "administrators")}


def build_world(app: Segpilot, name: str) -> World:
    segment = f"matrix-{name}"
    sharing = {"shared": "contributors"}.get(name, name)
    connection = app.add_connection(shared_with=sharing)
    export = app.add_export(segment, connection=connection, fields=[])
    spare = app.add_export(f"{segment}-spare", connection=connection, fields=[])
    app.upload(f"{segment}/people.csv", TABLE.encode())
    run = app.wait_for_run(export)
    dry = app.wait_for(str(app.post(f"exports/{export}/runs", {"dry": True})["id"]))
    erasure = app.post("erasures", {"email": "somebody@example.com", "suppress": False})
    app.wait_until(lambda: app.get(f"erasures/{erasure['id']}")["ended_at"], "the end of the erasure")
    return World(connection, export, spare, segment, str(run["id"]), str(dry["id"]), str(erasure["id"]))


def observe(stack: LocalStack, worlds: Mapping[str, World]) -> dict[tuple[str, str], dict[str, bool]]:
    people = {role: Person(stack, role) for role, _ in COLUMNS.values()}
    ordered = sorted(operations.declared, key=lambda one: LAST.index(one.name) if one.name in LAST else -1)
    return {
        (one.method, one.route): {
            column: people[role].may(one, worlds[world]) for column, (role, world) in COLUMNS.items()
        }
        for one in ordered
    }


def test_the_matrix_names_every_operation() -> None:
    assert set(read_matrix()) == {(one.method, one.route) for one in operations.declared}


def test_everybody_may_do_what_the_matrix_says_and_nothing_else(
    signed_in: LocalStack, worlds: dict[str, World]
) -> None:
    said, seen = read_matrix(), observe(signed_in, worlds)
    wrong = [
        f"{' '.join(key)}: {column} {'may' if may else 'may not'}, the matrix says otherwise"
        for key, columns in seen.items()
        for column, may in columns.items()
        if said[key][column] != may
    ]
    assert wrong == []
