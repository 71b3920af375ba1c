"""Which stage a run is in, and since when."""

from datetime import datetime

from shared.domain.run import Run, Stage, Step

_ORDER = tuple(Stage)


def enter(run: Run, stage: Stage, at: datetime, segment: str | None = None) -> Run:
    """Return the run in this stage; its step lasts until the next one begins.

    A repeated step keeps its time, and one that is repeated late, when the run has gone on, sets nothing back.
    """
    if is_past(run, stage):
        return run
    last = run.steps[-1] if run.steps else None
    if last and last.ended_at is None and (last.stage, last.segment) == (stage, segment):
        return run.model_copy(update={"stage": stage})
    step = Step(stage=stage, segment=segment, started_at=at)
    return run.model_copy(update={"stage": stage, "steps": (*_ended(run, at), step)})


def leave(run: Run, stage: Stage, at: datetime) -> Run:
    """Return the run in this stage without a step of its own: the last one ends now."""
    return run if is_past(run, stage) else run.model_copy(update={"stage": stage, "steps": _ended(run, at)})


def wait_again(run: Run, at: datetime) -> Run:
    """Return the run back at its beginning, waiting for the connection."""
    step = Step(stage=Stage.WAITING, started_at=at)
    return run.model_copy(update={"stage": Stage.WAITING, "steps": (*_ended(run, at), step)})


def is_past(run: Run, stage: Stage) -> bool:
    return _ORDER.index(stage) < _ORDER.index(run.stage)


def _ended(run: Run, at: datetime) -> tuple[Step, ...]:
    steps = run.steps or (Step(stage=Stage.WAITING, started_at=run.created_at),)
    return tuple(step.model_copy(update={"ended_at": step.ended_at or at}) for step in steps)
