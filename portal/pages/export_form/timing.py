"""When a draft would run, in words."""

from portal.pages.export_form.draft import Draft
from portal.pages.export_form.wanted import Wanted
from portal.reader import gettext as _
from portal.reader import reader
from portal.schedule_words import describe_next, describe_schedule
from portal.web import Request
from shared.domain.export import Export
from shared.domain.schedule import Recurrence, RefreshRecurrence, next_slot


def say_schedule(request: Request, draft: Draft, present: Export | None) -> str:
    """Say when a draft would run and when that is next; or what its schedule lacks."""
    schedule = Wanted(draft, present).schedule()
    if schedule is None:
        return _("Fill in when it is to run.")
    if not draft.active:
        return _("It is not active: it only runs when somebody starts it.")
    refresh = request.app.schedules.get_refresh(request.principal)
    following = next_slot(schedule, reader().now, refresh)
    if schedule.recurrence is not Recurrence.REFRESH:
        return _(
            "It runs %(schedule)s; %(next)s.",
            schedule=describe_schedule(schedule),
            next=describe_next(following),
        )
    if refresh.recurrence is RefreshRecurrence.OFF:
        return _("It runs when files of its segments arrive. The refresh of everything is switched off.")
    return _(
        "It runs when files of its segments arrive, and with the refresh %(schedule)s; %(next)s.",
        schedule=describe_schedule(refresh),
        next=describe_next(following),
    )
