"""What a run rejected: by reason, with what it means, what to do, and some of the rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from portal.pages.runs.reject_rows import Found, RejectRow, find_rows
from portal.pages.runs.telling import RETRIED, count_retried
from portal.routing import pages
from portal.web import Download, Outcome, Request, View
from portal.words import explain_reason
from shared.domain.access import Role
from shared.domain.errors import Conflict, NotFound
from shared.domain.identifiers import new_id
from shared.domain.run import DELIBERATE_REJECTS
from shared.usecases.runs.runs import RunView

_EXAMPLES, _PAGE, _MOST = 3, 50, 500


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one reason; ``more`` is the number of the first that is not shown, None when there is none."""

    reason: str
    title: str
    meaning: str
    count: int
    rows: list[RejectRow]
    first: int
    more: int | None

    @property
    def is_deliberate(self) -> bool:
        return self.reason in DELIBERATE_REJECTS

    @property
    def is_retried(self) -> bool:
        return self.reason in RETRIED


@pages.get("runs/{id}/rejects", Role.CONTRIBUTOR)
def show(request: Request) -> Outcome:
    """Without a reason some rows of each, with one a page of its rows."""
    run = request.app.runs.get(request.params["id"], request.principal)
    chosen, first = request.query.get("reason"), _first(request.query.get("after"))
    values = {"run": run, "chosen": chosen, "key": new_id("request"), "retried": count_retried(run)}
    is_complete, problem = True, None
    try:
        parts = request.app.runs.rejects(run.id, request.principal)
        found = find_rows(parts, _wanted(chosen, first), _expected(run, chosen, first))
        is_complete = found.complete or bool(run.rejected)
    except (Conflict, NotFound) as error:
        found, problem = Found(), error
    groups = _groups(run.rejected or found.counts, found, chosen, first)
    values |= {"groups": groups, "problem": problem, "is_complete": is_complete, "most": _MOST}
    return View("runs/rejects.html", {**values, "total": sum((run.rejected or found.counts).values())})


@pages.get("runs/{id}/rejects.csv", Role.CONTRIBUTOR)
def download(request: Request) -> Outcome:
    run_id = request.params["id"]
    parts = request.app.runs.rejects(run_id, request.principal)
    return Download(b"".join(parts), "text/csv; charset=utf-8", f"rejects-{run_id}.csv")


def _first(after: str) -> int:
    return min(int(after), _MOST) if after.isdecimal() and len(after) < 10 else 0


def _wanted(chosen: str, first: int) -> Callable[[str], range]:
    """Return which rows of a reason are to be shown, by their number."""

    def wanted(reason: str) -> range:
        if not chosen:
            return range(_EXAMPLES)
        return range(first, min(first + _PAGE, _MOST)) if reason == chosen else range(0)

    return wanted


def _expected(run: RunView, chosen: str, first: int) -> int | None:
    """Return how many rows there are to be found; None while a run has not ended and nobody has counted them."""
    if not run.rejected:
        return None
    if chosen:
        return max(0, min(run.rejected.get(chosen, 0), first + _PAGE, _MOST) - first)
    return sum(min(count, _EXAMPLES) for count in run.rejected.values())


def _groups(counts: Mapping[str, int], found: Found, chosen: str, first: int) -> list[Group]:
    """Return the groups, what went wrong most often first and what is left out on purpose last."""
    groups = []
    for reason, count in counts.items():
        if chosen in ("", reason):
            rows, told = found.rows.get(reason, []), explain_reason(reason)
            shown = first + len(rows)
            more = shown if rows and shown < min(count, _MOST) else None
            groups.append(Group(reason, told.title, told.meaning, count, rows, first, more))
    return sorted(groups, key=lambda group: (group.is_deliberate, -group.count, group.reason))
