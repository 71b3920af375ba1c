"""Files of Adobe Experience Platform: parts of one export, and the manifest that names them.

Source: Adobe, "Activate audiences to batch profile export destinations": files of more than five million rows are
split, and an export may write ``manifest-{destinationId}-{flowRunId}.json`` beside them.
"""

import re

import orjson

from shared.domain.errors import SegmentUnreadable

_PART = re.compile(
    r"^(?P<stem>.+?)(?:_\d{1,3})?(?P<ending>\.(?:csv|json|parquet)(?:\.gz|\.zip)?)$", re.IGNORECASE
)


def part_group(name: str) -> str:
    """Return what the names of all parts of one export have in common: ``x.csv`` and ``x_2.csv`` belong together."""
    found = _PART.match(name)
    return found["stem"] + found["ending"] if found else name


def read_drop_manifest(name: str, data: bytes) -> dict[str, int]:
    """Return the size in bytes of each file that a manifest names, by its blob name beside the manifest.

    Where the files lay at the sender (``sinkPath``) does not count. Raises SegmentUnreadable when it is no manifest.
    """
    folder = name.rpartition("/")[0]
    try:
        results = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))["exportResults"]
        sizes = {result["name"]: int(result["size"]) for result in results}
        if not all(isinstance(file, str) for file in sizes):
            raise TypeError
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, RecursionError):
        raise SegmentUnreadable(
            f"The manifest '{name}' cannot be understood.",
            code="manifest-unreadable",
            remedy="Export again, or remove the manifest.",
        ) from None
    if any("/" in file or "\\" in file or file in ("", ".", "..") for file in sizes):
        raise SegmentUnreadable(
            f"The manifest '{name}' names a file outside its own folder.",
            code="manifest-points-outside",
            remedy="A manifest may only name files in the folder it lies in.",
        )
    return {f"{folder}/{file}": size for file, size in sizes.items()}
