"""Where the alerts of a connection go: set, show, remove, try."""

import secrets
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from shared.domain.access import Principal, Role
from shared.domain.alert_messages import trial_alert
from shared.domain.connection import AlertShape, AlertTarget, Connection
from shared.domain.errors import NotFound, SegpilotError
from shared.domain.identifiers import new_id
from shared.domain.ports import Stores, Vault, Webhooks
from shared.domain.record import Clock, Moment
from shared.domain.standing import Alert, Condition
from shared.pipeline.journal import Journal
from shared.usecases.alerts.post import AlertPost, AlertSecret


class NewAlertTarget(BaseModel):
    """A receiver. Its address goes to Key Vault and never comes back: it may hold a token."""

    model_config = ConfigDict(extra="forbid")
    url: Annotated[SecretStr, Field(min_length=1, max_length=2_000)] = Field(
        description="An https address that anybody on the internet may serve. Write only."
    )
    shape: AlertShape = AlertShape.GENERIC


class AlertDelivery(BaseModel):
    """The newest alert that was tried. ``delivered_at`` is None while it did not get through, ``problem`` says why."""

    title: str
    created_at: Moment
    tries: int
    delivered_at: Moment | None
    problem: str | None


class AlertTargetView(BaseModel):
    """Where alerts go, as far as it may be shown. ``waiting`` alerts will be tried again."""

    shape: AlertShape
    host: str
    added_by: str
    added_at: Moment
    waiting: int
    last_delivery: AlertDelivery | None


class AlertTargetAdded(BaseModel):
    """``signing_key`` is shown this once, and only for the generic shape."""

    shape: AlertShape
    host: str
    added_by: str
    added_at: Moment
    signing_key: str | None = Field(description="Shown once: keep it where the receiver checks signatures.")


class AlertTrial(BaseModel):
    """What came of a test alert. ``status`` is the receiver's, None when there was no answer."""

    delivered: bool
    status: int | None
    duration_ms: int
    problem: str | None


class AlertTargets:
    """Use cases of receivers of alerts. They are for administrators."""

    def __init__(
        self,
        stores: Stores,
        vault: Vault,
        webhooks: Webhooks,
        post: AlertPost,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._stores, self._vault, self._webhooks, self._post = stores, vault, webhooks, post
        self._journal, self._clock = journal, clock

    def set(self, connection_id: str, new: NewAlertTarget, principal: Principal) -> AlertTargetAdded:
        """Set or replace the receiver, with a new signing key. Raises Invalid for an address that is not allowed.

        What is not well is told to the new receiver when it is next noticed.
        """
        with self._journal.audited(principal, "alert.edit", connection_id) as details:
            principal.require(Role.ADMINISTRATOR)
            self._stores.connections.get(connection_id)
            url = new.url.get_secret_value().strip()
            target = AlertTarget(
                shape=new.shape,
                host=self._webhooks.check(url),
                secret_name=f"segpilot-{connection_id}-alert",
                added_by=principal.name,
                added_at=self._clock(),
            )
            details |= {"shape": target.shape, "host": target.host}
            signing_key = secrets.token_urlsafe(32) if new.shape is AlertShape.GENERIC else None
            secret = AlertSecret(url=url, signing_key=signing_key)
            self._vault.store(target.secret_name, secret.model_dump_json())
            try:
                self._change(connection_id, target)
            except SegpilotError:
                self._vault.remove(target.secret_name)
                raise
            self._forget_conditions(connection_id)
            return AlertTargetAdded(**dict(target), signing_key=signing_key)

    def get(self, connection_id: str, principal: Principal) -> AlertTargetView:
        """Raises NotFound when there is no receiver."""
        principal.require(Role.ADMINISTRATOR)
        _, target = self._find(connection_id)
        alerts = [alert for alert in self._stores.alerts.all() if alert.connection_id == connection_id]
        tried = [alert for alert in alerts if alert.tries]
        last = max(tried, key=lambda alert: alert.created_at, default=None)
        return AlertTargetView(
            **dict(target),
            waiting=sum(alert.is_waiting(self._clock()) for alert in alerts),
            last_delivery=last and _delivery(last),
        )

    def remove(self, connection_id: str, principal: Principal) -> None:
        """Remove the receiver, and its address from the vault. Raises NotFound when there is none."""
        with self._journal.audited(principal, "alert.remove", connection_id):
            principal.require(Role.ADMINISTRATOR)
            _, target = self._find(connection_id)
            # The secret goes first: were it to fail after the target is gone, nobody could remove it any more.
            self._vault.remove(target.secret_name)
            self._change(connection_id, None)

    def try_out(self, connection_id: str, principal: Principal) -> AlertTrial:
        """Send a test alert now. Raises NotFound when there is no receiver, SecretUnavailable."""
        with self._journal.audited(principal, "alert.test", connection_id) as details:
            principal.require(Role.ADMINISTRATOR)
            connection, target = self._find(connection_id)
            alert = trial_alert(new_id("alert"), connection, self._clock())
            delivery = self._post.send(alert, target)
            details |= {"status": delivery.status, "problem": delivery.problem}
            return AlertTrial(
                delivered=delivery.problem is None,
                status=delivery.status,
                duration_ms=delivery.duration_ms,
                problem=delivery.problem,
            )

    def _find(self, connection_id: str) -> tuple[Connection, AlertTarget]:
        connection = self._stores.connections.get(connection_id).record
        if connection.alert is None:
            raise NotFound(
                f"The connection '{connection.display_name}' has no receiver of alerts.",
                code="no-alert-target",
                remedy="Set one: PUT /api/connections/{id}/alert.",
            )
        return connection, connection.alert

    def _change(self, connection_id: str, target: AlertTarget | None) -> None:
        self._stores.connections.change(
            connection_id, lambda present: present.model_copy(update={"alert": target})
        )

    def _forget_conditions(self, connection_id: str) -> None:
        exports = [
            export.id for export in self._stores.exports.all() if export.connection_id == connection_id
        ]
        for subject in (connection_id, *exports):
            if self._stores.standings.find(subject):
                self._stores.standings.change(
                    subject, lambda present: present.model_copy(update={"condition": Condition.WELL})
                )


def _delivery(alert: Alert) -> AlertDelivery:
    return AlertDelivery(
        title=alert.title,
        created_at=alert.created_at,
        tries=alert.tries,
        delivered_at=alert.sent_at,
        problem=alert.problem,
    )
