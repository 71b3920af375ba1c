"""No deployment of infra/ tells a secret."""

import pytest

from tests.infra.bicep_file import read
from tests.infra.exposure import MAY_LEAVE, MAY_LIST, exposure_problems, handing_problems
from tests.infra.syntax_tree import parse


def test_no_secret_leaves_a_deployment(trees):
    assert [problem for tree in trees.values() for problem in exposure_problems(read(tree))] == []


def test_every_exception_is_still_one(trees):
    assert set(MAY_LIST) <= set(trees)
    assert all(".list" in trees[path].text or "list" in trees[path].text for path in MAY_LIST)
    for path, name in map(str.split, MAY_LEAVE):
        assert name in {*read(trees[path]).all("output"), *read(trees[path]).all("param")}


SECURE = "@secure()\nparam a string\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("output storageKey string = 'x'", "'storageKey' speaks of a secret"),
        ("output a string = b.properties.ConnectionString", "'a' holds a key"),
        ("output a string = b.listKeys().keys[0].value", "'a' holds a key"),
        ("output a string = listKeys('x', '2024-01-01').keys[0].value", "'a' holds a key"),
        (SECURE + "output b string = a", "tells the secure parameter ['a']"),
        (
            SECURE + "var c = '${a}'\nvar d = { e: c }\noutput b string = d.e",
            "tells the secure parameter ['a']",
        ),
        ("var a = b.listKeys().keys[0].value", "sample.bicep:1: 'b.listKeys' asks for keys"),
        ("var a = listAccountSas('x', '1', {})", "asks for keys"),
        ("var a = listkeys('x', '1')", "asks for keys"),
        ("module a 'b.bicep' = { params: { c: vault.getSecret('x') } }", "asks for keys"),
        ("@secure()\nparam a string = 'hunter2'", "sample.bicep:2: the secure parameter 'a' has a default"),
        ("param adminPassword string", "mark it @secure()"),
    ],
)
def test_a_secret_that_would_be_told_is_found(tree_of, source, said):
    assert any(said in problem for problem in exposure_problems(read(tree_of(source))))


def test_what_is_no_secret_may_leave(tree_of):
    source = (
        SECURE
        + """
param keyVaultName string
param accountKeys bool
output keysAreOn bool = accountKeys
output c string = keyVaultName
output url string = 'x'
var given = !empty(a)
output d string = given ? 'yes' : 'no'
"""
    )
    assert exposure_problems(read(tree_of(source))) == []


def test_no_module_is_given_a_secret_in_plain_text(trees):
    assert handing_problems({path: read(tree) for path, tree in trees.items()}) == []


@pytest.mark.parametrize(
    "given", ["a", "'x-${a}'", "b", "vault.getSecret('x')", "listKeys('x', '1').keys[0].value"]
)
def test_a_secret_in_a_plain_parameter_is_found(programs, given):
    caller = (
        SECURE
        + f"var b = {{ c: a }}\nmodule one 'one.bicep' = {{ params: {{ plain: {given}, on: !empty(a) }} }}"
    )
    called = "param plain string\nparam on bool"
    for parameter, said in ((called, ["main.bicep:4: 'plain' of one.bicep"]), ("@secure()\n" + called, [])):
        sources = {"main.bicep": caller, "one.bicep": parameter}
        files = {path: read(tree) for path, tree in parse(programs, sources).items()}
        assert [problem.partition(" is given")[0] for problem in handing_problems(files)] == said
