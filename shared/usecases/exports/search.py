"""The list of exports: everybody sees all of them, sorted and searched as they like."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from shared.domain.access import Principal, Role
from shared.domain.export import Export
from shared.domain.ports import Stores
from shared.usecases.exports.views import ExportView, ExportViews, Permission
from shared.usecases.listing import page_after, sort_by

NO_CONNECTION = "none"
_SORTS: dict[str, Callable[[ExportView], object]] = {
    "name": lambda view: view.name.casefold(),
    "connection": lambda view: view.connection_name and view.connection_name.casefold(),
    "type": lambda view: view.connection_type,
    "permission": lambda view: view.permission,
    "status": lambda view: view.status,
    "active": lambda view: view.active,
    "schedule": lambda view: view.schedule.recurrence,
    "last_run": lambda view: view.last_run and view.last_run.created_at,
    "next_run": lambda view: view.next_run,
    "created_at": lambda view: view.created_at,
    "updated_at": lambda view: view.updated_at,
    "updated_by": lambda view: view.updated_by.casefold(),
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
        chosen = [export for export in self._stores.exports.all() if _fits(export, query)]
        words = query.search.casefold().split()
        views = [view for view in self._views.show_all(chosen, principal) if _holds(view, words)]
        views = _sorted(views, query.sort)
        shown, following = page_after(views, query.after, query.size, lambda view: view.id)
        return ExportPage(exports=shown, next=following, total=len(views))

    def with_segment(self, segment: str, principal: Principal) -> SegmentExports:
        """Return which exports carry a segment, whether or not anything has arrived for it."""
        principal.require(Role.VIEWER)
        views = _sorted(self._views.show_all(self._stores.exports.all(), principal), "name")
        return SegmentExports(
            containing=[view for view in views if view.segment(segment)],
            others=[
                view for view in views if not view.segment(segment) and view.permission is Permission.EDIT
            ],
        )


def _fits(export: Export, query: ExportQuery) -> bool:
    if query.connection_id is not None:
        wanted = None if query.connection_id == NO_CONNECTION else query.connection_id
        if export.connection_id != wanted:
            return False
    if query.segment is not None and not export.segment(query.segment):
        return False
    return query.active is None or export.active == query.active


def _holds(view: ExportView, words: list[str]) -> bool:
    names = [view.name, view.connection_name or "", *(choice.name for choice in view.segments)]
    text = "\n".join(names).casefold()
    return all(word in text for word in words)


def _sorted(views: list[ExportView], column: str) -> list[ExportView]:
    return sort_by(views, _SORTS, column, things="Exports", tie=lambda view: (view.name.casefold(), view.id))
