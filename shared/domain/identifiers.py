"""Names for things: random ids, run ids made from their cause, and keys that storage accepts."""

import hashlib
import secrets
from datetime import UTC, datetime
from urllib.parse import quote

from pydantic import BaseModel

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_DIGITS_INVERTED = str.maketrans("0123456789", "9876543210")
_STAMP = "%Y%m%dT%H%M%SZ"


def new_id(prefix: str) -> str:
    """Return ``prefix-`` and 12 random letters and digits without look-alikes."""
    return f"{prefix}-" + "".join(secrets.choice(_ALPHABET) for _ in range(12))


def digest(*parts: str, length: int = 12) -> str:
    """Return a short hexadecimal digest of ``parts``; the same parts always give the same digest."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()[:length]


def requested_id(prefix: str, who: str, request_key: str) -> str:
    """Return the id of what somebody's request adds: the same key of the same person always gives the same id."""
    return f"{prefix}-{digest(who, request_key)}"


def dated_id(prefix: str, at: datetime) -> str:
    """Return ``prefix-moment-`` and 12 random letters and digits; ``newest_first`` sorts such ids."""
    kind, _, rest = new_id(prefix).rpartition("-")
    return f"{kind}-{at.astimezone(UTC).strftime(_STAMP)}-{rest}"


def first_id(prefix: str, at: datetime) -> str:
    """Return what sorts just before the dated ids of this second, also when they are sorted newest first."""
    return f"{prefix}-{at.astimezone(UTC).strftime(_STAMP)}-"


def moment_of(identifier: str) -> datetime | None:
    """Return the moment in an id that ``dated_id`` or ``run_id`` made, to the second, or None in another."""
    try:
        return datetime.strptime(identifier.split("-")[1], _STAMP).replace(tzinfo=UTC)
    except (IndexError, ValueError):
        return None


def run_id(export_id: str, cause: str, at: datetime) -> str:
    """Return the id of the run that ``cause`` starts for an export.

    The same export, cause and moment always give the same id, so that a trigger delivered twice starts one run.
    """
    return f"run-{at.astimezone(UTC).strftime(_STAMP)}-{digest(export_id, cause)}"


def newest_first(identifier: str) -> str:
    """Turn a dated id into a row key that sorts newest first, and back again (tables only sort upwards)."""
    key = storage_key(identifier)
    if key.count("-") < 2:
        return key
    prefix, stamp, rest = key.split("-", 2)
    return "-".join((prefix, stamp.translate(_DIGITS_INVERTED), rest))


def version_of(record: BaseModel, *, without: frozenset[str] = frozenset()) -> str:
    """Return a digest of what a record holds; ``without`` names what is not part of it."""
    return digest(record.model_dump_json(exclude=set(without)), length=16)


def storage_key(name: str) -> str:
    """Return ``name`` as a row key or one blob path step: letters, digits, ``-``, ``_``, ``.`` and ``~XX``.

    Different names give different keys. Long names are cut and get a digest, since a row key holds 512
    characters (Azure Table documentation) and a whole blob name 1,024.
    """
    key = quote(name, safe="").replace("~", "%7E").replace("%", "~")
    if key.strip(".") == "" or key.endswith("."):
        key = key[:-1] + "~2E"
    return key if len(key) <= 200 else f"{key[:160]}~{digest(name, length=32)}"
