"""Where alerts leave: the receiver's address is fetched from the vault, and the alert is put into its shape."""

from typing import Final

from pydantic import BaseModel

from shared.domain.alert_shapes import DELIVERY_HEADER, SIGNATURE_HEADER, render, sign
from shared.domain.connection import AlertShape, AlertTarget
from shared.domain.errors import SecretUnavailable
from shared.domain.ports import Delivery, Vault, Webhooks
from shared.domain.record import Clock
from shared.domain.standing import Alert

PATIENCE_S: Final = 10.0


class AlertSecret(BaseModel):
    """What the vault keeps of a receiver, as JSON: its address, which may hold a token, and the key that signs."""

    url: str
    signing_key: str | None = None


class AlertPost:
    """Sends alerts."""

    def __init__(self, vault: Vault, webhooks: Webhooks, clock: Clock) -> None:
        self._vault, self._webhooks, self._clock = vault, webhooks, clock

    def send(self, alert: Alert, target: AlertTarget, timeout_s: float = PATIENCE_S) -> Delivery:
        """Send an alert. Raises SecretUnavailable when the address cannot be read."""
        text = self._vault.read(target.secret_name, fresh=True)
        try:
            secret = AlertSecret.model_validate_json(text)
        except ValueError:
            raise SecretUnavailable(
                f"The Key Vault secret '{target.secret_name}' is not what Segpilot wrote there.",
                missing=True,
                remedy="Set the receiver of the alerts again.",
            ) from None
        body = render(alert, target.shape)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Segpilot",
            DELIVERY_HEADER: alert.id,
        }
        if target.shape is AlertShape.GENERIC and secret.signing_key:
            headers[SIGNATURE_HEADER] = sign(body, secret.signing_key, int(self._clock().timestamp()))
        return self._webhooks.post(secret.url, body, headers, timeout_s)
