"""Numbers as people and programs write them: currencies, thousands separators, brackets for minus."""

import math
import re
from decimal import Decimal
from functools import lru_cache

from shared.domain.cast_failure import CastFailure

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

# Longer text is no number that anybody wrote; without a bound, matching a long one would take long.
_MAX_CHARACTERS = 64

_is_short_integer = re.compile(r"-?[0-9]{1,18}").fullmatch
_is_plain = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?").fullmatch

_SYMBOLS = "[$€£¥¢₡₦₩₪₫₭₮₱₲₴₵₸₹₺₼₽₾₿฿]"
_CODES = (
    "AED|ARS|AUD|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EUR|GBP|HUF|ILS|INR|JPY|KRW|MDL|MXN|NOK|NZD|PEN|PLN|RON|"
    "RSD|RUB|SEK|SGD|TRY|UAH|USD|UYU|ZAR|lei|leu|Lei|LEI|kr|zł|Kč|Ft|S/"
)
_CURRENCY = rf"(?:(?:US|AU|CA|NZ|MX|A|C|R|S)?{_SYMBOLS}|(?:{_CODES}))"
_split_money = re.compile(
    rf"""(?P<open>\()?\s*
         (?P<before>[+\-−])?\s* {_CURRENCY}? \s*(?P<within>[+\-−])?\s*
         (?P<digits>[.,]?[0-9](?:[0-9.,'’\s]*[0-9])?\.?) (?P<exponent>[eE][+-]?[0-9]{{1,4}})?
         \s*(?P<after>[-−])?\s* {_CURRENCY}? \s*(?P<close>\))?""",
    re.VERBOSE,
).fullmatch

# In this order: the first form that fits is the one meant.
_COMMA_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?").fullmatch
_DOT_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})+,[0-9]+|(?:\.[0-9]{3}){2,})").fullmatch
_SPACE_THOUSANDS = re.compile(
    r"[1-9][0-9]{0,2}(?:([ \u00a0\u2009\u202f'’])[0-9]{3})(?:\1[0-9]{3})*(?:[.,][0-9]+)?"
).fullmatch
_DECIMAL_COMMA = re.compile(r"[0-9]*,[0-9]+").fullmatch


def parse_integer(text: str) -> int | CastFailure:
    """Return the whole number in ``text``, or NOT_AN_INTEGER, NOT_WHOLE or OUT_OF_RANGE (64 bits)."""
    if _is_short_integer(text):
        return int(text)
    return _parse_odd_integer(text) if len(text) <= _MAX_CHARACTERS else CastFailure.NOT_AN_INTEGER


def parse_float(text: str) -> float | CastFailure:
    """Return the number in ``text``, or NOT_A_NUMBER or OUT_OF_RANGE."""
    if len(text) > _MAX_CHARACTERS:
        return CastFailure.NOT_A_NUMBER
    plain = text if _is_plain(text) else _to_plain(text)
    if plain is None:
        return CastFailure.NOT_A_NUMBER
    number = float(plain)
    return CastFailure.OUT_OF_RANGE if math.isinf(number) else number


# Amounts repeat: prices, incomes and years come in steps.
@lru_cache(maxsize=8192)
def _parse_odd_integer(text: str) -> int | CastFailure:
    plain = text if _is_plain(text) else _to_plain(text)
    if plain is None:
        return CastFailure.NOT_AN_INTEGER
    return whole(Decimal(plain))


def whole(number: Decimal) -> int | CastFailure:
    """Return a finite number as an integer of 64 bits, or NOT_WHOLE or OUT_OF_RANGE."""
    if number.adjusted() > 18:  # before int(), which would write out all the zeros of 1e9999
        return CastFailure.OUT_OF_RANGE if number else 0
    integer = int(number)
    if integer != number:
        return CastFailure.NOT_WHOLE
    return integer if INT64_MIN <= integer <= INT64_MAX else CastFailure.OUT_OF_RANGE


@lru_cache(maxsize=8192)
def _to_plain(text: str) -> str | None:
    """Return ``text`` as digits that ``float`` and ``Decimal`` take, or None if it is not one number."""
    parts = _split_money(text.strip())
    if parts is None:
        return None
    opened, before, within, digits, exponent, after, closed = parts.groups()
    signs = [sign for sign in (opened, before, within, after) if sign]
    if bool(opened) != bool(closed) or len(signs) > 1:
        return None
    if _is_plain(digits):
        plain = digits
    elif _COMMA_THOUSANDS(digits):
        plain = digits.replace(",", "")
    elif _DOT_THOUSANDS(digits):
        plain = digits.replace(".", "").replace(",", ".")
    elif _SPACE_THOUSANDS(digits):
        plain = re.sub(r"[^0-9.,]", "", digits).replace(",", ".")
    elif _DECIMAL_COMMA(digits):
        plain = digits.replace(",", ".")
    else:
        return None
    return ("-" if signs and signs[0] != "+" else "") + plain + (exponent or "")
