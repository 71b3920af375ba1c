"""Durable functions inside the local host, through the real SDK and its client."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from devkit.azurite import AzuriteServer
from tests.integration.running_host import RunningHost, wait_until, write_app

APP = """
import json, os, pathlib, time
import azure.functions as func
import azure.durable_functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="start/{name}")
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client) -> func.HttpResponse:
    body = json.loads(req.get_body()) if req.get_body() else None
    instance = await client.start_new(req.route_params["name"], req.params.get("id"), body)
    return client.create_check_status_response(req, instance)

@app.route(route="counter/{key}")
@app.durable_client_input(client_name="client")
async def counter_value(req: func.HttpRequest, client) -> str:
    state = await client.read_entity_state(df.EntityId("counter", req.route_params["key"]))
    return json.dumps(state.entity_state if state.entity_exists else None)

@app.orchestration_trigger(context_name="context")
def sum_of_squares(context):
    numbers = context.get_input()
    squares = yield context.task_all([context.call_activity("square", number) for number in numbers])
    return sum(squares)

@app.orchestration_trigger(context_name="context", orchestration="renamed")
def approval(context):
    answer = yield context.wait_for_external_event("approved")
    return answer

@app.orchestration_trigger(context_name="context")
def count(context):
    entity = df.EntityId("counter", context.get_input())
    yield context.call_entity(entity, "add", 2)
    return (yield context.call_entity(entity, "add", 3))

@app.orchestration_trigger(context_name="context")
def broken(context):
    yield context.call_activity("fail", None)

@app.orchestration_trigger(context_name="context")
def parent(context):
    child = yield context.call_activity("start_another", [1, 2])
    return child

@app.activity_trigger(input_name="number")
def square(number: int) -> int:
    gate = os.environ.get("GATE")
    if gate and number == 3:
        pathlib.Path(gate).with_suffix(".reached").touch()
        while not pathlib.Path(gate).exists():
            time.sleep(0.02)
    return number * number

@app.activity_trigger(input_name="payload")
def fail(payload) -> None:
    raise ValueError("activity says no")

@app.activity_trigger(input_name="numbers")
@app.durable_client_input(client_name="client")
async def start_another(numbers: list, client) -> str:
    return await client.start_new("sum_of_squares", "another", numbers)

@app.entity_trigger(context_name="context")
def counter(context):
    total = context.get_state(lambda: 0) + context.get_input()
    context.set_state(total)
    context.set_result(total)
"""
BLOB_STARTER = """
@app.blob_trigger("file", "%CONTAINER%/{name}", "STORE")
@app.durable_client_input(client_name="client")
async def arrived(file: func.InputStream, client) -> None:
    await client.start_new("sum_of_squares", "from-blob", json.loads(file.read()))
"""
HOST_JSON = {"extensions": {"durableTask": {"hubName": "TestHub", "maxConcurrentActivityFunctions": 4}}}


def start(folder: Path, source: str = APP, **settings: str) -> RunningHost:
    app = write_app(folder / "app", source, HOST_JSON)
    return RunningHost(app, folder / "state", settings=settings)


def status(host: RunningHost, instance_id: str) -> dict[str, Any]:
    code = host.keys["systemKeys"]["durabletask_extension"]
    path = f"/runtime/webhooks/durabletask/instances/{instance_id}"
    answer = host.call("GET", path, params={"code": code})
    return answer.json() if answer.content else {"runtimeStatus": "Missing"}


def wait_until_ended(host: RunningHost, instance_id: str) -> dict[str, Any]:
    wait_until(lambda: status(host, instance_id)["runtimeStatus"] in ("Completed", "Failed"))
    return status(host, instance_id)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    with start(tmp_path_factory.mktemp("durable")) as running:
        yield running


def test_an_orchestration_fans_out_and_in(host: RunningHost) -> None:
    answer = host.call("POST", "/api/start/sum_of_squares?id=squares", json=list(range(10)))
    assert answer.status_code == 202
    assert wait_until_ended(host, "squares")["output"] == 285


def test_the_urls_a_starter_hands_out_can_be_called_as_they_are(host: RunningHost) -> None:
    urls = host.call("POST", "/api/start/renamed?id=approve").json()
    assert urls["statusQueryGetUri"].startswith(host.url)
    path = urls["sendEventPostUri"].removeprefix(host.url).replace("{eventName}", "approved")
    assert host.call("POST", path, json={"by": "Ada"}).status_code == 202
    assert wait_until_ended(host, "approve")["output"] == {"by": "Ada"}


def test_the_management_api_is_closed_without_its_key(host: RunningHost) -> None:
    path = "/runtime/webhooks/durabletask/instances"
    assert host.call("GET", path).status_code == 401
    assert host.call("GET", path, headers={"x-functions-key": host.function_key}).status_code == 401


def test_an_entity_keeps_its_state(host: RunningHost) -> None:
    host.call("POST", "/api/start/count?id=count", json="a")
    assert wait_until_ended(host, "count")["output"] == 5
    assert host.call("GET", "/api/counter/a").json() == 5


def test_a_failure_ends_the_instance_and_is_in_the_log(host: RunningHost) -> None:
    host.call("POST", "/api/start/broken?id=broken")
    ended = wait_until_ended(host, "broken")
    assert ended["runtimeStatus"] == "Failed"
    assert "activity says no" in ended["output"]
    assert "function=fail outcome=failed" in host.log


def test_an_activity_may_have_a_durable_client(host: RunningHost) -> None:
    host.call("POST", "/api/start/parent?id=parent")
    assert wait_until_ended(host, "parent")["output"] == "another"
    assert wait_until_ended(host, "another")["output"] == 5


def test_no_key_is_in_the_log(host: RunningHost) -> None:
    assert host.keys["systemKeys"]["durabletask_extension"] not in host.log


def test_an_orchestration_survives_a_kill_in_the_middle_of_an_activity(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with start(tmp_path, GATE=str(gate)) as host:
        host.call("POST", "/api/start/sum_of_squares?id=squares", json=list(range(6)))
        wait_until(gate.with_suffix(".reached").exists)
        host.kill()
    gate.touch()
    with start(tmp_path, GATE=str(gate)) as host:
        assert wait_until_ended(host, "squares")["output"] == 55


def test_a_blob_starts_an_orchestration(tmp_path: Path, azurite: AzuriteServer, unique_name: str) -> None:
    container = BlobServiceClient.from_connection_string(azurite.connection_string).create_container(
        unique_name
    )
    settings = {"STORE": azurite.connection_string, "CONTAINER": unique_name}
    with start(tmp_path, APP + BLOB_STARTER, **settings) as host:
        container.upload_blob("numbers.json", json.dumps([3, 4]))
        assert wait_until_ended(host, "from-blob")["output"] == 25
