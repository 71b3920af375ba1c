"""Imports go one way: functions, bootstrap, use cases and pipeline, domain."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    [
        *(path for part in ("shared", "portal", "functions") for path in (ROOT / part).glob("**/*.py")),
        ROOT / "function_app.py",
    ]
)


def imported_by(path: Path) -> Iterator[str]:
    """The full names of everything that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_within(name: str, *packages: str) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


FORBIDDEN = {
    "shared/domain": ("shared.pipeline", "shared.usecases", "shared.adapters", "shared.bootstrap", "shared.settings", "azure", "duckdb", "requests"),
    "shared/pipeline": ("shared.usecases", "shared.adapters", "shared.bootstrap", "shared.settings", "azure", "requests"),
    "shared/usecases": ("shared.adapters", "shared.bootstrap", "shared.settings", "azure", "requests", "duckdb"),
    "shared/adapters": ("shared.usecases", "shared.bootstrap", "shared.settings"),
    "shared": ("azure.functions", "azure.durable_functions", "azurefunctions", "functions", "function_app", "devkit", "tests", "portal"),
    "portal": ("azure", "azurefunctions", "shared.adapters", "functions", "function_app", "devkit", "tests"),
    "functions": ("shared.adapters", "devkit", "tests", "function_app"),
    "function_app.py": ("shared", "devkit", "tests"),
}  # fmt: skip


@pytest.mark.parametrize("part", FORBIDDEN)
def test_no_part_imports_what_lies_above_it(part):
    modules = [
        path
        for path in MODULES
        if is_within(str(path.relative_to(ROOT)).replace("/", "."), part.replace("/", "."))
    ]
    assert modules
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules
        for name in imported_by(path)
        if is_within(name, *FORBIDDEN[part])
    ]
    assert wrong == []


def test_adapters_are_named_by_themselves_and_bootstrap_only():
    naming = {
        str(path.relative_to(ROOT))
        for path in MODULES
        if any(is_within(name, "shared.adapters") for name in imported_by(path))
        and not path.is_relative_to(ROOT / "shared" / "adapters")
    }
    assert naming == {"shared/bootstrap.py"}


def test_the_function_app_stays_short():
    assert len((ROOT / "function_app.py").read_text().splitlines()) < 40


def made_on_the_event_loop(source: str) -> list[int]:
    """The lines that hand a part of the app to a thread which is made before, where orchestrations wait for it."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("asyncio.to_thread", "in_thread")
        and ast.unparse(node.args[0]).startswith(("app()", "partial(app()"))
    ]


def test_adapters_are_made_beside_the_event_loop() -> None:
    found = {path: made_on_the_event_loop(path.read_text()) for path in ROOT.glob("functions/**/*.py")}
    assert found
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_an_adapter_that_is_made_on_the_event_loop_is_found() -> None:
    source = "in_thread(lambda: app().a())\nin_thread(app().b)\nasyncio.to_thread(app().c.d, 1)"
    assert made_on_the_event_loop(source) == [2, 3]
