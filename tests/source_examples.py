"""The example files of docs/segment-files.md."""

import gzip
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "segment-files.md"
_EXAMPLE = re.compile(
    r"^`(?P<name>[^`\s]+)`(?: in `(?P<archive>[^`]+)`)?(?: .*)?\n\n```\n(?P<text>[^`]*)```", re.M
)


def examples(change: Callable[[str], str] = str) -> dict[str, bytes]:
    """Return the content of each file by its name, changed as text and packed as its name says."""
    files: dict[str, bytes] = {}
    archives: dict[str, dict[str, str]] = {}
    for found in _EXAMPLE.finditer(DOCUMENT.read_text("utf-8")):
        name, text = found["name"], change(found["text"])
        if found["archive"]:
            archives.setdefault(found["archive"], {})[name] = text
        else:
            files[name] = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
    for archive, members in archives.items():
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
            for name, text in members.items():
                file.writestr(name, text)
        files[archive] = packed.getvalue()
    return files


def example(beginning: str) -> tuple[str, bytes]:
    """Return the one file whose name begins so, with its name."""
    [found] = [(name, data) for name, data in examples().items() if name.startswith(beginning)]
    return found
