"""The OpenAPI document: valid, complete, and without a place for a key to come back."""

import json
import re
from collections.abc import Iterator
from typing import Any

import azure.functions as func
import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, SecretStr

import function_app
from functions import api
from functions.openapi import openapi_document
from shared.version import VERSION
from tests.fakes import at_place

DOOR = "/api/signed-in/{*path}"
FOR_PEOPLE = {"/portal/{*path}", "/{nothing:maxlength(0)?}"}
METHODS = ("get", "put", "post", "delete", "patch")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """As a client gets it: once through JSON."""
    return json.loads(orjson.dumps(openapi_document(api.operations.declared, VERSION)))


def operations_of(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def registered() -> set[tuple[str, str]]:
    """Method and path of every HTTP function of the app."""
    found = set()
    for builder in function_app.app._function_builders:
        trigger = builder.build(func.AuthLevel.FUNCTION).get_trigger()
        if trigger.type == "httpTrigger":
            found |= {(method.value.lower(), f"/{trigger.route}") for method in trigger.methods}
    return found


def test_the_document_is_valid(document):
    assert [str(problem) for problem in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_registered_route_is_in_the_document_and_no_other(document):
    described = {(method, path) for method, path, _ in operations_of(document)}
    described = {(method, f"/api{path}") for method, path in described}
    assert described == {(method, path) for method, path in registered() if path not in {DOOR, *FOR_PEOPLE}}
    assert described


def test_every_route_but_those_for_people_needs_a_function_key():
    levels = {}
    for builder in function_app.app._function_builders:
        trigger = builder.build(func.AuthLevel.ANONYMOUS).get_trigger()
        if trigger.type == "httpTrigger":
            levels[f"/{trigger.route}"] = trigger.auth_level
    for_people = {DOOR, *FOR_PEOPLE}
    assert {levels.pop(route) for route in for_people} == {func.AuthLevel.ANONYMOUS}
    assert set(levels.values()) == {func.AuthLevel.FUNCTION}


def test_the_door_for_people_serves_every_method_that_operations_have(document):
    assert {method for method, _, _ in operations_of(document)} <= {
        method for method, path in registered() if path == DOOR
    }


def test_both_doors_are_described_with_what_they_ask_for(document):
    assert [server["url"] for server in document["servers"]] == ["/api", "/api/signed-in"]
    assert document["security"] == [{"functionKey": []}, {"signedIn": []}]
    assert set(document["components"]["securitySchemes"]) == {"functionKey", "signedIn"}


def test_operations_have_names_of_their_own_and_say_what_they_do(document):
    operations = [operation for _, _, operation in operations_of(document)]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] for operation in operations)


def test_the_parameters_of_a_path_are_described(document):
    for _, path, operation in operations_of(document):
        described = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert described == set(re.findall(r"{(\w+)}", path))


def test_errors_are_described_as_problems(document):
    for _, _, operation in operations_of(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400 and "application/json" not in answer.get("content", {}):
                assert list(answer["content"]) == ["application/problem+json"]


def test_every_operation_may_refuse_the_request_the_stranger_and_the_role(document):
    for _, _, operation in operations_of(document):
        assert {"400", "401", "403", "500"} <= operation["responses"].keys()


def test_every_answer_with_content_has_a_schema(document):
    for _, path, operation in operations_of(document):
        for status, answer in operation["responses"].items():
            assert answer.get("content") or status == "204", (path, status)
            for media in answer.get("content", {}).values():
                assert media["schema"], (path, status)


def test_what_is_changed_by_version_is_shown_with_its_version(document):
    edited = 0
    for _, _, operation in operations_of(document):
        if any(one["name"] == "If-Match" for one in operation["parameters"]):
            edited += 1
            assert "204" in operation["responses"] or "ETag" in operation["responses"]["200"]["headers"]
            assert {"412", "428"} <= operation["responses"].keys()
    assert edited
    for path in ("/exports/{id}", "/connections/{id}"):
        assert "ETag" in document["paths"][path]["get"]["responses"]["200"]["headers"]


def test_parameters_say_what_they_take(document):
    for _, path, operation in operations_of(document):
        for one in operation["parameters"]:
            assert one["schema"], (path, one["name"])
            assert one["in"] != "path" or one["schema"]["pattern"], (path, one["name"])


def test_what_is_created_or_begun_says_where_to_look(document):
    for _, _, operation in operations_of(document):
        for status in {"201", "202"} & operation["responses"].keys():
            assert "Location" in operation["responses"][status]["headers"]


def test_an_unhealthy_answer_is_described_with_its_report(document):
    answer = document["paths"]["/health"]["get"]["responses"]["503"]
    assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/HealthReport")


def test_no_answer_has_a_place_for_a_secret():
    answers = {operation.answer for operation in api.operations.declared if operation.answer}
    assert answers
    assert [field for answer in answers for field in secret_fields(answer)] == []


def test_a_key_is_write_only_in_the_document(document):
    schemas = document["components"]["schemas"]
    for form, field in (("NewConnection", "api_key"), ("NewKey", "api_key"), ("NewAlertTarget", "url")):
        assert '"writeOnly": true' in json.dumps(schemas[form]["properties"][field])
    answers = {operation.answer.__name__ for operation in api.operations.declared if operation.answer}
    assert answers <= set(schemas)
    for name in answers:
        assert "api_key" not in json.dumps(schemas[name])


def secret_fields(model: type[BaseModel]) -> Iterator[str]:
    """Fields of a model, and of those within it, that hold a secret."""
    for name, field in model.model_fields.items():
        for kind in kinds_of(field.annotation):
            if issubclass(kind, SecretStr):
                yield f"{model.__name__}.{name}"
            elif issubclass(kind, BaseModel):
                yield from secret_fields(kind)


def kinds_of(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from kinds_of(part)


def test_the_search_for_secrets_finds_one():
    class Inner(BaseModel):
        key: SecretStr | None

    class Outer(BaseModel):
        inner: list[Inner]

    assert list(secret_fields(Outer)) == ["Inner.key"]


def test_the_app_serves_the_document(document):
    [serve] = [
        builder.build(func.AuthLevel.FUNCTION).get_user_function()
        for builder in function_app.app._function_builders
        if builder.build(func.AuthLevel.FUNCTION).get_function_name() == "get_openapi"
    ]
    answer = serve(func.HttpRequest("GET", "http://localhost/api/openapi.json", body=b""), at_place())
    assert answer.mimetype == "application/json"
    assert json.loads(answer.get_body()) == document
