"""Switches: one for every behaviour of the real service that is uncertain or contradictory.

Defaults are the harsher variant, except where that would refuse clients known to work with the real service:
``rate`` (5 calls per second are documented for 2015, later clients assume 20) is off, ``custom_fields`` are created,
``delete_status`` is 200, names are overwritten, and a single upsert's list is honoured.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

_ON = {"on", "true", "yes", "1"}
_OFF = {"off", "false", "no", "0"}


def _choice(*allowed: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return str(value)

    return parse


def _flag(value: object) -> bool:
    text = str(value).lower()
    if text not in _ON | _OFF:
        raise ValueError("must be on or off")
    return text in _ON


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be a number")
    number = float(value)
    if not 0 <= number < float("inf"):
        raise ValueError("must be a number that is not negative")
    return number


def _count(value: object) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError("must be a whole number")
    return int(number)


def _rate(value: object) -> float:
    number = _number(value)
    if number == 0:
        raise ValueError("must be more than 0, or none")
    return number


def _header(value: object) -> str:
    text = str(value)
    if not text.isprintable():
        raise ValueError("must be printable")
    return text


def _status(value: object) -> int:
    return int(_choice("200", "204")(str(value)))


def _or_none(parse: Callable[[object], Any]) -> Callable[[object], Any]:
    return lambda value: None if value is None or value == "none" else parse(value)


def _switch(default: Any, parse: Callable[[object], Any], promise: str) -> Any:
    return field(default=default, metadata={"parse": parse, "promise": promise})


@dataclass(slots=True)
class Switches:
    """The behaviour in force. Change it with `update`; the next call sees the change."""

    rate: float | None = _switch(None, _or_none(_rate), "calls per second before 429, or none")
    rate_burst: float | None = _switch(
        None, _or_none(_number), "calls at once before 429; none: one second's worth"
    )
    rate_retry_after: str | None = _switch(
        None, _or_none(_header), "Retry-After of a 429: none, seconds, or any nonsense"
    )
    latency_ms: float = _switch(0.0, _number, "how long every answer takes; work is done on arrival")
    latency_jitter_ms: float = _switch(0.0, _number, "the latency varies by up to this much, both ways")
    bulk_list: str = _switch(
        "ignored",
        _choice("honoured", "new_only", "ignored"),
        "_autopilot_list in bulk: honoured, new_only (only for contacts it creates) or ignored",
    )
    single_list: str = _switch(
        "honoured",
        _choice("honoured", "new_only"),
        "_autopilot_list in a single upsert: honoured or new_only",
    )
    overwrite_names: bool = _switch(
        True,
        _flag,
        "FirstName and LastName of a known contact are overwritten (July 2015) or kept (May 2015)",
    )
    duplicate_list: str = _switch(
        "create",
        _choice("create", "conflict"),
        "a list name that exists: create a second list, or conflict (409)",
    )
    invalid_email: str = _switch(
        "refuse_batch",
        _choice("refuse_batch", "drop"),
        "an invalid e-mail in bulk: refuse_batch (400) or drop the contact from the answer",
    )
    error_body: str = _switch(
        "error",
        _choice("error", "code"),
        "shape of errors; error: as documented, except malformed JSON, unknown path, wrong method; code: all",
    )
    delete_status: int = _switch(200, _status, "deleting a contact answers 200 or 204")
    custom_fields: str = _switch(
        "auto_create",
        _choice("auto_create", "must_exist"),
        "an unknown custom field: auto_create, or must_exist (400)",
    )
    contact_limit: int | None = _switch(
        None,
        _or_none(_count),
        "contacts the contract allows; a call that goes above is refused with 403 (assumed)",
    )
    map_keys: str = _switch(
        "lower", _choice("lower", "as_sent"), "keys of email_contact_map: lower or as_sent"
    )

    def update(self, changes: Mapping[str, object]) -> None:
        """Set the named switches, all or none. Raises ValueError that names the wrong one."""
        parsed = {name: parse_switch(name, value) for name, value in changes.items()}
        for name, value in parsed.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


_PARSERS: dict[str, Callable[[object], Any]] = {
    item.name: item.metadata["parse"] for item in fields(Switches)
}
PROMISES: dict[str, str] = {item.name: item.metadata["promise"] for item in fields(Switches)}


def parse_switch(name: str, value: object) -> Any:
    """Return the value of a switch from JSON or from a command line. Raises ValueError."""
    if name not in _PARSERS:
        raise ValueError(f"There is no switch {name!r}.")
    try:
        return _PARSERS[name](value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
