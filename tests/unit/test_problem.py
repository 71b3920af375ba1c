"""Requests in, answers and problems out: RFC 9457, with a remedy, and nothing that was not meant to be told."""

import json
import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import azure.functions as func
import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from functions.decoding import Query
from functions.operation import Answer, Operations, Request
from shared.domain import errors
from shared.domain.access import Principal, Role
from shared.domain.errors import Conflict, InUse, Invalid, SegpilotError, Throttled
from shared.settings import SettingsInvalid
from shared.telemetry import trace_id
from tests.fakes import at_place

URL = "https://app.example/api/things/7?code=the-function-key"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Part(BaseModel):
    name: str


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int
    key: SecretStr | None = None
    parts: list[Part] = []


def call(
    handler, data: bytes = b"", given: Mapping[str, str] | None = None, **declaration: object
) -> func.HttpResponse:
    """What the function of an operation answers."""
    operations = Operations(lambda _headers: Principal("Ada", Role.ADMINISTRATOR))
    declared = {"query": {"q": "A text."}, **declaration}
    operations.add("POST", "things/{id}", summary="Try", answer=None, **declared)(handler)
    [builder] = operations.blueprint._function_builders
    function = builder.build(func.AuthLevel.FUNCTION).get_user_function()
    return function(
        func.HttpRequest(
            "POST",
            URL,
            headers={"X-Test": "1"},
            params={"q": "2"} if given is None else given,
            route_params={"id": "7"},
            body=data,
        ),
        at_place(f"00-{TRACE}-b7ad6b7169203331-01"),
    )


def problem_of(answer: func.HttpResponse) -> dict:
    assert answer.mimetype == "application/problem+json"
    problem = json.loads(answer.get_body())
    assert problem["status"] == answer.status_code
    return problem


def raising(error: Exception):
    def thing(_request: Request) -> Answer:
        raise error

    return thing


ERRORS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, SegpilotError) and kind is not SegpilotError
]


@pytest.mark.parametrize("kind", [*ERRORS, SettingsInvalid])
def test_every_error_becomes_a_problem_with_all_its_members(kind):
    problem = problem_of(call(raising(kind("It went wrong.", remedy="Do better."))))
    assert problem == {
        "type": f"urn:segpilot:problem:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": "It went wrong.",
        "remedy": "Do better.",
        "instance": "https://app.example/api/things/7",
    }


def test_all_errors_have_a_code_and_a_title_of_their_own():
    assert len({kind.code for kind in ERRORS}) == len({kind.title for kind in ERRORS}) == len(ERRORS)


def test_a_more_exact_code_becomes_the_type():
    problem = problem_of(call(raising(Conflict("It runs.", code="export-running"))))
    assert problem["type"] == "urn:segpilot:problem:export-running"


def test_what_depends_on_a_thing_is_part_of_the_problem():
    using = [{"id": "export-1", "name": "Weekly"}]
    assert problem_of(call(raising(InUse("It is used.", dependents=using))))["dependents"] == using


def test_a_handler_is_in_the_trace_that_the_host_says():
    seen = []
    call(lambda _request: seen.append(trace_id()) or Answer())
    assert seen == [TRACE]
    assert trace_id() is None


def test_an_unexpected_error_is_logged_and_not_told(caplog):
    with caplog.at_level(logging.ERROR):
        problem = problem_of(call(raising(KeyError("ana@example.com"))))
    assert problem["status"] == 500
    assert "ana@example.com" not in json.dumps(problem)
    assert "KeyError" not in json.dumps(problem)
    assert problem["remedy"]
    assert "ana@example.com" in caplog.text


def test_the_function_key_is_not_part_of_a_problem():
    assert "the-function-key" not in json.dumps(problem_of(call(raising(Conflict("No.")))))


@pytest.mark.parametrize(("seconds", "header"), [(0.2, "1"), (7, "7"), (7.01, "8"), (None, None)])
def test_when_to_try_again_is_told_in_whole_seconds(seconds, header):
    answer = call(raising(Throttled("Slower.", retry_after_s=seconds)))
    assert answer.headers.get("Retry-After") == header


def test_the_handler_gets_the_decoded_request():
    def thing(request: Request) -> Answer:
        assert request.body == Body(size=3)
        assert (request.params["id"], request.query["q"], request.headers["x-test"]) == ("7", "2", "1")
        assert request.principal.name == "Ada"
        return Answer(Part(name="é"), 201, {"Location": "there"})

    answer = call_with_body(thing, b'{"size": 3}')
    assert (answer.status_code, answer.headers["Location"]) == (201, "there")
    assert json.loads(answer.get_body()) == {"name": "é"}


def call_with_body(handler, data: bytes) -> func.HttpResponse:
    return call(handler, data, body=Body)


def accept(request: Request) -> Answer:
    return Answer(Part(name=str(request.body.size)))


@pytest.mark.parametrize(
    ("data", "pointers"),
    [
        (b"", ["/size"]),
        (b"{}", ["/size"]),
        (b"not json", [""]),
        (b"[]", [""]),
        (b"\xff", [""]),
        (b'{"size": "many"}', ["/size"]),
        (b'{"size": 1, "parts": [{"name": "a"}, {}]}', ["/parts/1/name"]),
        (b'{"size": 1, "a/b~c": 2}', ["/a~1b~0c"]),
        (b'{"parts": 7, "more": 1}', ["/size", "/parts", "/more"]),
    ],
)
def test_every_wrong_field_is_named_by_a_json_pointer(data, pointers):
    problem = problem_of(call_with_body(accept, data))
    assert problem["status"] == 400
    assert [error["pointer"] for error in problem["errors"]] == pointers
    assert all(error["detail"] for error in problem["errors"])
    assert problem["remedy"]


def test_what_was_sent_is_not_repeated():
    problem = problem_of(call_with_body(accept, b'{"size": "tomorrow", "key": 77123}'))
    assert "tomorrow" not in json.dumps(problem)
    assert "77123" not in json.dumps(problem)


def test_a_body_beyond_the_limit_is_refused():
    assert problem_of(call_with_body(accept, b'{"size": 1}' + b" " * (1 << 20)))["status"] == 400


def test_an_answer_without_content_has_none():
    answer = call(lambda _request: Answer(status=204))
    assert (answer.status_code, answer.get_body()) == (204, b"")


def test_bytes_are_answered_as_they_are():
    answer = call(lambda _request: Answer(b"a,b\r\n", media_type="text/csv; charset=utf-8"))
    assert (answer.get_body(), answer.mimetype) == (b"a,b\r\n", "text/csv; charset=utf-8")


def test_errors_of_a_use_case_are_passed_on():
    errors_of_fields = [{"pointer": "/fields", "detail": "unknown"}]
    problem = problem_of(call(raising(Invalid("It does not fit.", errors=errors_of_fields))))
    assert problem["errors"] == errors_of_fields


class Colour(StrEnum):
    RED = "red"


TYPED = {
    "size": Query("How many.", Annotated[int, Field(ge=1, le=200)], 50),
    "colour": Query("Which.", Colour),
    "open": Query("Whether.", bool),
    "text": "Any.",
}


def asked(**given: str) -> tuple[int, dict]:
    """What comes of these query parameters: the status, and what the handler got or the problem."""
    seen: dict = {}

    def thing(request: Request) -> Answer:
        seen.update(request.query)
        return Answer(status=204)

    answer = call(thing, given=given, query=TYPED)
    return answer.status_code, seen if answer.status_code == 204 else problem_of(answer)


def test_query_parameters_arrive_as_what_they_were_declared_to_be():
    status, seen = asked(size="7", colour="red", open="true", text="x")
    assert (status, seen) == (204, {"size": 7, "colour": Colour.RED, "open": True, "text": "x"})
    assert asked() == (204, {"size": 50})


@pytest.mark.parametrize(
    "given",
    [
        {"size": "0"},
        {"size": "201"},
        {"size": "many"},
        {"size": "1,2"},
        {"colour": "Red"},
        {"open": "maybe"},
        {"sise": "7"},
    ],
)
def test_a_query_parameter_that_does_not_fit_is_named(given):
    status, problem = asked(**given)
    assert status == 400
    assert [error["pointer"] for error in problem["errors"]] == [f"?{name}" for name in given]


def test_what_the_host_reads_of_a_query_is_no_mistake():
    assert asked(code="the-function-key", clientId="default")[0] == 204


def test_a_query_parameter_that_is_needed_must_be_there():
    seen = call(lambda _request: Answer(status=204), query={"q": Query("Needed.", required=True)}, given={})
    assert [error["pointer"] for error in problem_of(seen)["errors"]] == ["?q"]


def test_every_answer_is_for_who_has_asked_only():
    def refuse(request: Request) -> Answer:
        raise Invalid("No.")

    for answer in (call(lambda request: Answer(None, 204)), call(refuse)):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
