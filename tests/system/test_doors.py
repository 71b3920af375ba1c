"""The two doors of the API: function keys for systems, sign-in for people, and no way past either."""

import base64
import json
from collections.abc import Iterator, Mapping

import pytest
import requests

from devkit.host.easy_auth import PEOPLE
from devkit.local.stack import LocalStack
from tests.system.driver import Json, Segpilot

FORGED = {
    "X-MS-CLIENT-PRINCIPAL": base64.b64encode(
        json.dumps({"claims": [{"typ": "roles", "val": "administrator"}]}).encode()
    ).decode(),
    "X-MS-CLIENT-PRINCIPAL-NAME": "boss",
}
BEARER = {"Authorization": "Bearer a.b.c"}
CONSENT = {"agreed": True, "version": "1"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack with App Service authentication on, whose function key may only look."""
    settings = {"WEBSITE_AUTH_ENABLED": "True", "FUNCTION_KEY_ROLE": "viewer", "SETTLE_TIME_S": "1"}
    with LocalStack(tmp_path_factory.mktemp("guarded"), settings=settings) as running:
        yield running


@pytest.fixture
def desk(guarded: LocalStack) -> Iterator[Segpilot]:
    """The holder of the function key there."""
    driver = Segpilot(guarded)
    yield driver
    driver.clean_up()


class Someone:
    """A person in a browser at the door for people."""

    def __init__(self, stack: LocalStack, who: str | None) -> None:
        self._url, self._session = stack.host_url, requests.Session()
        if who:
            form = {"who": who}
            self._session.post(f"{self._url}/.auth/login/dev", data=form, timeout=30, allow_redirects=False)

    def call(
        self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] = BEARER
    ) -> requests.Response:
        url = f"{self._url}/api/signed-in/{path}"
        return self._session.request(method, url, json=body, headers=headers, timeout=30)


def add_connection(someone: Someone, name: str, **options: Mapping[str, str]) -> requests.Response:
    body = {"display_name": name, "api_key": "a-key", "consent": CONSENT}
    return someone.call("POST", "connections", body, **options)


def last_audit(app: Segpilot, subject: str) -> Json:
    """The newest audit entry about something."""
    logs = app.blobs.get_container_client("segpilot-logs")
    lines = [
        json.loads(line)
        for blob in logs.list_blobs(name_starts_with="audit/")
        for line in logs.download_blob(blob.name).readall().splitlines()
    ]
    return max((line for line in lines if line["subject"] == subject), key=lambda line: line["at"])


@pytest.mark.parametrize("headers", [{}, FORGED, {**FORGED, **BEARER}])
def test_without_sign_in_the_door_for_people_is_closed(guarded, stack, headers):
    for each in (guarded, stack):
        for method, path in (
            ("GET", "exports"),
            ("POST", "connections"),
            ("GET", "health"),
            ("GET", "nothing"),
        ):
            answer = Someone(each, None).call(method, path, headers=headers)
            assert (answer.status_code, answer.json()["type"]) == (401, "urn:segpilot:problem:not-signed-in")


def test_forged_headers_do_not_make_an_administrator_of_the_holder_of_the_key(desk):
    body = {"display_name": "Forged", "api_key": "a-key", "consent": CONSENT}
    answer = desk.call("POST", "api/connections", body, headers=FORGED)
    assert (answer.status_code, "role viewer" in answer.json()["detail"]) == (403, True)


def test_where_sign_in_is_off_forged_headers_open_nothing(tmp_path):
    """Nothing removes them there, so they count for nothing."""
    settings = {"WEBSITE_AUTH_ENABLED": "False", "FUNCTION_KEY_ROLE": "viewer"}
    with LocalStack(tmp_path, settings=settings) as unguarded:
        for path in ("", "exports", "connections/new"):
            url = f"{unguarded.host_url}/portal/{path}"
            page = requests.get(url, headers=FORGED, timeout=30, allow_redirects=False)
            assert (page.status_code, "Switch on the authentication" in page.text) == (401, True)
        for path in ("signed-in/exports", "exports"):
            answer = requests.get(f"{unguarded.host_url}/api/{path}", headers=FORGED, timeout=30)
            assert answer.status_code == 401
        body = {"display_name": "Forged", "api_key": "a-key", "consent": CONSENT}
        made = Segpilot(unguarded).call("POST", "api/connections", body, headers=FORGED)
        assert (made.status_code, "role viewer" in made.json()["detail"]) == (403, True)


@pytest.mark.parametrize(("who", "status"), [("administrator", 201), ("contributor", 403), ("viewer", 403)])
def test_people_may_do_what_their_role_allows(guarded, who, status):
    someone = Someone(guarded, who)
    assert someone.call("GET", "exports").status_code == 200
    assert add_connection(someone, f"By {who}").status_code == status


def test_a_signed_in_person_counts_more_than_the_key(guarded, desk):
    session = requests.Session()
    session.post(f"{guarded.host_url}/.auth/login/dev", data={"who": "administrator"}, timeout=30)
    answer = session.post(
        f"{guarded.host_url}/api/connections",
        json={"display_name": "By a person", "api_key": "a-key", "consent": CONSENT},
        headers={"x-functions-key": guarded.function_key, "X-Forwarded-For": "1.1.1.1, 203.0.113.7:4711"},
        timeout=30,
    )
    assert answer.status_code == 201
    entry = last_audit(desk, answer.json()["id"])
    assert (entry["who"], entry["role"], entry["from"]) == (
        PEOPLE["administrator"].email,
        "administrator",
        "203.0.113.7",
    )


def test_what_is_made_is_found_through_the_same_door(guarded):
    someone = Someone(guarded, "administrator")
    made = add_connection(someone, "Found again")
    assert "/api/signed-in/connections/" in made.headers["Location"]
    path = made.headers["Location"].partition("/api/signed-in/")[2]
    shown = someone.call("GET", path)
    assert (shown.json()["display_name"], shown.headers["ETag"]) == ("Found again", made.headers["ETag"])


def test_an_operation_of_the_orchestration_is_reached_too(guarded):
    answer = Someone(guarded, "contributor").call("POST", "runs/run-unknown/cancel")
    assert (answer.status_code, answer.json()["status"]) == (404, 404)


def test_what_another_site_makes_a_browser_send_changes_nothing(guarded):
    someone = Someone(guarded, "administrator")
    before = someone.call("GET", "connections").json()
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = add_connection(someone, "Forged", headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:segpilot:problem:cross-site")
    assert someone.call("GET", "connections").json() == before
    assert add_connection(someone, "Ours", headers={"Origin": guarded.host_url}).status_code == 201


def test_paths_and_methods_that_there_are_not_are_problems(guarded):
    someone = Someone(guarded, "viewer")
    assert someone.call("GET", "nothing").status_code == 404
    answer = someone.call("DELETE", "health")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


def test_the_document_tells_of_both_doors(guarded):
    document = Someone(guarded, "viewer").call("GET", "openapi.json").json()
    assert [server["url"] for server in document["servers"]] == ["/api", "/api/signed-in"]
