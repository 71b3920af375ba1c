"""Rows to Autopilot contacts."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time

import orjson

from shared.domain.export import FieldMapping, FieldType
from shared.domain.values import CastFailure, make_caster

STANDARD_FIELDS = (
    "FirstName", "LastName", "Salutation", "Company", "NumberOfEmployees", "Title", "Industry", "Phone",
    "MobilePhone", "Fax", "Website", "MailingStreet", "MailingCity", "MailingState", "MailingPostalCode",
    "MailingCountry", "LeadSource", "Status", "LinkedIn", "Twitter", "unsubscribed",
)  # fmt: skip
"""Case-sensitive names of the contact fields (Autopilot API blueprint; public clients)."""

_UNSUBSCRIBED = "unsubscribed"


def check_mapping(fields: Sequence[FieldMapping]) -> list[str]:
    """Return one sentence per mapping that Autopilot could not take or would not give back unharmed."""
    problems = []
    for (name, _), count in Counter((mapping.field, mapping.type is None) for mapping in fields).items():
        if count > 1:
            problems.append(f"The field '{name}' is filled {count} times; keep one of them.")
    for mapping in fields:
        name = mapping.field
        if mapping.type is None and name == "Email":
            problems.append("The e-mail address has a place of its own: 'email_column'.")
        elif mapping.type is None and name not in STANDARD_FIELDS:
            known = ", ".join(STANDARD_FIELDS)
            problems.append(
                f"'{name}' is not a standard field of Autopilot. Give it a type to make it a custom field, "
                f"or use one of: {known}."
            )
        elif mapping.type is not None and not _survives(name):
            problems.append(
                f"The custom field name '{name}' may not be blank, nor begin or end with a space, nor contain "
                "control characters, '--' or a hyphen before a space: Autopilot writes a space as '--'."
            )
    return problems


def _survives(name: str) -> bool:
    as_given_back = name.replace(" ", "--").replace("--", " ")
    return bool(name) and name == name.strip() and name.isprintable() and as_given_back == name


def _key(mapping: FieldMapping) -> str:
    """Custom fields are written as ``type--Name--With--Spaces`` (as public clients do)."""
    return mapping.field if mapping.type is None else f"{mapping.type}--{mapping.field.replace(' ', '--')}"


def _instant(value: date) -> str:
    """Dates go as ISO date-times in UTC, the form that Autopilot gives back (recorded answers, 2017)."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, time(), UTC)
    return f"{moment.isoformat()[:19]}.000Z"


def _is_blank(value: object) -> bool:
    """Not-a-number is how many tools write an empty cell of a numeric column to Parquet."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or value != value


class ContactEncoder:
    """Encodes rows by one mapping. Not thread-safe: it counts the values that it had to leave out."""

    def __init__(self, fields: Sequence[FieldMapping]) -> None:
        self.columns = tuple(mapping.column or "" for mapping in fields)
        self._standard: list[tuple[int, str]] = []
        self._as_text = make_caster(FieldType.STRING)
        self._custom: list[tuple[int, str, Callable[[object], object]]] = []
        self._unsubscribed: int | None = None
        self._dropped: Counter[str] = Counter()
        self._as_boolean = make_caster(FieldType.BOOLEAN)
        for place, mapping in enumerate(fields):
            if mapping.type is not None:
                cast = make_caster(mapping.type, date_order=mapping.date_order)
                self._custom.append((place, _key(mapping), cast))
            elif mapping.field == _UNSUBSCRIBED:
                self._unsubscribed = place
            else:
                self._standard.append((place, mapping.field))

    @property
    def dropped(self) -> Mapping[str, int]:
        return self._dropped

    def encode(self, email: str, values: Sequence[object]) -> str:
        contact: dict[str, object] = {"Email": email}
        for place, key in self._standard:
            self._fill(contact, key, place, values[place], self._as_text)
        if self._custom:
            custom: dict[str, object] = {}
            for place, key, cast in self._custom:
                self._fill(custom, key, place, values[place], cast)
            if custom:
                contact["custom"] = custom
        if self._unsubscribed is not None:
            self._fill(
                contact, _UNSUBSCRIBED, self._unsubscribed, values[self._unsubscribed], self._as_boolean
            )
            # ``unsubscribed: false`` subscribes a person again (public clients), so it is never sent.
            if not contact.get(_UNSUBSCRIBED):
                contact.pop(_UNSUBSCRIBED, None)
        return orjson.dumps(contact).decode()

    def _fill(
        self, target: dict[str, object], key: str, place: int, value: object, cast: Callable[[object], object]
    ) -> None:
        if _is_blank(value):
            return
        result = cast(value)
        if isinstance(result, CastFailure):
            self._dropped[self.columns[place]] += 1
        else:
            target[key] = _instant(result) if isinstance(result, date) else result
