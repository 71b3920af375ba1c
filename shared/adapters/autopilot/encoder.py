"""Rows to Autopilot contacts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Final, NamedTuple

import orjson

from shared.domain.export import Blank, FieldMapping, FieldType
from shared.domain.values import Caster, CastFailure, make_caster

STANDARD_FIELDS = (
    "FirstName", "LastName", "Salutation", "Company", "NumberOfEmployees", "Title", "Industry", "Phone",
    "MobilePhone", "Fax", "Website", "MailingStreet", "MailingCity", "MailingState", "MailingPostalCode",
    "MailingCountry", "LeadSource", "Status", "LinkedIn", "Twitter", "unsubscribed",
)  # fmt: skip
"""Case-sensitive names of the contact fields (Autopilot API blueprint; public clients)."""

_UNSUBSCRIBED = "unsubscribed"
_REMEMBERED, _REMEMBERED_CHARACTERS = 8_192, 64
"""How many texts of a column, and how long ones: amounts and days repeat."""

_NOTHING: Final = object()
_cast_as_text = make_caster(FieldType.STRING)


def check_mapping(fields: Sequence[FieldMapping]) -> list[str]:
    """Return one sentence per mapping that Autopilot could not take or would not give back unharmed."""
    problems = []
    for (name, _), count in Counter((mapping.field, mapping.type is None) for mapping in fields).items():
        if count > 1:
            problems.append(f"The field '{name}' is filled {count} times; keep one of them.")
    for mapping in fields:
        problem = _check_name(mapping) or _check_subscription(mapping) or _check_values(mapping)
        if problem:
            problems.append(problem)
    return problems


def _check_name(mapping: FieldMapping) -> str | None:
    name = mapping.field
    if mapping.type is None and name == "Email":
        return "The e-mail address has a place of its own: 'email_column'."
    if mapping.type is None and name not in STANDARD_FIELDS:
        return (
            f"'{name}' is not a standard field of Autopilot. Give it a type to make it a custom field, "
            f"or use one of: {', '.join(STANDARD_FIELDS)}."
        )
    if mapping.type is not None and not _survives(name):
        return (
            f"The custom field name '{name}' may not be blank, nor begin or end with a space, nor contain "
            "control characters, '--' or a hyphen before a space: Autopilot writes a space as '--'."
        )
    return None


def _check_subscription(mapping: FieldMapping) -> str | None:
    """``unsubscribed`` only ever moves towards true, so nothing but true can stand for it."""
    if mapping.type is not None or mapping.field != _UNSUBSCRIBED:
        return None
    if mapping.blank is Blank.CLEAR:
        return "'unsubscribed' cannot be cleared: that would subscribe people again."
    given = mapping.default if mapping.column else mapping.constant
    if given is not None and _cast_text(mapping, given) is not True:
        return f"'unsubscribed' is only ever sent as true, so '{given}' cannot stand for it."
    return None


def _check_values(mapping: FieldMapping) -> str | None:
    """A constant, and what stands for blank values, have to be of the field's type."""
    for what, text in (("constant", mapping.constant), ("default", mapping.default)):
        if text is not None and _cast_text(mapping, text) is None:
            kind = mapping.type or FieldType.STRING
            return f"The {what} '{text}' of the field '{mapping.field}' is blank or cannot be read as {kind}."
    return None


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


def _caster(mapping: FieldMapping) -> Caster:
    if mapping.type is not None:
        return make_caster(mapping.type, date_order=mapping.date_order)
    return make_caster(FieldType.BOOLEAN if mapping.field == _UNSUBSCRIBED else FieldType.STRING)


def _remember(cast: Caster) -> Caster:
    """Return a caster that gives values as they are sent, and casts a text that comes again only once."""
    seen: dict[str, object] = {}

    def remembering(value: object) -> object:
        if not isinstance(value, str):
            return _as_sent(cast(value))
        if (known := seen.get(value, _NOTHING)) is not _NOTHING:
            return known
        result = _as_sent(cast(value))
        if len(seen) < _REMEMBERED and len(value) <= _REMEMBERED_CHARACTERS:
            seen[value] = result
        return result

    return remembering


def _as_sent(result: object) -> object:
    return _instant(result) if isinstance(result, date) else result


def _cast_text(mapping: FieldMapping, text: str | None) -> object:
    """Return a constant or default as it is sent, or None when there is nothing to send."""
    if _is_blank(text):
        return None
    value = _caster(mapping)(text)
    return None if isinstance(value, CastFailure) else _as_sent(value)


def _for_blank(mapping: FieldMapping) -> object:
    """Return what is sent in place of a blank value.

    Clearing sends an empty text, or null for a custom field of another type. Whether Autopilot empties a field by
    either is not documented.
    """
    if mapping.blank is Blank.CLEAR:
        return "" if mapping.type in (None, FieldType.STRING) else None
    return _cast_text(mapping, mapping.default) if mapping.blank is Blank.DEFAULT else _NOTHING


class _Slot(NamedTuple):
    """Where a value comes from, where it goes, and what stands for a blank one."""

    place: int
    key: str
    is_text: bool
    cast: Caster
    blank: object


class ContactEncoder:
    """Encodes rows by one mapping. Not thread-safe: it counts the values that it had to leave out.

    Keys are sorted: the order of a mapping is no part of what is sent, so that changing it sends nobody again.
    """

    def __init__(self, fields: Sequence[FieldMapping]) -> None:
        mapped = [mapping for mapping in fields if mapping.column is not None]
        self.columns = tuple(mapping.column or "" for mapping in mapped)
        self._dropped: Counter[str] = Counter()
        self._standard: list[_Slot] = []
        self._custom: list[_Slot] = []
        for place, mapping in enumerate(mapped):
            cast = _caster(mapping)
            is_text = cast is _cast_as_text
            slot = _Slot(place, _key(mapping), is_text, _remember(cast), _for_blank(mapping))
            (self._standard if mapping.type is None else self._custom).append(slot)
        self._constants: dict[str, object] = {}
        self._custom_constants: dict[str, object] = {}
        for mapping in fields:
            if (value := _cast_text(mapping, mapping.constant)) is not None:
                constants = self._constants if mapping.type is None else self._custom_constants
                constants[_key(mapping)] = value

    @property
    def dropped(self) -> Mapping[str, int]:
        return self._dropped

    def encode(self, email: str, values: Sequence[object]) -> str:
        contact: dict[str, object] = {"Email": email, **self._constants}
        self._fill(contact, self._standard, values)
        # ``unsubscribed: false`` subscribes a person again (public clients), so nothing but true is ever sent.
        if contact.get(_UNSUBSCRIBED, True) is not True:
            del contact[_UNSUBSCRIBED]
        if self._custom or self._custom_constants:
            custom = self._custom_constants.copy()
            self._fill(custom, self._custom, values)
            if custom:
                contact["custom"] = custom
        return orjson.dumps(contact, option=orjson.OPT_SORT_KEYS).decode()

    def _fill(self, target: dict[str, object], slots: Sequence[_Slot], values: Sequence[object]) -> None:
        for place, key, is_text, cast, blank in slots:
            value = values[place]
            # Most cells are text for fields that take text: for them this is all that happens.
            if is_text and isinstance(value, str) and (text := value.strip()):
                target[key] = text
            elif _is_blank(value):
                if blank is not _NOTHING:
                    target[key] = blank
            elif isinstance(result := cast(value), CastFailure):
                self._dropped[self.columns[place]] += 1
            else:
                target[key] = result
