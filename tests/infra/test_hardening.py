"""What protects storage, vault, telemetry and app is written into infra/, for every deployment."""

import pytest

from tests.infra.bicep_file import read
from tests.infra.hardening import REQUIRED, hardening_problems


def test_protection_is_written_out_for_every_resource(trees):
    files = [read(tree) for tree in trees.values()]
    assert [problem for file in files for problem in hardening_problems(file)] == []
    made = {each.resource_type for file in files for each in file.declarations if each.kind == "resource"}
    assert set(REQUIRED) <= made


WORKSPACE = """
param on bool
resource workspace 'Microsoft.OperationalInsights/workspaces@1' = {
  name: 'x'
  properties: { features: { disableLocalAuth: true } }
}
"""


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("disableLocalAuth: true", "disableLocalAuth: false"),
        ("disableLocalAuth: true", "disableLocalAuth: on"),
        ("disableLocalAuth: true", ""),
        ("features: { disableLocalAuth: true }", "disableLocalAuth: true"),
    ],
)
def test_protection_that_is_off_or_open_is_found(tree_of, good, bad):
    assert hardening_problems(read(tree_of(WORKSPACE))) == []
    [problem] = hardening_problems(read(tree_of(WORKSPACE.replace(good, bad))))
    assert problem.startswith("sample.bicep:3: properties.features.disableLocalAuth of Microsoft.Operational")
