"""Bicep files of infra/ call each other with what the other one asks for."""

import pytest

from tests.infra.bicep_file import read
from tests.infra.environment import REPOSITORY
from tests.infra.modules import idle_problems, loading_problems, module_problems
from tests.infra.syntax_tree import parse

CALLED = """
@minLength(2)
@maxLength(4)
param name string
@allowed(['a', 'b'])
param kind string = 'a'
param more int?
output id string = '${name}${kind}${more ?? 1}'
"""


def problems(programs, caller: str, called: str = CALLED) -> list[str]:
    trees = parse(programs, {"infra/main.bicep": caller, "infra/modules/called.bicep": called})
    return module_problems({path: read(tree) for path, tree in trees.items()})


def call(body: str, path: str = "modules/called.bicep", after: str = "") -> str:
    return f"module one '{path}' = {{\n{body}\n}}\n{after}"


def test_every_call_of_a_module_fits(trees):
    assert module_problems({path: read(tree) for path, tree in trees.items()}) == []


def test_every_file_that_is_read_at_compile_time_exists(trees):
    exists = {str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "infra").rglob("*")}
    assert [problem for tree in trees.values() for problem in loading_problems(read(tree), exists)] == []


@pytest.mark.parametrize(
    ("caller", "said"),
    [
        (call("params: { name: 'xyz' }", "called.bicep"), "infra/main.bicep:1: there is no file 'infra/called.bicep'"),
        (call("name: 'x'"), "does not pass the parameter 'name'"),
        (call("params: {\n name: 'xyz'\n nmae: 'x' }"), "infra/main.bicep:4: infra/modules/called.bicep has no parameter"),
        (call("params: { name: 1 }"), "'name' wants string, not int"),
        (call("params: { name: 'xyz', more: 'x' }"), "'more' wants int, not string"),
        (call("params: { name: 'xyz', kind: 'c' }"), "'kind' does not take 'c'"),
        (call("params: { name: 'x' }"), "wrong length; see its @minLength"),
        (call("params: { name: 'xyzzy' }"), "wrong length; see its @maxLength"),
        (call("params: { name: 'xyz' }", after="output a string = one.outputs.uri"), "no output 'uri'"),
        ("targetScope = 'subscription'\n" + call("params: { name: 'xyz' }"), "give it a scope"),
        (call("name: 'x', params: { name: 'xyz' }") + call("name: 'x', params: { name: 'xyz' }").replace("one", "two"), "two modules are called 'x'"),
        ("resource a 'Microsoft.Storage/storageAccounts/blobServices@1' = { name: 'default' }", "give it a parent"),
    ],
)  # fmt: skip
def test_a_call_that_does_not_fit_is_found(programs, caller, said):
    assert any(said in problem for problem in problems(programs, caller))


def test_calls_that_fit_are_let_through(programs):
    caller = """
targetScope = 'subscription'
resource group 'Microsoft.Resources/resourceGroups@1' existing = { name: 'x' }
module one 'modules/called.bicep' = [for item in ['ab', 'cd']: if (item != '') {
  scope: group
  params: { name: item, kind: 'b' }
}]
module two './modules/../modules/called.bicep' = { scope: group, params: { name: one[0].outputs.id } }
module other 'br/public:avm/res/web/site:0.1.0' = { scope: group, params: { anything: 1 } }
resource inner 'Microsoft.Storage/storageAccounts/blobServices@1' = { name: 'account/default' }
"""
    assert problems(programs, caller) == []


def test_a_file_that_is_missing_at_compile_time_is_found(tree_of):
    file = read(tree_of("output a string = loadTextContent('../workbook.json')"))
    assert loading_problems(file, {"workbook.json"}) == [
        "sample.bicep:1: there is no file '../workbook.json'"
    ]


STARTS = ("infra/main.bicep", "infra/events.bicep")


def test_no_module_and_no_output_of_one_is_idle(trees):
    assert idle_problems({path: read(tree) for path, tree in trees.items()}, STARTS) == []


def test_an_idle_module_or_output_is_found(programs):
    caller = call("params: { name: 'xyz' }")
    sources = {
        "infra/main.bicep": caller,
        "infra/modules/called.bicep": CALLED,
        "infra/modules/left.bicep": "",
    }
    files = {path: read(tree) for path, tree in parse(programs, sources).items()}
    assert idle_problems(files, STARTS) == [
        "infra/modules/called.bicep:8: nobody asks for output 'id' - remove it",
        "infra/modules/left.bicep: nobody calls this module - remove it",
    ]
