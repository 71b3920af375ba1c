"""Every operation keeps what the OpenAPI document promises, whatever it is asked: no server error, no answer that the
document does not describe. Requests are made by schemathesis from that document."""

import json
from collections.abc import Iterator

import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from devkit.local.stack import LocalStack
from functions import api
from functions.api.registry import VERSION
from functions.openapi import openapi_document
from tests.system.driver import Segpilot, make_people

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
schema = schemathesis.openapi.from_dict(
    json.loads(orjson.dumps(openapi_document(api.operations.declared, VERSION)))
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Segpilot]:
    """An app of its own, since schedules, settings and erasures are asked for, too."""
    with LocalStack(tmp_path_factory.mktemp("asked"), settings={"SETTLE_TIME_S": "1"}) as running:
        yield Segpilot(running)


@pytest.fixture(scope="module")
def known(app: Segpilot) -> dict[str, dict[str, str]]:
    """Path parameters of things that there are, by the first word of a path."""
    connection = app.add_connection()
    app.post(f"connections/{connection}/connect")
    export = app.add_export("people", connection=connection)
    app.upload("people/a.csv", make_people(range(20), "people").data)
    run = app.wait_for_run(export)
    return {
        "connections": {"id": connection},
        "exports": {"id": export},
        "runs": {"id": run["id"]},
        "segments": {"name": "people"},
    }


@schema.parametrize()
@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_describes(case, app, known):
    keys = {"x-functions-key": app.stack.function_key}
    target = {"base_url": f"{app.stack.host_url}/api", "headers": keys, "checks": CHECKS}
    case.call_and_validate(**target)
    there = known.get(case.path.split("/")[1])
    if (
        there
        and case.path_parameters
        and not case.operation.definition.raw["operationId"].startswith("remove_")
    ):
        case.path_parameters = there
        case.call_and_validate(**target)
