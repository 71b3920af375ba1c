"""The list of exports: sorted, searched, filtered, and chosen from to schedule several at once."""

from collections.abc import Iterator

from portal.forms import Form
from portal.routing import pages
from portal.schedule_words import describe_moment, describe_schedule
from portal.templating import with_query
from portal.web import Outcome, Redirect, Request, View
from shared.domain.access import Role
from shared.domain.errors import Invalid
from shared.usecases.exports.search import NO_CONNECTION, SORTS, ExportPage, ExportQuery
from shared.usecases.exports.views import ExportView

_PAGE, _MOST = 50, 500
_ACTIVE = {"yes": True, "no": False}


@pages.get("exports")
def show_list(request: Request) -> Outcome:
    query = _read_query(request.query)
    try:
        page = request.app.export_list.page(query, request.principal)
    except Invalid:
        return Redirect(with_query(request, after=""))
    values = {
        "page": page,
        "query": query,
        "is_filtered": bool(query.search or query.connection_id or query.active is not None),
        "connections": _offer_connections(request, query, page),
        "all_chosen": request.query.get("choose") == "all",
        "may_add": request.principal.role.includes(Role.CONTRIBUTOR),
        "NO_CONNECTION": NO_CONNECTION,
        "describe_schedule": describe_schedule,
        "describe_moment": describe_moment,
    }
    return View("exports/list.html", values)


def every_export(request: Request) -> Iterator[ExportView]:
    """Yield all exports, by name."""
    after = None
    while True:
        query = ExportQuery(size=_MOST, after=after)
        page = request.app.export_list.page(query, request.principal)
        yield from page.exports
        if (after := page.next) is None:
            return


def _read_query(asked: Form) -> ExportQuery:
    sort = asked.get("sort")
    return ExportQuery(
        sort=sort if sort.removeprefix("-") in SORTS else "name",
        search=asked.get("search")[:200],
        connection_id=asked.get("connection_id") or None,
        active=_ACTIVE.get(asked.get("active")),
        size=_PAGE,
        after=asked.raw("after") or None,
    )


def _offer_connections(request: Request, query: ExportQuery, page: ExportPage) -> list[tuple[str, str]]:
    """Return the connections to filter by: those that the reader may use, and the one that was asked for."""
    usable = request.app.connections.list(request.principal)
    offered = {each.id: each.display_name for each in usable}
    if query.connection_id not in (None, NO_CONNECTION, *offered) and page.exports:
        offered[page.exports[0].connection_id or ""] = page.exports[0].connection_name or ""
    return list(offered.items())
