"""Every error Segpilot raises on purpose, in one tree.

Each class answers three questions as attributes: may the same thing be tried again (``retryable``), when
(``retry_after_s``), and who can do something about it (``fault``). Bad rows are not errors but data: they
end up in the rejects of a run.

SegpilotError
├── caller is to blame: Invalid, NotSignedIn, Forbidden, NotFound, Conflict (InUse, others depend on it),
│   PreconditionFailed, PreconditionRequired
├── the file is to blame: SegmentUnreadable
├── the destination: DestinationError
│   ├── Unauthorized        the key was refused
│   ├── Refused             it said no to this request, and will again
│   ├── Throttled           too many calls
│   ├── Unavailable         no answer, or a broken one
│   └── TimedOut            not done within the time that somebody waits
└── our own surroundings: SecretUnavailable, StorageUnavailable, DiskFull
"""

from enum import StrEnum
from typing import ClassVar


class Fault(StrEnum):
    """Who can mend it."""

    CALLER = "caller"
    CONFIGURATION = "configuration"
    FILE = "file"
    DESTINATION = "destination"
    SERVICE = "service"


class SegpilotError(Exception):
    """Base of all. ``message`` is one sentence for a person; ``remedy`` says what to do about it."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    fault: ClassVar[Fault] = Fault.SERVICE
    retryable: bool = False

    def __init__(
        self, message: str, *, remedy: str = "", code: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.reason = code or self.code
        self.retry_after_s = retry_after_s


class Invalid(SegpilotError):
    """What was asked for makes no sense. ``errors`` lists ``{"pointer", "detail"}`` per wrong field."""

    code, status, title, fault = "invalid", 400, "The request is not valid", Fault.CALLER

    def __init__(
        self,
        message: str,
        *,
        errors: list[dict[str, str]] | None = None,
        remedy: str = "",
        code: str | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, code=code)
        self.errors = errors or []


class NotFound(SegpilotError):
    code, status, title, fault = "not-found", 404, "There is no such thing", Fault.CALLER


class Forbidden(SegpilotError):
    code, status, title, fault = "forbidden", 403, "You may not do this", Fault.CALLER


class Conflict(SegpilotError):
    code, status, title, fault = "conflict", 409, "The present state does not allow this", Fault.CALLER


class InUse(Conflict):
    """Others depend on it. ``dependents`` lists ``{"id", "name"}`` of each."""

    code, title = "in-use", "Others depend on it"

    def __init__(
        self,
        message: str,
        *,
        dependents: list[dict[str, str]] | None = None,
        remedy: str = "",
        code: str | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, code=code)
        self.dependents = dependents or []


class PreconditionFailed(SegpilotError):
    code, status, title, fault = "changed-meanwhile", 412, "Somebody changed it meanwhile", Fault.CALLER


class PreconditionRequired(SegpilotError):
    """A change has to say which version it is a change of."""

    code, status, title, fault = "version-needed", 428, "Say which version you are changing", Fault.CALLER


class NotSignedIn(SegpilotError):
    code, status, title, fault = "not-signed-in", 401, "Sign in first", Fault.CALLER


class SegmentUnreadable(SegpilotError):
    """A whole file, or a whole snapshot, cannot be used."""

    code, status, title, fault = "segment-unreadable", 422, "The segment cannot be read", Fault.FILE


class DestinationError(SegpilotError):
    code, status, title, fault = "destination", 502, "The destination did not accept this", Fault.DESTINATION


class Unauthorized(DestinationError):
    """The destination refused the API key."""

    code, title, fault = "key-refused", "The API key was refused", Fault.CONFIGURATION


class Refused(DestinationError):
    """The destination said no to the request itself; the same request will be refused again."""

    code, title = "refused", "The destination refused the request"


class Throttled(DestinationError):
    """Too many calls. ``retry_after_s`` is what the destination asked for, or None."""

    code, title, retryable = "throttled", "The destination asks for fewer calls", True


class Unavailable(DestinationError):
    """No answer, a broken one, or a server error. The call may have taken effect all the same."""

    code, title, retryable = "unavailable", "The destination cannot be reached", True


class TimedOut(DestinationError):
    """Nobody waits any longer; the destination may only be slow, or have asked for a pause."""

    code, status, title, retryable = "destination-slow", 504, "The destination takes too long", True


class SecretUnavailable(SegpilotError):
    """The vault did not give the secret. Retryable unless it is ``missing`` or ``forbidden``, which time does not mend."""

    code, status, title, fault = "secret-unavailable", 503, "The key cannot be read", Fault.CONFIGURATION

    def __init__(
        self, message: str, *, missing: bool = False, forbidden: bool = False, remedy: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.missing, self.forbidden = missing, forbidden
        self.retryable = not (missing or forbidden)


class StorageUnavailable(SegpilotError):
    code, status, title, retryable = "storage-unavailable", 503, "Storage cannot be reached", True


class DiskFull(SegpilotError):
    """The scratch disk of the instance is full; others that share it may leave room later."""

    code, status, title, retryable = "disk-full", 503, "The disk is full", True
