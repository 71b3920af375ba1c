"""The host's keys: made at random on the first start, kept in one file, compared in constant time, never printed.

`keys.json`: {"masterKey", "functionKeys": {name: key}, "functions": {function: {name: key}}, "systemKeys": {name: key},
"sessionSecret"}. Add entries under "functionKeys" or "functions" by hand to have more of them.
"""

import hmac
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

DURABLE_SYSTEM_KEY = "durabletask_extension"


class Keys:
    """The keys of one host, as they were when it started."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.master: str = document["masterKey"]
        self.durable: str = document["systemKeys"][DURABLE_SYSTEM_KEY]
        self.session_secret: str = document["sessionSecret"]
        self._function_keys: Mapping[str, str] = document["functionKeys"]
        self._per_function: Mapping[str, Mapping[str, str]] = document.get("functions", {})

    def allow(self, presented: str | None, *, level: str, function: str) -> bool:
        """Whether a key, or none, opens a function of the level ANONYMOUS, FUNCTION or ADMIN."""
        if level == "ANONYMOUS":
            return True
        accepted = [self.master]
        if level == "FUNCTION":
            accepted += self._function_keys.values()
            accepted += self._per_function.get(function, {}).values()
        return _is_one_of(presented, accepted)

    def is_master(self, presented: str | None) -> bool:
        return _is_one_of(presented, [self.master])


def load_or_create_keys(path: Path) -> Keys:
    """Return the keys in `path`; when it is not there, write it with new ones, readable by its owner only."""
    if not path.exists():
        document = {
            "masterKey": secrets.token_urlsafe(40),
            "functionKeys": {"default": secrets.token_urlsafe(40)},
            "functions": {},
            "systemKeys": {DURABLE_SYSTEM_KEY: secrets.token_urlsafe(40)},
            "sessionSecret": secrets.token_urlsafe(40),
        }
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(document, file, indent=2)
        part.replace(path)
    return Keys(json.loads(path.read_text(encoding="utf-8")))


def _is_one_of(presented: str | None, accepted: Iterable[str]) -> bool:
    if not presented:
        return False
    # Every key is compared, so that the time taken does not tell which one came close.
    given = presented.encode("utf-8", "surrogateescape")
    matches = [hmac.compare_digest(given, key.encode()) for key in accepted]
    return any(matches)
