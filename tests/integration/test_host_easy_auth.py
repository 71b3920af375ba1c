"""Easy Auth as the host plays it: who signs in becomes a principal header that nobody can forge."""

import base64
import json
import time
from collections.abc import Iterator

import pytest
import requests

from devkit.host.easy_auth import PEOPLE, SESSION_S, EasyAuth
from tests.integration.running_host import RunningHost, write_app

APP = """
import json
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="who")
def who(req: func.HttpRequest) -> str:
    return json.dumps({n: v for n, v in req.headers.items() if n.startswith("x-ms-")})
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    folder = tmp_path_factory.mktemp("easy_auth")
    settings = {"WEBSITE_AUTH_ENABLED": "True"}
    with RunningHost(write_app(folder / "app", APP), folder / "state", settings=settings) as running:
        yield running


def sign_in(host: RunningHost, who: str) -> requests.Session:
    session = requests.Session()
    answer = session.post(host.url + "/.auth/login/dev", data={"who": who}, allow_redirects=False, timeout=30)
    assert answer.status_code == 302
    return session


@pytest.mark.parametrize("role", PEOPLE)
def test_a_signed_in_person_arrives_as_a_principal_with_an_app_role(host: RunningHost, role: str) -> None:
    headers = sign_in(host, role).get(host.url + "/api/who", timeout=30).json()
    principal = json.loads(base64.b64decode(headers["x-ms-client-principal"]))
    assert principal["auth_typ"] == "aad"
    assert {"typ": "roles", "val": role} in principal["claims"]
    assert {"typ": principal["name_typ"], "val": f"{role}@segpilot.example"} in principal["claims"]
    assert headers["x-ms-client-principal-name"] == f"{role}@segpilot.example"
    assert headers["x-ms-client-principal-idp"] == "aad"
    assert headers["x-ms-client-principal-id"]


def test_without_a_session_there_is_no_principal_whatever_was_sent(host: RunningHost) -> None:
    forged = {
        "X-MS-CLIENT-PRINCIPAL": "e30=",
        "x-ms-client-principal-name": "boss",
        "X-Ms-Token-Aad-Id-Token": "x",
    }
    assert host.call("GET", "/api/who", headers=forged).json() == {}


def test_forged_headers_do_not_change_who_is_signed_in(host: RunningHost) -> None:
    session = sign_in(host, "viewer")
    headers = session.get(
        host.url + "/api/who", headers={"X-MS-CLIENT-PRINCIPAL-NAME": "boss"}, timeout=30
    ).json()
    assert headers["x-ms-client-principal-name"] == "viewer@segpilot.example"


def test_me_shows_the_claims_and_signing_out_ends_the_session(host: RunningHost) -> None:
    session = sign_in(host, "contributor")
    me = session.get(host.url + "/.auth/me", timeout=30).json()
    assert me[0]["provider_name"] == "aad"
    assert me[0]["user_id"] == "contributor@segpilot.example"
    assert {"typ": "roles", "val": "contributor"} in me[0]["user_claims"]
    assert session.get(host.url + "/.auth/logout", timeout=30).status_code == 200
    assert session.get(host.url + "/.auth/me", timeout=30).status_code == 401


def test_the_sign_in_page_offers_three_people_and_leads_back(host: RunningHost) -> None:
    page = host.call("GET", "/.auth/login/dev?post_login_redirect_uri=/api/who%3Fa=1").text
    assert [role for role in PEOPLE if f'value="{role}"' in page] == list(PEOPLE)
    assert 'value="/api/who?a=1"' in page


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:1",
        "/\t/evil.example",
        "/a\r\nX: 1",
        "/\x00",
    ],
)
def test_signing_in_never_leads_to_another_site(host: RunningHost, target: str) -> None:
    form = {"who": "viewer", "post_login_redirect_uri": target}
    assert host.call("POST", "/.auth/login/dev", data=form).headers["Location"] == "/"
    away = host.call("GET", "/.auth/logout", params={"post_logout_redirect_uri": target})
    assert away.headers["Location"] == "/.auth/logout/complete"


def test_nobody_else_can_sign_in(host: RunningHost) -> None:
    assert host.call("POST", "/.auth/login/dev", data={"who": "root"}).status_code == 400


def test_a_session_that_was_altered_or_is_over_counts_for_nothing() -> None:
    auth, now = EasyAuth("secret"), time.time()
    session = auth.make_session(PEOPLE["viewer"], now=now)
    altered = base64.urlsafe_b64decode(session).replace(b"viewer", b"administrator")
    assert auth.read_session(session, now=now) == PEOPLE["viewer"]
    assert auth.read_session(session, now=now + SESSION_S + 1) is None
    assert auth.read_session(base64.urlsafe_b64encode(altered).decode(), now=now) is None
    assert EasyAuth("other").read_session(session, now=now) is None
    for nonsense in ("", "x", "====", base64.urlsafe_b64encode(b"a|b").decode(), "é"):
        assert auth.read_session(nonsense, now=now) is None


def test_easy_auth_is_off_unless_the_settings_turn_it_on(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("no_auth")
    with RunningHost(write_app(folder / "app", APP), folder / "state") as host:
        assert host.call("GET", "/.auth/login/dev").status_code == 404
        assert host.call("GET", "/api/who", headers={"X-MS-CLIENT-PRINCIPAL": "e30="}).json() == {}


def test_the_address_of_the_deployed_sign_in_works_here_too(host: RunningHost) -> None:
    assert "<button" in host.call("GET", "/.auth/login/aad").text
