"""docs/features.md: every requirement has a row, and every test that a row names exists.

That the places it names are there, `test_docs_links.py` shows for all pages.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (?P<ids>[^|]+?) \| (?P<what>[^|]+) \| (?P<where>[^|]+) \| (?P<shown>[^|]+) \|$")
COUNTS = {
    "P": (1, 2),
    "L": (1, 9),
    "C": (0, 12),
    "E": (0, 10),
    "M": (1, 7),
    "S": (1, 13),
    "G": (1, 5),
    "R": (1, 6),
}
WANTED = {
    f"{letter}{number}" for letter, (first, last) in COUNTS.items() for number in range(first, last + 1)
}
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
NOT_OURS = "does not apply:"


def rows() -> list[re.Match[str]]:
    lines = (ROOT / "docs" / "features.md").read_text(encoding="utf-8").splitlines()
    return [
        found for line in lines if (found := ROW.match(line)) and found["ids"].strip("-") not in ("", "ID")
    ]


@cache
def functions_of(path: Path) -> frozenset[str]:
    return frozenset(
        node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)
    )


def test_every_requirement_has_one_row():
    listed = [row["ids"].strip() for row in rows()]
    assert len(listed) == len(set(listed))
    assert {name for name in listed if re.fullmatch(r"[A-Z]\d+", name)} == WANTED


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["ids"])
def test_what_shows_a_feature_exists(row: re.Match[str]):
    if NOT_OURS in row["shown"]:
        return
    named = TEST.findall(row["shown"])
    assert named, "no test is named"
    for path, test in named:
        assert test.startswith("test_")
        assert test in functions_of(ROOT / path), f"{path}::{test}"
