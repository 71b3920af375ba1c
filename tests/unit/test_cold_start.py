"""What a start does not pay for: modules that only some functions need (docs/performance.md, "Cold start")."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

LATER = {
    "azure.keyvault.secrets": "keys are read when a run begins or a connection is looked at",
    "azure.monitor.opentelemetry": "the Functions worker brings and configures it, when it is told to",
    "duckdb": "only staging, settling and Parquet files take a database",
    "jinja2": "only pages have templates",
    "opentelemetry.sdk": "shared.telemetry speaks to the API; who takes it is decided outside",
    "portal.pages": "only the portal's one function shows pages",
    "shared.adapters.autopilot": "only runs and connections call the destination",
    "shared.adapters.webhook": "only alerts are posted",
}

START = """
import gc, json, sys
import function_app
print(json.dumps({"modules": sorted(sys.modules), "collects": gc.isenabled(), "frozen": gc.get_freeze_count()}))
"""


@pytest.fixture(scope="module")
def started() -> dict[str, object]:
    command = [sys.executable, "-c", START]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", LATER)
def test_a_start_leaves_for_later_what_only_some_functions_need(
    started: dict[str, object], name: str
) -> None:
    assert name not in started["modules"]


def test_garbage_is_collected_after_a_start_but_nothing_that_was_imported_is_looked_at(
    started: dict[str, object],
) -> None:
    assert started["collects"]
    assert started["frozen"] > 100_000
