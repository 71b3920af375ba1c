"""Ticks: once a minute, everything whose time has come."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from shared.domain.errors import SegpilotError
from shared.domain.export import Export
from shared.domain.ports import Alerts, Stores
from shared.domain.run import Run
from shared.domain.schedule import (
    REFRESH_ID,
    Recurrence,
    Refresh,
    RefreshRecurrence,
    Schedule,
    last_slot,
    schedule_version,
)
from shared.domain.standing import Standing
from shared.usecases.runs.orders import RunOrders, runs_by_itself

_LONGEST_RUN = timedelta(days=8)  # one that waits for approval may take a week


class Ticks:
    """Serves schedules, the refresh and second attempts. It may be late, come twice, or end half-way: what it has
    served is written down afterwards, and the same slot gives the same runs."""

    def __init__(self, stores: Stores, orders: RunOrders, alerts: Alerts) -> None:
        self._stores, self._orders, self._alerts = stores, orders, alerts

    def tick(self, now: datetime) -> list[Run]:
        """Create every run that is due, and return all that have to be started.

        Of the slots that were missed since the last tick only the latest is served. Slots from before a schedule was
        set, or was switched on again, do not count. While an export runs, slots of its own schedule wait, so that runs
        do not pile up. Raises StorageUnavailable: then the next tick goes on.
        """
        exports = list(self._stores.exports.all())
        standings = {standing.subject: standing for standing in self._stores.standings.all()}
        return [
            *self._serve_refresh(exports, standings, now),
            *(run for export in exports for run in self._serve_export(export, standings, now)),
            *(run for standing in standings.values() for run in self._try_again(standing, now)),
        ]

    def _serve_refresh(
        self, exports: Iterable[Export], standings: Mapping[str, Standing], now: datetime
    ) -> list[Run]:
        found = self._stores.refreshes.find(REFRESH_ID)
        refresh = found.record if found else Refresh()
        counts = refresh.recurrence is not RefreshRecurrence.OFF
        schedule = refresh if counts else None
        standing = standings.get(REFRESH_ID) or Standing(subject=REFRESH_ID)
        return self._serve(
            self._follow(standing, schedule, refresh.updated_at or now),
            schedule,
            partial(self._orders.for_refresh, exports),
            now,
        )

    def _serve_export(self, export: Export, standings: Mapping[str, Standing], now: datetime) -> list[Run]:
        counts = runs_by_itself(export) and export.schedule.recurrence is not Recurrence.REFRESH
        schedule = export.schedule if counts else None
        standing = standings.get(export.id) or Standing(subject=export.id)
        standing = self._follow(standing, schedule, export.updated_at)
        if self._goes_on(standing, now):
            return []
        return self._serve(
            standing,
            schedule,
            lambda slot: [run] if (run := self._orders.for_slot(export, slot)) else [],
            now,
        )

    def _goes_on(self, standing: Standing, now: datetime) -> bool:
        last = standing.last_run
        if last is None or last.status.ended or last.created_at < now - _LONGEST_RUN:
            return False
        found = self._stores.runs.find(last.id)
        return found is not None and not found.record.status.ended

    def _follow(self, standing: Standing, schedule: Schedule | Refresh | None, set_at: datetime) -> Standing:
        """Return the standing under a schedule that may be another one now; None is one that does not count at
        present."""
        version = schedule and schedule_version(schedule)
        if version == standing.schedule:
            return standing
        return self._note(standing.subject, schedule=version, slot_at=schedule and set_at)

    def _serve(
        self,
        standing: Standing,
        schedule: Schedule | Refresh | None,
        create: Callable[[datetime], list[Run]],
        now: datetime,
    ) -> list[Run]:
        """Serve the latest slot of a schedule."""
        if schedule is None or standing.slot_at is None:
            return []
        try:
            slot = last_slot(schedule, standing.slot_at, now)
            if slot is None:
                return []
            runs = create(slot)
        except Exception as problem:
            # One schedule that cannot be served does not hold up the others.
            if isinstance(problem, SegpilotError) and problem.retryable:
                raise
            logging.exception("The schedule of '%s' cannot be served.", standing.subject)
            return []
        self._note(standing.subject, slot_at=slot)
        return runs

    def _try_again(self, standing: Standing, now: datetime) -> list[Run]:
        if standing.retry_run is None or standing.retry_at is None or standing.retry_at > now:
            return []
        runs, hopeless = list[Run](), list[Run]()
        for wanted_id in standing.retries:
            if failed := self._stores.runs.find(wanted_id):
                again = self._orders.again(failed.record, standing.retry_at)
                (runs if again else hopeless).append(again or failed.record)
        # Another run may have failed meanwhile.
        self._stores.standings.upsert(
            standing.subject, lambda present: (present or standing).without_retries(standing.retries)
        )
        for each in hopeless:
            self._alerts.note_run(each)  # nobody was told while there was hope
        return runs

    def _note(self, subject: str, **changes: object) -> Standing:
        return self._stores.standings.upsert(
            subject, lambda present: (present or Standing(subject=subject)).model_copy(update=changes)
        )
