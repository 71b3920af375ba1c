"""docs/troubleshooting.md knows every code, status and stage that there is, and no other."""

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import functions
import portal
import shared
from functions.api.registry import operations
from shared.domain.connection import ConnectionStatus
from shared.domain.errors import SegpilotError
from shared.domain.run import RunStatus

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
CODE_ROW = re.compile(
    r"^\| `(?P<code>[a-z-]+)` \| (?P<status>[^|]+) \| (?P<fault>[^|]+) \| (?P<again>[^|]+) \| (?P<help>.+) \|$",
    re.M,
)
RUN_ONLY = {"over-limit", "worker-lost"}
"""Failures of runs that no request is answered with."""
FACTORIES = {"_refused": "SegmentUnreadable", "_check": "Invalid"}
"""Functions that make an error of a code they are given."""


def error_classes() -> dict[str, type[SegpilotError]]:
    """Return every kind of error that the app knows, by its name."""
    for package in (shared, functions, portal):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    found: dict[str, type[SegpilotError]] = {}
    waiting = [SegpilotError]
    while waiting:
        kind = waiting.pop()
        found[kind.__name__] = kind
        waiting += kind.__subclasses__()
    return found


def calls(path: Path) -> Iterator[tuple[str, ast.expr]]:
    """Yield who is called with a ``code``, and what that is; a code in a dictionary counts as a failure of a run."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg == "code":
                    yield ast.unparse(node.func), keyword.value
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "code":
                    yield "Failure", value


@cache
def own_constants(path: Path) -> dict[str, str]:
    """Return the constants of a module that may stand for a code."""
    return {
        target.id: node.value.value
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def constants(path: Path) -> dict[str, str]:
    """Return the constants that a module may name: its own, and those that it imports from where they are made."""
    found = dict(own_constants(path))
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        source = isinstance(node, ast.ImportFrom) and ROOT / f"{(node.module or '').replace('.', '/')}.py"
        if isinstance(node, ast.ImportFrom) and source and source.exists():
            theirs = own_constants(source)
            found |= {
                each.asname or each.name: theirs[each.name] for each in node.names if each.name in theirs
            }
    return found


def find_codes() -> dict[str, set[type[SegpilotError]]]:
    """Return the kinds of errors that each code comes with; none for failures of runs."""
    classes = error_classes()
    found: dict[str, set[type[SegpilotError]]] = defaultdict(set)
    for kind in classes.values():
        found[kind.code].add(kind)
    for path in (
        path for package in ("shared", "functions", "portal") for path in ROOT.glob(f"{package}/**/*.py")
    ):
        named = constants(path)
        for caller, value in calls(path):
            if isinstance(value, ast.Constant):
                code = value.value
            elif isinstance(value, ast.Name) and value.id in named:
                code = named[value.id]
            else:
                # What is passed on, or looked at, has a code of its own elsewhere.
                assert ast.unparse(value).endswith(("reason", "code")), f"{path}: {ast.unparse(value)}"
                continue
            kind = classes.get(FACTORIES.get(caller, caller))
            assert kind or caller == "Failure", f"{path}: {caller} makes an error of the code {code}"
            found[code] |= {kind} if kind else set()
    return found


def documented() -> dict[str, re.Match[str]]:
    rows = list(CODE_ROW.finditer(TEXT))
    found = {row["code"]: row for row in rows}
    assert len(found) == len(rows), "a code is there twice"
    return found


def test_every_code_is_explained_and_no_other():
    codes, rows = find_codes(), documented()
    assert len(codes) > 90
    assert set(codes) - set(rows) == set()
    assert set(rows) - set(codes) == set()


def test_codes_can_be_found_by_looking_for_the_text():
    assert list(documented()) == sorted(documented())


def test_what_is_said_of_blame_and_repetition_is_what_the_code_does():
    for code, kinds in find_codes().items():
        row = documented()[code]
        statuses = {str(kind.status) for kind in kinds} or {"–"}
        assert set(row["status"].split(", ")) == statuses, code
        if kinds:
            assert set(row["fault"].split(", ")) == {kind.fault.value for kind in kinds}, code
        if code not in RUN_ONLY and row["again"] == "no":
            assert not any(kind.retryable for kind in kinds), code


def test_every_status_of_runs_and_connections_is_explained():
    for status in (*RunStatus, *ConnectionStatus):
        assert f"\n| {status} |" in TEXT, status


def test_every_answer_of_the_api_is_explained():
    for operation in operations.declared:
        for error in operation.errors:
            assert error.code in documented(), operation.route


def test_the_calls_that_operators_are_told_to_make_exist():
    routes = {
        (operation.method, re.sub(r"\{\w+\}", "*", operation.route)) for operation in operations.declared
    }
    told = 0
    for name in ("operations.md", "troubleshooting.md"):
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        for method, path in re.findall(r"\bapi (GET|POST|PUT|PATCH|DELETE) \"?([\w$/.…-]+)", text):
            told += 1
            asked = re.sub(r"\$\w+|(?<=/)…", "*", path)
            assert (method, asked) in routes, f"{name}: {method} {path}"
    assert told > 20


def test_what_alerts_and_hooks_point_at_is_there():
    """Azure's alert rules name a page and a section."""
    told = set()
    for path in (ROOT / "infra").rglob("*.bicep"):
        told |= set(re.findall(r"docs/([a-z]+\.md), ([A-Z][\w ]+)[.:]", path.read_text(encoding="utf-8")))
    assert len(told) > 5
    for page, section in told:
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        assert re.search(rf"^##+ {section}$", text, re.M), f"{page}: {section}"
