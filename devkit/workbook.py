"""Makes infra/workbook.json, the Azure Monitor workbook, out of infra/queries: python -m devkit.workbook

A query's first line asks the question, and is the title of its tile. Its `let` lines that a parameter of the workbook
stands for take that parameter's value. Format: Application-Insights-Workbooks, schema/workbook.json.
"""

import json
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

INFRA = Path(__file__).parents[1] / "infra"
WORKBOOK = INFRA / "workbook.json"
QUERIES = INFRA / "queries"
PARAMETERS = {
    'let connection = "*";': 'let connection = "{Connection}";',
    'let export = "*";': 'let export = "{Export}";',
    'let run = "run-20260301T080500Z-5f0c2b7a91de";': 'let run = "{Run}";',
}
TILES = (
    ("runs", "table", 50),
    ("failed-runs", "table", 50),
    ("profiles", "table", 50),
    ("throttled", "table", 50),
    ("calls", "timechart", 50),
    ("pace", "timechart", 50),
    ("lag", "timechart", 50),
    ("slow-steps", "table", 50),
    ("poison", "table", 50),
    ("exceptions", "table", 50),
    ("telemetry-cost", "table", 50),
    ("one-run", "table", 100),
)
"""Query, kind of picture, width in per cent."""
WORKSPACE_PLACE = "WORKSPACE_ID"
"""The deployment puts the id of the workspace there, so that a link to the workbook opens with its figures."""

_WORKSPACE = "microsoft.operationalinsights/workspaces"
_MINUTES_S, _HOUR_S, _DAY_S = 1_800, 3_600, 86_400
_RANGES_S = (_MINUTES_S, 4 * _HOUR_S, _DAY_S, 2 * _DAY_S, 7 * _DAY_S, 30 * _DAY_S)
_TIME, _TEXT, _CHOICE = 4, 1, 2


def read_query(name: str) -> str:
    return (QUERIES / f"{name}.kql").read_text(encoding="utf-8").strip()


def bind_parameters(query: str) -> str:
    """Return a query in which the workbook's parameters stand for what a person would change."""
    for line, bound in PARAMETERS.items():
        query = query.replace(line, bound)
    return query


def make_workbook() -> dict[str, Any]:
    return {
        "version": "Notebook/1.0",
        "items": [_make_parameters(), *(_make_tile(*tile) for tile in TILES)],
        "fallbackResourceIds": [WORKSPACE_PLACE],
        "$schema": "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json",
    }


def write_workbook() -> None:
    WORKBOOK.write_text(json.dumps(make_workbook(), indent=2) + "\n", encoding="utf-8")


def _make_parameters() -> dict[str, Any]:
    time_range = {
        "typeSettings": {
            "selectableValues": [{"durationMs": seconds * 1000} for seconds in _RANGES_S],
            "allowCustom": True,
        },
        "value": {"durationMs": _DAY_S * 1000},
    }
    parameters = [
        _make_parameter("TimeRange", "Time", _TIME, **time_range),
        _make_parameter("Connection", "Connection", _CHOICE, **_make_choice("connections")),
        _make_parameter("Export", "Export", _CHOICE, **_make_choice("exports")),
        _make_parameter("Run", "Run", _TEXT, value="", isRequired=False),
    ]
    content = {"version": "KqlParameterItem/1.0", "parameters": parameters, "style": "pills"}
    return {"type": 9, "content": {**content, **_asked()}, "name": "parameters"}


def _make_parameter(name: str, label: str, kind: int, **settings: Any) -> dict[str, Any]:
    known = {"version": "KqlParameterItem/1.0", "name": name, "label": label, "type": kind}
    return {"id": str(uuid5(NAMESPACE_URL, f"segpilot/{name}")), **known, "isRequired": True, **settings}


def _make_choice(query: str) -> dict[str, Any]:
    return {"query": read_query(query), "timeContextFromParameter": "TimeRange", **_asked()}


def _make_tile(name: str, picture: str, width: int) -> dict[str, Any]:
    query = read_query(name)
    content = {
        "version": "KqlItem/1.0",
        "query": bind_parameters(query),
        "size": 0,
        "title": query.splitlines()[0].removeprefix("// "),
        "timeContextFromParameter": "TimeRange",
        "visualization": picture,
        **_asked(),
    }
    return {"type": 3, "content": content, "customWidth": str(width), "name": name}


def _asked() -> dict[str, Any]:
    return {"queryType": 0, "resourceType": _WORKSPACE}


if __name__ == "__main__":
    write_workbook()
