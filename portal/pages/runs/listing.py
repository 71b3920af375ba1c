"""The list of runs, newest first."""

from enum import StrEnum
from typing import TypeVar

from portal.pages.runs.progress import bar_of, elapsed_s
from portal.reader import gettext as _
from portal.reader import reader, word
from portal.routing import pages
from portal.web import Outcome, Request, View
from shared.domain.run import RunStatus, Trigger
from shared.usecases.runs.runs import RunFilter, RunView

E = TypeVar("E", bound=StrEnum)
_PAGE = 50


@pages.get("runs")
def show_all(request: Request) -> Outcome:
    """Runs that go on renew themselves in the page, as long as there are any."""
    query = request.query
    wanted = RunFilter(
        export_id=query.get("export_id") or None,
        status=_read(RunStatus, query.get("status")),
        trigger=_read(Trigger, query.get("trigger")),
    )
    page = request.app.runs.list(request.principal, query.get("after") or None, _PAGE, wanted)
    names = request.app.export_list.names(request.principal)
    values = {
        "page": page,
        "wanted": wanted,
        "names": names,
        "exports": [("", _("Any export")), *_exports(names, wanted.export_id)],
        "statuses": [("", _("Any status")), *((str(each), word(each)) for each in RunStatus)],
        "triggers": [("", _("Anything")), *((str(each), word(each)) for each in Trigger)],
        "elapsed_s": elapsed_s,
        "bar_of": bar_of,
        "now": reader().now,
        "going": _going(page.runs),
    }
    return View("runs/list.html", values)


def _read(kind: type[E], value: str) -> E | None:
    """What is none of the values is passed over: addresses are also typed by hand."""
    return kind(value) if value in list(kind) else None


def _going(runs: list[RunView]) -> list[str]:
    """Return the runs whose rows are to be renewed; not for those alone that wait for somebody, perhaps for days."""
    going = [run for run in runs if not run.status.ended]
    is_moving = any(run.status is not RunStatus.WAITING_FOR_APPROVAL for run in going)
    return [run.id for run in going] if is_moving else []


def _exports(names: dict[str, str], wanted: str | None) -> list[tuple[str, str]]:
    """Of an export that is gone its runs may still be there."""
    gone = [(wanted, _("An export that was removed"))] if wanted and wanted not in names else []
    return [*gone, *names.items()]
