"""Works out text expressions of Bicep for given parameters, so that names can be looked at as they will be."""

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from tests.infra.bicep_file import BicepFile, Declaration, entries
from tests.infra.modules import is_local, target
from tests.infra.syntax_tree import Node

SCOPES = {
    "subscription": "/subscriptions/00000000-0000-4000-8000-000000000000",
    "resourceGroup": "/subscriptions/00000000-0000-4000-8000-000000000000/resourceGroups/group",
    "tenant": "00000000-0000-4000-8000-000000000001",
    "deployer": "00000000-0000-4000-8000-000000000002",
}


class NotWorkedOut(Exception):
    """The expression needs what only a deployment knows, or a function that is not rebuilt here."""


@dataclass(frozen=True)
class Scene:
    """A file together with what its parameters are given: values, or expressions in the scene of the caller.

    `items` are the variables of the loop that is gone through: values, or expressions.
    """

    file: BicepFile
    values: Mapping[str, object]
    passed: Mapping[str, Node]
    caller: "Scene | None" = None
    items: Mapping[str, object] = field(default_factory=dict)


def scenes(start: Scene, files: Mapping[str, BicepFile]) -> list[Scene]:
    """`start` and every local module that is reached from it, each as it is called; not those that a condition rules out."""
    found = [start]
    for module in start.file.all("module").values():
        if (
            is_local(module)
            and not _ruled_out(module, start)
            and (called := files.get(target(start.file, module)))
        ):
            passed = dict(entries(module.body["params"])) if "params" in module.body else {}
            for turn in turns(module, start):
                found += scenes(Scene(called, {}, passed, turn), files)
    return found


def _ruled_out(declared: Declaration, scene: Scene) -> bool:
    """Whether a condition keeps it from being made; one that only a deployment can answer does not."""
    if declared.holder is not None and _ruled_out(declared.holder, scene):
        return True
    if declared.value is None or declared.value.kind != "if_statement":
        return False
    try:
        return not evaluate(declared.value.parts[0], scene)
    except NotWorkedOut:
        return False


def turns(declared: Declaration, scene: Scene) -> Iterator[Scene]:
    """The scene once for each item of the loop that a declaration is made in; as it is where there is none."""
    if declared.value is None or declared.value.kind != "for_statement":
        yield scene
        return
    item, several, _ = declared.value.parts
    names = [name.text for name in item.find("identifier", "loop_variable", "loop_enumerator")]
    for place, each in enumerate(_listed(several, scene)):
        yield replace(scene, items=dict(zip(names, (each, place), strict=False)))


def _listed(node: Node, scene: Scene) -> list[object]:
    """The items of a list, without working out more of them than must be known."""
    match (node := _followed(node, scene)).kind:
        case "array":
            return list(node.parts)
        case "ternary_expression":
            condition, yes, no = node.parts
            return _listed(yes if evaluate(condition, scene) else no, scene)
        case "call_expression" if node.parts[0].text == "concat":
            return [item for each in node.parts[1].parts for item in _listed(each, scene)]
    several = evaluate(node, scene)
    if not isinstance(several, list):
        raise NotWorkedOut(f"{node.place}: {node.text}")
    return several


def _followed(node: Node, scene: Scene) -> Node:
    """The expression that a name of this file stands for."""
    if node.kind == "identifier":
        item, variable = scene.items.get(node.text), scene.file.all("var").get(node.text)
        if isinstance(item, Node):
            return _followed(item, scene)
        if item is None and variable is not None and variable.value is not None:
            return _followed(variable.value, scene)
    return node


def evaluate(node: Node, scene: Scene) -> object:
    """The value of an expression: text, number, truth value, list or object; raises NotWorkedOut."""
    match node.kind:
        case "string":
            return "".join(
                _shown(evaluate(part.parts[0], scene)) if part.kind == "interpolation" else part.text
                for part in node.parts
            )
        case "number":
            return int(node.text)
        case "boolean":
            return node.text == "true"
        case "null":
            return None
        case "array":
            return [evaluate(part, scene) for part in node.parts]
        case "object":
            return {key: evaluate(value, scene) for key, value in entries(node)}
        case "parenthesized_expression":
            return evaluate(node.parts[0], scene)
        case "identifier":
            return _named(node, scene)
        case "ternary_expression":
            condition, yes, no = node.parts
            return evaluate(yes if evaluate(condition, scene) else no, scene)
        case "binary_expression":
            return _compared(node, scene)
        case "unary_expression" if node.text.startswith("!"):
            return not evaluate(node.parts[0], scene)
        case "member_expression" | "subscript_expression":
            return _member(node, scene)
        case "call_expression":
            return _call(node, scene)
    raise NotWorkedOut(f"{node.place}: {node.text}")


def _compared(node: Node, scene: Scene) -> bool:
    operator = next(child.kind for child in node.children if child.field == "operator")
    left, right = node.parts
    match operator:
        case "&&":
            return bool(evaluate(left, scene)) and bool(evaluate(right, scene))
        case "||":
            return bool(evaluate(left, scene)) or bool(evaluate(right, scene))
        case "==":
            return evaluate(left, scene) == evaluate(right, scene)
        case ">":
            return evaluate(left, scene) > evaluate(right, scene)  # type: ignore[operator]
    raise NotWorkedOut(f"{node.place}: {node.text}")


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _named(node: Node, scene: Scene) -> object:
    if node.text in scene.items:
        item = scene.items[node.text]
        return evaluate(item, scene) if isinstance(item, Node) else item
    found = scene.file.all("param").get(node.text) or scene.file.all("var").get(node.text)
    if found is None:
        raise NotWorkedOut(f"{node.place}: {node.text}")
    if found.kind == "param":
        if node.text in scene.values:
            return scene.values[node.text]
        if node.text in scene.passed and scene.caller:
            return evaluate(scene.passed[node.text], scene.caller)
    if found.value is None:
        raise NotWorkedOut(f"{node.place}: {node.text}")
    return evaluate(found.value, scene)


def _member(node: Node, scene: Scene) -> object:
    holder, key = node.parts
    resource = scene.file.all("resource").get(holder.text)
    if resource is not None:
        if key.text == "name" and "name" in resource.body:
            return evaluate(resource.body["name"], scene)
        if key.text == "id" and resource.resource_type == "Microsoft.Resources/resourceGroups":
            return f"{SCOPES['subscription']}/resourceGroups/{evaluate(resource.body['name'], scene)}"
        raise NotWorkedOut(f"{node.place}: {node.text}")
    wanted = key.text if node.kind == "member_expression" else evaluate(key, scene)
    whole = _followed(holder, scene)
    if whole.kind == "object" and (part := dict(entries(whole)).get(str(wanted))) is not None:
        return evaluate(part, scene)
    inner = evaluate(holder, scene)
    if isinstance(inner, dict) and wanted in inner:
        return inner[wanted]
    if isinstance(inner, list) and isinstance(wanted, int) and wanted < len(inner):
        return inner[wanted]
    raise NotWorkedOut(f"{node.place}: {node.text}")


def _call(node: Node, scene: Scene) -> object:
    name = node.parts[0].text.removeprefix("az.").removeprefix("sys.")
    if name == "environment":
        return {"suffixes": {"storage": "core.windows.net"}}
    if name in SCOPES:
        place = SCOPES[name]
        return {"id": place, "subscriptionId": place[15:51], "tenantId": place, "objectId": place}
    given = [evaluate(each, scene) for each in node.parts[1].parts]
    texts = [str(each) for each in given]
    match name:
        case "uniqueString":
            digest = hashlib.sha256("-".join(texts).encode()).digest()
            return "".join("abcdefghijklmnopqrstuvwxyz234567"[byte % 32] for byte in digest[:13])
        case "guid":
            return str(uuid.uuid5(uuid.NAMESPACE_URL, "-".join(texts)))
        case "toLower":
            return texts[0].lower()
        case "toUpper":
            return texts[0].upper()
        case "take":
            return given[0][: given[1]]  # type: ignore[index]
        case "replace":
            return texts[0].replace(texts[1], texts[2])
        case "trim":
            return texts[0].strip()
        case "empty":
            return not given[0]
        case "split":
            return texts[0].split(texts[1])
        case "last":
            return given[0][-1]  # type: ignore[index]
        case "concat":
            return [item for each in given for item in each]  # type: ignore[attr-defined]
    raise NotWorkedOut(f"{node.place}: {node.text}")


def value(declared: Declaration, scene: Scene, *path: str) -> object:
    """The value of a property of a resource: `value(account, scene, "properties", "minimumTlsVersion")`."""
    node = declared.body[path[0]]
    for step in path[1:]:
        node = dict(entries(node))[step]
    return evaluate(node, scene)


def resources(scene: Scene) -> list[Declaration]:
    """The resources that a scene makes itself."""
    return [
        each
        for each in scene.file.declarations
        if each.kind == "resource" and not each.existing and not _ruled_out(each, scene)
    ]
