"""Every name in infra/ is defined and used."""

import pytest

from tests.infra.bicep_file import read
from tests.infra.names import name_problems


def test_every_name_is_defined_and_used(trees):
    assert [problem for tree in trees.values() for problem in name_problems(read(tree))] == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("output a string = b", "value 'b' is not defined"),
        ("output a string = '${b}'", "value 'b' is not defined"),
        ("output a array = [for c in range(0, 2): d]", "value 'd' is not defined"),
        ("output a array = map([1], c => d)", "value 'd' is not defined"),
        ("output a object = { b: c }", "value 'c' is not defined"),
        ("resource a 'x/y@1' = {\n  name: 'x'\n  parent: b\n}", "sample.bicep:3: value 'b' is not defined"),
        ("@allowed([b])\nparam a string\noutput c string = a", "value 'b' is not defined"),
        ("output a string = lower('A')", "function 'lower' is not defined"),
        ("output a string = az.group().name", "function 'group' is not defined"),
        ("param a myType\noutput b object = a", "type 'myType' is not defined"),
        ("@secret()\nparam a string\noutput b string = a", "no decorator @secret"),
        ("param a string", "param 'a' is never used"),
        ("var a = 1", "var 'a' is never used"),
        ("type a = string", "type 'a' is never used"),
        ("var a = 1\nvar a = 2\noutput b int = a", "sample.bicep:2: 'a' is declared before"),
        ("var a = b\nvar b = a", "circle: a, b"),
        ("resource a 'x/y@1' = {\n  name: b.name\n}\nresource b 'x/y@1' = {\n  name: a.name\n}", "circle"),
        ("output a string = take('x')", "sample.bicep:1: take() takes 2 arguments, not 1"),
        ("output a array = range(1, 2, 3)", "range() takes 2 arguments, not 3"),
        ("func a(b string) string => b\noutput c string = a('x', 'y')", "a() takes 1 arguments, not 2"),
        ("output a string = utcNow()", "only allowed as a parameter's default"),
    ],
)
def test_a_name_that_is_wrong_or_idle_is_found(tree_of, source, said):
    assert any(said in problem for problem in name_problems(read(tree_of(source))))


def test_a_nested_resource_may_wait_for_what_waits_for_the_outer_one(tree_of):
    source = """
resource a 'x/y@1' = {
  name: 'a'
  resource inner 'z' = { name: '${a.name}${b.name}${other.name}' }
  resource other 'z' = { name: 'o' }
}
resource b 'x/y@1' = { name: a.name }
"""
    assert name_problems(read(tree_of(source))) == []


def test_every_way_to_use_a_name_counts(tree_of):
    source = """
param a string = utcNow()
param b kind?
@maxLength(length(a))
param c string
var d = [for (item, place) in range(0, 2): '${item}-${place}-${c}']
type kind = { size: int }
func join2(one string, two string) string => '${one}${two}'
resource e 'x/y@1' existing = {
  name: 'x'
  resource inner 'z' = {
    name: b!.size
  }
}
module f 'f.bicep' = [for each in d: if (each != '') {
  params: { x: each, 'y': toObject(d, k => k, v => '${v}${each}') }
}]
output g string = join2(e::inner.name, az.resourceGroup().location)
output h array = [for i in range(0, 2): f[i].outputs.x]
output i object = e.listKeys()
"""
    assert name_problems(read(tree_of(source))) == []
