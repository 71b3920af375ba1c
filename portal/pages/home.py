"""The home page: what goes on, what needs somebody, what comes next, and what the last month brought."""

from portal.charts import add_up, draw_days, draw_lists, short_day
from portal.routing import pages
from portal.web import Outcome, Request, View
from shared.domain.access import Role
from shared.domain.connection import ConnectionStatus
from shared.domain.run import RunStatus
from shared.domain.standing import Condition
from shared.usecases.overview import OverviewView

_STATUS_OF = {
    Condition.FAILED: RunStatus.FAILED,
    Condition.PARTIAL: RunStatus.SUCCESSFUL_WITH_REJECTS,
    Condition.APPROVAL_NEEDED: RunStatus.WAITING_FOR_APPROVAL,
}
"""The word for an export's condition is that of the run which brought it about."""


@pages.get("")
def show(request: Request) -> Outcome:
    view = request.app.overview.show(request.principal)
    waiting = [run for run in view.unfinished if run.status is RunStatus.WAITING_FOR_APPROVAL]
    told = {run.id for run in waiting}
    values = {
        "view": view,
        "waiting": waiting,
        "going_on": [run for run in view.unfinished if run not in waiting],
        "troubled": [
            (each, _STATUS_OF.get(each.condition, each.condition))
            for each in view.troubled
            if each.condition is not Condition.APPROVAL_NEEDED or each.run_id not in told
        ],
        "unwell": [each for each in view.connections if each.status is not ConnectionStatus.CONNECTED],
        "may_change": request.principal.role.includes(Role.CONTRIBUTOR),
        "is_administrator": request.principal.role is Role.ADMINISTRATOR,
        "chart": draw_days(view.days),
        "month": add_up(view.days),
        "lists": draw_lists(view.lists),
        "short_day": short_day,
        "steps": [] if view.exports else _first_steps(request, view),
    }
    return View("home/show.html", values)


def _first_steps(request: Request, view: OverviewView) -> list[tuple[str, bool]]:
    """Return what leads to the first export, and what of it is done as far as the reader may know."""
    connections = request.app.connections.list(request.principal)
    return [("connection", bool(connections)), ("segment", view.segments > 0), ("export", False)]
