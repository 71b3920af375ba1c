"""Names in Bicep: each is defined once, used, and never waits for itself."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.infra.bicep_file import BicepFile, Declaration
from tests.infra.syntax_tree import Node

WORDS = json.loads((Path(__file__).parent / "facts" / "bicep_words.json").read_text())
FUNCTIONS, DECORATORS = frozenset(WORDS["functions"]), frozenset(WORDS["decorators"])
ONLY_AS_DEFAULT = frozenset({"newGuid", "utcNow"})
NAMESPACES = frozenset({"az", "sys"})


@dataclass(frozen=True)
class Use:
    """A name in an expression: of a value, a function or a type."""

    kind: str
    node: Node

    @property
    def name(self) -> str:
        return self.node.text


def uses(node: Node, local: frozenset[str] = frozenset()) -> Iterator[Use]:
    """Every name that `node` speaks of and that is not its own loop variable or parameter."""
    match node.kind:
        case "identifier":
            if node.text not in local:
                yield Use("value", node)
        case "type":
            yield from (Use("type", name) for name in _type_names(node))
        case "object_property":
            key, *values = node.parts
            yield from _all([] if key.kind == "identifier" else [key], local)
            yield from _all(values, local)
        case "object":
            # Resources nested in a resource know each other.
            yield from _all(node.parts, local | {nested.parts[0].text for nested in _nested(node)})
        case "resource_declaration" | "metadata_declaration":
            yield from _all(node.parts[1:], local)
        case "call_expression":
            function, arguments = node.parts
            if function.kind == "identifier":
                yield Use("function", function)
            elif function.parts[0].text in NAMESPACES:
                yield Use("function", function.parts[-1])
            else:
                yield from uses(function, local)
            yield from uses(arguments, local)
        case "lambda_expression":
            *parameters, body = node.parts
            own = {name.text for each in parameters for name in each.find("identifier")}
            yield from uses(body, local | own)
        case "for_statement":
            item, several, body = node.parts
            own = {name.text for name in item.find("identifier", "loop_variable", "loop_enumerator")}
            yield from uses(several, local)
            yield from uses(body, local | own)
        case "resource_expression":
            yield from uses(node.parts[0], local)
        case _:
            yield from _all(node.parts, local)


def _nested(body: Node) -> list[Node]:
    """The resources that are declared right inside an object."""
    return [part for each in body.parts for part in each.parts if part.kind == "resource_declaration"]


def _all(nodes: Iterable[Node], local: frozenset[str]) -> Iterator[Use]:
    for node in nodes:
        yield from uses(node, local)


def _type_names(node: Node) -> Iterator[Node]:
    keys = {each.parts[0] for each in node.find("object_property")}
    return (name for name in node.find("identifier") if name not in keys)


def uses_of(declaration: Declaration) -> Iterator[Use]:
    """What a declaration speaks of, its type and decorators included."""
    own: frozenset[str] = frozenset()
    if declaration.kind == "func":
        given = declaration.node.part("parameters") or next(declaration.node.find("parameters"))
        own = frozenset(each.parts[0].text for each in given.find("parameter"))
        yield from (Use("type", name) for each in declaration.node.find("type") for name in _type_names(each))
    if declaration.type is not None:
        yield from (Use("type", name) for name in _type_names(declaration.type))
    for arguments in declaration.decorators.values():
        yield from _all(arguments, own)
    if declaration.value is not None and declaration.kind != "type":
        yield from uses(declaration.value, own)


def name_problems(file: BicepFile) -> list[str]:
    return [
        *_undefined(file),
        *_declared_twice(file),
        *_unused(file),
        *_circles(file),
        *_misplaced(file),
        *_miscalled(file),
    ]


def _outer(file: BicepFile) -> list[Declaration]:
    return [each for each in file.declarations if each.holder is None]


def _undefined(file: BicepFile) -> Iterator[str]:
    types = set(file.all("type")) | file.imports | {"resourceGroup"}
    functions = set(file.all("func")) | file.imports | FUNCTIONS
    for declaration in _outer(file):
        for use in uses_of(declaration):
            known = {"value": file.names | NAMESPACES, "function": functions, "type": types}[use.kind]
            listing = use.kind == "function" and use.name.startswith("list")
            if use.name not in known and not listing:
                yield f"{use.node.place}: {use.kind} '{use.name}' is not defined - declare it or correct the name"
        for name in declaration.decorators:
            if name not in DECORATORS:
                yield f"{declaration.place}: there is no decorator @{name}"


def _declared_twice(file: BicepFile) -> Iterator[str]:
    seen: set[tuple[bool, str]] = set()
    for each in _outer(file):
        key = (each.kind == "output", each.name)
        if key in seen:
            yield f"{each.place}: '{each.name}' is declared before - give one of the two another name"
        seen.add(key)


def _unused(file: BicepFile) -> Iterator[str]:
    used = {use.name for each in _outer(file) for use in uses_of(each)}
    for each in _outer(file):
        exported = "export" in each.decorators
        if each.kind in {"param", "var", "type", "func"} and each.name not in used and not exported:
            yield f"{each.place}: {each.kind} '{each.name}' is never used - remove it"


def _circles(file: BicepFile) -> Iterator[str]:
    """A nested resource waits for the one it is in, never the other way round."""
    places = {_path(each): each for each in file.declarations if each.kind != "output"}
    needs = {
        path: {use.name for use in _own_uses(each) if use.kind == "value" and use.name in places}
        | ({_path(each.holder)} if each.holder else set())
        for path, each in places.items()
    }
    settled: set[str] = set()
    while ready := {path for path, others in needs.items() if path not in settled and others <= settled}:
        settled |= ready
    if waiting := sorted(set(needs) - settled):
        first = min((places[path] for path in waiting), key=lambda each: each.node.line)
        yield f"{first.place}: these wait for each other in a circle: {', '.join(waiting)}"


def _path(declaration: Declaration) -> str:
    return f"{_path(declaration.holder)}::{declaration.name}" if declaration.holder else declaration.name


def _own_uses(declaration: Declaration) -> Iterator[Use]:
    """What a resource itself speaks of, without the resources nested in it."""
    inner = [node for node in declaration.node.find("resource_declaration") if node is not declaration.node]
    nested = {node for each in inner for node in each.walk()}
    return (use for use in uses_of(declaration) if use.node not in nested)


def _misplaced(file: BicepFile) -> Iterator[str]:
    for each in _outer(file):
        for use in uses_of(each):
            if use.kind == "function" and use.name in ONLY_AS_DEFAULT and each.kind != "param":
                yield f"{use.node.place}: {use.name}() is only allowed as a parameter's default"


def _miscalled(file: BicepFile) -> Iterator[str]:
    """`arguments` of bicep_words.json: how few and how many a function of Bicep takes."""
    own = {name: len(list(each.node.find("parameter"))) for name, each in file.all("func").items()}
    takes = {**WORDS["arguments"], **{name: [count, count] for name, count in own.items()}}
    for call in file.tree.find("call_expression"):
        function, given = (
            call.parts[0].text.removeprefix("az.").removeprefix("sys."),
            len(call.parts[1].parts),
        )
        few, many = takes.get(function, [0, given])
        if not few <= given <= many:
            yield f"{call.place}: {function}() takes {few if few == many else f'{few} to {many}'} arguments, not {given}"
