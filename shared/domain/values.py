"""Casting: a cell of a segment file to a typed value, or to the reason why it cannot be one.

A value that is not understood with certainty is refused, never guessed. The rules, with examples that a test
runs, are in docs/values.md. Numbers and dates are read in ``numbers`` and ``dates``.
"""

import math
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal

from shared.domain.cast_failure import CastFailure
from shared.domain.dates import make_date_parser, to_utc
from shared.domain.export import DateOrder, FieldType
from shared.domain.numbers import INT64_MAX, INT64_MIN, parse_float, parse_integer, whole

__all__ = ["CastFailure", "Caster", "cast", "make_caster"]

Caster = Callable[[object], object]
"""Takes text or a native value, never None or a blank; returns the typed value or a CastFailure. Never raises."""

_TRUE = ("true", "t", "yes", "y", "1", "1.0", "on", "sí", "si", "verdadero", "da", "adevărat", "adevarat")
_FALSE = ("false", "f", "no", "n", "0", "0.0", "off", "falso", "nu", "fals")
_BOOLEANS = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)


def make_caster(kind: FieldType, *, date_order: DateOrder = DateOrder.MDY) -> Caster:
    """Return the caster for one field, to be made once and called per row."""
    if kind is FieldType.DATE:
        return _make_date_caster(date_order)
    return {
        FieldType.STRING: _cast_string,
        FieldType.INTEGER: _cast_integer,
        FieldType.FLOAT: _cast_float,
        FieldType.BOOLEAN: _cast_boolean,
    }[kind]


def cast(value: object, kind: FieldType, *, date_order: DateOrder = DateOrder.MDY) -> object:
    """Cast a single value; see ``make_caster``."""
    return make_caster(kind, date_order=date_order)(value)


def _cast_string(value: object) -> object:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        moment = to_utc(value)
        return moment if isinstance(moment, CastFailure) else moment.isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _cast_integer(value: object) -> object:
    if isinstance(value, str):
        return parse_integer(value)
    if isinstance(value, bool):
        return CastFailure.NOT_AN_INTEGER
    if isinstance(value, int):
        return value if INT64_MIN <= value <= INT64_MAX else CastFailure.OUT_OF_RANGE
    if isinstance(value, float | Decimal):
        return whole(Decimal(value)) if math.isfinite(value) else CastFailure.NOT_AN_INTEGER
    return CastFailure.NOT_AN_INTEGER


def _cast_float(value: object) -> object:
    if isinstance(value, str):
        return parse_float(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return CastFailure.NOT_A_NUMBER
    try:
        number = float(value)
    except OverflowError:
        return CastFailure.OUT_OF_RANGE
    if math.isfinite(number):
        return number
    return (
        CastFailure.OUT_OF_RANGE
        if isinstance(value, Decimal) and value.is_finite()
        else CastFailure.NOT_A_NUMBER
    )


def _cast_boolean(value: object) -> object:
    if isinstance(value, str):
        found = _BOOLEANS.get(value)
        if found is None:
            found = _BOOLEANS.get(unicodedata.normalize("NFC", value.strip().lower()))
        return CastFailure.NOT_A_BOOLEAN if found is None else found
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal) and value in (0, 1):
        return value == 1
    return CastFailure.NOT_A_BOOLEAN


def _make_date_caster(order: DateOrder) -> Caster:
    parse = make_date_parser(order)

    def cast_date(value: object) -> object:
        if isinstance(value, str):
            return parse(value.strip())
        if isinstance(value, datetime):
            return to_utc(value)
        return value if isinstance(value, date) else CastFailure.NOT_A_DATE

    return cast_date
