"""Why a value could not be cast."""

from enum import Enum


class CastFailure(Enum):
    """The values are reason codes. Not a ``StrEnum``: a failure must never pass for a text."""

    NOT_AN_INTEGER = "not_an_integer"
    NOT_A_NUMBER = "not_a_number"
    NOT_WHOLE = "not_whole"
    OUT_OF_RANGE = "out_of_range"
    NOT_A_BOOLEAN = "not_a_boolean"
    NOT_A_DATE = "not_a_date"
    TWO_DIGIT_YEAR = "two_digit_year"
    IMPOSSIBLE_DATE = "impossible_date"
