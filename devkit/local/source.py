"""What the demonstration exports: a generated segment, or a file or folder of the user's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devkit.sample_data import SegmentCounts, write_segment
from shared.pipeline.layouts import MANIFEST_NAME, Partition, PlainFile, classify

SAMPLE_SEGMENT = "Newsletter readers"
SAMPLE_FIELDS = (
    {"field": "FirstName", "column": "FirstName"},
    {"field": "LastName", "column": "LastName"},
    {"field": "Phone", "column": "Phone"},
    {"field": "MailingStreet", "column": "Street"},
    {"field": "MailingCity", "column": "City"},
    {"field": "MailingPostalCode", "column": "PostalCode"},
    {"field": "MailingCountry", "column": "Country"},
    {"field": "Birth date", "column": "BirthDate", "type": "date", "date_order": "mdy"},
    {"field": "Annual income", "column": "AnnualIncome", "type": "float"},
    {"field": "Orders last year", "column": "OrdersLastYear", "type": "integer"},
    {"field": "Customer since", "column": "CustomerSince", "type": "date", "date_order": "ymd"},
)


class SourceError(ValueError):
    """There is nothing to export; says what is missing."""


@dataclass(frozen=True)
class Source:
    """Files to upload by blob name, in order, and the export that carries them.

    `expected` is what is in a generated file.
    """

    files: Sequence[tuple[str, Path]]
    segments: Sequence[str]
    email_column: str
    fields: Sequence[Mapping[str, str]]
    expected: SegmentCounts | None = None

    @property
    def size_mb(self) -> float:
        return sum(path.stat().st_size for _, path in self.files) / 1e6


def generate_source(folder: Path, profiles: int) -> Source:
    """Write a segment of invented people into `folder`."""
    path = folder / "people.csv"
    expected = write_segment(path, profiles)
    files = [(f"{SAMPLE_SEGMENT}/{path.name}", path)]
    return Source(files, [SAMPLE_SEGMENT], "EmailAddress", SAMPLE_FIELDS, expected)


def find_source(path: Path, email_column: str | None, columns_by_field: Mapping[str, str]) -> Source:
    """Take a segment file, or a folder that holds a Customer Insights export.

    Raises SourceError when there is no such file, or no e-mail column is named.
    """
    if not path.exists():
        raise SourceError(f"There is no file or folder {path}.")
    if not email_column:
        raise SourceError("Name the column of the e-mail address: make demo SEGMENT=file EMAIL=column")
    files = [(f"{path.name.partition('.')[0]}/{path.name}", path)] if path.is_file() else _list_tree(path)
    places = [place for name, _ in files if isinstance(place := classify(name), PlainFile | Partition)]
    if not places:
        raise SourceError(f"{path} holds no segment file (CSV, TSV, JSON lines or Parquet).")
    segments = sorted({place.segment for place in places})
    if len(segments) > 1:
        raise SourceError(
            f"{path} holds several segments ({', '.join(segments)}); name the folder of one of them."
        )
    fields = [{"field": field, "column": column} for field, column in columns_by_field.items() if column]
    return Source(files, segments, email_column, fields)


def _list_tree(folder: Path) -> list[tuple[str, Path]]:
    """List the files below a folder as blobs; manifests come last, as Customer Insights writes them."""
    above = [
        parent
        for parent in (folder, *folder.resolve().parents)
        if parent.name.startswith("CustomerInsights_")
    ]
    root = above[0].parent if above else folder
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    paths.sort(key=lambda path: path.name == MANIFEST_NAME)
    return [(path.resolve().relative_to(root.resolve()).as_posix(), path) for path in paths]
