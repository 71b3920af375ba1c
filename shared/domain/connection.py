"""A connection: where data may go, under which key, who may use it, and who agreed to it."""

from enum import StrEnum

from pydantic import Field

from shared.domain.record import Moment, Record


class ConnectionStatus(StrEnum):
    """Draft until a check succeeded; *Needs attention* when the destination or the vault refused the key."""

    DRAFT = "Draft"
    CONNECTED = "Connected"
    NEEDS_ATTENTION = "Needs attention"


class Sharing(StrEnum):
    """Who may export over a connection. Nobody but administrators ever sees more of it than name and type."""

    ADMINISTRATORS = "administrators"
    CONTRIBUTORS = "contributors"


class Consent(Record):
    """The recorded agreement that personal data may leave for the destination, to one version of the text."""

    given_by: str = Field(min_length=1, max_length=320)
    given_at: Moment
    version: str
    language: str
    text: str = Field(min_length=1, max_length=8_000)


class ExportUser(Record):
    """On whose behalf runs over the connection are made."""

    name: str
    added_at: Moment


class Finding(Record):
    """What a check of the connection saw. What it got no answer to is None."""

    checked_at: Moment
    ok: bool
    message: str
    reachable: bool | None = None
    key_accepted: bool | None = None
    account: str | None = None
    lists: int | None = None


class AlertShape(StrEnum):
    """What a webhook understands."""

    GENERIC = "generic"
    TEAMS = "teams"
    SLACK = "slack"


class AlertTarget(Record):
    """Where alerts go. The address may hold a token, so it lies in the vault with the key that signs; ``host`` is
    what may be shown of it."""

    shape: AlertShape
    host: str
    secret_name: str
    added_by: str
    added_at: Moment


class Connection(Record):
    """``secret_name`` names the API key in the vault; the key itself is never part of a record.

    ``secret_owned`` is True when Segpilot wrote the secret and therefore removes it with the connection.
    ``learnt`` belongs to the destination's adapter: what it found out about this account.
    """

    id: str
    destination: str
    display_name: str
    shared_with: Sharing = Sharing.ADMINISTRATORS
    secret_name: str
    secret_owned: bool
    key_set_at: Moment | None = None
    consent: Consent
    export_user: ExportUser | None = None
    status: ConnectionStatus = ConnectionStatus.DRAFT
    finding: Finding | None = None
    max_profiles_per_run: int | None = None
    max_calls_per_s: float | None = None
    alert: AlertTarget | None = None
    learnt: dict[str, bool] = Field(default_factory=dict)
    created_by: str = ""
    created_at: Moment
    updated_by: str = ""
    updated_at: Moment
