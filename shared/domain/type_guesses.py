"""Guessing a column's type from some of its values, for a person to confirm."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from shared.domain.cast_failure import CastFailure
from shared.domain.export import DateOrder, FieldType
from shared.domain.values import make_caster

# Digits that are a name, not an amount: post codes, telephone numbers, numbers of cards.
_is_label = re.compile(r"0[0-9]+|\+.*|[0-9]{16,}", re.DOTALL).fullmatch
_has_letter = re.compile(r"[^\W\d_]").search


def guess_type(values: Sequence[object]) -> tuple[FieldType, DateOrder] | None:
    """Return a type that every value can be cast to, and for dates their order; None when all values are blank.

    Of a date such as 4/8/2024 alone nobody can tell the order: with dots it is taken as day first, else as month first.
    """
    present = [value for value in values if not _is_blank(value)]
    if not present:
        return None
    for kind, guess in (
        (FieldType.BOOLEAN, _are_booleans),
        (FieldType.INTEGER, _are_integers),
        (FieldType.FLOAT, _are_numbers),
    ):
        if guess(present):
            return kind, DateOrder.MDY
    if order := _order_of_dates(present):
        return FieldType.DATE, order
    return FieldType.STRING, DateOrder.MDY


def _is_blank(value: object) -> bool:
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def _cast_all(values: Sequence[object], kind: FieldType, order: DateOrder = DateOrder.MDY) -> list[object]:
    """Return the values as ``kind``; none when one of them is something else."""
    results = list(map(make_caster(kind, date_order=order), values))
    return [] if any(isinstance(result, CastFailure) for result in results) else results


def _are_booleans(values: Sequence[object]) -> bool:
    """Noughts and ones may count something, and one letter over and over may mean anything."""
    results = _cast_all(values, FieldType.BOOLEAN)
    if not results or not all(isinstance(value, bool) or _has_letter(str(value)) for value in values):
        return False
    return len(set(results)) == 2 or any(len(str(value).strip()) > 1 for value in values)


def _are_integers(values: Sequence[object]) -> bool:
    if any(_is_label(value.strip()) for value in values if isinstance(value, str)):
        return False
    return bool(_cast_all(values, FieldType.INTEGER)) and not any(
        isinstance(value, float | Decimal) for value in values
    )


def _are_numbers(values: Sequence[object]) -> bool:
    if any(_is_label(value.strip()) for value in values if isinstance(value, str)):
        return False
    return bool(_cast_all(values, FieldType.FLOAT))


def _order_of_dates(values: Sequence[object]) -> DateOrder | None:
    if not all(isinstance(value, str | date) for value in values):
        return None
    dotted = any(isinstance(value, str) and re.match(r"\s*[0-9]{1,2}\.", value) for value in values)
    orders = (DateOrder.DMY, DateOrder.MDY) if dotted else (DateOrder.MDY, DateOrder.DMY)
    return next((order for order in orders if _cast_all(values, FieldType.DATE, order)), None)
