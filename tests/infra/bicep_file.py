"""What a Bicep file declares: parameters, variables, resources, modules and outputs."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.infra.syntax_tree import Node

KINDS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
    "type_declaration": "type",
    "user_defined_function": "func",
}


@dataclass(frozen=True)
class Declaration:
    """One statement with a name. `source` is a resource's type with version, or a module's path."""

    kind: str
    name: str
    node: Node
    decorators: dict[str, list[Node]]
    type: Node | None = None
    value: Node | None = None
    source: str = ""
    existing: bool = False
    holder: "Declaration | None" = None

    @property
    def place(self) -> str:
        return self.node.place

    @property
    def body(self) -> dict[str, Node]:
        """The properties of a resource or a module, whatever condition or loop stands around them."""
        holder = self.value
        while holder is not None and holder.kind in {"if_statement", "for_statement"}:
            holder = holder.parts[-1]
        return dict(entries(holder)) if holder is not None and holder.kind == "object" else {}

    @property
    def resource_type(self) -> str:
        own = self.source.partition("@")[0]
        return f"{self.holder.resource_type}/{own}" if self.holder else own

    @property
    def api_version(self) -> str:
        own = self.source.partition("@")[2]
        return own or (self.holder.api_version if self.holder else "")

    @property
    def required(self) -> bool:
        """Whether a caller must give this parameter."""
        return self.value is None and not (self.type and any(self.type.find("nullable_type")))


@dataclass(frozen=True)
class BicepFile:
    path: str
    tree: Node
    target_scope: str = "resourceGroup"
    imports: frozenset[str] = frozenset()
    declarations: list[Declaration] = field(default_factory=list)

    def all(self, kind: str) -> dict[str, Declaration]:
        return {each.name: each for each in self.declarations if each.kind == kind}

    @property
    def names(self) -> set[str]:
        """Everything that expressions may speak of: all but outputs and what is nested in a resource."""
        outer = (each for each in self.declarations if each.kind != "output" and each.holder is None)
        return {each.name for each in outer} | self.imports


def read(tree: Node) -> BicepFile:
    """The declarations of a file that has no syntax errors."""
    scope, imports, found = "resourceGroup", set(), []
    decorators: dict[str, list[Node]] = {}
    for node in tree.parts:
        if node.kind == "decorators":
            decorators = dict(map(_decorator, node.find("decorator")))
            continue
        if node.kind == "target_scope_assignment":
            scope = literal(node.parts[-1]) or ""
        elif node.kind == "import_functionality":
            imports |= {part.text for part in node.parts if part.kind == "identifier"}
        elif node.kind in KINDS:
            found += _declare(node, decorators, None)
        decorators = {}
    return BicepFile(tree.file, tree, scope, frozenset(imports), found)


def _decorator(node: Node) -> tuple[str, list[Node]]:
    function, *arguments = node.parts[0].parts
    return function.text.removeprefix("sys."), arguments[0].parts if arguments else []


def _declare(
    node: Node, decorators: dict[str, list[Node]], holder: Declaration | None
) -> Iterator[Declaration]:
    kind, (name, *rest) = KINDS[node.kind], node.parts
    given = next((part for part in rest if part.kind == "type"), None)
    source = ""
    if kind in {"resource", "module"}:
        source, rest = literal(rest[0]) or "", rest[1:]
    if kind == "type":
        given = rest[0]
    value = next((part for part in reversed(rest) if part is not given), None)
    existing = any(child.kind == "existing" for child in node.children)
    declared = Declaration(kind, name.text, node, decorators, given, value, source, existing, holder)
    yield declared
    if kind == "resource" and value is not None:
        for inner in value.find("resource_declaration"):
            if inner in {part for each in _bodies(value) for part in each.parts}:
                yield from _declare(inner, {}, declared)


def _bodies(value: Node) -> Iterator[Node]:
    """The properties of a resource's own object, not those of objects within."""
    while value.kind in {"if_statement", "for_statement"}:
        value = value.parts[-1]
    yield from value.parts


def entries(node: Node) -> Iterator[tuple[str, Node]]:
    """The properties of an object; a name that is put together is given as it is written."""
    for each in node.parts:
        if each.kind == "object_property" and len(each.parts) > 1:
            key, *_, value = each.parts
            yield literal(key) or key.text.strip("'"), value


def literal(node: Node | None) -> str | None:
    """The text of a string without interpolation, else None."""
    if node is None or node.kind != "string" or any(node.find("interpolation")):
        return None
    return "".join(part.text for part in node.parts)
