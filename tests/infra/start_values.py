"""What Azure must know before a deployment begins: names, scopes, conditions, and what loops go over.

Bicep refuses anything there that only the deployment brings (BCP120, BCP177, BCP178, BCP182; Microsoft Learn, "Bicep
diagnostics"): outputs of modules, and all of a resource but its id, name, type and version.
"""

from collections.abc import Iterator

from tests.infra.bicep_file import BicepFile, Declaration
from tests.infra.exposure import LISTING
from tests.infra.syntax_tree import Node

# uniqueName: of Entra's applications (microsoftgraph/msgraph-bicep-types: DeployTimeConstant).
KNOWN_OF_RESOURCES = {"id", "name", "type", "apiVersion", "uniqueName"}
ASKING = {"reference"}


def start_value_problems(file: BicepFile) -> list[str]:
    return [
        f"{late.place}: '{_shown(late)}' is known only after the deployment of it, but {purpose} of '{declared.name}' "
        "must be known before - pass it to a module as a parameter, or make it from names"
        for declared in file.declarations
        for purpose, node in _early(declared)
        for late in _late(node, file)
    ]


def _early(declared: Declaration) -> Iterator[tuple[str, Node]]:
    """The expressions of a declaration that are worked out first."""
    if declared.value is None:
        return
    if declared.kind == "var" and declared.value.kind == "for_statement":
        yield "the loop", declared.value
    if declared.kind not in {"resource", "module"}:
        return
    holder = declared.value
    while holder.kind in {"if_statement", "for_statement"}:
        condition = holder.kind == "if_statement"
        yield ("the condition", holder.parts[0]) if condition else ("the loop", holder.parts[1])
        holder = holder.parts[-1]
    for name in ("name", "scope"):
        if name in declared.body:
            yield f"the {name}", declared.body[name]


def _late(node: Node, file: BicepFile) -> Iterator[Node]:
    """The parts of an expression that only a deployment brings; variables are followed."""
    if node.kind == "object_property":
        for part in node.parts[node.parts[0].kind == "identifier" :]:
            yield from _late(part, file)
        return
    if node.kind == "identifier" and node.text in file.all("var"):
        value = file.all("var")[node.text].value
        yield from _late(value, file) if value is not None else ()
        return
    if node.kind == "member_expression" and (owner := _owner(node)) is not None:
        name = node.parts[-1].text
        if owner in file.all("module") and name == "outputs":
            yield node
            return
        if owner in file.all("resource") and name not in KNOWN_OF_RESOURCES:
            yield node
            return
    if node.kind == "call_expression" and (node.parts[0].text in ASKING or LISTING.match(node.parts[0].text)):
        yield node
        return
    for part in node.parts:
        yield from _late(part, file)


def _owner(node: Node) -> str | None:
    """The name in `name.x`, `name[0].x` and `name::inner.x`."""
    holder = node.parts[0]
    while holder.kind in {"subscript_expression", "resource_expression"}:
        holder = holder.parts[0]
    return holder.text if holder.kind == "identifier" else None


def _shown(node: Node) -> str:
    return " ".join(node.text.split())
