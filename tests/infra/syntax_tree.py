"""Syntax trees of Bicep and PowerShell files, as tree-sitter reads them.

tree-sitter is used for all checks, not pycep-parser: it gives every node its place, and it tells the text `'location'`
from the name `location`, which pycep 0.7.1 turns into the same value. checkov reads all files with pycep besides.
"""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

DRIVER = Path(__file__).with_name("syntax_driver.py")
EXTENSION = re.compile(r"^extension (\w+)[^\n]*$", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Node:
    """A piece of source: its kind in the grammar, its text and where it stands (`start`, `end`: in bytes)."""

    file: str
    kind: str
    field: str
    text: str
    line: int
    column: int
    named: bool
    wrong: bool
    start: int
    end: int
    children: tuple["Node", ...]

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def parts(self) -> list["Node"]:
        """The children that mean something: no punctuation, no comments."""
        return [child for child in self.children if child.named and "comment" not in child.kind]

    def part(self, field: str) -> "Node | None":
        return next((child for child in self.children if child.field == field), None)

    def walk(self) -> Iterator["Node"]:
        """This node and everything below it, in the order of the source."""
        yield self
        for child in self.children:
            yield from child.walk()

    def find(self, *kinds: str) -> Iterator["Node"]:
        return (node for node in self.walk() if node.kind in kinds)


def parse(programs: Path, sources: Mapping[str, str]) -> dict[str, Node]:
    """The tree of every source, by file name.

    The grammar is older than the `extension` statement: such lines are blanked out, in the same width.
    """
    known = {name: EXTENSION.sub(lambda line: " " * len(line[0]), text) for name, text in sources.items()}
    done = subprocess.run(
        [str(programs / "python"), str(DRIVER)],
        input=json.dumps(known),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return {name: _node(name, known[name].encode(), tree) for name, tree in json.loads(done.stdout).items()}


def _node(file: str, source: bytes, tree: list) -> Node:
    kind, field, start, end, line, column, flags, children = tree
    below = tuple(_node(file, source, child) for child in children)
    text = source[start:end].decode()
    return Node(file, kind, field, text, line, column, bool(flags & 1), bool(flags & 6), start, end, below)


def not_understood(tree: Node) -> list[str]:
    """What the grammar cannot read."""
    return [
        f"{node.place}:{node.column}: not understood near {_shorten(node.text)} - is a sign missing or one too many?"
        for node in tree.walk()
        if node.wrong
    ]


def syntax_errors(tree: Node) -> list[str]:
    """What cannot be read in Bicep, and list items that share a line without a comma (the grammar allows those)."""
    newer = " Newer syntax (the spread `...`, `resourceInput<>`) is written in an older way: union(), an object type"
    found = [problem + newer for problem in not_understood(tree)]
    for holder in tree.find("object", "array"):
        for one, sign in zip(holder.children, holder.children[1:], strict=False):
            if one.named and sign.named and one.line + one.text.count("\n") == sign.line:
                found.append(
                    f"{sign.place}:{sign.column}: put a comma or a new line before {_shorten(sign.text)}"
                )
    return found


def _shorten(text: str) -> str:
    first = text.strip().partition("\n")[0][:60]
    return f"'{first}'" if first else "the end of the line"
