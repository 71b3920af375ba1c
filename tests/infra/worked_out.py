"""Bicep with its expressions worked out, for tools that only look at values."""

from collections.abc import Iterator

from tests.infra.evaluate import NotWorkedOut, Scene, evaluate
from tests.infra.syntax_tree import Node

Replacement = tuple[int, int, str]


def worked_out(scene: Scene) -> str:
    """The source of a file with every expression in its resources replaced that the scene decides; same lines."""
    tree = scene.file.tree
    found = [
        each
        for declared in scene.file.declarations
        if declared.kind == "resource" and declared.holder is None and declared.value is not None
        for each in _replacements(declared.value, scene)
    ]
    source = b"\n" * tree.start + tree.text.encode()  # the tree begins after empty lines
    for start, end, text in sorted(found, reverse=True):
        kept_lines = b"\n" * (source[start:end].count(b"\n") - text.count("\n"))
        source = source[:start] + text.encode() + kept_lines + source[end:]
    return source.decode()


def _replacements(node: Node, scene: Scene) -> Iterator[Replacement]:
    if node.kind == "for_statement":  # its variables have no single value
        yield from _parents(node)
        return
    if node.kind == "object_property" and node.parts[0].kind == "identifier":
        yield from (each for part in node.parts[1:] for each in _replacements(part, scene))
        return
    if node.kind == "if_statement":
        yield from _replacements(node.parts[-1], scene)
        return
    if node.kind not in {"object", "array", "resource_declaration", "object_property"}:
        try:
            value = evaluate(node, scene)
        except NotWorkedOut:
            value = {}
        if value is None or isinstance(value, str | int | bool):
            yield node.start, node.end, _written(value)
        elif node.kind == "ternary_expression":
            yield from _branch(node, scene)
        return
    for part in node.parts:
        yield from _replacements(part, scene)


def _branch(node: Node, scene: Scene) -> Iterator[Replacement]:
    condition, yes, no = node.parts
    try:
        chosen = yes if evaluate(condition, scene) else no
    except NotWorkedOut:
        return
    yield node.start, node.end, chosen.text


def _parents(node: Node) -> Iterator[Replacement]:
    """`parent: a[b]` becomes `parent: a`, which checkov 3.3 can follow."""
    for each in node.find("object_property"):
        key, value = each.parts[0], each.parts[-1]
        if key.text == "parent" and value.kind == "subscript_expression":
            yield value.start, value.end, value.parts[0].text


def _written(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
    return f"'{text}'"
