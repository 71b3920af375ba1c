"""What a blob is, by its name and by what manifests say of it. See docs/segment-files.md."""

from shared.pipeline.layouts.adobe import part_group, read_drop_manifest
from shared.pipeline.layouts.model_json import MAX_MANIFEST_BYTES, ManifestTable, read_manifest
from shared.pipeline.layouts.names import (
    MANIFEST_NAME,
    DropManifest,
    ManifestFile,
    Partition,
    PlainFile,
    classify,
)
from shared.pipeline.layouts.order import Blob, in_order, natural_key

__all__ = [
    "MANIFEST_NAME",
    "MAX_MANIFEST_BYTES",
    "Blob",
    "DropManifest",
    "ManifestFile",
    "ManifestTable",
    "Partition",
    "PlainFile",
    "classify",
    "in_order",
    "natural_key",
    "part_group",
    "read_drop_manifest",
    "read_manifest",
]
