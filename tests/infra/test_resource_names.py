"""Resources are named as the convention says, and names are valid however long the environment's name is."""

import pytest

from tests.infra.bicep_file import read
from tests.infra.resource_names import made_names, resource_name_problems
from tests.infra.syntax_tree import parse

EVERYTHING_ON = {
    "location": "westeurope",
    "principalId": "00000000-0000-4000-8000-000000000002",
    "privateNetwork": True,
    "alertEmails": "ops@example.com",
    "budgetAmount": 100,
}


def problems(programs, main: str, module: str = "") -> list[str]:
    trees = parse(programs, {"infra/main.bicep": main, "infra/modules/one.bicep": module})
    files = {path: read(tree) for path, tree in trees.items()}
    return resource_name_problems(files["infra/main.bicep"], files, {})


@pytest.mark.parametrize("start", ["infra/main.bicep"])
def test_every_resource_is_named_by_the_convention_in_every_environment(trees, start):
    files = {path: read(tree) for path, tree in trees.items()}
    assert resource_name_problems(files[start], files, EVERYTHING_ON) == []


def storage(name: str) -> str:
    return (
        f"param environmentName string\nresource a 'Microsoft.Storage/storageAccounts@1' = {{ name: {name} }}"
    )


@pytest.mark.parametrize(
    ("main", "said"),
    [
        (storage("'data${toLower(replace(environmentName, \'-\', \'\'))}'"), "is no name for Microsoft.Storage"),
        (storage("'st${toLower(replace(environmentName, \'-\', \'\'))}segpilot1'"), "(28 characters)"),
        (storage("'st${take(uniqueString(subscription().id), 6)}'"), "environments 'dev' and 'x' would share"),
        (storage("'st${take(toLower(environmentName), 3)}'"), "'rather-long-name-dev' and 'rather-long-name-prd'"),
        (storage("'st${someday(environmentName)}'"), "cannot be worked out"),
        (storage("'stx'") + "\n" + storage("'stx'").partition("\n")[2].replace("resource a", "resource b"), "environment 'dev' has ('Microsoft.Storage/storageAccounts', 'stx') twice"),
        (storage("'x'").replace("Storage/storageAccounts", "Cache/redis"), "no naming rule"),
    ],
)  # fmt: skip
def test_a_name_that_is_wrong_in_some_environment_is_found(programs, main, said):
    assert any(said in problem for problem in problems(programs, main))


def test_names_are_followed_through_modules(programs):
    main = """
param environmentName string
var token = uniqueString(subscription().id, environmentName)
module one 'modules/one.bicep' = { params: { name: 'kv-${take(toLower(environmentName), 18)}-${token}' } }
"""
    module = "param name string\nresource vault 'Microsoft.KeyVault/vaults@1' = { name: name }"
    found = problems(programs, main, module)
    assert any("infra/modules/one.bicep:2: 'kv-rather-long-name-d-" in problem for problem in found)
    short = main.replace("take(toLower(environmentName), 18)", "x").replace("${x}", "x")
    assert problems(programs, short, module) == []


def test_names_are_followed_through_loops(programs):
    main = """
param environmentName string
var services = [{ name: 'Blob!', target: one[0].outputs.id }, { name: 'queue', target: '' }]
module one 'modules/one.bicep' = [for each in services: { params: { name: 'st${each.name}${environmentName}' } }]
"""
    module = """
param name string
resource accounts 'Microsoft.Storage/storageAccounts@1' = [for part in ['a', 'b']: { name: '${name}${part}' }]
"""
    found = problems(programs, main, module)
    assert sum("'stBlob!" in problem for problem in found) == 10
    assert [problem for problem in found if "'stqueuex" in problem or "worked out" in problem] == []


@pytest.mark.parametrize(
    ("condition", "is_made"),
    [
        ("on", True),
        ("!on", False),
        ("on && count > 2", True),
        ("on && count > 3", False),
        ("!on || empty(environmentName)", False),
        ("environmentName == 'dev'", True),
        ("elsewhere.outputs.on", True),
    ],
)
def test_what_a_condition_rules_out_is_not_made(programs, condition, is_made):
    """What only a deployment knows rules nothing out."""
    made = f"if ({condition}) {{ name: 'NO' }}"
    main = f"""
param environmentName string
param on bool = true
param count int = 3
resource one 'Microsoft.Storage/storageAccounts@1' = {made}
module two 'modules/one.bicep' = {made}
"""
    files = {
        path: read(tree)
        for path, tree in parse(
            programs,
            {
                "infra/main.bicep": main,
                "infra/modules/one.bicep": "resource a 'Microsoft.KeyVault/vaults@1' = { name: 'NO' }",
            },
        ).items()
    }
    names, unknown = made_names(files["infra/main.bicep"], files, {"environmentName": "dev"})
    assert unknown == []
    assert [name for _, name in names.values()] == (["NO", "NO"] if is_made else [])
