"""What is shown of personal data."""

import re

import pytest

from shared.domain.masking import is_address, mask, mask_addresses, spreadsheet_safe


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("jane@example.com", "j***@example.com"),
        (" jane@example.com\n", "j***@example.com"),
        ("a@b", "a***@b"),
        ("@example.com", "@e***"),
        ("me@: Ana Pop, tel 0722 123 456", "m***@***"),
        ("me@Ana Pop", "m***@***"),
        ("me@", "m***@***"),
        ("me@" + "a" * 70 + ".com", "m***@" + "a" * 64),
        ("ana@ex-ä.उदाहरण.परीक्षा", "a***@ex-ä.उदाहरण.परीक्षा"),
        ("0123456789", "01***"),
        ("no", "***"),
        ("", ""),
    ],
)
def test_a_value_is_shown_as_far_as_it_takes_to_find_it_again(value: str, shown: str) -> None:
    assert mask(value) == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("jane.doe@example.com is not valid", "j***@example.com is not valid"),
        (
            "Contact <jane@example.com> and 'bo@example.com'.",
            "Contact <j***@example.com> and 'b***@example.com'.",
        ),
        ("email=jane+x@example.com;bo@example.com", "email=j***@example.com;b***@example.com"),
        ("Ñandú@exämple.com (x)", "Ñ***@exämple.com (x)"),
        ("No such list @ Autopilot", "No such list @ Autopilot"),
        ("", ""),
    ],
)
def test_addresses_in_somebody_elses_words_are_masked(said: str, shown: str) -> None:
    assert mask_addresses(said) == shown


@pytest.mark.parametrize(
    "text",
    ["a@b@c", "a@b@c@d", "@a@b", "a@@b", "a@", "x a@b,c@d;e", "<a@b>(c@d)e@f", "k:a=b@c 'd@e'", "aaa aaa@b aaa", "é@ñ", ""],
)  # fmt: skip
def test_an_address_is_found_wherever_a_word_with_an_at_sign_is(text: str) -> None:
    word = r"""[^\s@<>()"',;:=]+"""
    assert mask_addresses(text) == re.sub(f"{word}@{word}", lambda found: mask(found[0]), text)


@pytest.mark.parametrize(
    "text", ["jane@example.com", ' "jane.doe+x@mail.example.co.uk" ', "ñandú@exämple.com"]
)
def test_an_address_is_one(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    ["", "Email", "E-mail@work", "@type", "a@b@example.com", "owner@OData.Community.Display.V1", "x@Microsoft.Dynamics.CRM",
     "mail to jane@example.com"],
)  # fmt: skip
def test_names_of_columns_are_no_addresses(text: str) -> None:
    assert not is_address(text)


@pytest.mark.parametrize("separator", [",", ";", "|", "\t"])
@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "＝"])
def test_no_cell_begins_with_a_formula_however_a_spreadsheet_splits_the_line(
    start: str, separator: str
) -> None:
    value = spreadsheet_safe(f"x***@{separator}{start}cmd|' /C calc'!A0")
    for split in (",", ";", "|", "\t"):
        cells = [cell.lstrip() for cell in value.split(split)]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "＝"))]


@pytest.mark.parametrize("value", ["j***@example.com", "a-b+c=d", "Segment A; B, C", "", "é; –"])
def test_what_is_no_formula_stays_as_it_is(value: str) -> None:
    assert spreadsheet_safe(value) == value
