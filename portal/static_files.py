"""Style sheets, scripts and pictures. Their addresses name their content, so that browsers keep them for good."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ADDRESS = "/portal/static/"
_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    content: bytes
    media_type: str
    digest: str


@cache
def _files() -> dict[str, StaticFile]:
    found = {}
    for path in _FOLDER.rglob("*"):
        if path.suffix in _TYPES:
            content = path.read_bytes()
            digest = hashlib.blake2b(content, digest_size=8).hexdigest()
            found[path.relative_to(_FOLDER).as_posix()] = StaticFile(content, _TYPES[path.suffix], digest)
    return found


def find_static(name: str) -> StaticFile | None:
    return _files().get(name)


def static(name: str) -> str:
    """Return the address of a file below ``portal/static``. Raises KeyError when there is none: `make` gets those that
    come from npm packages."""
    return f"{ADDRESS}{name}?v={_files()[name].digest}"
