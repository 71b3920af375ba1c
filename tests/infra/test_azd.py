"""azd can read the project, and hands over every parameter."""

import json

import pytest
import yaml

from tests.infra.azd import page_problems, parameter_problems, project_problems
from tests.infra.bicep_file import read
from tests.infra.environment import REPOSITORY

PROJECT = (REPOSITORY / "azure.yaml").read_text()
PARAMETERS = json.loads((REPOSITORY / "infra" / "main.parameters.json").read_text())["parameters"]


@pytest.fixture(scope="module")
def explained():
    """What the page says that explains every parameter."""
    return (REPOSITORY / "docs" / "deployment.md").read_text()


def test_azd_can_read_the_project():
    assert project_problems(yaml.safe_load(PROJECT), REPOSITORY) == []


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("name: segpilot\n", "name: Segpilot\n", "'name' takes small letters"),
        ("services:\n", "service:\n", "azd does not know 'service'"),
        ("    host: function\n", "    host: functionapp\n", "'services.app.host' is one of"),
        ("    language: python\n", "", "'services.app.language' is one of"),
        ("    project: .\n", "    project: src\n", "there is no folder 'src'"),
        ("    project: .\n", "    project: docs\n", "holds no host.json"),
        ("  path: infra\n", "  path: infrastructure\n", "there is no infrastructure/main.bicep"),
        ("  postdeploy:\n", "  afterdeploy:\n", "azd has no hook 'hooks.afterdeploy'"),
        ("postdeploy.sh", "postdeploy.bash", "which is not there"),
        ("shell: pwsh", "shell: powershell", "shell' is one of sh, pwsh"),
        ("    windows:\n", "    macos:\n", "runs on one kind of system only"),
    ],
)
def test_what_azd_would_refuse_is_found(good, bad, said):
    assert good in PROJECT
    found = project_problems(yaml.safe_load(PROJECT.replace(good, bad)), REPOSITORY)
    assert any(said in problem for problem in found), found


def test_every_parameter_is_handed_over_and_explained(trees, explained):
    assert parameter_problems(PARAMETERS, read(trees["infra/main.bicep"]), explained) == []


def test_the_page_and_the_parameters_agree(explained, trees):
    assert page_problems(explained, PARAMETERS, read(trees["infra/main.bicep"])) == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("| `size` | `SEGPILOT_SIZE` | `3` |", "'size' is 2 by default, not 3"),
        ("| `size` | `SEGPILOT_SIZE` | – |", "'size' is 2 by default, not –"),
        ("| `size` | `SEGPILOT_HEIGHT` | `2` |", "'size' is not taken from SEGPILOT_HEIGHT"),
        ("| `sizes` | `SEGPILOT_SIZE` | `2` |", "there is no parameter 'sizes'"),
        ("", "'size' has no row"),
    ],
)
def test_a_row_of_the_page_that_is_wrong_is_found(tree_of, row, said):
    main = read(tree_of("param size int = 2\nparam kind string = ''\nparam more object = {}"))
    parameters = {name: {"value": f"${{SEGPILOT_{name.upper()}}}"} for name in ("size", "kind", "more")}
    others = "| `kind` | `SEGPILOT_KIND` | – | x |\n| `more` | `SEGPILOT_MORE` | `{}` | x |\n"
    good = "| `size` | `SEGPILOT_SIZE` | `2` | x |\n"
    assert page_problems(others + good, parameters, main) == []
    assert any(said in problem for problem in page_problems(f"{others}{row} x |\n", parameters, main))


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, "'needed' of sample.bicep is not given"),
        ({"needed": {"value": "x"}, "neded": {"value": "x"}}, "has no parameter 'neded'"),
        ({"needed": {"value": "${SEGPILOT_NEEDED}"}}, "which docs/deployment.md does not explain"),
        ({"needed": {"value": "${SEGPILOT_NEEDED=x}"}}, "which docs/deployment.md does not explain"),
    ],
)
def test_a_parameter_that_does_not_fit_is_found(tree_of, parameters, said):
    main = read(tree_of("param needed string\nparam other string = 'x'"))
    found = parameter_problems(parameters, main, "| `SEGPILOT_OTHER` |")
    assert any(said in problem for problem in found), found


def test_a_parameter_that_fits_is_let_through(tree_of):
    main = read(tree_of("param needed string\nparam other string = 'x'"))
    parameters = {"needed": {"value": "${AZURE_ENV_NAME}"}, "other": {"value": "${SEGPILOT_OTHER}"}}
    assert parameter_problems(parameters, main, "| `SEGPILOT_OTHER` |") == []
