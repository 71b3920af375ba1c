"""Every Bicep file can be read."""

import pytest

from tests.infra.syntax_tree import parse, syntax_errors


def test_every_bicep_file_is_understood(trees):
    assert [problem for tree in trees.values() for problem in syntax_errors(tree)] == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("param a string\nvar b = {\n  c: [1, 2\n}\n", "sample.bicep:3:11"),
        ("param a string =\n", "sample.bicep:1:"),
        ("resource a 'x/y@1' = {\n  name 'x'\n}\n", "sample.bicep:2:"),
        ("var a = {\n  ...b\n}\n", "union()"),
        ("var a = { b: 1 c: 2 }\n", "sample.bicep:1:16: put a comma or a new line before 'c: 2'"),
        ("var a = ['b' 'c']\n", "put a comma"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(tree_of, source, said):
    assert any(said in problem for problem in syntax_errors(tree_of(source)))


def test_the_syntax_in_use_is_understood(tree_of):
    source = """
targetScope = 'subscription'
extension microsoftGraphV1
@description('One.')
@allowed(['a', 'b'])
param one string = deployer().objectId
@secure()
param two string
var three = [for (item, place) in range(0, 2): { name: '${item}', place: place }]
var four = toObject(three, x => x.name, x => { at: x.place })
type five = { six: string, seven: int? }
func eight(nine string) string => toLower(nine)
resource ten 'Microsoft.Storage/storageAccounts@2024-01-01' existing = if (empty(two)) {
  name: '''a
b'''
  scope: resourceGroup('x')
}
module eleven 'x.bicep' = [for item in three: if (item.place > 0) {
  params: { one: item.?name ?? 'none', 'a-b': item!.name }
}]
output twelve string = ten::inner.properties[0].id
"""
    assert syntax_errors(tree_of(source)) == []


def test_lines_keep_their_number_behind_an_extension(programs):
    [problem] = syntax_errors(parse(programs, {"x.bicep": "extension a with {}\nvar = 1\n"})["x.bicep"])
    assert problem.startswith("x.bicep:2:")
