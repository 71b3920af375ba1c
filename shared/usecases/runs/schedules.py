"""Schedules as people set them: the refresh, and those of several exports at once."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.domain.access import Principal, Role
from shared.domain.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain.export import Export
from shared.domain.ports import Stores
from shared.domain.record import Clock, Moment
from shared.domain.schedule import (
    REFRESH_ID,
    Refresh,
    RefreshRecurrence,
    Schedule,
    TimeOfDay,
    Weekday,
    ZoneName,
    check_refresh,
    check_schedule,
    next_slot,
    schedule_version,
)
from shared.pipeline.journal import Journal
from shared.usecases.versions import require_version

ExportId = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class NewRefresh(BaseModel):
    """The refresh as it is to be: ``times`` are local to ``time_zone``, an IANA name."""

    model_config = ConfigDict(extra="forbid")
    recurrence: RefreshRecurrence
    times: list[TimeOfDay] = Field(default_factory=list, max_length=4)
    weekdays: list[Weekday] = Field(default_factory=list, max_length=7)
    time_zone: ZoneName = "UTC"


class RefreshView(Refresh):
    """The refresh, and when it is due next; None while it is off."""

    next_slot: Moment | None = None

    @property
    def version(self) -> str:
        return schedule_version(Refresh(**dict(self)))


class NewSchedule(Schedule):
    """A schedule as it is to be; nothing else may be given with it."""

    model_config = ConfigDict(extra="forbid")

    def checked(self) -> Schedule:
        """Return it as it is kept. Raises Invalid that names everything wrong."""
        if problems := check_schedule(self):
            raise _invalid("/schedule", problems)
        return Schedule(**self.model_dump())


class ScheduleChange(BaseModel):
    """``active`` switches the exports on or off; ``schedule`` is a new one for all of them, without it each keeps its
    own."""

    model_config = ConfigDict(extra="forbid")
    exports: list[ExportId] = Field(min_length=1, max_length=1_000)
    active: bool | None = None
    schedule: NewSchedule | None = None


class ScheduleOutcome(BaseModel):
    """What became of one export: ``done``, or the ``problem`` why not."""

    export_id: str
    done: bool
    problem: str | None = None


class Schedules:
    """Use cases of schedules."""

    def __init__(self, stores: Stores, journal: Journal, clock: Clock) -> None:
        self._stores, self._journal, self._clock = stores, journal, clock

    def get_refresh(self, principal: Principal) -> RefreshView:
        """Return the refresh; everybody may see it."""
        principal.require(Role.VIEWER)
        found = self._stores.refreshes.find(REFRESH_ID)
        return self._view(found.record if found else Refresh())

    def set_refresh(self, new: NewRefresh, principal: Principal, expected: str | None) -> RefreshView:
        """Set the refresh. Raises Forbidden, Invalid, PreconditionRequired and PreconditionFailed."""
        with self._journal.audited(principal, "refresh.edit", REFRESH_ID) as details:
            principal.require(Role.ADMINISTRATOR)
            wanted = Refresh(**new.model_dump(), updated_by=principal.name, updated_at=self._clock())
            if problems := check_refresh(wanted):
                raise _invalid("", problems)

            def renew(present: Refresh | None) -> Refresh:
                present = present or Refresh()
                require_version(schedule_version(present), expected, "refresh")
                return present if schedule_version(present) == schedule_version(wanted) else wanted

            stored = self._stores.refreshes.upsert(REFRESH_ID, renew)
            details |= new.model_dump()
        return self._view(stored)

    def change_all(self, change: ScheduleChange, principal: Principal) -> list[ScheduleOutcome]:
        """Change the schedules of several exports, each by itself: the right to one is not the right to another.

        Raises Forbidden for who may not change any, and Invalid.
        """
        with self._journal.audited(principal, "export.schedule_all") as details:
            details["exports"] = len(change.exports)
            principal.require(Role.CONTRIBUTOR)
            if change.active is None and change.schedule is None:
                raise Invalid("Say what to change: 'active', 'schedule' or both.")
            schedule = change.schedule.checked() if change.schedule else None
            return [
                self._change(export_id, change.active, schedule, principal)
                for export_id in dict.fromkeys(change.exports)
            ]

    def _change(
        self, export_id: str, active: bool | None, schedule: Schedule | None, principal: Principal
    ) -> ScheduleOutcome:
        wanted: dict[str, object] = {} if active is None else {"active": active}
        if schedule is not None:
            wanted["schedule"] = schedule

        def renew(present: Export) -> Export:
            connection = (
                self._stores.connections.find(present.connection_id) if present.connection_id else None
            )
            principal.require_use(connection.record if connection else None)
            if active and present.connection_id is None:
                raise Conflict(f"The export '{present.name}' has no connection.", code="no-connection")
            renewed = present.model_copy(update=wanted)
            if renewed == present:
                return present
            return renewed.model_copy(update={"updated_by": principal.name, "updated_at": self._clock()})

        try:
            with self._journal.audited(principal, "export.schedule", export_id) as details:
                details["changed"] = sorted(wanted)
                self._stores.exports.change(export_id, renew)
        except (NotFound, Forbidden, Conflict) as problem:
            return ScheduleOutcome(export_id=export_id, done=False, problem=problem.message)
        return ScheduleOutcome(export_id=export_id, done=True)

    def _view(self, refresh: Refresh) -> RefreshView:
        return RefreshView(**dict(refresh), next_slot=next_slot(refresh, self._clock()))


def _invalid(pointer: str, problems: list[str]) -> Invalid:
    return Invalid(" ".join(problems), errors=[{"pointer": pointer, "detail": each} for each in problems])
