"""The door for people: only those who have signed in, only from our own site, and to the same operations."""

import asyncio
import json
from collections.abc import Mapping

import azure.functions as func
import pytest
from pydantic import BaseModel

from functions.api.registry import location
from functions.decoding import Query
from functions.door import Door, match
from functions.operation import Answer, Operations, Request
from shared.domain.access import Principal, Role
from shared.domain.errors import NotSignedIn

ADA = Principal("Ada", Role.VIEWER)
BEARER = {"authorization": "Bearer x.y.z"}


class Said(BaseModel):
    text: str


def refuse_keys(_headers: Mapping[str, str]) -> Principal:
    raise AssertionError("the door must not ask for whoever holds the key")


operations = Operations(refuse_keys)


@operations.add("GET", "things/{id}", summary="A thing", answer=Said, query={"size": Query("", int)})
def get_thing(request: Request) -> Answer:
    return Answer(Said(text=f"{request.params['id']} {request.query} {request.principal.name}"))


@operations.add("GET", "things/all", summary="All things", answer=Said)
def get_all(_request: Request) -> Answer:
    return Answer(Said(text="all"))


@operations.add("PUT", "things/{id}", summary="Set", answer=None, body=Said, status=204)
def set_thing(request: Request) -> Answer:
    return Answer(status=204, headers={"X-Set": request.body.text})


@operations.add_durable("POST", "things/{id}/runs", summary="Run", answer=None, status=202)
async def run_thing(request: Request, client: object) -> Answer:
    return Answer(status=202, headers={"X-Client": str(client), **location(request, "runs/1")})


def knock(
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] = BEARER,
    params: Mapping[str, str] | None = None,
    body: bytes = b"",
    person: Principal | None = ADA,
) -> func.HttpResponse:
    def identify(_headers: Mapping[str, str]) -> Principal:
        if person is None:
            raise NotSignedIn("Nobody is signed in.")
        return person

    url = f"https://app.example/api/signed-in/{path}"
    req = func.HttpRequest(method, url, headers=headers, params=params or {}, body=body)
    return asyncio.run(Door(operations, identify).answer(req, path, "the client"))


def test_an_operation_is_served_to_people_as_it_is_to_keys():
    answer = knock("GET", "things/7", params={"size": "3"})
    assert json.loads(answer.get_body()) == {"text": "7 {'size': 3} Ada"}


def test_an_operation_that_talks_to_the_orchestration_gets_its_client_and_leads_back_through_the_door():
    answer = knock("POST", "things/7/runs")
    assert answer.headers["X-Client"] == "the client"
    assert answer.headers["Location"] == "https://app.example/api/signed-in/runs/1"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "nothing", b"", 404),
        ("GET", "", b"", 404),
        ("GET", "things", b"", 404),
        ("GET", "things/7/more", b"", 404),
        ("DELETE", "things/7", b"", 405),
        ("PUT", "things/7", b"{}", 400),
        ("PUT", "things/7", b'{"text": "x"}', 204),
    ],
)
def test_what_is_wrong_is_a_problem(method, path, body, status):
    answer = knock(method, path, body=body)
    assert answer.status_code == status
    if status >= 400:
        assert json.loads(answer.get_body())["status"] == status


def test_another_method_is_answered_with_those_that_there_are():
    assert knock("DELETE", "things/7").headers["Allow"] == "GET, PUT"


def test_a_word_of_a_route_wins_over_a_parameter():
    assert json.loads(knock("GET", "things/all").get_body()) == {"text": "all"}


@pytest.mark.parametrize("path", ["things/7", "nothing", ""])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
def test_nobody_else_learns_even_what_there_is(method, path):
    assert knock(method, path, person=None).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        BEARER,
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin", "origin": "https://app.example", "host": "app.example"},
        {"origin": "https://app.example", "host": "app.example"},
        {"origin": "http://localhost:7071", "host": "localhost:7071"},
    ],
)
def test_a_change_from_our_own_site_or_with_a_token_is_made(headers):
    assert knock("PUT", "things/7", headers=headers, body=b'{"text": "x"}').status_code == 204


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "origin": "https://app.example", "host": "app.example"},
        {"origin": "https://evil.example", "host": "app.example"},
        {"origin": "https://app.example.evil.example", "host": "app.example"},
        {"origin": "null", "host": "app.example"},
        {"origin": "http://[", "host": "app.example"},
        {"origin": "", "host": ""},
        {"origin": "nonsense"},
        {"host": "app.example"},
        {"authorization": "Basic x"},
    ],
)
def test_a_change_that_another_site_may_have_caused_is_refused(headers):
    answer = knock("PUT", "things/7", headers=headers, body=b'{"text": "x"}')
    assert answer.status_code == 403
    assert json.loads(answer.get_body())["type"].endswith(":cross-site")
    assert knock("GET", "things/7", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("route", "path", "params"),
    [
        ("runs", "runs", {}),
        ("runs", "/RUNS/", {}),
        ("runs/{id}", "runs/a b", {"id": "a b"}),
        ("runs/{id}/rejects", "runs/1/Rejects", {"id": "1"}),
        ("runs/{id}", "runs/", None),
        ("runs/{id}", "runs/1/2", None),
        ("runs/{id}/rejects", "runs//rejects", None),
    ],
)
def test_paths_fit_routes_as_the_host_takes_them(route, path, params):
    assert match(route, path) == params
