"""infra/ is written as the project writes Bicep."""

import pytest

from tests.infra.bicep_file import read
from tests.infra.conventions import VERSIONS, convention_problems


def test_every_file_keeps_the_conventions(trees):
    assert [problem for tree in trees.values() for problem in convention_problems(read(tree))] == []


def test_every_version_that_is_listed_is_in_use(trees):
    used = {
        (each.resource_type, each.api_version)
        for tree in trees.values()
        for each in read(tree).declarations
        if each.kind == "resource"
    }
    assert {(kind, version) for kind, several in VERSIONS.items() for version in several} == used


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("param a string", "sample.bicep:1: param 'a' has no @description"),
        ("@description('')\nparam a string = 'x'\noutput b string = a", "output 'b' has no @description"),
        ("resource a 'Microsoft.Resources/resourceGroups@2024-11-31' = {}", "is not in tests/infra/facts/api_versions"),
        ("resource a 'Microsoft.Sources/groups@2024-11-01' = {}", "is not in tests/infra/facts/api_versions"),
        ("var a = 'westeurope'", "region 'westeurope'"),
        ("var a = { b: 'eastus2' }", "region 'eastus2'"),
        ("module a 'br/public:avm/res/web/site:0.15.1' = {}", "cannot be checked here"),
    ],
)  # fmt: skip
def test_what_breaks_a_convention_is_found(tree_of, source, said):
    assert any(said in problem for problem in convention_problems(read(tree_of(source))))


def test_a_preview_needs_a_reason(tree_of):
    file = read(tree_of("resource a 'Microsoft.A/b@2024-11-01-preview' = {}"))
    assert "is a preview" in convention_problems(file, {"Microsoft.A/b": {"2024-11-01-preview": ""}})[0]
    assert convention_problems(file, {"Microsoft.A/b": {"2024-11-01-preview": "there is no other"}}) == []


@pytest.mark.parametrize("text", ["global", "contributor", "UserAssigned", "Standard_LRS", "west"])
def test_other_words_are_no_regions(tree_of, text):
    assert not any("region" in problem for problem in convention_problems(read(tree_of(f"var a = '{text}'"))))
