"""Load `function_app.py` and find its functions, or say what is wrong with it as Azure would.

A fault here is one that shows in Azure as "0 functions found": a missing module, a parameter that does not match
its binding, two functions of one name, two app objects, a decorator that does not exist, an unresolved `%SETTING%`.
"""

import importlib
import inspect
import json
import logging
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import azure.functions as func

from devkit.host.settings import SettingsError, resolve
from devkit.host.signatures import SignatureError, inspect_parameters

log = logging.getLogger("devkit.host")

TRIGGERS = frozenset(
    {
        "httpTrigger",
        "blobTrigger",
        "timerTrigger",
        "orchestrationTrigger",
        "activityTrigger",
        "entityTrigger",
    }
)
OTHER_BINDINGS = frozenset({"http", "durableClient"})
_FUNCTION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_\-]{0,127}")


class IndexingError(Exception):
    """An app that Azure would not load."""


@dataclass(frozen=True)
class IndexedFunction:
    """One function of the app; `trigger` is its trigger's binding with all settings filled in."""

    name: str
    call: Callable[..., Any]
    directory: str
    trigger: Mapping[str, Any]
    annotations: Mapping[str, Any]
    wants_context: bool
    client_parameters: tuple[str, ...]

    @property
    def trigger_type(self) -> str:
        return str(self.trigger["type"])

    @property
    def trigger_parameter(self) -> str:
        return str(self.trigger["name"])

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.call)


def index_app(app_dir: Path, environment: Mapping[str, str]) -> list[IndexedFunction]:
    """Import `app_dir/function_app.py` and return its functions. Raises `IndexingError`."""
    if not (app_dir / "function_app.py").is_file():
        raise IndexingError(f"{app_dir} has no function_app.py")
    sys.path.insert(0, str(app_dir))
    try:
        module = importlib.import_module("function_app")
    except Exception as error:
        log.exception("cannot import function_app.py")
        raise IndexingError(f"function_app.py: {type(error).__name__}: {error}") from error
    try:
        functions = _find_app(vars(module)).get_functions()
        indexed = [_index(function, environment) for function in functions]
    except (ValueError, TypeError, NameError, SignatureError, SettingsError) as error:
        raise IndexingError(str(error)) from error
    if not indexed:
        raise IndexingError("0 functions found: the app object has no functions")
    return indexed


def _find_app(names: Mapping[str, Any]) -> func.FunctionRegister:
    apps = {name: value for name, value in names.items() if isinstance(value, func.FunctionRegister)}
    if not apps:
        raise IndexingError("function_app.py has no FunctionApp object at its top level")
    if len(apps) > 1:
        raise IndexingError(f"more than one function app object at the top level: {', '.join(apps)}")
    return next(iter(apps.values()))


def _index(function: Any, environment: Mapping[str, str]) -> IndexedFunction:
    name = function.get_function_name()
    if not _FUNCTION_NAME.fullmatch(name) or name.lower() == "host":
        raise IndexingError(f"{name!r} is not a valid function name")
    bindings = [json.loads(text) for text in function.get_raw_bindings()]
    for binding in bindings:
        if binding["type"] not in TRIGGERS | OTHER_BINDINGS:
            raise IndexingError(f"{name}: the local host has no binding of type {binding['type']!r}")
    call = function.get_user_function()
    types = {binding["name"]: binding["type"] for binding in bindings}
    annotations, wants_context = inspect_parameters(name, call, types)
    clients = tuple(binding["name"] for binding in bindings if binding["type"] == "durableClient")
    _warn_of_a_starter_that_cannot_be_awaited(name, call)
    return IndexedFunction(
        name=name,
        call=call,
        directory=str(Path(inspect.getfile(call)).parent),
        trigger=_resolve_all(next(b for b in bindings if b["type"] in TRIGGERS), environment),
        annotations=annotations,
        wants_context=wants_context,
        client_parameters=clients,
    )


def _resolve_all(binding: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        key: resolve(value, environment) if isinstance(value, str) else value
        for key, value in binding.items()
    }


def _warn_of_a_starter_that_cannot_be_awaited(name: str, call: Any) -> None:
    starter = getattr(call, "client_function", None)
    if starter is not None and not inspect.iscoroutinefunction(starter):
        log.warning("%s has a durable client and must be 'async def': it will fail when it is called", name)
