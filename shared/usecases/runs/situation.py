"""What surrounds a run: what is left of its export and connection, who may do something with it, what comes next."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.access import Principal, Role
from shared.domain.ports import Stores
from shared.domain.run import Run, RunStatus


@dataclass(frozen=True, slots=True)
class RunSituation:
    """``connection_name`` is None when the connection is gone. ``may_use`` tells whether somebody may cancel and decide
    upon the run, and see its people. ``retry_at`` is when a run that failed in passing is tried again by itself."""

    export_exists: bool
    connection_name: str | None
    may_use: bool
    retry_at: datetime | None = None


def look_around(stores: Stores, run: Run, principal: Principal) -> RunSituation:
    """Say how things stand around a run. What is left of an export or a connection that is gone is for administrators."""
    found = stores.connections.find(run.connection_id)
    export_exists = stores.exports.find(run.export_id) is not None
    if found and export_exists:
        may_use = principal.may_use(found.record)
    else:
        may_use = principal.role is Role.ADMINISTRATOR
    return RunSituation(
        export_exists=export_exists,
        connection_name=found.record.display_name if found else None,
        may_use=may_use,
        retry_at=_find_retry(stores, run) if run.status is RunStatus.FAILED else None,
    )


def _find_retry(stores: Stores, run: Run) -> datetime | None:
    standing = stores.standings.find(run.export_id)
    return standing.record.retry_at if standing and run.id in standing.record.retries else None
