"""What the host reads before it loads an app: the settings file, `host.json`, and `%NAME%` expressions.

`HostOptions` has the defaults of the Functions host where `host.json` is silent (Microsoft Learn, "host.json
reference"; the activity and orchestrator limits of the durable extension are ten per processor).
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devkit.host.durable.versions import UNVERSIONED, Versions

_EXPRESSION = re.compile(r"%([^%]+)%")
_TIMESPAN = re.compile(r"(?:(?P<days>\d+)\.)?(?P<hours>\d{1,2}):(?P<minutes>\d{2}):(?P<seconds>\d{2})")


class SettingsError(ValueError):
    """A settings file, `host.json` or an expression that cannot be used; the text says which and why."""


@dataclass(frozen=True)
class HostOptions:
    """The part of `host.json` that the local host obeys. `function_timeout_s` is None when there is no limit."""

    route_prefix: str = "api"
    task_hub: str = "TestHubName"
    max_concurrent_activities: int = 10
    max_concurrent_orchestrators: int = 10
    function_timeout_s: float | None = 1800.0
    blob_parallelism: int = 8
    blob_max_tries: int = 5
    versions: Versions = UNVERSIONED


def read_settings_file(path: Path) -> dict[str, str]:
    """Return the `Values` of a file shaped like `local.settings.json`, all as text."""
    document = _read_json_object(path)
    if document.get("IsEncrypted"):
        raise SettingsError(f"{path.name} is encrypted; decrypt it first")
    values = document.get("Values", {})
    if not isinstance(values, dict):
        raise SettingsError(f"{path.name}: Values must be an object")
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}


def read_host_json(app_dir: Path, environment: Mapping[str, str]) -> HostOptions:
    """Return the options of `app_dir/host.json`; a missing file is an error, as it is in Azure."""
    path = app_dir / "host.json"
    if not path.is_file():
        raise SettingsError(f"{app_dir} has no host.json")
    document = _read_json_object(path)
    extensions = document.get("extensions", {})
    durable = extensions.get("durableTask", {})
    blobs = extensions.get("blobs", {})
    try:
        versions = Versions.of(durable)
    except ValueError as error:
        raise SettingsError(f"host.json: durableTask: {error}") from error
    per_processor = 10 * (os.cpu_count() or 1)
    return HostOptions(
        route_prefix=str(extensions.get("http", {}).get("routePrefix", "api")).strip("/"),
        task_hub=resolve(str(durable.get("hubName", "TestHubName")), environment),
        max_concurrent_activities=int(durable.get("maxConcurrentActivityFunctions", per_processor)),
        max_concurrent_orchestrators=int(durable.get("maxConcurrentOrchestratorFunctions", per_processor)),
        function_timeout_s=_parse_timeout(str(document.get("functionTimeout", "00:30:00"))),
        blob_parallelism=int(blobs.get("maxDegreeOfParallelism", 8)),
        blob_max_tries=int(blobs.get("poisonBlobThreshold", 5)),
        versions=versions,
    )


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """Replace every `%NAME%` by the setting of that name.

    Raises `SettingsError` when there is no such setting.
    """

    def look_up(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in environment:
            raise SettingsError(f"'%{name}%' does not resolve to a value: there is no setting {name}")
        return environment[name]

    return _EXPRESSION.sub(look_up, text)


def _parse_timeout(text: str) -> float | None:
    if text == "-1":
        return None
    match = _TIMESPAN.fullmatch(text)
    if match is None:
        raise SettingsError(f"host.json: functionTimeout {text!r} is not [d.]hh:mm:ss")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _read_json_object(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, json.JSONDecodeError) as error:
        raise SettingsError(f"cannot read {path}: {error}") from error
    if not isinstance(document, dict):
        raise SettingsError(f"{path.name} must hold a JSON object")
    return document
