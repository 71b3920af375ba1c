"""From a row to Autopilot's form of a person, and which mappings can be taken at all."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devkit.autopilot import AutopilotSimulator
from shared.adapters.autopilot import Autopilot
from shared.domain.destination import Outcome, Profile
from shared.domain.export import Blank, DateOrder, FieldMapping, FieldType
from tests.contract.dialects import open_session

AUTOPILOT = Autopilot("http://unused", timeout_s=1)
CELLS = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.sampled_from(
        ["", " ", "no", "false", "0", "f", "off", "yes", "true", "1", "nein", "12", "1.5", "2024-05-01"]
    ),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(allow_nan=False),
    st.just(Decimal("nan")),
    st.dates(),
    st.datetimes(),
)
FIELDS = (
    FieldMapping(field="FirstName", column="c0"),
    FieldMapping(field="unsubscribed", column="c1"),
    *(FieldMapping(field=kind.title(), column=f"c{at}", type=kind) for at, kind in enumerate(FieldType, 2)),
)


def encode(fields: list[FieldMapping], values: list[object]) -> tuple[dict, dict]:
    """Return the contact and the counts of what was left out."""
    encoder = AUTOPILOT.encoder(fields)
    return json.loads(encoder.encode("ada@example.com", values)), dict(encoder.dropped)


def custom(kind: FieldType, value: object, **options: object) -> dict:
    contact, _ = encode([FieldMapping(field="A B", column="a", type=kind, **options)], [value])
    return contact.get("custom", {})


@given(st.lists(CELLS, min_size=len(FIELDS), max_size=len(FIELDS)))
def test_whatever_the_cells_hold_nobody_is_subscribed_again_and_nothing_blank_is_sent(values: list) -> None:
    encoder = AUTOPILOT.encoder(FIELDS)

    body = encoder.encode("ada@example.com", values)

    contact = json.loads(body)
    sent = {**contact, **contact.get("custom", {})}
    assert contact["Email"] == "ada@example.com"
    assert contact.get("unsubscribed", True) is True
    assert None not in sent.values()
    assert not [value for value in sent.values() if isinstance(value, str) and not value.strip()]
    assert "\n" not in body
    assert "\t" not in body
    blanks = sum(value is None or value != value or str(value).strip() == "" for value in values)
    left_out = len(values) - (len(sent) - 1 - ("custom" in contact))
    not_unsubscribed = left_out - blanks - encoder.dropped.total()
    assert 0 <= not_unsubscribed <= 1


@given(
    st.lists(CELLS, min_size=1, max_size=1),
    st.sampled_from(Blank),
    st.one_of(st.none(), st.text(max_size=5), st.sampled_from(["true", "false", "no", "sí"])),
    st.booleans(),
)
def test_however_it_is_mapped_nobody_is_subscribed_again(
    cells: list, blank: Blank, given_text: str | None, fixed: bool
) -> None:
    how = {"constant": given_text} if fixed else {"column": "c", "blank": blank, "default": given_text}
    mapping = FieldMapping(field="unsubscribed", **how)

    contact, _ = encode([mapping], cells if mapping.column else [])

    assert contact.get("unsubscribed", True) is True


@given(st.lists(CELLS, min_size=len(FIELDS), max_size=len(FIELDS)), st.randoms(use_true_random=False))
def test_the_order_of_the_mapping_changes_nothing_that_is_sent(values: list, random: Random) -> None:
    pairs = list(zip(FIELDS, values, strict=True))
    random.shuffle(pairs)
    shuffled = AUTOPILOT.encoder([mapping for mapping, _ in pairs])

    body = shuffled.encode("ada@example.com", [value for _, value in pairs])

    assert body == AUTOPILOT.encoder(FIELDS).encode("ada@example.com", values)


@given(st.lists(CELLS, min_size=len(FIELDS), max_size=len(FIELDS)))
def test_whatever_is_encoded_autopilot_takes(account: AutopilotSimulator, values: list) -> None:
    profile = Profile(
        "ada@example.com", 1, False, (0, 2), AUTOPILOT.encoder(FIELDS).encode("ada@example.com", values)
    )
    session, outcome = open_session(account), Outcome()

    session.push("contactlist_1", [profile], outcome)

    assert not outcome.refused


@pytest.fixture(scope="module")
def account() -> AutopilotSimulator:
    with AutopilotSimulator() as running:
        yield running


@pytest.mark.parametrize(
    ("kind", "value", "sent"),
    [
        (FieldType.STRING, " gold ", "gold"),
        (FieldType.STRING, 7.0, "7"),
        (FieldType.STRING, True, "true"),
        (FieldType.INTEGER, "7", 7),
        (FieldType.INTEGER, Decimal("7.0"), 7),
        (FieldType.FLOAT, "812.5", 812.5),
        (FieldType.BOOLEAN, "No", False),
        (FieldType.BOOLEAN, "sí", True),
        (FieldType.DATE, "2024-05-01", "2024-05-01T00:00:00.000Z"),
        (FieldType.DATE, date(2024, 5, 1), "2024-05-01T00:00:00.000Z"),
        (
            FieldType.DATE,
            datetime(2024, 5, 1, 1, 30, tzinfo=timezone(timedelta(hours=2))),
            "2024-04-30T23:30:00.000Z",
        ),
        (FieldType.DATE, datetime(999, 1, 2, 3, 4, 5, 678, UTC), "0999-01-02T03:04:05.000Z"),
    ],
)
def test_custom_values_are_cast_and_named_with_their_type(
    kind: FieldType, value: object, sent: object
) -> None:
    assert custom(kind, value) == {f"{kind}--A--B": sent}


def test_the_order_of_day_and_month_is_that_of_the_mapping() -> None:
    assert custom(FieldType.DATE, "4/8/1966", date_order=DateOrder.DMY) == {
        "date--A--B": "1966-08-04T00:00:00.000Z"
    }
    assert custom(FieldType.DATE, "4/8/1966", date_order=DateOrder.MDY) == {
        "date--A--B": "1966-04-08T00:00:00.000Z"
    }


@pytest.mark.parametrize("blank", [None, "", "  ", "\u00a0", float("nan"), Decimal("nan")])
def test_blank_values_are_left_out_and_not_complained_about(blank: object) -> None:
    contact, dropped = encode(list(FIELDS), [blank] * len(FIELDS))

    assert contact == {"Email": "ada@example.com"}
    assert dropped == {}


@pytest.mark.parametrize(
    ("kind", "constant", "sent"),
    [
        (FieldType.STRING, " gold ", "gold"),
        (FieldType.INTEGER, "7", 7),
        (FieldType.FLOAT, "1,5", 1.5),
        (FieldType.BOOLEAN, "da", True),
        (FieldType.BOOLEAN, "no", False),
        (FieldType.DATE, "4/8/2024", "2024-08-04T00:00:00.000Z"),
    ],
)
def test_a_constant_is_cast_like_a_value_and_needs_no_column(
    kind: FieldType, constant: str, sent: object
) -> None:
    mapping = FieldMapping(field="A B", constant=constant, type=kind, date_order=DateOrder.DMY)

    contact, dropped = encode([mapping], [])

    assert contact["custom"] == {f"{kind}--A--B": sent}
    assert AUTOPILOT.encoder([mapping]).columns == ()
    assert dropped == {}


def test_a_constant_is_sent_as_a_column_that_always_holds_it_would_be() -> None:
    fields = [
        FieldMapping(field="Company", column="c"),
        FieldMapping(field="Tier", column="t", type=FieldType.STRING),
        FieldMapping(field="LastName", column="l"),
        FieldMapping(field="Age", column="a", type=FieldType.INTEGER),
    ]
    fixed = [
        FieldMapping(field="Company", constant="ACME"),
        FieldMapping(field="Tier", constant="gold", type=FieldType.STRING),
        *fields[2:],
    ]

    from_columns = AUTOPILOT.encoder(fields).encode("ada@example.com", ["ACME", "gold", "Lovelace", "36"])

    assert AUTOPILOT.encoder(fixed).encode("ada@example.com", ["Lovelace", "36"]) == from_columns


@pytest.mark.parametrize("blank", [None, "", " ", float("nan")])
def test_a_blank_value_may_clear_its_field_or_give_way_to_another(blank: object) -> None:
    fields = [
        FieldMapping(field="Company", column="a", blank=Blank.CLEAR),
        FieldMapping(field="Title", column="b", blank=Blank.DEFAULT, default=" Customer "),
        *(FieldMapping(field=kind, column="c", type=kind, blank=Blank.CLEAR) for kind in FieldType),
        FieldMapping(field="Orders", column="d", type=FieldType.INTEGER, blank=Blank.DEFAULT, default="0"),
        FieldMapping(field="unsubscribed", column="e", blank=Blank.DEFAULT, default="yes"),
    ]

    contact, dropped = encode(fields, [blank] * len(fields))

    assert contact == {
        "Email": "ada@example.com",
        "Company": "",
        "Title": "Customer",
        "unsubscribed": True,
        "custom": {
            "string--string": "",
            "integer--integer": None,
            "float--float": None,
            "boolean--boolean": None,
            "date--date": None,
            "integer--Orders": 0,
        },
    }
    assert dropped == {}


def test_a_value_that_does_not_cast_is_not_a_blank_one() -> None:
    clear = FieldMapping(field="Orders", column="n", type=FieldType.INTEGER, blank=Blank.CLEAR)
    default = FieldMapping(field="Value", column="n", type=FieldType.FLOAT, blank=Blank.DEFAULT, default="0")

    contact, dropped = encode([clear, default], ["many", "many"])

    assert contact == {"Email": "ada@example.com"}
    assert dropped == {"n": 2}


def test_values_that_do_not_cast_are_left_out_and_counted_by_column() -> None:
    encoder = AUTOPILOT.encoder(
        [
            FieldMapping(field="Orders", column="n", type=FieldType.INTEGER),
            FieldMapping(field="Value", column="n", type=FieldType.FLOAT),
            FieldMapping(field="unsubscribed", column="u"),
        ]
    )

    for value, unsubscribed in (("many", "perhaps"), ("1.5", "no"), ("2", "yes")):
        last = encoder.encode("ada@example.com", [value, value, unsubscribed])

    assert dict(encoder.dropped) == {"n": 3, "u": 1}
    assert json.loads(last)["custom"] == {"integer--Orders": 2, "float--Value": 2.0}
    assert json.loads(last)["unsubscribed"] is True


@pytest.mark.parametrize(
    ("value", "sent"),
    [(250.0, "250"), (Decimal("250"), "250"), ("  Ada ", "Ada"), (date(2024, 5, 1), "2024-05-01")],
)
def test_standard_fields_are_text(value: object, sent: str) -> None:
    contact, _ = encode([FieldMapping(field="NumberOfEmployees", column="n")], [value])

    assert contact["NumberOfEmployees"] == sent


def test_the_columns_are_those_of_the_mapping_in_order() -> None:
    assert AUTOPILOT.encoder(FIELDS).columns == ("c0", "c1", "c2", "c3", "c4", "c5", "c6")


@pytest.mark.parametrize("name", AUTOPILOT.standard_fields)
def test_every_standard_field_may_be_mapped(name: str) -> None:
    assert AUTOPILOT.check_mapping([FieldMapping(field=name, column="a")]) == []


@pytest.mark.parametrize(
    "name", ["Loyalty Tier", "A-B", "-A", "A-", "Größe ✓", "A  B", "unsubscribed", "Title"]
)
def test_custom_fields_may_have_nearly_any_name(name: str) -> None:
    assert AUTOPILOT.check_mapping([FieldMapping(field=name, column="a", type=FieldType.STRING)]) == []


@pytest.mark.parametrize("name", ["", " ", " A", "A ", "A--B", "A - B", "A- B", "A\nB", "A\x00"])
def test_custom_names_that_would_not_come_back_unharmed_are_named(name: str) -> None:
    (problem,) = AUTOPILOT.check_mapping([FieldMapping(field=name, column="a", type=FieldType.STRING)])

    assert f"'{name}'" in problem
    assert problem.endswith(".")


@pytest.mark.parametrize(
    "name", ["firstname", "Loyalty Tier", "_autopilot_list", "_NewEmail", "custom", "notify", ""]
)
def test_unknown_standard_fields_are_named_with_a_way_out(name: str) -> None:
    (problem,) = AUTOPILOT.check_mapping([FieldMapping(field=name, column="a")])

    assert f"'{name}'" in problem
    assert "Give it a type" in problem


def test_the_address_is_not_mapped_as_a_field() -> None:
    (problem,) = AUTOPILOT.check_mapping([FieldMapping(field="Email", column="a")])

    assert "email_column" in problem


@pytest.mark.parametrize(
    ("first", "second"),
    [(None, None), (FieldType.STRING, FieldType.STRING), (FieldType.STRING, FieldType.DATE)],
)
def test_a_field_is_filled_once(first: FieldType | None, second: FieldType | None) -> None:
    twice = [
        FieldMapping(field="Title", column="a", type=first),
        FieldMapping(field="Title", column="b", type=second),
    ]

    (problem,) = AUTOPILOT.check_mapping(twice)

    assert problem == "The field 'Title' is filled 2 times; keep one of them."


def test_a_standard_and_a_custom_field_may_share_a_name_and_a_column_may_be_used_twice() -> None:
    fields = [
        FieldMapping(field="Title", column="a"),
        FieldMapping(field="Title", column="a", type=FieldType.STRING),
    ]

    assert AUTOPILOT.check_mapping(fields) == []


@pytest.mark.parametrize(
    ("mapping", "named"),
    [
        (FieldMapping(field="Title", constant=" "), "' '"),
        (FieldMapping(field="Orders", constant="many", type=FieldType.INTEGER), "integer"),
        (FieldMapping(field="Born", constant="31/12/1999", type=FieldType.DATE), "date"),
        (FieldMapping(field="Vip", constant="perhaps", type=FieldType.BOOLEAN), "boolean"),
        (FieldMapping(field="Title", column="t", blank=Blank.DEFAULT, default=""), "default"),
        (
            FieldMapping(field="Value", column="v", type=FieldType.FLOAT, blank=Blank.DEFAULT, default="12%"),
            "float",
        ),
        (FieldMapping(field="unsubscribed", constant="false"), "only ever sent as true"),
        (FieldMapping(field="unsubscribed", constant="perhaps"), "only ever sent as true"),
        (
            FieldMapping(field="unsubscribed", column="u", blank=Blank.DEFAULT, default="no"),
            "only ever sent as true",
        ),
        (FieldMapping(field="unsubscribed", column="u", blank=Blank.CLEAR), "cleared"),
    ],
)
def test_constants_and_defaults_that_cannot_be_sent_are_named(mapping: FieldMapping, named: str) -> None:
    (problem,) = AUTOPILOT.check_mapping([mapping])

    assert named in problem
    assert problem.endswith(".")


@pytest.mark.parametrize(
    "mapping",
    [
        FieldMapping(field="Title", constant="Customer"),
        FieldMapping(field="Born", constant="31/12/1999", type=FieldType.DATE, date_order=DateOrder.DMY),
        FieldMapping(field="Vip", constant="false", type=FieldType.BOOLEAN),
        FieldMapping(field="unsubscribed", constant="true"),
        FieldMapping(field="unsubscribed", column="u", blank=Blank.DEFAULT, default="sí"),
        FieldMapping(field="unsubscribed", column="u", type=FieldType.BOOLEAN, blank=Blank.CLEAR),
        FieldMapping(field="Title", column="t", blank=Blank.CLEAR),
    ],
)
def test_constants_defaults_and_clearing_are_taken_where_they_fit(mapping: FieldMapping) -> None:
    assert AUTOPILOT.check_mapping([mapping]) == []


def test_a_person_is_shown_without_a_whole_address_in_any_field() -> None:
    contact = {
        "Email": "ana@example.org",
        "LastName": "Maria.Pop@example.org",
        "Twitter": "o'brien@example.org",
        "Company": "Pop & Pop",
        "custom": {
            "string--Work--email": "ana.work@corp.example",
            "integer--Orders": 7,
            "boolean--Vip": None,
        },
    }

    assert AUTOPILOT.show(json.dumps(contact)) == {
        "Email": "a***@example.org",
        "LastName": "M***@example.org",
        "Twitter": "o***@example.org",
        "Company": "Pop & Pop",
        "custom": {"string--Work--email": "a***@corp.example", "integer--Orders": 7, "boolean--Vip": None},
    }
