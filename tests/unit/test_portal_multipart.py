"""Forms with files, as browsers send them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.forms import read_form
from shared.domain.errors import Invalid

KIND = "multipart/form-data; boundary=----WebKitFormBoundaryx"
BOUNDARY = b"------WebKitFormBoundaryx"


def form(*parts: bytes) -> bytes:
    return b"".join(BOUNDARY + b"\r\n" + part + b"\r\n" for part in parts) + BOUNDARY + b"--\r\n"


def field(name: str, value: str) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()


def file(name: str, content: bytes) -> bytes:
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
    return head.encode() + content


@given(st.binary(), st.text(st.characters(exclude_categories=["Cs"])))
def test_fields_and_files_come_out_as_they_went_in(content, value):
    if b"WebKitFormBoundary" in content or "WebKitFormBoundary" in value:
        return
    sent = read_form(form(field("segment", value), file("people.csv", content), field("csrf", "x")), KIND)
    assert (sent.raw("segment"), sent.get("csrf")) == (value, "x")
    assert (sent.files["file"].name, sent.files["file"].content) == ("people.csv", content)


def test_a_file_that_was_not_chosen_has_no_name():
    sent = read_form(form(file("", b"")), KIND)
    assert (sent.files["file"].name, sent.files["file"].content) == ("", b"")


def test_names_of_files_are_read_as_browsers_escape_them():
    assert read_form(form(file("a%22b ñ 客.csv", b"")), KIND).files["file"].name == 'a"b ñ 客.csv'


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary="),
        (b"nonsense", KIND),
        (form(file("a.csv", b"x"))[:-30], KIND),
        (BOUNDARY + b"\r\nno header at all\r\n\r\nx\r\n" + BOUNDARY + b"--", KIND),
        (form(*[field("a", "b")] * 101), KIND),
        (form(file("x" * 10_000, b"")), KIND),
    ],
)
def test_what_is_no_such_form_is_refused(body, kind):
    with pytest.raises(Invalid) as raised:
        read_form(body, kind)
    assert raised.value.reason == "not-a-form"


def test_a_field_that_is_no_file_is_short():
    with pytest.raises(Invalid) as raised:
        read_form(form(field("segment", "x" * (2 << 20))), KIND)
    assert raised.value.reason == "form-too-large"
