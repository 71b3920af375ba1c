"""Runs inside .venv-infra: turns sources into syntax trees.

In: {file name: source text} as JSON; `.ps1` is read as PowerShell, everything else as Bicep. Out: {file name: node},
a node being [kind, field or "", start byte, end byte, line from 1, column from 1, flags, [child nodes]];
flags: 1 = named, 2 = an error, 4 = missing.
"""

import json
import sys

import tree_sitter_bicep
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

BICEP = Parser(Language(tree_sitter_bicep.language()))
POWERSHELL = Parser(Language(tree_sitter_powershell.language()))


def describe(node: Node, field: str = "") -> list[object]:
    flags = node.is_named | node.is_error << 1 | node.is_missing << 2
    children = [
        describe(child, node.field_name_for_child(place) or "") for place, child in enumerate(node.children)
    ]
    row, column = node.start_point
    return [node.type, field, node.start_byte, node.end_byte, row + 1, column + 1, flags, children]


if __name__ == "__main__":
    trees = {}
    for name, source in json.load(sys.stdin).items():
        parser = POWERSHELL if name.endswith(".ps1") else BICEP
        trees[name] = describe(parser.parse(source.encode()).root_node)
    json.dump(trees, sys.stdout)
