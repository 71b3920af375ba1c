"""Which blob belongs to which segment: plain folders, and the layout of Customer Insights' blob export.

Plain: ``{segment}/{anything}.csv`` and the like; every upload is a snapshot of one file.
Customer Insights: ``CustomerInsights_{instance}/{export}/{table}/{yyyy}/{MM}/{dd}/{HHmm}/{partition}.csv``, where the
partitions of one minute folder make up a snapshot, and ``model.json`` beside the tables (or in one) names them
(Microsoft, "Export segment list to Azure Blob Storage"; Common Data Model, "model.json").
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import orjson

from shared.domain.errors import SegmentUnreadable

MANIFEST_NAME = "model.json"
_SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".gz")
_NOT_DATA = re.compile(
    r"([._].*|dummy-object\.txt|mparticle[-_](validation|bucket_verification).*"
    r"|model\.json|manifest(-.*)?\.json|.*\.manifest\.cdm\.json)",
    re.IGNORECASE | re.DOTALL,
)
_PARTITION = re.compile(
    r"^(?P<folder>(?P<export>(?:.+/)?CustomerInsights_[^/]+/[^/]+)/(?P<table>[^/]+))"
    r"/(?P<minute>\d{4}/\d{2}/\d{2}/\d{4})/[^/]+$"
)
_MANIFEST = re.compile(rf"^(?:.+/)?CustomerInsights_[^/]+/(?:[^/]+/){{1,2}}{re.escape(MANIFEST_NAME)}$")


@dataclass(frozen=True, slots=True)
class PlainFile:
    segment: str
    name: str

    @property
    def source(self) -> str:
        return f"{self.segment}/"


@dataclass(frozen=True, slots=True)
class Partition:
    """``table_folder`` holds all minutes of a table; ``manifests`` are where its manifest may be."""

    segment: str
    table_folder: str
    minute: str
    export_folder: str

    @property
    def source(self) -> str:
        return f"{self.table_folder}/"

    @property
    def folder(self) -> str:
        return f"{self.table_folder}/{self.minute}/"

    @property
    def manifests(self) -> tuple[str, str]:
        return f"{self.export_folder}/{MANIFEST_NAME}", f"{self.table_folder}/{MANIFEST_NAME}"


@dataclass(frozen=True, slots=True)
class ManifestFile:
    name: str


@dataclass(frozen=True, slots=True)
class ManifestTable:
    """What a manifest says of one table. ``partitions`` are blob names."""

    columns: tuple[str, ...]
    partitions: tuple[str, ...]
    has_header: bool
    delimiter: str


def classify(name: str) -> PlainFile | Partition | ManifestFile | None:
    """Say what a blob is by its name; None when it is no part of a segment."""
    if _MANIFEST.match(name):
        return ManifestFile(name)
    folder, _, file = name.rpartition("/")
    if not folder or not file or _NOT_DATA.fullmatch(file):
        return None
    if found := _PARTITION.match(name):
        return Partition(found["table"], found["folder"], found["minute"], found["export"])
    if "/CustomerInsights_" in f"/{folder}" or not file.lower().endswith(_SUFFIXES):
        return None
    return PlainFile(name.split("/", 1)[0], name)


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
            settings = (partitions[0].get("fileFormatSettings") if partitions else None) or {}
            tables.append(
                ManifestTable(
                    columns=tuple(str(attribute["name"]) for attribute in entity.get("attributes") or []),
                    partitions=tuple(
                        dict.fromkeys(
                            _blob_name(manifest_name, str(partition["location"])) for partition in partitions
                        )
                    ),
                    # Absent means no header and a comma (Common Data Model, fileFormatSettings).
                    has_header=str(settings.get("columnHeaders")).lower() == "true",
                    delimiter=str(settings.get("delimiter") or ","),
                )
            )
        return tables
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as problem:
        raise SegmentUnreadable(
            f"The manifest '{manifest_name}' cannot be understood ({type(problem).__name__}).",
            code="manifest-unreadable",
            remedy="Export again from Customer Insights, or remove the manifest.",
        ) from None


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
