"""The audit log, read back: who changed what on a day."""

from datetime import date

from pydantic import BaseModel, ConfigDict

from shared.domain.access import Principal, Role
from shared.domain.errors import Invalid
from shared.domain.record import Moment
from shared.pipeline.journal import Journal


class AuditEntry(BaseModel):
    """``result`` is done, refused or failed; ``code`` says why it was refused. ``from`` is where the caller was.
    Further fields tell what was changed."""

    model_config = ConfigDict(extra="allow")
    at: Moment
    action: str
    subject: str | None = None
    who: str
    role: str
    result: str
    code: str | None = None


class AuditDay(BaseModel):
    """The entries of one day (UTC), newest first."""

    entries: list[AuditEntry]


class Audit:
    """What administrators may see of the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def of_day(self, day: str, size: int, principal: Principal) -> AuditDay:
        """Return the newest entries of a day, which is written ``2026-03-01``. Raises Invalid."""
        principal.require(Role.ADMINISTRATOR)
        try:
            wanted = date.fromisoformat(day)
        except ValueError:
            raise Invalid(
                "'day' must be a date such as 2026-03-01.",
                errors=[{"pointer": "/day", "detail": "not a date"}],
            ) from None
        entries = self._journal.read_audit(wanted, size)
        return AuditDay(entries=[AuditEntry.model_validate(entry) for entry in entries])
