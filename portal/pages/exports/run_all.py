"""Run everything that is active: first what that would be, then what came of it."""

from secrets import token_urlsafe

from portal.pages.exports.listing import every_export
from portal.routing import pages
from portal.web import Outcome, Request, StartRun, View
from shared.domain.access import Role
from shared.usecases.exports.views import Permission

_KEY_LENGTH = 64


@pages.get("exports/run-all", Role.CONTRIBUTOR)
def ask(request: Request) -> Outcome:
    request.principal.require(Role.CONTRIBUTOR)
    everything = list(every_export(request))
    active = [export for export in everything if export.active]
    wanted = [export for export in active if export.permission is Permission.EDIT]
    values = {
        "wanted": wanted,
        "not_active": len(everything) - len(active),
        "not_permitted": len(active) - len(wanted),
        "request_key": token_urlsafe(16),
    }
    return View("exports/run_all.html", values)


@pages.post("exports/run-all", Role.CONTRIBUTOR)
def run_all(request: Request) -> Outcome:
    """Sent twice, a form starts its runs once."""
    key = request.form.get("request_key")[:_KEY_LENGTH] or None
    done = request.app.run_orders.run_all(request.principal, key)
    return View("exports/run_all_done.html", {"done": done}, effects=[StartRun(run) for run in done.runs])
