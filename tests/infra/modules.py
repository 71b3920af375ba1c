"""How Bicep files call each other: paths, parameters, outputs, scopes, and where child resources belong."""

import posixpath
from collections.abc import Collection, Iterator, Mapping

from tests.infra.bicep_file import BicepFile, Declaration, entries, literal
from tests.infra.syntax_tree import Node

REGISTRY = ("br:", "br/", "ts:", "ts/")
# What a literal may be given to. Other expressions have types that only Bicep itself works out.
LITERALS = {"string": "string", "number": "int", "boolean": "bool", "array": "array", "object": "object"}
LOADED = {"loadTextContent", "loadJsonContent", "loadYamlContent", "loadFileAsBase64"}


def target(caller: BicepFile, module: Declaration) -> str:
    """The repository path of a local module."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(caller.path), module.source))


def is_local(module: Declaration) -> bool:
    return not module.source.startswith(REGISTRY)


def module_problems(files: Mapping[str, BicepFile]) -> list[str]:
    return [problem for file in files.values() for problem in _file_problems(file, files)]


def _file_problems(file: BicepFile, files: Mapping[str, BicepFile]) -> Iterator[str]:
    for module in file.all("module").values():
        if not is_local(module):
            continue
        called = files.get(target(file, module))
        if called is None:
            yield f"{module.place}: there is no file '{target(file, module)}'"
            continue
        yield from _parameter_problems(module, called)
        yield from _output_problems(file, module, called)
        if called.target_scope != file.target_scope and "scope" not in module.body:
            yield f"{module.place}: '{module.name}' is made for a {called.target_scope} - give it a scope"
    for resource in (each for each in file.declarations if each.kind == "resource"):
        yield from _parent_problems(resource)
    names = [module.body["name"].text for module in file.all("module").values() if "name" in module.body]
    for module in file.all("module").values():
        if "name" in module.body and names.count(name := module.body["name"].text) > 1:
            yield f"{module.place}: two modules are called {name} - the deployment of one would replace the other's"


def _parameter_problems(module: Declaration, called: BicepFile) -> Iterator[str]:
    given = dict(entries(module.body["params"])) if "params" in module.body else {}
    taken = called.all("param")
    for name, value in given.items():
        if name not in taken:
            yield f"{value.place}: {called.path} has no parameter '{name}'"
        elif wrong := _mismatch(value, taken[name]):
            yield f"{value.place}: parameter '{name}' {wrong}"
    for name, parameter in taken.items():
        if parameter.required and name not in given:
            yield f"{module.place}: '{module.name}' does not pass the parameter '{name}' of {called.path}"


def _mismatch(value: Node, parameter: Declaration) -> str:
    wanted = parameter.type.text.rstrip("?") if parameter.type else ""
    if value.kind in LITERALS and wanted in LITERALS.values() and LITERALS[value.kind] != wanted:
        return f"wants {wanted}, not {LITERALS[value.kind]}"
    text, allowed = literal(value), parameter.decorators.get("allowed")
    if text is not None and allowed and text not in {literal(each) for each in allowed[0].parts}:
        return f"does not take '{text}'; see its @allowed"
    for decorator, exceeds in (("minLength", int.__lt__), ("maxLength", int.__gt__)):
        bound = parameter.decorators.get(decorator)
        if text is not None and bound and exceeds(len(text), int(bound[0].text)):
            return f"has the wrong length; see its @{decorator}"
    return ""


def _asked_outputs(file: BicepFile, module: Declaration) -> Iterator[Node]:
    """The names of outputs that a file asks a module for."""
    for node in file.tree.find("member_expression"):
        outputs, name = node.part("object"), node.part("property")
        if outputs is None or name is None or outputs.kind != "member_expression":
            continue
        owner = outputs.part("object")
        while owner is not None and owner.kind == "subscript_expression":
            owner = owner.part("object")
        if owner is not None and owner.text == module.name and outputs.parts[-1].text == "outputs":
            yield name


def _output_problems(file: BicepFile, module: Declaration, called: BicepFile) -> Iterator[str]:
    for name in _asked_outputs(file, module):
        if name.text not in called.all("output"):
            yield f"{name.place}: {called.path} has no output '{name.text}'"


def idle_problems(files: Mapping[str, BicepFile], starts: Collection[str]) -> list[str]:
    """Modules that nobody calls, and outputs that nobody asks for; `starts`: files that people deploy."""
    calls = [
        (file, module, target(file, module))
        for file in files.values()
        for module in file.all("module").values()
        if is_local(module)
    ]
    found = []
    for path in sorted(set(files) - set(starts)):
        callers = [(file, module) for file, module, called in calls if called == path]
        if not callers:
            found.append(f"{path}: nobody calls this module - remove it")
        asked = {name.text for file, module in callers for name in _asked_outputs(file, module)}
        found += [
            f"{output.place}: nobody asks for output '{name}' - remove it"
            for name, output in files[path].all("output").items()
            if callers and name not in asked
        ]
    return found


def _parent_problems(resource: Declaration) -> Iterator[str]:
    levels = resource.resource_type.count("/")
    if levels < 2 or resource.holder is not None or "parent" in resource.body:
        return
    name = resource.body.get("name")
    if name is None or name.text.count("/") != levels - 1:
        yield f"{resource.place}: '{resource.name}' is part of another resource - give it a parent"


def loading_problems(file: BicepFile, exists: set[str]) -> list[str]:
    """Files that are read at compile time must be there."""
    found = []
    for call in file.tree.find("call_expression"):
        if call.parts[0].text in LOADED:
            named = literal(call.parts[1].parts[0]) or ""
            path = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), named))
            if path not in exists:
                found.append(f"{call.place}: there is no file '{path}'")
    return found
