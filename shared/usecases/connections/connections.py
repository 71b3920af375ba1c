"""Connections: add, look, edit, check."""

from collections.abc import Sequence
from contextlib import suppress

from shared.domain.access import Principal, Role
from shared.domain.connection import Connection, Consent, ExportUser
from shared.domain.consent import CONSENT_TEXTS, CONSENT_VERSION
from shared.domain.destination import DestinationList
from shared.domain.errors import Conflict, Invalid, NotFound, SecretUnavailable, SegpilotError
from shared.domain.identifiers import new_id, requested_id
from shared.domain.ports import Alerts, Stores, Vault
from shared.domain.record import Clock
from shared.pipeline.journal import Journal
from shared.usecases.connections.forms import ConnectionChanges, NewConnection, NewConsent
from shared.usecases.connections.keys import own_name, read_secret, usable_key
from shared.usecases.connections.probe import ConnectionProbe, Verdict
from shared.usecases.connections.views import (
    ConnectionView,
    View,
    connection_version,
    glance_at,
    sort_views,
    view_all,
    view_fully,
)
from shared.usecases.versions import require_version


class Connections:
    """Use cases of connections. Only administrators change them."""

    def __init__(
        self,
        stores: Stores,
        vault: Vault,
        probe: ConnectionProbe,
        journal: Journal,
        alerts: Alerts,
        *,
        max_profiles_per_run: int,
        clock: Clock,
    ) -> None:
        self._stores, self._vault, self._probe = stores, vault, probe
        self._journal, self._alerts = journal, alerts
        self._max_profiles_per_run, self._clock = max_profiles_per_run, clock

    def add(self, new: NewConnection, principal: Principal, request_key: str | None = None) -> ConnectionView:
        """Store the key, then the connection. The same ``request_key`` gives the same connection.

        Raises Invalid, SecretUnavailable, and Conflict when the key has given a connection of another name; nothing is
        left half-made.
        """
        with self._journal.audited(principal, "connection.add") as details:
            principal.require(Role.ADMINISTRATOR)
            if new.destination not in self._probe.destinations:
                raise Invalid(
                    f"There is no destination '{new.destination}'.",
                    errors=[{"pointer": "/destination", "detail": "unknown"}],
                    remedy=f"Choose one of: {', '.join(self._probe.destinations)}.",
                )
            self._require_lower_limit(new.max_profiles_per_run)
            now, connection_id = self._clock(), new_id("connection")
            if request_key:
                connection_id = requested_id("connection", principal.name, request_key)
                if known := self._stores.connections.find(connection_id):
                    details["subject"] = connection_id
                    return view_fully(self._stores, _added_before(known.record, new))
            connection = Connection(
                id=connection_id,
                destination=new.destination,
                display_name=new.display_name,
                shared_with=new.shared_with,
                secret_name=new.secret_name or own_name(connection_id),
                secret_owned=new.secret_name is None,
                key_set_at=now,
                consent=self._consent(new.consent, principal),
                export_user=ExportUser(name=principal.name, added_at=now) if new.export_user else None,
                max_profiles_per_run=new.max_profiles_per_run,
                max_calls_per_s=new.max_calls_per_s,
                created_by=principal.name,
                created_at=now,
                updated_by=principal.name,
                updated_at=now,
            )
            if new.api_key is not None:
                self._vault.store(connection.secret_name, usable_key(new.api_key))
            else:
                read_secret(self._vault, connection.secret_name)
            try:
                self._stores.connections.add(connection.id, connection)
            except SegpilotError as problem:
                if request_key and isinstance(problem, Conflict):
                    # The same request came twice at once: the key in the vault is that of the other one.
                    known = self._stores.connections.get(connection_id)
                    return view_fully(self._stores, _added_before(known.record, new))
                if connection.secret_owned:
                    self._vault.remove(connection.secret_name)
                raise
            details["subject"] = connection_id
        return view_fully(self._stores, connection)

    def list(self, principal: Principal, sort: str = "name") -> list[View]:
        """Return what the principal may use, as far as it may see it: nothing for a viewer."""
        return sort_views(view_all(self._stores, principal), sort, principal)

    def get(self, connection_id: str, principal: Principal) -> View:
        connection = self._stores.connections.get(connection_id).record
        principal.require_use(connection)
        if principal.role is Role.ADMINISTRATOR:
            return view_fully(self._stores, connection)
        return glance_at(connection)

    def lists(self, connection_id: str, principal: Principal) -> Sequence[DestinationList]:
        """Return the lists at the destination. Raises DestinationError or SecretUnavailable."""
        connection = self._stores.connections.get(connection_id).record
        principal.require_use(connection)
        try:
            return self._probe.lists(connection)
        except SecretUnavailable as problem:
            if principal.role is Role.ADMINISTRATOR:
                raise
            # The problem names the secret, which is more than others see of a connection.
            raise SecretUnavailable(
                f"The key of the connection '{connection.display_name}' cannot be read.",
                missing=problem.missing,
                forbidden=problem.forbidden,
                remedy="Ask an administrator to look at the connection.",
            ) from None

    def edit(
        self, connection_id: str, changes: ConnectionChanges, expected: str | None, principal: Principal
    ) -> ConnectionView:
        """Change what is given. Exports stay, also when those who made them may not use the connection any more.

        Raises PreconditionRequired or PreconditionFailed when ``expected`` is not the version that is there.
        """
        wanted = changes.model_dump(exclude_unset=True)
        for needed in ("display_name", "shared_with"):
            if wanted.get(needed, "") is None:
                del wanted[needed]
        with self._journal.audited(principal, "connection.edit", connection_id) as details:
            self._require_administrator(connection_id, principal)
            details["changed"] = sorted(wanted)
            self._require_lower_limit(changes.max_profiles_per_run)

            def edited(present: Connection) -> Connection:
                require_version(connection_version(present), expected, "connection")
                return self._signed(present, principal, wanted)

            stored = self._stores.connections.change(connection_id, edited)
        return view_fully(self._stores, stored)

    def add_export_user(self, connection_id: str, principal: Principal) -> ConnectionView:
        """Make the caller the one on whose behalf runs over the connection are made."""
        user = ExportUser(name=principal.name, added_at=self._clock())
        return self._set_export_user(connection_id, user, principal, "connection.add_export_user")

    def remove_export_user(self, connection_id: str, principal: Principal) -> ConnectionView:
        return self._set_export_user(connection_id, None, principal, "connection.remove_export_user")

    def connect(self, connection_id: str, principal: Principal) -> ConnectionView:
        """Try the key against the destination and record what was found; a refusal is a finding, not an error.

        Only a key that is refused or cannot be read makes a connection need attention: an outage passes.
        """
        with self._journal.audited(principal, "connection.connect", connection_id) as details:
            connection = self._require_administrator(connection_id, principal)
            verdict = self._probe.look(connection)
            details["ok"] = verdict.finding.ok
            stored = self._record(connection, verdict)
        return view_fully(self._stores, stored)

    def check_secrets(self) -> None:
        """Read the key of every connection; those whose key is gone or forbidden need attention. Once a day."""
        for connection in self._stores.connections.all():
            if verdict := self._probe.read(connection):
                with suppress(NotFound):  # it may have been removed meanwhile
                    self._record(connection, verdict)

    def _record(self, looked_at: Connection, verdict: Verdict) -> Connection:
        def judged(present: Connection) -> Connection:
            if present.key_set_at != looked_at.key_set_at:
                # The key was replaced meanwhile, and tried by itself.
                return present
            return present.model_copy(
                update={"finding": verdict.finding, "status": verdict.status or present.status}
            )

        stored = self._stores.connections.change(looked_at.id, judged)
        if verdict.status and stored.status is verdict.status:
            self._alerts.note_connection(looked_at.id, verdict.problem)
        return stored

    def _set_export_user(
        self, connection_id: str, user: ExportUser | None, principal: Principal, action: str
    ) -> ConnectionView:
        with self._journal.audited(principal, action, connection_id):
            self._require_administrator(connection_id, principal)
            stored = self._stores.connections.change(
                connection_id, lambda present: self._signed(present, principal, {"export_user": user})
            )
        return view_fully(self._stores, stored)

    def _signed(self, present: Connection, principal: Principal, changes: dict[str, object]) -> Connection:
        signature = {"updated_by": principal.name, "updated_at": self._clock()}
        return present.model_copy(update={**changes, **signature})

    def _require_administrator(self, connection_id: str, principal: Principal) -> Connection:
        connection = self._stores.connections.get(connection_id).record
        principal.require(Role.ADMINISTRATOR)
        return connection

    def _require_lower_limit(self, wanted: int | None) -> None:
        if wanted and wanted > self._max_profiles_per_run:
            raise Invalid(
                f"A connection may lower the limit of {self._max_profiles_per_run:,} profiles per run, not raise it.",
                errors=[{"pointer": "/max_profiles_per_run", "detail": "above the limit"}],
                remedy="Choose a lower number, or raise the app setting MAX_PROFILES_PER_RUN.",
            )

    def _consent(self, given: NewConsent, principal: Principal) -> Consent:
        if given.version != CONSENT_VERSION:
            raise Invalid(
                f"The text of the agreement has changed: its version is {CONSENT_VERSION}.",
                errors=[{"pointer": "/consent/version", "detail": "not the present version"}],
                remedy="Read it, and agree to it: GET /api/consent.",
            )
        return Consent(
            given_by=given.given_by or principal.name,
            given_at=self._clock(),
            version=given.version,
            language=given.language,
            text=CONSENT_TEXTS[given.language],
        )


def _added_before(known: Connection, new: NewConnection) -> Connection:
    if known.display_name != new.display_name:
        raise Conflict(
            f"The connection '{known.display_name}' was added with this form already.",
            code="added-already",
            remedy="Begin anew to add another one.",
        )
    return known
