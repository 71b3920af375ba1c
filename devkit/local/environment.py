"""The app settings of a local run, as the environment of the host process."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

# With any of these a developer's shell would make DefaultAzureCredential sign in to the real Azure.
FOREIGN = ("AZURE_", "IDENTITY_", "MSI_")


def read_settings(app: Path) -> dict[str, str]:
    """Return the values of `local.settings.json`, and those of its sample that it does not have."""
    settings: dict[str, str] = {}
    for name in ("local.settings.sample.json", "local.settings.json"):
        if (app / name).exists():
            settings |= json.loads((app / name).read_text(encoding="utf-8"))["Values"]
    return settings


def build_settings(
    app: Path,
    *,
    connection_string: str,
    vault: Mapping[str, str],
    autopilot_url: str,
    overrides: Mapping[str, str],
) -> dict[str, str]:
    """Return all app settings; of two values for a setting the later of these counts: the settings file, what the
    parts say, `overrides`."""
    return {
        **read_settings(app),
        **_tell_of_parts(connection_string, vault, autopilot_url, os.environ),
        **overrides,
    }


def build_environment(
    app: Path,
    *,
    connection_string: str,
    vault: Mapping[str, str],
    autopilot_url: str,
    overrides: Mapping[str, str],
) -> dict[str, str]:
    """Return the whole environment; of two values for a setting the later of these counts:

    the settings file, this process's environment, what the parts say, `overrides`.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    parts = _tell_of_parts(connection_string, vault, autopilot_url, inherited)
    return {**read_settings(app), **inherited, **parts, **overrides}


def write_settings(app: Path, settings: Mapping[str, str]) -> Path:
    """Write `local.settings.json`, which Core Tools read, and return its path. Only its owner may read it."""
    path = app / "local.settings.json"
    text = json.dumps({"IsEncrypted": False, "Values": settings}, indent=2) + "\n"
    aside = path.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
    return path


def _tell_of_parts(
    connection_string: str, vault: Mapping[str, str], autopilot_url: str, inherited: Mapping[str, str]
) -> dict[str, str]:
    parts = {
        "AzureWebJobsStorage": connection_string,
        "SEGMENT_STORAGE": connection_string,
        "STATE_STORAGE": connection_string,
        "AUTOPILOT_URL": autopilot_url,
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        "FUNCTION_KEY_ROLE": "administrator",
        "ALERT_PRIVATE_HOSTS": "127.0.0.1,localhost",
        "WEBSITE_AUTH_ENABLED": "True",
        **vault,
    }
    for name in ("NO_PROXY", "no_proxy"):
        parts[name] = ",".join(filter(None, (inherited.get(name), "127.0.0.1", "localhost")))
    return parts
