import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.export import DateOrder, FieldType
from shared.domain.values import CastFailure, cast, make_caster

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "values.md"


def documented_examples() -> list[tuple[str, str, str]]:
    return [
        (kind, cell.replace("·", " "), result)
        for kind, cell, result in re.findall(
            r"^\| (\w[\w ]+) \| `(.+?)` \| `(.+?)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE
        )
    ]


def shown(result: object) -> str:
    if isinstance(result, CastFailure):
        return result.value
    if isinstance(result, bool):
        return str(result).lower()
    if isinstance(result, datetime):
        return result.isoformat().replace("+00:00", "Z")
    return str(result)


@pytest.mark.parametrize(("kind", "cell", "result"), documented_examples())
def test_the_documented_example_holds(kind: str, cell: str, result: str) -> None:
    name, _, order = kind.partition(" ")
    assert shown(cast(cell, FieldType(name), date_order=DateOrder(order or "mdy"))) == result


def test_every_word_listed_for_a_boolean_is_understood() -> None:
    section = DOCUMENT.read_text("utf-8").partition("## boolean")[2].partition("|")[0]
    yes, _, no = section.partition(", and\n")
    assert {cast(word, FieldType.BOOLEAN) for word in re.findall("`(.+?)`", yes)} == {True}
    assert {cast(word, FieldType.BOOLEAN) for word in re.findall("`(.+?)`", no.partition(";")[0])} == {False}


def test_every_reason_code_is_documented() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert [failure for failure in CastFailure if f"`{failure.value}`" not in text] == []


@pytest.mark.parametrize(
    ("value", "kind", "result"),
    [
        (True, FieldType.STRING, "true"),
        (42, FieldType.STRING, "42"),
        (3.0, FieldType.STRING, "3"),
        (12.5, FieldType.STRING, "12.5"),
        (Decimal("1E+3"), FieldType.STRING, "1000"),
        (date(1966, 4, 8), FieldType.STRING, "1966-04-08"),
        (datetime(2022, 7, 1, 6), FieldType.STRING, "2022-07-01T06:00:00Z"),
        (" Ana ", FieldType.STRING, "Ana"),
        (7, FieldType.INTEGER, 7),
        (2**63, FieldType.INTEGER, CastFailure.OUT_OF_RANGE),
        (7.0, FieldType.INTEGER, 7),
        (7.5, FieldType.INTEGER, CastFailure.NOT_WHOLE),
        (float("nan"), FieldType.INTEGER, CastFailure.NOT_AN_INTEGER),
        (True, FieldType.INTEGER, CastFailure.NOT_AN_INTEGER),
        (Decimal("7.00"), FieldType.INTEGER, 7),
        (Decimal("7.25"), FieldType.FLOAT, 7.25),
        (7, FieldType.FLOAT, 7.0),
        (float("inf"), FieldType.FLOAT, CastFailure.NOT_A_NUMBER),
        (10**400, FieldType.FLOAT, CastFailure.OUT_OF_RANGE),
        (False, FieldType.BOOLEAN, False),
        (1, FieldType.BOOLEAN, True),
        (2, FieldType.BOOLEAN, CastFailure.NOT_A_BOOLEAN),
        (date(1966, 4, 8), FieldType.DATE, date(1966, 4, 8)),
        (
            datetime(2022, 7, 1, 8, tzinfo=timezone(timedelta(hours=2))),
            FieldType.DATE,
            datetime(2022, 7, 1, 6, tzinfo=UTC),
        ),
        (24205, FieldType.DATE, CastFailure.NOT_A_DATE),
        (["a"], FieldType.DATE, CastFailure.NOT_A_DATE),
        (["a"], FieldType.INTEGER, CastFailure.NOT_AN_INTEGER),
    ],
)
def test_native_values_are_cast_too(value: object, kind: FieldType, result: object) -> None:
    found = cast(value, kind)
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize("text", ["1" * 1_000_000, "(" + " " * 1_000_000 + "x", "1 " * 500_000, "1,000" * 20])
@pytest.mark.parametrize("kind", [FieldType.INTEGER, FieldType.FLOAT, FieldType.BOOLEAN, FieldType.DATE])
def test_absurdly_long_text_is_refused(text: str, kind: FieldType) -> None:
    assert isinstance(cast(text, kind), CastFailure)


@given(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from(["{:d}", " {:d}", "{:+d}", "{:,d}", "${:,d} ", "{:d}.00", "{:,d}.0 RON"]),
)
def test_integers_survive_every_way_of_writing_them(number: int, form: str) -> None:
    assert cast(form.format(number), FieldType.INTEGER) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_survive_their_own_representation(number: float) -> None:
    assert cast(repr(number), FieldType.FLOAT) == number


@given(st.decimals(0, 10**12, places=2))
def test_amounts_mean_the_same_with_english_and_continental_separators(amount: Decimal) -> None:
    english = f"${amount:,}"
    continental = f"{amount:,} €".translate(str.maketrans(",.", ".,"))
    spaced = f"{amount:,}".replace(",", "\u00a0").replace(".", ",")
    assert {cast(text, FieldType.FLOAT) for text in (english, continental, spaced)} == {float(amount)}


@given(st.dates(), st.sampled_from(["/", "-", "."]))
def test_dates_survive_every_order_and_separator(day: date, mark: str) -> None:
    year, month, number = f"{day.year:04}", str(day.month), str(day.day)
    assert cast(mark.join([month, number, year]), FieldType.DATE, date_order=DateOrder.MDY) == day
    assert cast(mark.join([number, month, year]), FieldType.DATE, date_order=DateOrder.DMY) == day
    assert cast(mark.join([year, month, number]), FieldType.DATE, date_order=DateOrder.YMD) == day


@given(
    st.datetimes(
        datetime(1, 1, 2),
        datetime(9999, 12, 30),
        timezones=st.integers(-840, 840).map(lambda m: timezone(timedelta(minutes=m))),
    )
)
def test_moments_survive_iso_8601_and_end_in_utc(moment: datetime) -> None:
    found = cast(moment.isoformat(), FieldType.DATE)
    assert found == moment
    assert isinstance(found, datetime)
    assert found.tzinfo is UTC


number_like = st.text(st.sampled_from("0123456789.,-+ ()$€eE%'"), max_size=14)
date_like = st.text(st.sampled_from("0123456789/-. :TZ+"), max_size=22)
native = (
    st.none()
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.datetimes()
)


@given(st.text() | number_like | date_like | native, st.sampled_from(FieldType), st.sampled_from(DateOrder))
def test_casting_never_raises_and_gives_the_promised_type(
    value: object, kind: FieldType, order: DateOrder
) -> None:
    promised = {
        FieldType.STRING: str,
        FieldType.INTEGER: int,
        FieldType.FLOAT: float,
        FieldType.BOOLEAN: bool,
        FieldType.DATE: date,
    }[kind]
    result = make_caster(kind, date_order=order)(value)
    assert isinstance(result, CastFailure | promised)
    assert kind is not FieldType.INTEGER or type(result) in (int, CastFailure)
