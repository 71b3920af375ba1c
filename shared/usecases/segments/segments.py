"""Segments: what has arrived, what is in it, and who exports it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import BaseModel

from shared.domain.access import Principal, Role
from shared.domain.errors import Conflict
from shared.domain.export import Export
from shared.domain.masking import mask
from shared.domain.ports import Stores
from shared.domain.record import Moment
from shared.domain.segment import (
    Segment,
    SegmentName,
    Snapshot,
    SnapshotMode,
    SourceFormat,
    TrendPoint,
)
from shared.pipeline.journal import Journal
from shared.pipeline.peeking import Peeker
from shared.usecases.listing import page_after, sort_by


class SegmentView(BaseModel):
    """``rows`` and ``profiles`` are those of the newest snapshot, None until they were counted; for changes they are
    not the size of the segment. ``exports`` are the names of those that carry it. ``warning`` says what was wrong with
    the latest arrival, ``limit_warning`` that a run would fail since there are too many people."""

    name: SegmentName
    source: str
    format: SourceFormat
    mode: SnapshotMode
    files: int
    arrived_at: Moment
    columns: tuple[str, ...] | None
    rows: int | None
    profiles: int | None
    exports: list[str]
    warning: str | None
    limit_warning: str | None


class SegmentDetails(SegmentView):
    """``trend`` is how many people its last snapshots had, oldest first."""

    snapshot: Snapshot
    trend: tuple[TrendPoint, ...]


class SegmentPage(BaseModel):
    """``next`` is given back as ``?after=`` to get the next page. ``total`` counts all pages."""

    segments: list[SegmentView]
    next: str | None = None
    total: int


class SegmentSample(BaseModel):
    """The first rows of a segment's newest file. Addresses are masked."""

    columns: tuple[str, ...]
    rows: list[list[str | None]]


@dataclass(frozen=True, slots=True)
class SegmentQuery:
    """``sort`` names a column, with ``-`` before it downwards; ``search`` holds words that all occur in the name;
    ``after`` is what the page before gave as ``next``."""

    sort: str = "name"
    search: str = ""
    size: int = 50
    after: str | None = None


class _Row(NamedTuple):
    """A segment among many, and the names of the exports that carry it."""

    segment: Segment
    exports: list[str]


_SORTS: dict[str, Callable[[_Row], object]] = {
    "name": lambda row: row.segment.name.casefold(),
    "arrived_at": lambda row: row.segment.snapshot.arrived_at,
    "profiles": lambda row: row.segment.rows if row.segment.profiles is None else row.segment.profiles,
    "format": lambda row: row.segment.snapshot.format,
    "exports": lambda row: len(row.exports),
}
SORTS = tuple(_SORTS)


class Segments:
    """Use cases of segments. Everybody sees them; contributors look into them and forget them."""

    def __init__(
        self, stores: Stores, peeker: Peeker, journal: Journal, *, max_profiles_per_run: int
    ) -> None:
        self._stores, self._peeker, self._journal = stores, peeker, journal
        self._limit = max_profiles_per_run

    def page(self, query: SegmentQuery, principal: Principal) -> SegmentPage:
        """Return a page of segments; those without a value to sort by come last.

        Raises Invalid for an unknown column, and when what ``after`` names is not in the list any more.
        """
        principal.require(Role.VIEWER)
        exports = _names_by_segment(self._stores.exports.glance())
        words = query.search.casefold().split()
        rows = [
            _Row(segment, exports.get(segment.name, []))
            for segment in self._stores.segments.glance()
            if all(word in segment.name.casefold() for word in words)
        ]
        rows = sort_by(
            rows, _SORTS, query.sort, things="Segments", tie=lambda row: row.segment.name.casefold()
        )
        shown, following = page_after(rows, query.after, query.size, lambda row: row.segment.name)
        return SegmentPage(
            segments=[self._show(segment, names) for segment, names in shown],
            next=following,
            total=len(rows),
        )

    def glance(self, principal: Principal) -> Sequence[Segment]:
        """Return all segments as they are remembered, with few calls to storage however many there are."""
        principal.require(Role.VIEWER)
        return self._stores.segments.glance()

    def get(self, name: str, principal: Principal) -> SegmentDetails:
        """Raises NotFound when nothing has arrived under this name."""
        principal.require(Role.VIEWER)
        segment = self._stores.segments.get(name).record
        view = self._show(segment, _names_by_segment(self._stores.exports.glance()).get(name, []))
        return SegmentDetails(**dict(view), snapshot=segment.snapshot, trend=segment.trend)

    def sample(self, name: str, size: int, principal: Principal) -> SegmentSample:
        """Read the first rows of the newest file. Raises SegmentUnreadable when that is not possible."""
        with self._journal.audited(principal, "sample.read", name) as details:
            principal.require(Role.CONTRIBUTOR)
            details["size"] = size
            columns, rows = self._peeker.sample(self._stores.segments.get(name).record.snapshot, size)
        return SegmentSample(columns=columns, rows=[_masked(row) for row in rows])

    def remove(self, name: str, principal: Principal) -> None:
        """Forget what has arrived; its files stay where they are, and the next one brings the segment back.

        Raises Conflict while an export carries it.
        """
        with self._journal.audited(principal, "segment.remove", name):
            principal.require(Role.CONTRIBUTOR)
            self._stores.segments.get(name)
            if exports := _names_by_segment(self._stores.exports.all()).get(name):
                raise Conflict(
                    f"The segment '{name}' is carried by the export '{exports[0]}'.",
                    code="segment-exported",
                    remedy="Take it out of its exports first.",
                )
            self._stores.segments.remove(name)

    def _show(self, segment: Segment, exports: list[str]) -> SegmentView:
        snapshot = segment.snapshot
        size, kind = (segment.rows, "rows") if segment.profiles is None else (segment.profiles, "profiles")
        too_large = size is not None and size > self._limit
        return SegmentView(
            name=segment.name,
            source=segment.source,
            format=snapshot.format,
            mode=snapshot.mode,
            files=len(snapshot.files),
            arrived_at=snapshot.arrived_at,
            columns=segment.columns,
            rows=segment.rows,
            profiles=segment.profiles,
            exports=exports,
            warning=segment.warning,
            limit_warning=f"It has {size:,} {kind}; a run may have at most {self._limit:,} profiles."
            if too_large
            else None,
        )


def _names_by_segment(exports: Iterable[Export]) -> dict[str, list[str]]:
    """Return the names of the exports that carry each segment."""
    names: dict[str, list[str]] = {}
    for export in exports:
        for choice in export.segments:
            names.setdefault(choice.name, []).append(export.name)
    return {segment: sorted(found, key=str.casefold) for segment, found in names.items()}


def _masked(row: Iterable[object]) -> list[str | None]:
    texts = (None if value is None else str(value) for value in row)
    return [mask(text) if text and "@" in text else text for text in texts]
