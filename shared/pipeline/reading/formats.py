"""Which format a file has, from its name and its first bytes."""

import re
from enum import StrEnum

from shared.domain.errors import SegmentUnreadable


class FileFormat(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


PARQUET_MAGIC = b"PAR1"
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")

_FORMATS = {
    "csv": FileFormat.CSV,
    "tsv": FileFormat.CSV,
    "tab": FileFormat.CSV,
    "jsonl": FileFormat.JSONL,
    "ndjson": FileFormat.JSONL,
    "json": FileFormat.JSONL,
    "parquet": FileFormat.PARQUET,
}
_NOT_TEXT = {
    b"PK\x03\x04": "an archive within an archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "gzip within another compression",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
}
# Common Data Model folders keep versions as "X.csv.snapshots/X.csv@snapshot=2018-11-20T01:30:19.9Z".
_SUFFIXES = re.compile(r"(?:@snapshot=[^/]*)?(?:\.gz|\.gzip)?\Z", re.IGNORECASE)


def name_ending(name: str) -> str:
    """Return the ending that tells the format: "csv" for "a/B_1.CSV.gz"; empty if there is none."""
    base = _SUFFIXES.sub("", name.rpartition("/")[2])
    return base.rpartition(".")[2].lower() if "." in base else ""


def recognise_format(name: str, beginning: bytes) -> FileFormat:
    """Return the format of a file. Parquet shows itself; a name that says nothing means CSV, or JSON after ``{``.

    Raises SegmentUnreadable for well-known formats that are not ours.
    """
    if beginning.startswith(PARQUET_MAGIC):
        return FileFormat.PARQUET
    for magic, description in _NOT_TEXT.items():
        if beginning.startswith(magic):
            raise SegmentUnreadable(
                f"The file is {description}.",
                code="format-not-supported",
                remedy="Export the segment as CSV, JSON lines or Parquet; each of them may be compressed with gzip or zip.",
            )
    named = _FORMATS.get(name_ending(name))
    if named is None:
        text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
        return FileFormat.JSONL if text.startswith(b"{") else FileFormat.CSV
    return named
