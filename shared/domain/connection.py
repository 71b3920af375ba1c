"""A connection: where data may go, under which key, and who agreed to it."""

from enum import StrEnum

from pydantic import Field

from shared.domain.record import Moment, Record


class ConnectionStatus(StrEnum):
    """Draft until a check succeeded; *Needs attention* when the destination refused the key."""

    DRAFT = "Draft"
    CONNECTED = "Connected"
    NEEDS_ATTENTION = "Needs attention"


class Consent(Record):
    """The recorded agreement that personal data may leave for the destination."""

    given_by: str = Field(min_length=1, max_length=320)
    given_at: Moment
    text: str = Field(min_length=1, max_length=8_000)


class Finding(Record):
    """What a check of the connection saw. ``account`` and ``lists`` are None when it got no answer."""

    checked_at: Moment
    ok: bool
    message: str
    account: str | None = None
    lists: int | None = None


class Connection(Record):
    """``secret_name`` names the API key in the vault; the key itself is never part of a record.

    ``secret_owned`` is True when Segpilot wrote the secret and therefore removes it with the connection.
    ``learnt`` belongs to the destination's adapter: what it found out about this account.
    """

    id: str
    destination: str
    display_name: str
    secret_name: str
    secret_owned: bool
    consent: Consent
    status: ConnectionStatus = ConnectionStatus.DRAFT
    finding: Finding | None = None
    max_profiles_per_run: int | None = None
    max_calls_per_s: float | None = None
    learnt: dict[str, bool] = Field(default_factory=dict)
    created_at: Moment
    updated_at: Moment
