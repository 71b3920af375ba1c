"""Connections: add, look, check, remove."""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from shared.domain.access import Principal, Role
from shared.domain.connection import Connection, ConnectionStatus, Consent, Finding
from shared.domain.consent import CONSENT_TEXTS, CONSENT_VERSION
from shared.domain.destination import Destination, Stopped
from shared.domain.errors import (
    Conflict,
    DestinationError,
    Invalid,
    SecretUnavailable,
    SegpilotError,
    Unauthorized,
)
from shared.domain.identifiers import new_id
from shared.domain.ports import Alerts, Stores, Vault
from shared.domain.record import Clock, Name
from shared.pipeline.journal import Journal
from shared.pipeline.pacing import PaceBook, RunPacer

_CHECK_PATIENCE_S = 20


class NewConsent(BaseModel):
    """*I agree*, to a version of the text that ``GET /api/consent`` shows. ``given_by`` is the caller unless named."""

    model_config = ConfigDict(extra="forbid")
    agreed: Literal[True]
    version: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    language: Literal["en", "es", "ro"] = "en"
    given_by: Name | None = None


class NewConnection(BaseModel):
    """Exactly one of ``api_key`` and ``secret_name`` is needed; the key goes to Key Vault and never comes back."""

    model_config = ConfigDict(extra="forbid")
    display_name: Name
    destination: str = "autopilot"
    api_key: Annotated[SecretStr, Field(min_length=1, max_length=500)] | None = Field(
        default=None, description="The API key. Write only."
    )
    secret_name: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,127}$")] | None = Field(
        default=None, description="The name of a Key Vault secret that holds the API key already."
    )
    consent: NewConsent
    max_profiles_per_run: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="Lowers the limit of profiles per run for this connection."
    )
    max_calls_per_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        default=None, description="Ceiling of calls per second; 0 = no ceiling; absent = the app's setting."
    )

    @model_validator(mode="after")
    def _one_source_of_the_key(self) -> "NewConnection":
        if (self.api_key is None) == (self.secret_name is None):
            raise ValueError("give either 'api_key' or 'secret_name'")
        return self


class Connections:
    """Use cases of connections."""

    def __init__(
        self,
        stores: Stores,
        vault: Vault,
        destinations: Mapping[str, Destination],
        paces: PaceBook,
        journal: Journal,
        alerts: Alerts,
        *,
        max_profiles_per_run: int,
        clock: Clock,
    ) -> None:
        self._stores, self._vault, self._destinations, self._paces = stores, vault, destinations, paces
        self._journal, self._alerts = journal, alerts
        self._max_profiles_per_run, self._clock = max_profiles_per_run, clock

    def add(self, new: NewConnection, principal: Principal) -> Connection:
        """Store the key, then the connection. Raises Invalid or SecretUnavailable; nothing is left half-made."""
        principal.require(Role.ADMINISTRATOR)
        if new.consent.version != CONSENT_VERSION:
            raise Invalid(
                f"The text of the agreement has changed: its version is {CONSENT_VERSION}.",
                errors=[{"pointer": "/consent/version", "detail": "not the present version"}],
                remedy="Read it, and agree to it: GET /api/consent.",
            )
        if new.destination not in self._destinations:
            raise Invalid(
                f"There is no destination '{new.destination}'.",
                remedy=f"Choose one of: {', '.join(self._destinations)}.",
            )
        if new.max_profiles_per_run and new.max_profiles_per_run > self._max_profiles_per_run:
            raise Invalid(
                f"A connection may lower the limit of {self._max_profiles_per_run:,} profiles per run, not raise it.",
                remedy="Choose a lower number, or raise the app setting MAX_PROFILES_PER_RUN.",
            )
        now, connection_id = self._clock(), new_id("connection")
        connection = Connection(
            id=connection_id,
            destination=new.destination,
            display_name=new.display_name,
            secret_name=new.secret_name or f"segpilot-{connection_id}",
            secret_owned=new.secret_name is None,
            consent=Consent(
                given_by=new.consent.given_by or principal.name,
                given_at=now,
                version=new.consent.version,
                language=new.consent.language,
                text=CONSENT_TEXTS[new.consent.language],
            ),
            max_profiles_per_run=new.max_profiles_per_run,
            max_calls_per_s=new.max_calls_per_s,
            created_at=now,
            updated_at=now,
        )
        if new.api_key is not None:
            key = new.api_key.get_secret_value().strip()
            if not key or not key.isascii() or not key.isprintable():
                raise Invalid("The API key is blank or contains characters that no API key has.")
            self._vault.store(connection.secret_name, key)
        else:
            self._check_secret(connection.secret_name)
        try:
            self._stores.connections.add(connection.id, connection)
        except SegpilotError:
            if connection.secret_owned:
                self._vault.remove(connection.secret_name)
            raise
        return connection

    def list(self) -> list[Connection]:
        return list(self._stores.connections.all())

    def get(self, connection_id: str) -> Connection:
        return self._stores.connections.get(connection_id).record

    def connect(self, connection_id: str) -> Connection:
        """Try the key against the destination and record what was found; a refusal is a finding, not an error."""
        connection = self.get(connection_id)
        finding = self._check(connection)
        status = ConnectionStatus.CONNECTED if finding.ok else ConnectionStatus.NEEDS_ATTENTION
        return self._stores.connections.change(
            connection_id,
            lambda present: present.model_copy(
                update={"finding": finding, "status": status, "updated_at": finding.checked_at}
            ),
        )

    def remove(self, connection_id: str) -> None:
        """Remove the connection and the secret that was made for it. Raises Conflict while exports use it."""
        connection = self.get(connection_id)
        using = [
            export.name for export in self._stores.exports.all() if export.connection_id == connection_id
        ]
        if using:
            raise Conflict(
                f"The connection '{connection.display_name}' is used by: {', '.join(sorted(using)[:10])}.",
                code="connection-in-use",
                remedy="Remove these exports first.",
            )
        # The key goes first: were it to fail after the connection is gone, nobody could remove the key any more.
        if connection.secret_owned:
            self._vault.remove(connection.secret_name)
        self._stores.connections.remove(connection_id)

    def _check_secret(self, name: str) -> None:
        """A secret that is not there is a slip of the caller's, not an outage of the vault."""
        try:
            self._vault.read(name, fresh=True)
        except SecretUnavailable as problem:
            if not problem.missing:
                raise
            raise Invalid(
                problem.message,
                errors=[{"pointer": "/secret_name", "detail": "no such secret, or an empty one"}],
                remedy=problem.remedy,
            ) from None

    def _check(self, connection: Connection) -> Finding:
        give_up = _Deadline(self._clock, _CHECK_PATIENCE_S)
        pacer = RunPacer(self._paces.of(connection.id), connection.max_calls_per_s, give_up)
        destination = self._destinations[connection.destination]
        now = self._clock()
        try:
            with closing(
                destination.open(
                    lambda _fresh: self._vault.read(connection.secret_name, fresh=True),
                    pacer,
                    {},
                    connections=1,
                )
            ) as session:
                account = session.check()
        except (Unauthorized, SecretUnavailable) as problem:
            return Finding(checked_at=now, ok=False, message=f"{problem.message} {problem.remedy}".strip())
        except (DestinationError, Stopped) as problem:
            message = getattr(problem, "message", "The destination did not answer in time.")
            return Finding(checked_at=now, ok=False, message=message)
        whom = f" as '{account.name}'" if account.name else ""
        return Finding(
            checked_at=now,
            ok=True,
            message=f"The key is valid{whom}; {account.lists} lists were found.",
            account=account.name,
            lists=account.lists,
        )


class _Deadline:
    """Answers True once the time is over."""

    def __init__(self, clock: Callable[[], datetime], seconds: float) -> None:
        self._clock, self._started, self._seconds = clock, clock(), seconds

    def __call__(self) -> bool:
        return (self._clock() - self._started).total_seconds() > self._seconds
