"""Who is calling: a person that the platform vouches for, else the holder of the function key."""

import base64
import json

import pytest

from functions.principal import read_principal, require_person
from shared.bootstrap import app
from shared.domain.access import Principal, Role
from shared.domain.errors import Forbidden, NotSignedIn

ROLE_CLAIM = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
NEEDED = {
    "SEGMENT_STORAGE": "UseDevelopmentStorage=true",
    "STATE_STORAGE": "UseDevelopmentStorage=true",
    "KEY_VAULT_URL": "https://vault.example",
}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch):
    """The settings of a deployed app with authentication on."""
    for name, value in {**NEEDED, "WEBSITE_AUTH_ENABLED": "True"}.items():
        monkeypatch.setenv(name, value)
    app.cache_clear()
    yield
    app.cache_clear()


def headers(*claims: tuple[str, str], address: str = "", **document: str) -> dict[str, str]:
    """What App Service gives a function for somebody with these claims."""
    principal = {
        "auth_typ": "aad",
        "claims": [{"typ": kind, "val": value} for kind, value in claims],
        **document,
    }
    token = base64.b64encode(json.dumps(principal).encode()).decode()
    return {"x-ms-client-principal": token, "x-forwarded-for": address}


ADA = ("preferred_username", "ada@segpilot.example")


@pytest.mark.parametrize(
    ("values", "role"),
    [
        (["viewer"], Role.VIEWER),
        (["Viewer"], Role.VIEWER),
        (["CONTRIBUTOR"], Role.CONTRIBUTOR),
        (["Administrator"], Role.ADMINISTRATOR),
        (["Viewer", "Administrator", "Contributor"], Role.ADMINISTRATOR),
        (["Contributor", "Viewer"], Role.CONTRIBUTOR),
        (["Owner", "viewer"], Role.VIEWER),
    ],
)
@pytest.mark.parametrize("kind", ["roles", ROLE_CLAIM])
def test_the_highest_app_role_counts_in_any_case(values, role, kind):
    assert require_person(headers(ADA, *((kind, value) for value in values))).role is role


def test_the_claim_that_the_platform_says_holds_roles_is_read():
    assert require_person(headers(ADA, ("my:role", "Viewer"), role_typ="my:role")).role is Role.VIEWER


@pytest.mark.parametrize("values", [[], ["Owner"], ["administrators"], ["Viewer,Administrator"], [""]])
def test_a_person_without_a_role_may_do_nothing(values):
    for read in (require_person, read_principal):
        with pytest.raises(Forbidden) as raised:
            read(headers(ADA, *(("roles", value) for value in values)))
        assert "ada@segpilot.example" in raised.value.message


@pytest.mark.parametrize(
    ("claims", "document", "name"),
    [
        ([ADA], {}, "ada@segpilot.example"),
        ([("name", "Ada"), ADA], {}, "ada@segpilot.example"),
        ([("name", "Ada")], {}, "Ada"),
        ([("urn:mail", "a@b.example"), ADA], {"name_typ": "urn:mail"}, "a@b.example"),
        ([], {}, "unnamed"),
    ],
)
def test_a_person_goes_by_the_name_that_the_platform_says(claims, document, name):
    assert require_person(headers(*claims, ("roles", "viewer"), **document)).name == name


@pytest.mark.parametrize("setting", ["", "False", "0", "1", None])
def test_what_says_who_calls_is_not_believed_while_authentication_is_off(monkeypatch, setting):
    forged = headers(ADA, ("roles", "administrator"))
    if setting is None:
        monkeypatch.delenv("WEBSITE_AUTH_ENABLED")
    else:
        monkeypatch.setenv("WEBSITE_AUTH_ENABLED", setting)
    with pytest.raises(NotSignedIn):
        require_person(forged)
    assert read_principal(forged) == Principal("function key", Role.CONTRIBUTOR)


@pytest.mark.parametrize(
    "token",
    ["", "x", "====", "é", base64.b64encode(b"[]").decode(), base64.b64encode(b"{}").decode()]
    + [base64.b64encode(text.encode()).decode() for text in ('{"claims": 1}', '{"claims": [{}]}', "nul")],
)
def test_a_header_that_makes_no_sense_is_nobody(token):
    with pytest.raises(NotSignedIn):
        require_person({"x-ms-client-principal": token})


def test_a_signed_in_person_counts_more_than_the_key():
    assert read_principal(headers(ADA, ("roles", "viewer"))).role is Role.VIEWER


@pytest.mark.parametrize("role", Role)
def test_the_role_of_the_key_is_a_setting(monkeypatch, role):
    monkeypatch.setenv("FUNCTION_KEY_ROLE", role)
    app.cache_clear()
    assert read_principal({}) == Principal("function key", role)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("", ""),
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:51234", "203.0.113.7"),
        ("10.0.0.1, 203.0.113.7:51234", "203.0.113.7"),
        ("1.1.1.1,2.2.2.2, [2001:db8::7]:443", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("unknown", "unknown"),
    ],
)
def test_the_address_is_what_the_front_end_added(forwarded, address):
    assert require_person(headers(ADA, ("roles", "viewer"), address=forwarded)).address == address
    assert read_principal({"x-forwarded-for": forwarded}).address == address
