"""What people see of an export: besides what they set, how it stands and what they may do with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from shared.domain.access import Principal, Role
from shared.domain.connection import Connection
from shared.domain.export import Export
from shared.domain.identifiers import version_of
from shared.domain.ports import Stores
from shared.domain.record import Clock, Moment
from shared.domain.schedule import REFRESH_ID, Refresh
from shared.domain.segment import Segment
from shared.domain.standing import LastRun, Standing
from shared.usecases.exports.slots import next_slot_of

NOT_STARTED = "Not started"


class Permission(StrEnum):
    """What somebody may do with an export."""

    EDIT = "edit"
    VIEW = "view"


class ExportView(Export):
    """``status`` is that of the last run, whatever set it off, or *Not started*. ``connection_name`` is None for an
    export without a connection; ``next_run`` is None when none is foreseen. ``warnings`` tell what the next run may
    fail for."""

    connection_name: str | None = None
    connection_type: str | None = None
    permission: Permission
    status: str = NOT_STARTED
    last_run: LastRun | None = None
    next_run: Moment | None = None
    warnings: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        return export_version(self)


_NOT_SET_BY_PEOPLE = frozenset(ExportView.model_fields) - frozenset(Export.model_fields)


def export_version(export: Export) -> str:
    """Return the version of what people set; runs do not change it."""
    return version_of(export, without=_NOT_SET_BY_PEOPLE)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What exports are shown with. ``limit`` is how many profiles a run may have."""

    connections: Mapping[str, Connection]
    standings: Mapping[str, Standing]
    segments: Mapping[str, Segment]
    refresh: Refresh | None
    now: datetime
    limit: int


class ExportRow:
    """An export among many: light enough to sort and search thousands. Only ``view`` tells everything of it."""

    def __init__(self, export: Export, principal: Principal, around: Surroundings) -> None:
        self.export, self._around = export, around
        self.connection = around.connections.get(export.connection_id or "")
        self.standing = around.standings.get(export.id) or Standing(subject=export.id)
        self.permission = _permission(principal, self.connection)

    @property
    def status(self) -> str:
        return self.standing.last_run.status if self.standing.last_run else NOT_STARTED

    @cached_property
    def next_run(self) -> datetime | None:
        export, around = self.export, self._around
        if export.connection_id is None:
            return None
        slot = next_slot_of(export.schedule, around.now, around.refresh) if export.active else None
        return min(filter(None, (slot, self.standing.retry_at)), default=None)

    def view(self) -> ExportView:
        export, connection = self.export, self.connection
        return ExportView(
            **{name: getattr(export, name) for name in Export.model_fields},
            connection_name=connection.display_name if connection else None,
            connection_type=connection.destination if connection else None,
            permission=self.permission,
            status=self.status,
            last_run=self.standing.last_run,
            next_run=self.next_run,
            warnings=tuple(
                _warn_of_size(
                    [choice.name for choice in export.segments],
                    self._around.segments,
                    _lower_limit(self._around.limit, connection),
                )
            ),
        )


class ExportViews:
    """Makes views. ``max_profiles_per_run`` is the app's limit, which a connection may lower."""

    def __init__(self, stores: Stores, clock: Clock, *, max_profiles_per_run: int) -> None:
        self._stores, self._clock, self._limit = stores, clock, max_profiles_per_run

    def show(self, export: Export, principal: Principal) -> ExportView:
        connection = self._stores.connections.find(export.connection_id) if export.connection_id else None
        standing = self._stores.standings.find(export.id)
        found = [self._stores.segments.find(choice.name) for choice in export.segments]
        around = self._around(
            [connection.record] if connection else [],
            [standing.record] if standing else [],
            [segment.record for segment in found if segment],
        )
        return ExportRow(export, principal, around).view()

    def rows(self, exports: Iterable[Export], principal: Principal) -> list[ExportRow]:
        """Return a row for each export, with few calls to storage however many there are."""
        around = self.look_around()
        return [ExportRow(export, principal, around) for export in exports]

    def look_around(self) -> Surroundings:
        """Return what any export is shown with."""
        return self._around(
            self._stores.connections.glance(), self._stores.standings.glance(), self._stores.segments.glance()
        )

    def warn_of_size(self, segments: Iterable[str], connection_id: str | None) -> tuple[str, ...]:
        """Return what an export of these segments would be warned of, before there is one."""
        connections = {each.id: each for each in self._stores.connections.glance()}
        known = {each.name: each for each in self._stores.segments.glance()}
        limit = _lower_limit(self._limit, connections.get(connection_id or ""))
        return tuple(_warn_of_size(segments, known, limit))

    def _around(
        self, connections: Iterable[Connection], standings: Iterable[Standing], segments: Iterable[Segment]
    ) -> Surroundings:
        refresh = self._stores.refreshes.find(REFRESH_ID)
        return Surroundings(
            {connection.id: connection for connection in connections},
            {standing.subject: standing for standing in standings},
            {segment.name: segment for segment in segments},
            refresh.record if refresh else None,
            self._clock(),
            self._limit,
        )


def _permission(principal: Principal, connection: Connection | None) -> Permission:
    if connection is None:
        return Permission.EDIT if principal.role.includes(Role.CONTRIBUTOR) else Permission.VIEW
    return Permission.EDIT if principal.may_use(connection) else Permission.VIEW


def _lower_limit(limit: int, connection: Connection | None) -> int:
    lowered = connection.max_profiles_per_run if connection else None
    return min(limit, lowered) if lowered else limit


def _warn_of_size(names: Iterable[str], segments: Mapping[str, Segment], limit: int) -> Iterable[str]:
    """Tell which segments are too large, alone or together; a person in two of them counts once in a run."""
    sizes = {name: segment.size or 0 for name in names if (segment := segments.get(name))}
    too_large = [name for name, size in sizes.items() if size > limit]
    for name in too_large:
        yield f"The segment '{name}' has {sizes[name]:,} profiles; a run may have at most {limit:,}."
    if not too_large and (total := sum(sizes.values())) > limit:
        yield f"Together the segments have up to {total:,} profiles; a run may have at most {limit:,}."
