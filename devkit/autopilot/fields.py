"""Standard and custom fields of a contact.

Custom fields are written as ``type--Name--Parts`` and read as ``{"kind": "Name Parts", "value", "fieldType"}``.
Assumed, since no source tells: a value that is not of its type, and a known name with another type, refuse the
call with 400; a key without a known type is ignored; blank values clear a field.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from devkit.autopilot.identifiers import iso_from_text, iso_time
from devkit.autopilot.replies import Refusal

STANDARD = frozenset(
    [
        "FirstName",
        "LastName",
        "Salutation",
        "Company",
        "NumberOfEmployees",
        "Title",
        "Industry",
        "Phone",
        "MobilePhone",
        "Fax",
        "Website",
        "MailingStreet",
        "MailingCity",
        "MailingState",
        "MailingPostalCode",
        "MailingCountry",
        "LeadSource",
        "Status",
        "LinkedIn",
        "Twitter",
        "owner_name",
    ]
)
BLANK = (None, "")

# Both forms that clients send: a date-time with a zone (php-autopilothq) and a plain date (AutopilotHQ-Uploader).
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?)?").fullmatch
_LAST_MS = 253_402_300_799_999  # the end of the year 9999, as epoch milliseconds
_INTEGER = re.compile(r"[+-]?\d+").fullmatch
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?").fullmatch


def _is_string(value: object) -> bool:
    return isinstance(value, str | int | float)


def _is_integer(value: object) -> bool:
    return type(value) is int or (type(value) is str and _INTEGER(value) is not None)


def _is_float(value: object) -> bool:
    return type(value) in (int, float) or (type(value) is str and _FLOAT(value) is not None)


def _is_boolean(value: object) -> bool:
    return type(value) is bool or value in ("true", "false")


def _is_date(value: object) -> bool:
    if type(value) is int:
        return 0 <= value <= _LAST_MS
    if type(value) is not str or _DATE(value) is None:
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _read_date(value: Any) -> str:
    return iso_from_text(value) if isinstance(value, str) else iso_time(value)


_FITS: dict[str, Callable[[object], bool]] = {
    "string": _is_string,
    "integer": _is_integer,
    "float": _is_float,
    "boolean": _is_boolean,
    "date": _is_date,
}
_READ: dict[str, Callable[[Any], Any]] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": lambda value: value in (True, "true"),
    "date": _read_date,
}


class CustomFields:
    """The custom fields an account knows: ``types`` maps name to type."""

    def __init__(self) -> None:
        self.types: dict[str, str] = {}
        self._fits: dict[str, Callable[[object], bool]] = {}

    def create(self, name: str, field_type: str) -> None:
        """Raises ValueError for an unknown type, or when the name exists with another one."""
        if field_type not in _FITS:
            raise ValueError(f"The type must be one of {', '.join(_FITS)}.")
        if self.types.setdefault(name, field_type) != field_type:
            raise ValueError(f"{name} exists as {self.types[name]}.")
        self._fits[f"{field_type}--{name.replace(' ', '--')}"] = _FITS[field_type]

    def check(self, custom: Mapping[str, Any], created: dict[str, str], *, must_exist: bool) -> None:
        """Refuse what cannot be stored; put unknown fields into ``created`` (name to type)."""
        fits = self._fits
        for key, value in custom.items():
            fit = fits.get(key) or self._judge(key, created, must_exist=must_exist)
            if fit is not None and value not in BLANK and not fit(value):
                raise Refusal(400, f"Invalid value for custom field {key}.")

    def _judge(
        self, key: str, created: dict[str, str], *, must_exist: bool
    ) -> Callable[[object], bool] | None:
        field_type, name = _split(key)
        if field_type not in _FITS or not name:
            return None
        known = self.types.get(name) or created.get(name)
        if known is None and must_exist:
            raise Refusal(400, f"Custom field {name} does not exist.")
        if known not in (None, field_type):
            raise Refusal(400, f"Custom field {name} is of type {known}.")
        created[name] = field_type
        return _FITS[field_type]

    def read(self, custom: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return stored values in the form in which a contact shows them."""
        values = {_split(key): value for key, value in custom.items() if value not in BLANK}
        return [
            {"kind": name, "value": _READ[field_type](value), "fieldType": field_type, "deleted": False}
            for (field_type, name), value in values.items()
            if self.types.get(name) == field_type
        ]


def _split(key: str) -> tuple[str, str]:
    """Return type and name of a key as it is written."""
    field_type, _, rest = key.partition("--")
    return field_type, rest.replace("--", " ")
