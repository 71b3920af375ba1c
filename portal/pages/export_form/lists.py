"""Asking the destination for its lists, when somebody wants to choose one of them."""

from portal.pages.export_form.draft import EXISTING, Draft
from portal.web import Request
from shared.domain.errors import DestinationError, SecretUnavailable, SegpilotError

_MOST_LISTS = 1_000


def look_up_lists(request: Request, draft: Draft, *, wanted: bool) -> SegpilotError | None:
    """Ask the destination for its lists when they are ``wanted`` or somebody chooses an existing one.

    They are asked for once for each connection. Returns why there is no answer.
    """
    offered = draft.offered
    if offered.lists_of != draft.connection:
        offered.lists, offered.lists_of = None, draft.connection
    needed = any(row.list == EXISTING and not row.list_id for row in draft.chosen)
    if not draft.connection or not (wanted or (needed and offered.lists is None)):
        return None
    try:
        found = request.app.connections.lists(draft.connection, request.principal)
    except (DestinationError, SecretUnavailable) as problem:
        # Nobody waits for it again with every button.
        offered.lists = ()
        return problem
    by_title = sorted(found, key=lambda each: each.title.casefold())
    offered.lists = [(each.id, each.title) for each in by_title[:_MOST_LISTS]]
    return None
