"""Review: has a run that waits for approval been decided upon?"""

from shared.domain.record import Record
from shared.domain.run import Decision, Run, RunStatus
from shared.pipeline.standings import remember_run
from shared.pipeline.steps.context import RunContext
from shared.pipeline.steps.overtaken import has_newer_run
from shared.pipeline.steps.timing import wait_again


class Reviewed(Record):
    """``wait_s`` is for how long a decision may still be made; None when there is one, or none is needed any more.

    ``approved``: the run begins again. ``overtaken``: a newer file of one of its segments has a run of its own.
    """

    wait_s: float | None = None
    approved: bool = False
    overtaken: bool = False


def review(context: RunContext, run_id: str) -> Reviewed:
    """Look at what was decided; what nobody decided in time expires."""
    run = context.run(run_id)
    if run.status.ended or run.cancel_requested_by:
        return Reviewed()
    if has_newer_run(context, run):
        return Reviewed(overtaken=True)
    run = context.stores.runs.change(run_id, lambda present: _decided(present, context))
    if run.approval is None:
        return Reviewed()
    if run.approval.decision is Decision.APPROVED:
        remember_run(context.stores, run)
        return Reviewed(approved=True)
    if run.approval.decision is not None:
        return Reviewed()
    return Reviewed(wait_s=(run.approval.expires_at - context.clock()).total_seconds())


def _decided(run: Run, context: RunContext) -> Run:
    """Return the run as the present decision on it, or the lack of one until now, makes it."""
    now, approval = context.clock(), run.approval
    if approval and approval.decision is None and now >= approval.expires_at:
        expired = approval.model_copy(update={"decision": Decision.EXPIRED, "decided_at": now})
        return run.model_copy(update={"approval": expired})
    if approval and approval.decision is Decision.APPROVED and run.status is RunStatus.WAITING_FOR_APPROVAL:
        return wait_again(run, now).model_copy(update={"status": RunStatus.PROCESSING})
    return run
