import csv
import re
from pathlib import Path

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.domain.email_address import EmailFault, explain_email, normalise_email

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "email-addresses.md"
CUSTOMERS = ROOT.parent / "shared" / "data" / "adventure_works_customers.csv"


def documented_examples() -> list[tuple[str, str]]:
    rows = re.findall(r"^\| `(.+?)` \| `(.+?)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)

    def written_out(cell: str) -> str:
        return re.sub(r"U\+([0-9A-F]{4})", lambda m: chr(int(m[1], 16)), cell.replace("·", " "))

    return [(written_out(cell), outcome) for cell, outcome in rows]


@pytest.mark.parametrize(("cell", "outcome"), documented_examples())
def test_the_documented_example_holds(cell: str, outcome: str) -> None:
    form = normalise_email(cell)
    assert (form if form is not None else explain_email(cell)) == outcome


def test_every_reason_code_is_documented() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert [fault for fault in EmailFault if f"`{fault}`" not in text] == []


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ("", EmailFault.BLANK),
        ("<ana@example.com>", EmailFault.DISPLAY_NAME),
        ("ana@example.com,bob@example.com", EmailFault.SEVERAL),
        ("ana@example.com|bob@example.com", EmailFault.SEVERAL),
        ("Ana <ana@example.com>, Bob <bob@example.com>", EmailFault.SEVERAL),
        ("a" * 65 + "@example.com", EmailFault.TOO_LONG),
        ("ana@" + "a.b" * 90 + ".com", EmailFault.TOO_LONG),
        ("ana@" + "b" * 64 + ".com", EmailFault.BAD_DOMAIN),
        ("ana@shop.test", EmailFault.RESERVED_DOMAIN),
        ("ana@printer.LOCAL", EmailFault.RESERVED_DOMAIN),
        ("ana@192.0.2.1", EmailFault.BAD_DOMAIN),
        ("@example.com", EmailFault.BAD_LOCAL_PART),
        (".ana@example.com", EmailFault.BAD_LOCAL_PART),
        ("ana@", EmailFault.BAD_DOMAIN),
        ("ana@@example.com", EmailFault.BAD_LOCAL_PART),
        ("ana@example..com", EmailFault.BAD_DOMAIN),
        ("ana\x00@example.com", EmailFault.HIDDEN_CHARACTER),
        ("ana\ud800@example.com", EmailFault.HIDDEN_CHARACTER),
        ("ana\n@example.com", EmailFault.WHITE_SPACE),
    ],
)
def test_a_refused_cell_says_why(cell: str, fault: EmailFault) -> None:
    assert normalise_email(cell) is None
    assert explain_email(cell) is fault


def test_addresses_at_the_length_limits_are_accepted() -> None:
    local = "a" * 64
    domain = ".".join(["b" * 61] * 3) + ".com"
    assert normalise_email(f"{local}@{domain}") == f"{local}@{domain}"
    assert len(f"{local}@{domain}") == 254


def test_long_runs_of_blanks_are_refused_without_delay() -> None:
    assert normalise_email("a" + " " * 1_000_000 + "@") is None


local_text = st.text(st.sampled_from("abzAZ019.-_+'!#$%&*/=?^`{|}~"), min_size=1, max_size=20)
unicode_text = st.text(st.characters(exclude_categories=()), max_size=12)
label = st.text(st.sampled_from("abcXYZ019-"), min_size=1, max_size=8)
domain_text = st.lists(
    label
    | st.sampled_from(["com", "test", "Local", "localhost", "xn--mnchen-3ya", "münchen", "ß", "", "c0m"]),
    min_size=1,
    max_size=4,
).map(".".join)
addresses = st.tuples(local_text | unicode_text, domain_text | unicode_text).map("@".join)
good_domains = st.sampled_from(
    ["Example.com", "b-c.co.uk", "x.io", "münchen.example", "xn--mnchen-3ya.Example", "ΑΣ.gr"]
)
plausible = st.tuples(
    st.text(st.characters(categories=("L", "N", "M")), min_size=1, max_size=12) | local_text, good_domains
).map("@".join)


def library_form(text: str) -> str | None:
    try:
        return validate_email(text, check_deliverability=False, allow_smtputf8=True, strict=True).normalized
    except EmailNotValidError:
        return None


@given(addresses.map(str.lower))
def test_the_fast_path_and_the_library_agree_on_lower_case_ascii(address: str) -> None:
    assume(address.isascii() and address == address.strip())
    assert normalise_email(address) == library_form(address)


@given(plausible | addresses)
def test_whatever_is_accepted_the_library_accepts_as_it_is(address: str) -> None:
    form = normalise_email(address)
    assert form is None or library_form(form) == form


@given(plausible | addresses | unicode_text)
def test_a_form_normalises_to_itself_and_a_refusal_has_a_reason(text: str) -> None:
    form = normalise_email(text)
    if form is None:
        assert explain_email(text) in EmailFault
    else:
        assert normalise_email(form) == form
        assert form == form.strip().lower()


@given(addresses, st.sampled_from(["", " ", "\u00a0", "\ufeff", "\u200b\t", "\r\n"]))
def test_neither_ascii_case_nor_invisible_surroundings_matter(address: str, around: str) -> None:
    assume(address.isascii())
    assert normalise_email(around + address.upper() + around) == normalise_email(address)


@pytest.mark.skipif(not CUSTOMERS.exists(), reason="the sample data is not beside the checkout")
def test_every_adventure_works_customer_has_an_address_of_their_own() -> None:
    with CUSTOMERS.open(encoding="utf-8-sig", newline="") as file:
        forms = [normalise_email(row["EmailAddress"]) for row in csv.DictReader(file)]
    assert len(forms) == 18_148
    assert None not in forms
    assert len(set(forms)) == 18_148
