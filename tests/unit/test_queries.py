"""The queries of operators: correct KQL over tables, metrics and attributes that there are, in files, docs and workbook."""

import ast
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from devkit.npm import ensure_installed
from devkit.workbook import (
    PARAMETERS,
    QUERIES,
    TILES,
    WORKBOOK,
    WORKSPACE_PLACE,
    bind_parameters,
    make_workbook,
    read_query,
)

ROOT = Path(__file__).parents[2]
KUSTO = ROOT / "tests" / "kusto"
KQL_BLOCK = re.compile(r"^```(?:kusto|kql)\n(.*?)^```", re.M | re.S)
WRONG = {
    "AppMetrics | where Nam == 'segpilot.calls'": "'Nam' does not refer to any known column",
    "AppMetric | take 1": "'AppMetric' does not refer to any known table",
    "AppMetrics | summarise sum(Sum)": "line 1",
    "AppMetrics\n| extend last = 1\n| order by last desc": "line 3",
    "AppDependencies | where DurationMs > 'long'": "line 1",
    "AppMetrics | extend part = share(Sum)": "'share' does not refer to any known function",
}
"""Queries that nobody should be able to ship, and what is to be said of them."""
FILES = sorted(path.stem for path in QUERIES.glob("*.kql"))


def find_faults(queries: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what Microsoft's Kusto language service finds wrong with queries."""
    ensure_installed(KUSTO, "@kusto/language-service-next")
    command = ["node", str(KUSTO / "check.cjs")]
    done = subprocess.run(
        command, input=json.dumps(queries), capture_output=True, text=True, check=True, timeout=120
    )
    return dict(json.loads(done.stdout))


def find_documented() -> dict[str, str]:
    return {
        f"{path.name}, block {number}": block
        for path in sorted((ROOT / "docs").rglob("*.md"))
        for number, block in enumerate(KQL_BLOCK.findall(path.read_text(encoding="utf-8")), 1)
    }


def test_every_query_is_correct_kql_over_columns_that_there_are() -> None:
    queries = {f"{name}.kql": read_query(name) for name in FILES} | find_documented()
    faults = find_faults(queries)
    assert len(faults) == len(queries) > len(TILES)
    assert {name: found for name, found in faults.items() if found} == {}


def test_what_is_wrong_is_found() -> None:
    faults = find_faults({query: query for query in WRONG})
    assert {query for query, fault in WRONG.items() if fault not in " ".join(faults[query])} == set()


def find_names(query: str) -> set[str]:
    """Return the names of metrics, spans and attributes that a query asks for."""
    compared = re.findall(r"\bName (?:==|!=) (\"[^\"]+\")|\bName in \(([^)]+)\)", query)
    keys = re.findall(r'Properties\["([^"]+)"\]', query)
    return {*keys, *re.findall(r'"([^"]+)"', " ".join(one or several for one, several in compared))}


def find_emitted() -> set[str]:
    """Return every text in the code that emits telemetry, the names of functions among them."""
    found = set()
    for path in (*ROOT.glob("shared/**/*.py"), *ROOT.glob("functions/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def test_queries_ask_for_metrics_spans_and_attributes_that_the_code_emits() -> None:
    asked = {
        name for query in (*map(read_query, FILES), *find_documented().values()) for name in find_names(query)
    }
    assert {"segpilot.runs.ended", "segpilot.run.id", "outcome", "push chunk"} <= asked
    assert asked - find_emitted() == set()


def test_a_name_that_nothing_emits_is_seen() -> None:
    assert find_names('AppMetrics | where Name == "segpilot.calls.lost"') - find_emitted() == {
        "segpilot.calls.lost"
    }


def test_every_query_begins_with_the_question_that_it_answers() -> None:
    assert [name for name in FILES if not read_query(name).startswith("// ")] == []


def test_the_workbook_is_made_of_the_queries() -> None:
    assert json.loads(WORKBOOK.read_text(encoding="utf-8")) == make_workbook(), "python -m devkit.workbook"


def test_the_deployment_tells_the_workbook_its_workspace() -> None:
    module = (ROOT / "infra" / "modules" / "workbook.bicep").read_text(encoding="utf-8")
    assert f"'{WORKSPACE_PLACE}', workspaceId" in module
    assert WORKBOOK.read_text(encoding="utf-8").count(WORKSPACE_PLACE) == 1


def test_every_query_is_a_tile_a_choice_or_an_alert() -> None:
    deployed = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "infra").rglob("*.bicep"))
    alerts = set(re.findall(r"loadTextContent\('\.\./queries/(alert-[a-z-]+)\.kql'\)", deployed))
    tiles = {name for name, _, _ in TILES}
    assert len(alerts) > 3
    assert tiles | alerts | {"connections", "exports"} == set(FILES)


def test_what_a_person_may_choose_reaches_the_queries() -> None:
    """A line that is spelled otherwise in a query would be left as it is, and the choice have no effect."""
    for name, _, _ in TILES:
        lines = re.findall(r'^let \w+ = ".*";$', read_query(name), re.M)
        assert set(lines) <= set(PARAMETERS), name
        assert bind_parameters(read_query(name)).count("{") == len(lines), name
