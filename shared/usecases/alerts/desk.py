"""Alerts: telling people of changes of state, once each."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import groupby

from shared.domain.alert_messages import condition_after, connection_alert, run_alert
from shared.domain.connection import Connection
from shared.domain.errors import Conflict, NotFound, SecretUnavailable
from shared.domain.identifiers import digest
from shared.domain.ports import Delivery, Stores
from shared.domain.record import Clock
from shared.domain.run import Run
from shared.domain.standing import Alert, Condition, Standing
from shared.usecases.alerts.post import PATIENCE_S, AlertPost

_PATIENCE_AT_ONCE_S = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
_KEEP = timedelta(days=30)


class AlertDesk:
    """Implements the port ``Alerts``. Alerts of a connection arrive in the order in which things happened."""

    def __init__(self, stores: Stores, post: AlertPost, clock: Clock) -> None:
        self._stores, self._post, self._clock = stores, post, clock

    def note_run(self, run: Run) -> None:
        """Tell of a run that changed the condition of its export. Dry and canceled runs change none, nor does one that
        failed and is tried again; whoever notes a failure plans the retry on the standing before."""
        with _nothing_raised("a run"):
            condition = condition_after(run)
            if condition is None:
                return
            # Who approved one run has not approved another, nor the same one when it asks again.
            asked = f"{run.id} {run.approval.round if run.approval else 1}"
            needs = asked if condition is Condition.APPROVAL_NEEDED else ""

            def is_retried(standing: Standing) -> bool:
                return condition is Condition.FAILED and run.id in standing.retries

            def write(alert_id: str, connection: Connection, at: datetime) -> Alert:
                return run_alert(alert_id, run, connection, condition, at)

            self._turn(run.export_id, run.connection_id, condition, needs, write, unless=is_retried)

    def note_connection(self, connection_id: str, problem: str | None) -> None:
        with _nothing_raised("a connection"):
            condition = Condition.NEEDS_ATTENTION if problem is not None else Condition.WELL

            def write(alert_id: str, connection: Connection, at: datetime) -> Alert:
                return connection_alert(alert_id, connection, problem, at)

            self._turn(connection_id, connection_id, condition, "", write)

    def deliver_due(self, now: datetime) -> None:
        """Try again what did not get through: after 1, 2, 4 … minutes, up to an hour, for a day. Never raises."""
        with _nothing_raised("the alerts that wait"):
            waiting = []
            for alert in self._stores.alerts.all():
                if alert.created_at + _KEEP < now:
                    self._stores.alerts.remove(alert.id)
                elif alert.is_waiting(now):
                    waiting.append(alert)
            waiting.sort(key=lambda alert: (alert.connection_id, alert.created_at))
            for connection_id, alerts in groupby(waiting, key=lambda alert: alert.connection_id):
                queue = list(alerts)
                if _due_at(queue[0]) <= now:
                    with _nothing_raised("the alerts of a connection"):
                        self._deliver(connection_id, queue, PATIENCE_S)

    def _turn(
        self,
        subject: str,
        connection_id: str,
        condition: Condition,
        needs: str,
        write: Callable[[str, Connection, datetime], Alert],
        unless: Callable[[Standing], bool] = lambda _: False,
    ) -> None:
        """Change a condition and tell of it. ``needs`` tells apart what needs people although the condition stays.

        The alert's id is made from the state that it ends, and it is stored before that state is changed: whoever
        comes at the same time, or again after a crash, makes the same alert.
        """
        found = self._stores.connections.find(connection_id)
        if found is None or found.record.alert is None:
            return
        known = self._stores.standings.find(subject)
        before = known.record if known else Standing(subject=subject)
        alert_id = (
            f"alert-{digest(subject, condition, needs, '' if needs else before.alert_id or '', length=20)}"
        )
        if unless(before) or alert_id == before.alert_id or (condition is before.condition and not needs):
            return
        now = self._clock()
        try:
            self._stores.alerts.add(alert_id, write(alert_id, found.record, now))
        except Conflict:
            logging.info("The alert %s was noted before.", alert_id)

        def turn(present: Standing | None) -> Standing:
            standing = present or before
            if standing.alert_id != before.alert_id:
                return standing
            return standing.model_copy(update={"condition": condition, "alert_id": alert_id})

        self._stores.standings.upsert(subject, turn)
        waiting = [
            alert
            for alert in self._stores.alerts.all()
            if alert.connection_id == connection_id and alert.is_waiting(now)
        ]
        self._deliver(connection_id, sorted(waiting, key=lambda alert: alert.created_at), _PATIENCE_AT_ONCE_S)

    def _deliver(self, connection_id: str, queue: list[Alert], timeout_s: float) -> None:
        """Send one alert after the other until one does not get through."""
        connection = self._stores.connections.find(connection_id)
        target = connection.record.alert if connection else None
        for alert in queue:
            if target is None:
                self._stores.alerts.remove(alert.id)
                continue
            claimed = self._claim(alert)
            if claimed is None:
                return
            try:
                delivery = self._post.send(claimed, target, timeout_s)
            except SecretUnavailable as problem:
                delivery = Delivery(0, problem=problem.message)
            sent_at = None if delivery.problem else self._clock()
            self._record(alert.id, sent_at=sent_at, problem=delivery.problem)
            if delivery.problem:
                logging.warning("The alert %s was not delivered: %s", alert.id, delivery.problem)
                return

    def _record(self, alert_id: str, **changes: object) -> None:
        self._stores.alerts.change(alert_id, lambda present: present.model_copy(update=changes))

    def _claim(self, alert: Alert) -> Alert | None:
        """Count the try before it is made; None when somebody else makes it."""
        claimed = False

        def count(present: Alert) -> Alert:
            nonlocal claimed
            claimed = present.tries == alert.tries and present.sent_at is None
            return present.model_copy(update={"tries": present.tries + 1}) if claimed else present

        counted = self._stores.alerts.change(alert.id, count)
        return counted if claimed else None


def _due_at(alert: Alert) -> datetime:
    due, pause = alert.created_at, _FIRST_PAUSE
    for _ in range(max(1, alert.tries)):
        due, pause = due + pause, min(2 * pause, _LONGEST_PAUSE)
    return due


@contextmanager
def _nothing_raised(what: str) -> Iterator[None]:
    """Alerts are never a reason for a run to fail."""
    try:
        yield
    except NotFound:
        logging.info("An alert of %s was removed meanwhile.", what)
    except Exception as problem:
        logging.warning("Telling of %s did not work.", what, exc_info=problem)
