"""What the server answers: replies, refusals and the two shapes of error bodies.

Texts of errors come from the blueprint draft of May 2015 unless a comment says that they are assumed.
"""

from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

import orjson

JSON = "application/json"


class Ending(Enum):
    """What becomes of the connection: the answer is sent, dropped (connection closed), or it is reset (RST)."""

    SEND = "send"
    DROP = "drop"
    RESET = "reset"


@dataclass(slots=True)
class Reply:
    """One answer. ``contacts`` counts the contacts of a bulk call, ``fault`` names what went wrong on purpose."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    delay_s: float = 0.0
    ending: Ending = Ending.SEND
    contacts: int = 0
    fault: str | None = None


class Refusal(Exception):
    """The server says no. ``code`` is given when the refusal has the ``code`` shape whatever the switch says."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        empty: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers
        self.empty = empty


# Names in the manner of the restify framework, whose throttle wording the real service uses; assumed.
_CODES = {
    400: "BadRequest",
    401: "NotAuthorized",
    403: "Forbidden",
    404: "ResourceNotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    429: "TooManyRequests",
    500: "InternalError",
    502: "BadGateway",
    503: "ServiceUnavailable",
}


def json_reply(payload: object, status: int = 200, *, contacts: int = 0) -> Reply:
    return Reply(status, orjson.dumps(payload), contacts=contacts)


def error_reply(refusal: Refusal, shape: str) -> Reply:
    """Return the refusal in the shape ``error`` (``error``, ``message``) or ``code`` (``code``, ``message``)."""
    if refusal.empty:
        payload = {}
    elif shape == "code" or refusal.code:
        payload = {"code": refusal.code or _CODES[refusal.status], "message": refusal.message}
    else:
        payload = {"error": HTTPStatus(refusal.status).phrase, "message": refusal.message}
    return Reply(refusal.status, orjson.dumps(payload), headers=refusal.headers)


def contact_not_found() -> Refusal:
    return Refusal(404, "Contact could not be found.")


def not_there() -> Refusal:
    """A missing list on its roster, a person who is not on a list: 404 without a text (php-autopilothq)."""
    return Refusal(404, "", empty=True)


def list_not_found() -> Refusal:
    return Refusal(404, "List does not exist.")
