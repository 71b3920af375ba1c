"""How far a run is, as a bar, a percentage and a pace."""

from dataclasses import dataclass
from datetime import datetime

from portal.reader import gettext as _
from portal.reader import ngettext, number
from shared.domain.run import Stage, Step
from shared.usecases.runs.runs import RunView


@dataclass(frozen=True, slots=True)
class Bar:
    """``done`` of ``whole`` people, also in words."""

    done: int
    whole: int
    text: str

    @property
    def share(self) -> float:
        """Never the whole before it is done: 99.9% is not rounded up."""
        return int(100 * self.done / self.whole) / 100


def bar_of(run: RunView) -> Bar | None:
    """Return the bar of a run that sends or removes; None while nobody knows how much there is to do."""
    progress = run.progress
    if run.status.ended:
        return None
    if run.stage is Stage.PUSHING and progress.to_send:
        done, whole = progress.done, progress.to_send
        text = _("%(done)s of %(whole)s people sent", done=number(done), whole=number(whole))
        return Bar(done, whole, text)
    if run.stage is Stage.REMOVING and progress.to_remove:
        done, whole = progress.removed, progress.to_remove
        text = _("%(done)s of %(whole)s people taken off", done=number(done), whole=number(whole))
        return Bar(done, whole, text)
    return None


def tell_rate(rate_per_s: float) -> str:
    """Slow paces are told by the minute."""
    if rate_per_s >= 1:
        shown = round(rate_per_s, 1) if rate_per_s < 10 else round(rate_per_s)
        return _("%(rate)s people a second", rate=number(shown))
    a_minute = max(1, round(rate_per_s * 60))
    return ngettext("%(count)s person a minute", "%(count)s people a minute", a_minute)


def seconds_of(step: Step, now: datetime) -> float:
    return ((step.ended_at or now) - step.started_at).total_seconds()


def elapsed_s(run: RunView, now: datetime) -> float:
    """Return how long a run has gone on since it was asked for, or how long it took."""
    return ((run.ended_at or now) - (run.started_at or run.created_at)).total_seconds()


def state_of(run: RunView) -> str:
    """Return what changes when a page has more to show than other numbers."""
    approval = run.approval
    parts = (
        run.status,
        run.stage,
        len(run.steps),
        bool(run.cancel_requested_by),
        approval and (approval.round, approval.decision),
    )
    return "-".join(str(part) for part in parts)
