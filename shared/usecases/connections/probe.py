"""Looking at an account of a destination while somebody waits for the answer."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.connection import Connection, ConnectionStatus, Finding
from shared.domain.destination import Destination, DestinationList, Session, Stopped
from shared.domain.errors import (
    Conflict,
    DestinationError,
    SecretUnavailable,
    SegpilotError,
    Throttled,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from shared.domain.ports import Vault
from shared.domain.record import Clock
from shared.pipeline.pushing.pacing import PaceBook, RunPacer

_PATIENCE_S = 20
_TRIAL_PACE = "trial"

ReadKey = Callable[[bool], str]


@dataclass(frozen=True, slots=True)
class _Account:
    """What is looked at. ``pace`` names the pace that its calls keep."""

    destination: str
    pace: str
    read_key: ReadKey
    max_calls_per_s: float | None = None
    learnt: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look found, and what it makes of the connection: None = it says nothing about that."""

    finding: Finding
    status: ConnectionStatus | None

    @property
    def problem(self) -> str | None:
        return None if self.finding.ok else self.finding.message


class ConnectionProbe:
    """Gives up after 20 seconds, apart from a call that is under way."""

    def __init__(
        self, vault: Vault, destinations: Mapping[str, Destination], paces: PaceBook, clock: Clock
    ) -> None:
        self._vault, self._destinations, self._paces, self._clock = vault, destinations, paces, clock

    @property
    def destinations(self) -> tuple[str, ...]:
        """The names of all destinations."""
        return tuple(self._destinations)

    def look(self, connection: Connection, read_key: ReadKey | None = None) -> Verdict:
        """Try the key, by default the one in the vault. Whatever goes wrong is a finding, not an error."""
        return self._look(self._account(connection, read_key))

    def try_key(self, destination: str, key: str) -> Verdict:
        """Try a key that belongs to no connection. All such trials share one pace."""
        return self._look(_Account(destination, _TRIAL_PACE, lambda _fresh: key))

    def _look(self, target: _Account) -> Verdict:
        now, calls = self._clock(), 0
        try:
            with self._session(target) as session:
                try:
                    account = session.check()
                finally:
                    calls = session.calls
        except SecretUnavailable as problem:
            return unreadable(problem, now)
        except Unauthorized as problem:
            refused = _finding(problem, now, reachable=True if calls else None, key_accepted=False)
            return Verdict(refused, ConnectionStatus.NEEDS_ATTENTION)
        except (Unavailable, TimedOut) as problem:
            return Verdict(_finding(problem, now, reachable=False), None)
        except DestinationError as problem:
            return Verdict(_finding(problem, now, reachable=True), None)
        whom = f" as '{account.name}'" if account.name else ""
        accepted = Finding(
            checked_at=now,
            ok=True,
            message=f"The key is valid{whom}; {account.lists} lists were found.",
            reachable=True,
            key_accepted=True,
            account=account.name,
            lists=account.lists,
        )
        return Verdict(accepted, ConnectionStatus.CONNECTED)

    def read(self, connection: Connection) -> Verdict | None:
        """Read the key without trying it. Returns None when it can be read, or when only the vault is away."""
        try:
            self._vault.read(connection.secret_name, fresh=True)
        except SecretUnavailable as problem:
            verdict = unreadable(problem, self._clock())
            return verdict if verdict.status else None
        return None

    def lists(self, connection: Connection) -> list[DestinationList]:
        """Return the lists of the account. Raises DestinationError or SecretUnavailable."""
        with self._session(self._account(connection)) as session:
            return session.lists()

    def _account(self, connection: Connection, read_key: ReadKey | None = None) -> _Account:
        return _Account(
            connection.destination,
            connection.id,
            read_key or (lambda _fresh: self._vault.read(connection.secret_name, fresh=True)),
            connection.max_calls_per_s,
            connection.learnt,
        )

    @contextmanager
    def _session(self, account: _Account) -> Iterator[Session]:
        destination = self._destinations.get(account.destination)
        if destination is None:
            raise Conflict(f"This app knows no destination '{account.destination}' any more.")
        pacer = _WatchfulPacer(
            self._paces.of(account.pace), account.max_calls_per_s, _Deadline(self._clock, _PATIENCE_S)
        )
        try:
            yield destination.open(account.read_key, pacer, account.learnt)
        except Stopped:
            if pacer.was_throttled:
                raise Throttled(
                    "The destination asks for fewer calls at the moment.", remedy="Try again later."
                ) from None
            raise TimedOut("The destination did not answer in time.", remedy="Try again later.") from None


def unreadable(problem: SecretUnavailable, now: datetime) -> Verdict:
    """A key that is gone or forbidden needs a person; a vault that is only away does not."""
    return Verdict(_finding(problem, now), None if problem.retryable else ConnectionStatus.NEEDS_ATTENTION)


def _finding(
    problem: SegpilotError, now: datetime, *, reachable: bool | None = None, key_accepted: bool | None = None
) -> Finding:
    message = f"{problem.message} {problem.remedy}".strip()
    return Finding(checked_at=now, ok=False, message=message, reachable=reachable, key_accepted=key_accepted)


class _WatchfulPacer(RunPacer):
    """Remembers whether the destination asked for fewer calls."""

    was_throttled = False

    def throttled(self, retry_after_s: float | None) -> None:
        self.was_throttled = True
        super().throttled(retry_after_s)


class _Deadline:
    """Answers True once the time is over."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._started, self._seconds = clock, clock(), seconds

    def __call__(self) -> bool:
        return (self._clock() - self._started).total_seconds() > self._seconds
