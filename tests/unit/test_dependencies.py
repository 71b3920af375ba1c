"""docs/dependencies.md tells the truth: every package that is shipped, its version, its licence, and no other."""

import json
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
ROW = re.compile(
    r"^\| (?P<name>[\w.-]+)(?: \(npm\))? \| (?P<version>[^|]+) \| (?P<licence>[^|]+) \| (?P<why>[^|]+) \|",
    re.M,
)
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "PSF-2.0",
    "Unlicense",
}
"""Licences that ask for no more than their text, or (MPL-2.0) for the package's own files to stay open."""

SPOKEN = {
    "MIT License": "MIT",
    "Apache 2.0": "Apache-2.0",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
}
"""What older packages say instead of an SPDX expression."""


def read_requirements(name: str) -> Iterator[Requirement]:
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        wanted = line.partition("#")[0].strip()
        if wanted and not wanted.startswith("-"):
            yield Requirement(wanted)


def find_shipped() -> dict[str, Distribution]:
    """Return what requirements.txt installs here, with everything that this needs."""
    found: dict[str, Distribution] = {}
    waiting = [(requirement, ("",)) for requirement in read_requirements("requirements.txt")]
    while waiting:
        wanted, extras = waiting.pop()
        marker = wanted.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in extras):
            continue
        name = canonicalize_name(wanted.name)
        if name not in found:
            found[name] = distribution(name)
            waiting += [(Requirement(each), ("", *wanted.extras)) for each in found[name].requires or ()]
    return found


def licence_of(package: Distribution) -> str:
    """Return the SPDX expression of a package, from what it says of itself."""
    about = package.metadata
    said = [about["License-Expression"], about["License"], *(about.get_all("Classifier") or ())]
    named = [SPOKEN.get(each, each) for each in said if each]
    return next((each for each in named if licences_in(each) <= ALLOWED), f"not known: {named[:2]}")


def licences_in(expression: str) -> set[str]:
    return set(re.split(r" AND | OR |[()]", expression)) - {""}


def read_table() -> dict[str, re.Match[str]]:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").partition("## For development")[0]
    return {canonicalize_name(row["name"]): row for row in ROW.finditer(text) if row["name"] != "package"}


@pytest.fixture(scope="module")
def shipped() -> dict[str, Distribution]:
    return find_shipped()


def test_every_shipped_package_is_listed_and_no_other(shipped: dict[str, Distribution]) -> None:
    assert len(shipped) > 40
    assert set(read_table()) == {*shipped, "htmx-org"}


def test_the_versions_are_those_that_are_shipped(shipped: dict[str, Distribution]) -> None:
    table = read_table()
    wrong = [
        name for name, package in shipped.items() if package.version not in table[name]["version"].split()
    ]
    assert wrong == []
    assert table["htmx-org"]["version"] == htmx()["version"]


def test_the_licences_are_those_that_packages_name_and_may_be_shipped(
    shipped: dict[str, Distribution],
) -> None:
    table = read_table()
    wrong = {
        name: licence_of(package)
        for name, package in shipped.items()
        if licence_of(package) != table[name]["licence"]
    }
    assert wrong == {}
    assert table["htmx-org"]["licence"] == htmx()["license"]
    assert [name for name, row in table.items() if not licences_in(row["licence"]) <= ALLOWED] == []


def test_everything_that_is_shipped_is_pinned(shipped: dict[str, Distribution]) -> None:
    pins = {canonicalize_name(each.name): str(each.specifier) for name in ("requirements.txt", "constraints.txt") for each in read_requirements(name) if not each.marker or each.marker.evaluate()}  # fmt: skip
    assert pins == {name: f"=={package.version}" for name, package in shipped.items()}
    assert "-c constraints.txt" in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()


def htmx() -> dict[str, str]:
    lock = json.loads((ROOT / "portal" / "package-lock.json").read_text(encoding="utf-8"))
    found: dict[str, str] = lock["packages"]["node_modules/htmx.org"]
    return found
