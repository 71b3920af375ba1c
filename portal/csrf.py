"""Forms must come from a page of the portal: a secret in a cookie, and in each form a mask of it.

The cookie's prefix keeps other hosts of the same site from setting it. The mask is different each time, so that the
compressed size of pages tells nothing about it (BREACH). The cookie is *Lax*: were it *Strict*, a link from elsewhere
would bring no cookie, and a new one would spoil the forms of every other tab. Its value has no padding: the Functions
host writes what is no letter, digit, ``-``, ``.``, ``_`` or ``~`` in the value of a cookie as a percent code
(azure-functions-python-worker, issue 1794).
"""

import base64
import binascii
import hmac
import secrets

from portal.web import Request
from shared.domain.errors import Forbidden

COOKIE = "__Host-csrf"
FIELD = "csrf"
HEADER = "x-csrf-token"
_BYTES = 32


def secret_of(request: Request) -> str | None:
    """Return the secret of a browser, or None when it has none yet."""
    found = request.cookies.get(COOKIE, "")
    return found if len(_decode(found)) == _BYTES else None


def new_secret() -> str:
    return _encode(secrets.token_bytes(_BYTES))


def mask(secret: str) -> str:
    """Return a token for a form."""
    pad = secrets.token_bytes(_BYTES)
    return _encode(pad + _xor(pad, _decode(secret)))


def require_token(request: Request) -> None:
    """Raise Forbidden unless a request brings a token that fits its cookie."""
    secret = secret_of(request)
    token = _decode(request.headers.get(HEADER) or request.form.get(FIELD))
    if secret and len(token) == 2 * _BYTES and _is_mask_of(token, _decode(secret)):
        return
    raise Forbidden(
        "The form was not sent from a page of this portal, or the page is too old.",
        code="stale-form",
        remedy="Open the page again and repeat your change.",
    )


def _is_mask_of(token: bytes, secret: bytes) -> bool:
    return hmac.compare_digest(_xor(token[:_BYTES], token[_BYTES:]), secret)


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return b""
