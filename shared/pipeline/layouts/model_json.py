"""``model.json``: what Customer Insights says of the files it has exported."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import orjson

from shared.domain.errors import SegmentUnreadable
from shared.pipeline.reading.delimiter import can_delimit

MAX_MANIFEST_BYTES = 16 << 20
_MAX_PARTITIONS = 1_000


@dataclass(frozen=True, slots=True)
class ManifestTable:
    """What a manifest says of one table. ``partitions`` are blob names."""

    columns: tuple[str, ...]
    partitions: tuple[str, ...]
    has_header: bool
    delimiter: str


def read_manifest(manifest_name: str, data: bytes) -> list[ManifestTable]:
    """Read a ``model.json``; keys that are not known are ignored.

    Raises SegmentUnreadable when it is no manifest, or names files outside its own folder.
    """
    try:
        document = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
        entities = document.get("entities") or document.get("tables") or []
        tables = []
        for entity in entities:
            partitions = entity.get("partitions") or []
            if len(partitions) > _MAX_PARTITIONS:
                raise _too_many(manifest_name, len(partitions))
            settings = (partitions[0].get("fileFormatSettings") if partitions else None) or {}
            delimiter = _text(settings.get("delimiter") or ",")
            if not can_delimit(delimiter):
                raise SegmentUnreadable(
                    f"The manifest '{manifest_name}' names a delimiter that cannot be one.",
                    code="manifest-unreadable",
                    remedy="Export again from Customer Insights, or remove the manifest.",
                )
            tables.append(
                ManifestTable(
                    columns=tuple(_text(attribute["name"]) for attribute in entity.get("attributes") or []),
                    partitions=tuple(
                        dict.fromkeys(
                            _blob_name(manifest_name, _text(partition["location"]))
                            for partition in partitions
                        )
                    ),
                    # Absent means no header and a comma (Common Data Model, fileFormatSettings).
                    has_header=settings.get("columnHeaders") in (True, "true", "True", "TRUE"),
                    delimiter=delimiter,
                )
            )
        return tables
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as problem:
        raise SegmentUnreadable(
            f"The manifest '{manifest_name}' cannot be understood ({type(problem).__name__}).",
            code="manifest-unreadable",
            remedy="Export again from Customer Insights, or remove the manifest.",
        ) from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _too_many(manifest_name: str, partitions: int) -> SegmentUnreadable:
    return SegmentUnreadable(
        f"The manifest '{manifest_name}' names {partitions:,} files of one table; {_MAX_PARTITIONS:,} is the most.",
        code="manifest-too-large",
        remedy="Export fewer and larger files.",
    )


def _blob_name(manifest_name: str, location: str) -> str:
    """Turn a partition's address into a blob name of our own container.

    Account and container of the address are not ours when the files were copied, so only what follows the
    manifest's own folder counts; an address that does not lead into that folder is refused.
    """
    folder = manifest_name.rpartition("/")[0] + "/"
    try:
        path = unquote(urlsplit(location).path)
    except ValueError:
        path = ""
    anchor = "/" + folder[folder.rfind("CustomerInsights_") :]
    _, found, rest = path.partition(anchor)
    if not found or not rest or ".." in re.split(r"[/\\]", rest):
        raise SegmentUnreadable(
            f"The manifest '{manifest_name}' names a file outside its own folder.",
            code="manifest-points-outside",
            remedy="A manifest may only name files below the folder it lies in.",
        )
    return folder + rest
