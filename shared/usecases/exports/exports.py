"""Exports: add, look, change, remove."""

from collections.abc import Mapping

from shared.domain.access import Principal, Role
from shared.domain.errors import Conflict, NotFound
from shared.domain.export import Export
from shared.domain.identifiers import new_id, requested_id
from shared.domain.ports import StateBlobs, Stores
from shared.domain.record import Clock
from shared.pipeline.journal import Journal
from shared.usecases.exports.changes import Change, ExportChanges
from shared.usecases.exports.checks import ExportChecks
from shared.usecases.exports.forms import MAX_SEGMENTS, NewExport, NewSegmentChoice
from shared.usecases.exports.views import ExportView, ExportViews, export_version
from shared.usecases.versions import require_version

_COPY = " (copy)"
_LONGEST_NAME = 200


class Exports:
    """Use cases of one export. All but ``get`` raise Forbidden for who may not use its connection."""

    def __init__(
        self,
        stores: Stores,
        state: StateBlobs,
        checks: ExportChecks,
        views: ExportViews,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._stores, self._views, self._journal, self._clock = stores, views, journal, clock
        self._checks, self._changes = checks, ExportChanges(stores, state, checks, journal, clock)

    def get(self, export_id: str, principal: Principal) -> ExportView:
        principal.require(Role.VIEWER)
        return self._views.show(self._stores.exports.get(export_id).record, principal)

    def add(self, new: NewExport, principal: Principal, request_key: str | None = None) -> ExportView:
        """Store an export; it does not run yet. The same ``request_key`` gives the same export.

        Raises Invalid that names what does not fit, and Conflict when the key has given an export that is different.
        """
        with self._journal.audited(principal, "export.add") as details:
            now, settings = self._clock(), self._checks.settings(new, principal)
            export = Export(
                id=_new_id(request_key, principal),
                created_by=principal.name,
                created_at=now,
                updated_by=principal.name,
                updated_at=now,
                **settings,
            )
            try:
                self._stores.exports.add(export.id, export)
            except Conflict:
                present = self._stores.exports.get(export.id).record
                if request_key is None or not _holds(present, settings):
                    raise
                export = present
            details |= {"subject": export.id, "connection_id": export.connection_id}
        return self._views.show(export, principal)

    def duplicate(
        self, export_id: str, name: str | None, principal: Principal, request_key: str | None = None
    ) -> ExportView:
        """Store a copy with a name of its own. It is not active: two alike would do everything twice. The same
        ``request_key`` gives the same copy."""
        with self._journal.audited(principal, "export.duplicate", export_id) as details:
            original = self._stores.exports.get(export_id).record
            self._checks.require_use(original, principal)
            now = self._clock()
            copy = original.model_copy(
                update={
                    "id": _new_id(request_key, principal),
                    "name": name or original.name[: _LONGEST_NAME - len(_COPY)] + _COPY,
                    "active": False,
                    "detached_from": None,
                    "created_by": principal.name,
                    "created_at": now,
                    "updated_by": principal.name,
                    "updated_at": now,
                }
            )
            try:
                self._stores.exports.add(copy.id, copy)
            except Conflict:
                if request_key is None:
                    raise
                copy = self._stores.exports.get(copy.id).record
            details["copy"] = copy.id
        return self._views.show(copy, principal)

    def replace(
        self, export_id: str, new: NewExport, expected: str | None, principal: Principal
    ) -> ExportView:
        """Set everything anew. Raises Invalid, PreconditionRequired and PreconditionFailed, and Conflict when it gets
        another connection while it runs.

        A change that is there already is no conflict (RFC 9110, 13.1.1): it may be sent twice.
        """

        def renew(present: Export) -> Export:
            settings = self._checks.settings(new, principal)
            if expected is None or not _holds(present, settings):
                require_version(export_version(present), expected, "export")
            return present.model_copy(update=settings)

        return self._change(export_id, "export.edit", renew, principal)

    def attach(self, export_id: str, connection_id: str, principal: Principal) -> ExportView:
        """Give it a connection, or another one. One that had none becomes active again."""

        def renew(present: Export) -> Export:
            connection = self._checks.usable(connection_id, principal)
            self._checks.check_mapping(present.fields, connection)
            active = present.active or present.connection_id is None
            return present.model_copy(update={"connection_id": connection.id, "active": active})

        return self._change(export_id, "export.attach", renew, principal)

    def detach(self, export_id: str, principal: Principal) -> ExportView:
        """Take its connection away and keep everything else; it is not active any more. Raises Conflict while it runs."""
        changes = {"connection_id": None, "active": False}
        return self._change(
            export_id, "export.detach", lambda present: present.model_copy(update=changes), principal
        )

    def activate(self, export_id: str, principal: Principal) -> ExportView:
        """Let it run by itself. Raises Conflict when it has no connection."""

        def renew(present: Export) -> Export:
            if present.connection_id is None:
                raise Conflict(
                    f"The export '{present.name}' has no connection.",
                    code="no-connection",
                    remedy="Give it a connection: that activates it.",
                )
            return present.model_copy(update={"active": True})

        return self._change(export_id, "export.activate", renew, principal)

    def deactivate(self, export_id: str, principal: Principal) -> ExportView:
        """Let it run only when somebody asks. A run that goes on is not stopped."""
        return self._change(
            export_id,
            "export.deactivate",
            lambda present: present.model_copy(update={"active": False}),
            principal,
        )

    def add_segment(self, export_id: str, new: NewSegmentChoice, principal: Principal) -> ExportView:
        """Let it carry one more segment. Raises Conflict when it does already."""

        def renew(present: Export) -> Export:
            if present.segment(new.name):
                raise Conflict(
                    f"The export '{present.name}' carries the segment '{new.name}' already.",
                    code="segment-exported",
                )
            if len(present.segments) >= MAX_SEGMENTS:
                raise Conflict(
                    f"An export carries at most {MAX_SEGMENTS} segments.",
                    code="too-many-segments",
                    remedy="Add another export.",
                )
            return present.model_copy(update={"segments": (*present.segments, new.as_choice())})

        return self._change(export_id, "export.segment.add", renew, principal)

    def remove_segment(self, export_id: str, name: str, principal: Principal) -> ExportView:
        """Let it carry a segment no longer; people stay on its list. Raises NotFound, and Conflict for the only one."""

        def renew(present: Export) -> Export:
            if not present.segment(name):
                raise NotFound(f"The export '{present.name}' does not carry the segment '{name}'.")
            if len(present.segments) == 1:
                raise Conflict(
                    f"'{name}' is the only segment of the export '{present.name}'.",
                    code="only-segment",
                    remedy="Add another segment first, or remove the export.",
                )
            kept = tuple(choice for choice in present.segments if choice.name != name)
            return present.model_copy(update={"segments": kept})

        return self._change(export_id, "export.segment.remove", renew, principal)

    def remove(self, export_id: str, principal: Principal) -> None:
        """Remove it with its ledgers; people stay on their lists. Raises Conflict while a run goes on.

        Repeated after a failure, it goes on where it stopped.
        """
        with self._journal.audited(principal, "export.remove", export_id) as details:
            export = self._stores.exports.get(export_id).record
            self._checks.require_use(export, principal)
            self._changes.let_go(export)
            # The record goes last: were anything to fail after it is gone, nobody could remove the rest any more.
            self._changes.forget_ledgers(export_id)
            self._stores.standings.remove(export_id)
            self._stores.exports.remove(export_id)
            details |= {"name": export.name, "connection_id": export.connection_id}

    def _change(self, export_id: str, action: str, renew: Change, principal: Principal) -> ExportView:
        return self._views.show(self._changes.change(export_id, action, renew, principal), principal)


def _holds(export: Export, settings: Mapping[str, object]) -> bool:
    return all(getattr(export, name) == value for name, value in settings.items())


def _new_id(request_key: str | None, principal: Principal) -> str:
    return requested_id("export", principal.name, request_key) if request_key else new_id("export")
