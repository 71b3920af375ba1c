"""Nothing in infra/ is asked for before Azure can know it."""

import pytest

from tests.infra.bicep_file import read
from tests.infra.start_values import start_value_problems

BEFORE = """
param names array
resource account 'Microsoft.Storage/storageAccounts@1' = { name: 'x' }
module made 'made.bicep' = { params: { kind: account.properties.kind } }
var later = made.outputs.name
var list = [{ id: account.id, more: made.outputs.name }]
"""


def test_nothing_is_asked_for_too_early(trees):
    assert [problem for tree in trees.values() for problem in start_value_problems(read(tree))] == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("resource a 'x/y@1' = { name: made.outputs.name }", "'made.outputs' is known only after"),
        ("resource a 'x/y@1' existing = { name: later }", "but the name of 'a' must be known before"),
        ("resource a 'x/y@1' = { name: guid(account.identity.principalId) }", "'account.identity' is known only"),
        ("resource a 'x/y@1' = { name: 'a${account.properties.kind}' }", "'account.properties' is known only"),
        ("resource a 'x/y@1' = if (later == 'x') { name: 'a' }", "but the condition of 'a'"),
        ("module a 'x.bicep' = { scope: resourceGroup(later) }", "but the scope of 'a'"),
        ("module a 'x.bicep' = [for each in list: { params: { b: each.id } }]", "but the loop of 'a'"),
        ("module a 'x.bicep' = [for each in names: if (made.outputs.on) { params: {} }]", "but the condition of 'a'"),
        ("var a = [for each in names: made.outputs.name]", "but the loop of 'a'"),
        ("resource a 'x/y@1' = { name: listKeys(account.id, '1').keys[0].value }", "but the name of 'a'"),
    ],
)  # fmt: skip
def test_what_is_asked_for_too_early_is_found(tree_of, source, said):
    found = start_value_problems(read(tree_of(BEFORE + source)))
    assert any(said in problem for problem in found), found


def test_what_may_come_later_and_what_is_known_is_let_through(tree_of):
    source = """
resource a 'x/y@1' = if (empty(names)) {
  name: guid(account.id, account.name)
  scope: account
  location: account.location
  properties: { kind: later, list: list }
}
module b 'x.bicep' = [for each in names: { name: 'b-${each}', params: { c: made.outputs.name } }]
output c array = [for place in range(0, 2): b[place].outputs.name]
"""
    assert start_value_problems(read(tree_of(BEFORE + source))) == []
