"""The app settings of a local run, as the environment of the host process."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

# With any of these a developer's shell would make DefaultAzureCredential sign in to the real Azure.
FOREIGN = ("AZURE_", "IDENTITY_", "MSI_")


def read_settings(app: Path) -> dict[str, str]:
    """Return the values of `local.settings.json`, or of the sample of it while there is none."""
    for name in ("local.settings.json", "local.settings.sample.json"):
        if (app / name).exists():
            return dict(json.loads((app / name).read_text(encoding="utf-8"))["Values"])
    return {}


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
    return {**read_settings(app), **inherited, **parts, **overrides}
