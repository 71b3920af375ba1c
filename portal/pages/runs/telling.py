"""What a run does, in sentences: what goes on, what its end means for the people in it, and what comes next."""

from portal.reader import gettext as _
from portal.reader import ngettext
from shared.domain.run import DELIBERATE_REJECTS, Decision, Run, RunStatus, Stage, count_faults

RETRIED = frozenset({"refused_by_destination", "not_accepted", "not_put_on_list"})
"""Reasons of people who were sent and not taken: they can be sent again (docs/rejects.md)."""


def count_unreached(run: Run) -> int:
    """Return how many people were to be sent and were not reached, because the run ended early."""
    counts = run.counts
    if run.dry or not run.status.ended:
        return 0
    return max(0, counts.profiles - counts.sent - counts.unchanged - counts.refused)


def count_retried(run: Run) -> int:
    """Return how many people a retry would send again."""
    if run.dry or not run.status.ended or run.pushing_at is None:
        return 0
    return count_unreached(run) + sum(run.rejected.get(reason, 0) for reason in RETRIED)


def tell_state(run: Run) -> str:
    """Say in one sentence what goes on. It holds no number that changes from moment to moment."""
    if run.status.ended:
        return _tell_end(run)
    if run.cancel_requested_by:
        return _("The run is being cancelled. It stops within seconds.")
    decision = run.approval.decision if run.approval else None
    match run.stage:
        case Stage.WAITING | Stage.APPROVAL if decision is Decision.APPROVED:
            return _("It was approved and begins anew as soon as no other run uses the connection.")
        case Stage.APPROVAL if decision is not None:
            return _("It was not approved and ends within seconds. Nothing was sent.")
        case Stage.WAITING:
            return _("It begins as soon as no other run uses the connection.")
        case Stage.STAGING:
            return _tell_reading(run)
        case Stage.APPROVAL:
            return _("It waits until somebody approves or refuses it. Nothing has been sent.")
        case Stage.PUSHING:
            return _("New and changed people are being sent to Autopilot.")
        case Stage.REMOVING:
            return _("People who have left the segment are being taken off their lists.")
    return _("What was answered is being written down.")


def _tell_reading(run: Run) -> str:
    if run.steps and (segment := run.steps[-1].segment):
        return _("The segment “%(segment)s” is being read and compared with its list.", segment=segment)
    return _("The files are being read and compared with the lists.")


def _tell_end(run: Run) -> str:
    if run.dry:
        return _tell_dry_end(run)
    match run.status:
        case RunStatus.SUCCESSFUL if run.retries:
            return _("Everybody who had been left out has been sent now.")
        case RunStatus.SUCCESSFUL if run.rejected:
            return _("Everybody in the files who may be sent is on the list.")
        case RunStatus.SUCCESSFUL:
            return _("Everybody in the files is on the list.")
        case RunStatus.SUCCESSFUL_WITH_REJECTS:
            return ngettext(
                "Everybody is on the list except for %(count)s row that was rejected.",
                "Everybody is on the list except for %(count)s rows that were rejected.",
                count_faults(run.rejected),
            )
        case RunStatus.SKIPPED:
            return _("The run was skipped, since a newer file has taken the place of its own.")
        case RunStatus.CANCELED if run.pushing_at:
            return _("The run was cancelled. What had been sent by then stays sent.")
        case RunStatus.CANCELED:
            return _("The run was cancelled before anything was sent. The lists are as they were.")
    if run.pushing_at:
        return _("The run failed on its way. What had been sent by then stays sent.")
    return _("The run failed before anything was sent. The lists are as they were.")


def _tell_dry_end(run: Run) -> str:
    if run.status in (RunStatus.SUCCESSFUL, RunStatus.SUCCESSFUL_WITH_REJECTS):
        return _("The dry run has ended. Nothing was sent.")
    if run.status is RunStatus.FAILED:
        return _("The dry run failed. It would have sent nothing in any case.")
    return _("The dry run ended early. It would have sent nothing in any case.")


def tell_next(run: Run) -> list[str]:
    """Say what becomes of those who are not on the list, and what comes next by itself."""
    if not run.status.ended or run.dry:
        return []
    told = []
    deliberate = sum(run.rejected.get(reason, 0) for reason in DELIBERATE_REJECTS)
    if deliberate:
        told.append(
            ngettext(
                "%(count)s person was left out on purpose: suppressed, or without consent.",
                "%(count)s people were left out on purpose: suppressed, or without consent.",
                deliberate,
            )
        )
    if unreached := count_unreached(run) if run.pushing_at else 0:
        told.append(
            ngettext(
                "%(count)s person was not reached. The next run sends whoever is in the newest file.",
                "%(count)s people were not reached. The next run sends whoever is in the newest file.",
                unreached,
            )
        )
    if run.status is RunStatus.SKIPPED:
        told.append(_("The newer file is exported by a run of its own. There is nothing to do."))
    elif run.status in (RunStatus.FAILED, RunStatus.CANCELED) and not unreached:
        told.append(_("Nobody is lost by that: the next run sends whoever is in the newest file."))
    return told
