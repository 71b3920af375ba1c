"""Roles are Azure's own, and are assigned so that it can be done twice."""

import pytest

from tests.infra.bicep_file import read
from tests.infra.roles import ROLES, role_problems

GOOD = """
var storageBlobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
resource one 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, principalId, storageBlobDataOwner)
  scope: account
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataOwner)
  }
}
"""


def test_every_role_is_known_and_assigned_with_care(trees):
    files = [read(tree) for tree in trees.values()]
    assert [problem for file in files for problem in role_problems(file)] == []
    everything = "".join(tree.text for tree in trees.values())
    assert {guid for guid in ROLES if guid not in everything} == set(), "nobody is given these any more"


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("b7e6dc6d", "b7e6dc6e", "sample.bicep:2: b7e6dc6e-f1e8"),
        ("b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
         "'storageBlobDataOwner' is the id of Storage Blob Data Contributor"),
        ("'ServicePrincipal'", "'Application'", "sample.bicep:8: 'Application' is no kind of principal"),
        ("    principalType: 'ServicePrincipal'\n", "", "has no principalType"),
        ("guid(account.id, principalId, storageBlobDataOwner)", "'x'", "with guid()"),
        ("  scope: account\n", "", "scope of one resource"),
        ("subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataOwner)",
         "storageBlobDataOwner", "use subscriptionResourceId"),
    ],
)  # fmt: skip
def test_a_careless_assignment_is_found(tree_of, good, bad, said):
    assert role_problems(read(tree_of(GOOD))) == []
    assert good in GOOD
    assert any(said in problem for problem in role_problems(read(tree_of(GOOD.replace(good, bad)))))


def test_a_role_may_be_the_value_of_a_key(tree_of):
    keyed = "var roles = { keyVaultSecretsUser: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7' }"
    assert "Key Vault Secrets Officer" in role_problems(read(tree_of(keyed)))[0]
