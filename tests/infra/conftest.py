"""Fixtures of the checks of infra/."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.infra.bicep_file import Declaration, read
from tests.infra.environment import REPOSITORY, make_environment
from tests.infra.evaluate import Scene, resources, scenes, turns
from tests.infra.syntax_tree import Node, parse


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder with the programs of .venv-infra."""
    return make_environment()


@pytest.fixture(scope="session")
def tree_of(programs: Path) -> Callable[[str], Node]:
    """Reads one Bicep source, called `sample.bicep`."""
    return lambda source: parse(programs, {"sample.bicep": source})["sample.bicep"]


@pytest.fixture(scope="session")
def sources() -> dict[str, str]:
    """Every Bicep file of infra/, by its path in the repository."""
    found = {
        str(path.relative_to(REPOSITORY)): path.read_text()
        for path in sorted((REPOSITORY / "infra").rglob("*.bicep"))
    }
    assert "infra/main.bicep" in found
    return found


@pytest.fixture(scope="session")
def trees(programs: Path, sources: Mapping[str, str]) -> dict[str, Node]:
    """Their syntax trees."""
    return parse(programs, sources)


@pytest.fixture(scope="session")
def made(trees: Mapping[str, Node]) -> Callable[..., list[tuple[Declaration, Scene]]]:
    """Finds every resource of a type that `main.bicep` makes, with the scene that it is made in."""
    files = {path: read(tree) for path, tree in trees.items()}

    def find(kind: str, **parameters: object) -> list[tuple[Declaration, Scene]]:
        given = {"environmentName": "dev", "location": "westeurope", **parameters}
        return [
            (resource, turn)
            for scene in scenes(Scene(files["infra/main.bicep"], given, {}), files)
            for resource in resources(scene)
            if resource.resource_type == kind
            for turn in turns(resource, scene)
        ]

    return find
