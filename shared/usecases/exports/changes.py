"""How an export is changed: at once as a whole, noted in the audit log, with what depends on its connection settled."""

from collections.abc import Callable

from shared.domain.access import Principal
from shared.domain.errors import Conflict, PreconditionFailed
from shared.domain.export import Export
from shared.domain.ports import StateBlobs, Stores
from shared.domain.record import Clock
from shared.pipeline import places
from shared.pipeline.erasure.sent_traces import keep_traces
from shared.pipeline.journal import Journal
from shared.usecases.exports.checks import ExportChecks

Change = Callable[[Export], Export]
_WHO_AND_WHEN = {"updated_by", "updated_at"}


class ExportChanges:
    """Changes one export at a time."""

    def __init__(
        self, stores: Stores, state: StateBlobs, checks: ExportChecks, journal: Journal, clock: Clock
    ) -> None:
        self._stores, self._state, self._checks = stores, state, checks
        self._journal, self._clock = journal, clock

    def change(self, export_id: str, action: str, renew: Change, principal: Principal) -> Export:
        """Change an export as ``renew`` says, which is asked more than once and checks whatever it needs.

        Raises NotFound, Forbidden, what ``renew`` raises, and Conflict when the export would get another connection, or
        none, while it runs.
        """
        with self._journal.audited(principal, action, export_id) as details:
            present = self._stores.exports.get(export_id).record
            self._checks.require_use(present, principal)
            if renew(present).connection_id != present.connection_id:
                self.let_go(present)

            def apply(latest: Export) -> Export:
                if latest.connection_id != present.connection_id:
                    raise PreconditionFailed(
                        "The export has got another connection meanwhile.", remedy="Repeat your change."
                    )
                return self._stamp(latest, renew(latest), principal)

            stored = self._stores.exports.change(export_id, apply)
            details["changed"] = sorted(
                name
                for name in Export.model_fields
                if name not in _WHO_AND_WHEN and getattr(stored, name) != getattr(present, name)
            )
            former = present.connection_id or present.detached_from
            if former is not None and stored.connection_id not in (None, former):
                self.forget_ledgers(export_id)
        return stored

    def let_go(self, export: Export) -> None:
        """Get ready to part an export from its connection: who was sent over it stays known. Raises Conflict while it runs."""
        for run in self._stores.runs.page_of(export.id, 100)[0]:
            if not run.status.ended:
                raise Conflict(
                    f"The export '{export.name}' is running.",
                    code="export-running",
                    remedy=f"Wait for the run '{run.id}' to end, or cancel it.",
                )
        if export.connection_id is not None:
            keep_traces(self._state, export.id, export.connection_id)

    def forget_ledgers(self, export_id: str) -> None:
        """Ledgers tell who is on the lists of one account, and mean nothing to another one."""
        self._state.remove(self._state.names(places.export_ledgers(export_id)))

    def _stamp(self, present: Export, wanted: Export, principal: Principal) -> Export:
        """Note who changed it and when, and from which connection it was detached."""
        detached = wanted.connection_id is None
        former = present.connection_id or present.detached_from
        wanted = wanted.model_copy(update={"detached_from": former if detached else None})
        if wanted == present:
            return present
        return wanted.model_copy(update={"updated_by": principal.name, "updated_at": self._clock()})
