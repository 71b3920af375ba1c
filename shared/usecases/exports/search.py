"""The list of exports: everybody sees all of them, sorted and searched as they like."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from shared.domain.access import Principal, Role
from shared.domain.export import Export
from shared.domain.ports import Stores
from shared.usecases.exports.views import ExportRow, ExportView, ExportViews, Permission
from shared.usecases.listing import page_after, sort_by

NO_CONNECTION = "none"
_SORTS: dict[str, Callable[[ExportRow], object]] = {
    "name": lambda row: row.export.name.casefold(),
    "connection": lambda row: row.connection and row.connection.display_name.casefold(),
    "type": lambda row: row.connection and row.connection.destination,
    "permission": lambda row: row.permission,
    "status": lambda row: row.status,
    "active": lambda row: row.export.active,
    "schedule": lambda row: row.export.schedule.recurrence,
    "last_run": lambda row: row.standing.last_run and row.standing.last_run.created_at,
    "next_run": lambda row: row.next_run,
    "created_at": lambda row: row.export.created_at,
    "updated_at": lambda row: row.export.updated_at,
    "updated_by": lambda row: row.export.updated_by.casefold(),
}
SORTS = tuple(_SORTS)


@dataclass(frozen=True, slots=True)
class ExportQuery:
    """Which exports, and in which order. ``sort`` names a column, with ``-`` before it downwards; ``search`` holds
    words that all have to occur in the export's, its segments' or its connection's name; ``connection_id`` may be
    NO_CONNECTION; ``after`` is what the page before gave as ``next``."""

    sort: str = "name"
    search: str = ""
    connection_id: str | None = None
    segment: str | None = None
    active: bool | None = None
    size: int = 50
    after: str | None = None


class ExportPage(BaseModel):
    """``next`` is given back as ``?after=`` to get the next page. ``total`` counts all pages."""

    exports: list[ExportView]
    next: str | None = None
    total: int


class SegmentExports(BaseModel):
    """The exports that carry a segment, and those that do not but may get it from the caller."""

    containing: list[ExportView]
    others: list[ExportView]


class ExportList:
    """Use cases that look at many exports."""

    def __init__(self, stores: Stores, views: ExportViews) -> None:
        self._stores, self._views = stores, views

    def page(self, query: ExportQuery, principal: Principal) -> ExportPage:
        """Return a page of exports; those without a value to sort by come last.

        Raises Invalid for an unknown column, and when what ``after`` names is not in the list any more.
        """
        principal.require(Role.VIEWER)
        chosen = [export for export in self._stores.exports.glance() if _fits(export, query)]
        words = query.search.casefold().split()
        rows = [row for row in self._views.rows(chosen, principal) if _holds(row, words)]
        rows = _sorted(rows, query.sort)
        shown, following = page_after(rows, query.after, query.size, lambda row: row.export.id)
        return ExportPage(exports=[row.view() for row in shown], next=following, total=len(rows))

    def names(self, principal: Principal) -> dict[str, str]:
        """Return the name of every export by its id, in the order of their names."""
        principal.require(Role.VIEWER)
        exports = self._stores.exports.glance()
        return {each.id: each.name for each in sorted(exports, key=lambda each: each.name.casefold())}

    def with_segment(self, segment: str, principal: Principal) -> SegmentExports:
        """Return which exports carry a segment, whether or not anything has arrived for it."""
        return SegmentExports(
            containing=self.containing(segment, principal),
            others=[row.view() for row in self._without(segment, principal)],
        )

    def containing(self, segment: str, principal: Principal) -> list[ExportView]:
        """Return the exports that carry a segment, by name."""
        return [row.view() for row in self._rows(principal) if row.export.segment(segment)]

    def names_without(self, segment: str, principal: Principal) -> dict[str, str]:
        """Return the names of the exports that may get a segment, by their ids, in the order of the names."""
        return {row.export.id: row.export.name for row in self._without(segment, principal)}

    def _without(self, segment: str, principal: Principal) -> list[ExportRow]:
        rows = (row for row in self._rows(principal) if not row.export.segment(segment))
        return [row for row in rows if row.permission is Permission.EDIT]

    def _rows(self, principal: Principal) -> list[ExportRow]:
        principal.require(Role.VIEWER)
        return _sorted(self._views.rows(self._stores.exports.glance(), principal), "name")


def _fits(export: Export, query: ExportQuery) -> bool:
    if query.connection_id is not None:
        wanted = None if query.connection_id == NO_CONNECTION else query.connection_id
        if export.connection_id != wanted:
            return False
    if query.segment is not None and not export.segment(query.segment):
        return False
    return query.active is None or export.active == query.active


def _holds(row: ExportRow, words: list[str]) -> bool:
    if not words:
        return True
    names = [row.export.name, *(choice.name for choice in row.export.segments)]
    if row.connection:
        names.append(row.connection.display_name)
    text = "\n".join(names).casefold()
    return all(word in text for word in words)


def _sorted(rows: list[ExportRow], column: str) -> list[ExportRow]:
    return sort_by(
        rows, _SORTS, column, things="Exports", tie=lambda row: (row.export.name.casefold(), row.export.id)
    )
