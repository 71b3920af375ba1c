"""Which blob belongs to which segment: plain folders, and the layout of Customer Insights' blob export.

Plain: ``{segment}/{anything}.csv`` and the like; every upload is a snapshot of one file, unless the segment's source
says otherwise. ``IncrementalData`` and ``FullData`` folders hold changes (Customer Insights, "Incremental refresh").
Customer Insights: ``CustomerInsights_{instance}/{export}/{table}/{yyyy}/{MM}/{dd}/{HHmm}/{partition}.csv``, where the
partitions of one minute folder make up a snapshot, and ``model.json`` beside the tables (or in one) names them
(Microsoft, "Export segment list to Azure Blob Storage"; Common Data Model, "model.json").
"""

import re
from dataclasses import dataclass

MANIFEST_NAME = "model.json"
_SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".gz", ".zip")
_NOT_DATA = re.compile(
    r"([._].*|dummy-object\.txt|mparticle[-_](validation|bucket_verification).*"
    r"|model\.json|manifest\.json|.*\.manifest\.cdm\.json)",
    re.IGNORECASE | re.DOTALL,
)
_DROP_MANIFEST = re.compile(r"manifest-.+\.json", re.IGNORECASE | re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_SEGMENT_CHARACTERS = 500
_CHANGES = re.compile(r"/(?P<kind>Incremental|Full)Data/", re.IGNORECASE)
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

    @property
    def changes(self) -> str | None:
        """ "incremental" or "full" for a file below a folder of Customer Insights' lake, else None."""
        found = _CHANGES.search(self.name)
        return found["kind"].lower() if found else None


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
    """``model.json`` of Customer Insights."""

    name: str

    @property
    def folder(self) -> str:
        return self.name.removesuffix(MANIFEST_NAME)


@dataclass(frozen=True, slots=True)
class DropManifest:
    """``manifest-{destination}-{flow run}.json`` of Adobe Experience Platform, beside the files that it names."""

    segment: str
    name: str


def classify(name: str) -> PlainFile | Partition | ManifestFile | DropManifest | None:
    """Say what a blob is by its name; None when it is no part of a segment.

    That includes names with steps that are empty or dots, which HTTP libraries resolve, and segments with names of more
    than 500 characters or with control characters.
    """
    segment, *steps = name.split("/")
    if not {"", ".", ".."}.isdisjoint((segment, *steps)) or _CONTROL.search(name):
        return None
    place = _classify(name, segment)
    return None if len(getattr(place, "segment", "")) > _MAX_SEGMENT_CHARACTERS else place


def _classify(name: str, segment: str) -> PlainFile | Partition | ManifestFile | DropManifest | None:
    if _MANIFEST.match(name):
        return ManifestFile(name)
    folder, _, file = name.rpartition("/")
    if not folder or not file:
        return None
    if _DROP_MANIFEST.fullmatch(file) and "/CustomerInsights_" not in f"/{folder}":
        return DropManifest(segment, name)
    if _NOT_DATA.fullmatch(file):
        return None
    if found := _PARTITION.match(name):
        return Partition(found["table"], found["folder"], found["minute"], found["export"])
    if "/CustomerInsights_" in f"/{folder}" or not file.lower().endswith(_SUFFIXES):
        return None
    return PlainFile(segment, name)
