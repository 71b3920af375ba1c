"""One run: what an operator keeps open while it goes on."""

from collections.abc import Mapping
from typing import Any

from portal.pages.runs.progress import bar_of, elapsed_s, seconds_of, state_of, tell_rate
from portal.pages.runs.telling import count_retried, count_unreached, tell_next, tell_state
from portal.reader import reader
from portal.routing import pages
from portal.web import Data, Outcome, Request, View
from portal.words import explain_reason
from shared.domain.errors import NotFound, SegpilotError
from shared.domain.identifiers import new_id
from shared.domain.run import RunStatus, Stage
from shared.usecases.runs.runs import RunView
from shared.usecases.runs.situation import RunSituation

_NO_CHANGE = Data(b"", 204)


@pages.get("runs/{id}")
def show(request: Request) -> Outcome:
    """A page that is open asks for itself again and again; what cannot be read for a moment leaves it as it is."""
    try:
        run = request.app.runs.get(request.params["id"], request.principal)
        return view_of(request, run)
    except SegpilotError as problem:
        if request.is_live and problem.retryable:
            return _NO_CHANGE
        raise


def view_of(request: Request, run: RunView, problem: SegpilotError | None = None) -> View:
    """Return the page of a run, with what was refused on it, if anything was."""
    now, state = reader().now, state_of(run)
    situation = request.app.runs.situation(run, request.principal)
    values = {
        "run": run,
        "situation": situation,
        "problem": problem,
        "state": state,
        # The page has these parts already: they are given other names, so that it keeps its own.
        "is_same": request.is_live and request.query.get("seen") == state,
        "told": tell_state(run),
        "next": tell_next(run),
        "bar": bar_of(run),
        "rate": tell_rate(run.progress.rate_per_s) if run.progress.rate_per_s else "",
        "elapsed_s": elapsed_s(run, now),
        "steps": [(step, seconds_of(step, now)) for step in run.steps],
        "unreached": count_unreached(run),
        "reasons": _reasons(run),
        "poll_s": _poll_s(run),
        "now": now,
        **_actions(run, situation),
        **_samples(request, run, situation),
    }
    return View("runs/show.html", values, problem.status if problem else 200)


def _reasons(run: RunView) -> list[tuple[str, int]]:
    """Return how many rows were rejected for each reason, the most frequent ones first."""
    counts = sorted(run.rejected.items(), key=lambda each: -each[1])
    return [(explain_reason(reason).title, count) for reason, count in counts]


def _poll_s(run: RunView) -> int | None:
    """A run that waits for somebody is looked at now and then, one that has ended never again."""
    if run.status.ended:
        return None
    return 15 if _is_undecided(run) else 2


def _is_undecided(run: RunView) -> bool:
    approval = run.approval
    waits = run.status is RunStatus.WAITING_FOR_APPROVAL and not run.cancel_requested_by
    return waits and approval is not None and approval.decision is None


def _actions(run: RunView, situation: RunSituation) -> Mapping[str, Any]:
    """Return what this person may do with the run now. ``key`` makes an order that is sent twice one order."""
    may, ended = situation.may_use, run.status.ended
    orderly = may and situation.export_exists and ended
    return {
        "may_cancel": may and not ended and not run.cancel_requested_by and not _is_undecided(run),
        "asks": _is_undecided(run),
        "may_look": may and bool(run.rejected if ended else run.stage is Stage.APPROVAL),
        "retried": count_retried(run) if orderly else 0,
        "may_repeat": orderly,
        "key": new_id("request"),
    }


def _samples(request: Request, run: RunView, situation: RunSituation) -> Mapping[str, Any]:
    """Return what a dry run would have sent of a few people, as a table; they are not kept for ever."""
    if not (run.dry and run.status.ended and situation.may_use):
        return {"samples": (), "fields": ()}
    try:
        samples = request.app.runs.samples(run.id, request.principal).samples
    except NotFound:
        return {"samples": (), "fields": ()}
    rows = [(sample.segment, dict(_flat(sample.body))) for sample in samples]
    return {"samples": rows, "fields": list(dict.fromkeys(name for _, body in rows for name in body))}


def _flat(body: Mapping[str, object]) -> list[tuple[str, object]]:
    """Return a person's fields, custom ones by the names that people gave them: ``date--Birth--day`` is *Birth day*."""
    flat: list[tuple[str, object]] = []
    for name, value in body.items():
        if isinstance(value, dict):
            flat += [(str(key).partition("--")[2].replace("--", " "), each) for key, each in value.items()]
        elif not name.startswith("_"):
            flat.append((name, value))
    return flat
