"""The keys of connections: where they come from, and how one is replaced while runs go on."""

from collections.abc import Sequence

from pydantic import SecretStr

from shared.domain.access import Principal, Role
from shared.domain.connection import Connection, ConnectionStatus, Finding
from shared.domain.errors import Conflict, Invalid, SecretUnavailable
from shared.domain.ports import Alerts, Stores, Vault
from shared.domain.record import Clock
from shared.pipeline.journal import Journal
from shared.usecases.connections.forms import KeyTrial, NewKey
from shared.usecases.connections.probe import ConnectionProbe
from shared.usecases.connections.views import ConnectionView, view_fully

_OWN_PREFIX = "segpilot-"


class ConnectionKeys:
    """Use cases of keys. Only Segpilot's own secrets are ever written or removed."""

    def __init__(
        self,
        stores: Stores,
        vault: Vault,
        probe: ConnectionProbe,
        journal: Journal,
        alerts: Alerts,
        clock: Clock,
    ) -> None:
        self._stores, self._vault, self._probe = stores, vault, probe
        self._journal, self._alerts, self._clock = journal, alerts, clock

    def secret_names(self, principal: Principal) -> Sequence[str]:
        """Return the names of the secrets that may be chosen. Raises SecretUnavailable."""
        principal.require(Role.ADMINISTRATOR)
        return [name for name in self._vault.names() if not is_own_name(name)]

    def try_key(self, trial: KeyTrial, principal: Principal) -> Finding:
        """Try a key before anything is stored; a refusal is a finding, not an error.

        Raises Invalid for what cannot be a key or a secret, Conflict for an unknown destination, SecretUnavailable.
        """
        with self._journal.audited(principal, "connection.try_key") as details:
            principal.require(Role.ADMINISTRATOR)
            details["secret"] = _source_of(trial)
            finding = self._probe.try_key(trial.destination, self._key_of(trial)).finding
            details["ok"] = finding.ok
        return finding

    def replace(self, connection_id: str, new: NewKey, principal: Principal) -> ConnectionView:
        """Try a key and use it from now on; a key that the destination refuses is not stored.

        One that cannot be tried, because the destination is away, is stored: the connection is a draft then. Runs
        that are under way go on, since they read the key anew when it is refused. Raises Invalid, Conflict or
        SecretUnavailable.
        """
        with self._journal.audited(principal, "connection.replace_key", connection_id) as details:
            present = self._stores.connections.get(connection_id).record
            principal.require(Role.ADMINISTRATOR)
            details["secret"] = _source_of(new)
            if new.api_key and not present.secret_owned:
                raise Conflict(
                    f"The key of '{present.display_name}' is the Key Vault secret '{present.secret_name}', which is "
                    "not Segpilot's to change.",
                    code="key-in-vault",
                    remedy="Give that secret another value, choose another secret, or make a new connection.",
                )
            key = self._key_of(new)
            verdict = self._probe.look(present, lambda _fresh: key)
            if verdict.status is ConnectionStatus.NEEDS_ATTENTION:
                raise Invalid(
                    "The new key was not stored, since it does not work. " + verdict.finding.message,
                    errors=[{"pointer": "/api_key" if new.api_key else "/secret_name", "detail": "refused"}],
                    code="key-refused",
                )
            if new.api_key:
                self._vault.store(present.secret_name, key)
            now = self._clock()
            switched = {"secret_name": new.secret_name, "secret_owned": False} if new.secret_name else {}
            changed = self._stores.connections.change(
                connection_id,
                lambda record: record.model_copy(
                    update={
                        "key_set_at": now,
                        "finding": verdict.finding,
                        "status": verdict.status or ConnectionStatus.DRAFT,
                        "updated_by": principal.name,
                        "updated_at": now,
                        **switched,
                    }
                ),
            )
            if switched:
                self._remove_own(present)
            if verdict.status:
                self._alerts.note_connection(connection_id, None)
        return view_fully(self._stores, changed)

    def _key_of(self, new: NewKey) -> str:
        return usable_key(new.api_key) if new.api_key else read_secret(self._vault, new.secret_name or "")

    def _remove_own(self, former: Connection) -> None:
        """Remove the key that was typed, also when an earlier switch stopped short of it."""
        try:
            self._vault.remove(own_name(former.id))
        except SecretUnavailable:
            # An app that may only read secrets has none of its own.
            if former.secret_owned:
                raise


def _source_of(new: NewKey) -> str:
    return "typed" if new.api_key else "Key Vault"


def own_name(connection_id: str) -> str:
    """Return the name of the secret that holds a key which was typed."""
    return f"{_OWN_PREFIX}{connection_id}"


def is_own_name(name: str) -> bool:
    """Key Vault does not tell capitals from small letters in names (Microsoft Learn, "About keys, secrets and
    certificates")."""
    return name.lower().startswith(_OWN_PREFIX)


def usable_key(typed: SecretStr) -> str:
    """Return the key without what comes along when it is pasted; raises Invalid for what cannot be one."""
    key = typed.get_secret_value().strip()
    if not key or not key.isascii() or not key.isprintable():
        raise Invalid(
            "The API key is blank or contains characters that no API key has.",
            errors=[{"pointer": "/api_key", "detail": "not an API key"}],
        )
    return key


def read_secret(vault: Vault, name: str) -> str:
    """Return the value of somebody else's secret. One that is not there is a slip of the caller's (Invalid), not an
    outage of the vault."""
    if is_own_name(name):
        raise Invalid(
            f"Secrets whose names begin with '{_OWN_PREFIX}' are Segpilot's own.",
            errors=[{"pointer": "/secret_name", "detail": "reserved"}],
            remedy="Choose one of GET /api/secrets.",
        )
    try:
        return vault.read(name, fresh=True)
    except SecretUnavailable as problem:
        if not problem.missing:
            raise
        raise Invalid(
            problem.message,
            errors=[{"pointer": "/secret_name", "detail": "no such secret, or an empty one"}],
            remedy=problem.remedy,
        ) from None
