"""Runs inside .venv-infra: tells what Microsoft's SDK models know about resources.

In: [model, ...] as JSON, a model being `module:Class` below azure.mgmt. Out: {model: shape}, with everything that the
models lead to. A shape is {"properties": {name: [type, read only, needed]}, "chooser": name of the property that chooses a
variant or null, "variants": {its value: model}, "version": of the interface}. A type is one of "string", "integer", "number", "boolean", "any",
{"model": name}, {"list": type}, {"map": type}, {"enum": [value]}, {"inline": properties}.
"""

import functools
import importlib
import inspect
import json
import pathlib
import re
import sys
import types
import typing
from enum import EnumMeta

PLAIN = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "long": "integer"}


def shape(model: str) -> dict:
    module, _, name = model.partition(":")
    models = importlib.import_module(f"azure.mgmt.{module}")
    known = getattr(models, name)
    described = _older if hasattr(known, "_attribute_map") else _newer
    return {**described(known, models, module), "version": version(module)}


@functools.cache
def version(module: str) -> str:
    """The version of the interface that a package is made for: its own folder, or what most of its calls say."""
    if named := re.search(r"\.v(\d{4})_(\d\d)_(\d\d)(_preview)?\.", module):
        *day, preview = named.groups("")
        return "-".join(day) + preview.replace("_", "-")
    folder = pathlib.Path(importlib.import_module(f"azure.mgmt.{module}").__file__).parents[1] / "operations"
    said = [
        each
        for path in folder.glob("*.py")
        for each in re.findall(r'"api-version", "([\d-]+(?:-preview)?)"', path.read_text())
    ]
    return max(set(said), key=said.count)


def _newer(known: type, models: types.ModuleType, module: str) -> dict:
    """A model generated from TypeSpec: annotations and rest_field()."""
    known.__new__(known)  # works out the names on the wire
    hints = typing.get_type_hints(known, localns={"_models": models, "datetime": __import__("datetime")})
    properties = {}
    for attribute, field in known._attr_to_rest_field.items():
        read_only = field._visibility == ["read"]
        hint = hints.get(attribute)
        needed = not read_only and type(None) not in typing.get_args(hint)
        properties[field._rest_name] = [_hinted(hint, module), read_only, needed]
    own = getattr(known, "__mapping__", {})
    chooser = next((f._rest_name for f in known._attr_to_rest_field.values() if f._is_discriminator), None)
    variants = {value: f"{module}:{each.__name__}" for value, each in own.items() if each is not known}
    return {"properties": properties, "chooser": chooser, "variants": variants}


def _hinted(hint: object, module: str) -> object:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        several = [each for each in inner if each is not type(None)]
        enums = [each for each in several if isinstance(each, EnumMeta)]
        return _hinted(enums[0] if enums else several[0], module)
    if origin is list:
        return {"list": _hinted(inner[0], module)}
    if origin is dict:
        return {"map": _hinted(inner[1], module)}
    if origin is typing.Literal:
        return {"enum": [getattr(each, "value", each) for each in inner]}
    if isinstance(hint, EnumMeta):
        return {"enum": [each.value for each in hint]}
    if isinstance(hint, type) and hasattr(hint, "_is_model"):
        return {"model": f"{module}:{hint.__name__}"}
    return PLAIN.get(getattr(hint, "__name__", ""), "string" if "date" in str(hint) else "any")


def _older(known: type, models: types.ModuleType, module: str) -> dict:
    """A model of msrest: _attribute_map, with flattened names ("properties.x")."""
    signature = inspect.signature(known.__init__).parameters
    properties: dict = {}
    for attribute, entry in known._attribute_map.items():
        *holders, name = re.split(r"(?<!\\)\.", entry["key"])
        rules = getattr(known, "_validation", {}).get(attribute, {})
        read_only, needed = bool(rules.get("readonly")), bool(rules.get("required"))
        within = properties
        for holder in holders:
            inline = within.setdefault(holder, [{"inline": {}}, False, False])
            inline[2] |= needed
            within = inline[0]["inline"]
        hint = str(signature[attribute].annotation) if attribute in signature else ""
        within[name.replace("\\", "")] = [_mapped(entry["type"], hint, models, module), read_only, needed]
    chooser, variants = next(iter(vars(known).get("_subtype_map", {}).items()), (None, {}))
    key = known._attribute_map[chooser]["key"].replace("\\", "") if chooser else None
    below = {value: f"{module}:{name}" for value, name in variants.items()}
    return {"properties": properties, "chooser": key, "variants": below}


def _mapped(kind: str, hint: str, models: types.ModuleType, module: str) -> object:
    if kind.startswith("["):
        return {"list": _mapped(kind[1:-1], hint, models, module)}
    if kind.startswith("{"):
        return {"map": _mapped(kind[1:-1], hint, models, module)}
    enums = [getattr(models, name, None) for name in re.findall(r"_models\.(\w+)", hint)]
    enums = [each for each in enums if isinstance(each, EnumMeta)]
    if kind == "str" and enums:
        return {"enum": [each.value for each in enums[0]]}
    if isinstance(getattr(models, kind, None), type) and not isinstance(getattr(models, kind), EnumMeta):
        return {"model": f"{module}:{kind}"}
    return PLAIN.get(kind, "string" if "iso-8601" in kind or kind in {"duration", "date"} else "any")


def _named(kind: object) -> list[str]:
    """The models that a type speaks of."""
    if not isinstance(kind, dict):
        return []
    if "inline" in kind:
        return [name for each, *_ in kind["inline"].values() for name in _named(each)]
    return [kind["model"]] if "model" in kind else _named(kind.get("list") or kind.get("map"))


if __name__ == "__main__":
    waiting, known = json.load(sys.stdin), {}
    while waiting:
        model = waiting.pop()
        if model not in known:
            known[model] = shape(model)
            waiting += known[model]["variants"].values()
            waiting += [name for kind, *_ in known[model]["properties"].values() for name in _named(kind)]
    json.dump(known, sys.stdout)
