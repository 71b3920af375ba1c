"""The management API, asked by the real DurableOrchestrationClient and by plain HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import azure.durable_functions as df
import azure.functions as func
import pytest
from aiohttp import web
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus
from azure.durable_functions.models.utils import http_utils

from devkit.host.durable.clock import VirtualClock
from devkit.host.durable.management import client_binding, management_routes
from devkit.host.durable.testing import RunningEngine, asynchronous

KEY = "system-key"

app = df.DFApp()


@app.activity_trigger(input_name="value")
def echo(value):
    return value


@app.orchestration_trigger(context_name="context")
def echoes(context):
    context.set_custom_status({"stage": "echo"})
    return (yield context.call_activity("echo", context.get_input()))


@app.orchestration_trigger(context_name="context")
def waits(context):
    return (yield context.wait_for_external_event("go"))


@app.orchestration_trigger(context_name="context")
def fails(context):
    yield context.call_activity("echo", 1)
    raise ValueError("no luck")


@app.entity_trigger(context_name="context", entity_name="Counter")
def counter(context):
    context.set_state(context.get_state(lambda: 0) + context.get_input())


class Server:
    """The engine behind a web server on loopback, the SDK's client for it, and a plain client of the public API."""

    def __init__(self, engine: RunningEngine, port: int, session: aiohttp.ClientSession) -> None:
        self.engine = engine
        self.base_url = f"http://127.0.0.1:{port}"
        self.binding = client_binding(engine, self.base_url, hub="Hub", connection="Storage", system_key=KEY)
        self.client = df.DurableOrchestrationClient(self.binding)
        self._session = session

    async def ask(self, method: str, path: str, **options) -> tuple[int, aiohttp.ClientResponse]:
        options.setdefault("headers", {"x-functions-key": KEY})
        url = f"{self.base_url}/runtime/webhooks/durabletask{path}"
        async with self._session.request(method, url, **options) as response:
            await response.read()
            return response.status, response

    async def end_of(self, instance_id: str) -> DurableOrchestrationStatus:
        await self.engine.wait_until_ended(instance_id, 30)
        return await self.client.get_status(instance_id)


@asynccontextmanager
async def serving(directory: Path, **options) -> AsyncIterator[Server]:
    async with RunningEngine(directory, app, **options) as engine:
        web_app = web.Application()
        web_app.add_routes(management_routes(engine, hub="Hub", connection="Storage", system_key=KEY))
        runner = web.AppRunner(web_app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as session:
            try:
                yield Server(engine, runner.addresses[0][1], session)
            finally:
                await http_utils._close_session()
                await runner.cleanup()


@asynchronous
async def test_the_sdk_starts_an_orchestration_and_reads_its_status(tmp_path):
    async with serving(tmp_path) as server:
        run = await server.client.start_new("echoes", "one", {"a": [1]})
        status = await server.end_of(run)
    assert run == "one"
    assert status.name == "echoes"
    assert status.runtime_status == df.OrchestrationRuntimeStatus.Completed
    assert status.output == {"a": [1]}
    assert status.input_ == '{"a": [1]}'
    assert status.custom_status == {"stage": "echo"}
    assert status.created_time.tzinfo is not None


@asynchronous
async def test_the_sdk_is_told_when_it_starts_what_runs_or_does_not_exist(tmp_path):
    async with serving(tmp_path) as server:
        await server.client.start_new("waits", "one")
        with pytest.raises(Exception, match="already exists"):
            await server.client.start_new("waits", "one")
        with pytest.raises(Exception, match="The function 'stranger' doesn't exist"):
            await server.client.start_new("stranger")


@asynchronous
async def test_the_sdk_sees_no_status_of_an_unknown_instance(tmp_path):
    async with serving(tmp_path) as server:
        assert not await server.client.get_status("nobody")


@asynchronous
async def test_the_sdk_raises_an_event_and_is_refused_when_nobody_can_hear_it(tmp_path):
    async with serving(tmp_path) as server:
        run = await server.client.start_new("waits")
        await server.client.raise_event(run, "go", {"by": "ana"})
        assert (await server.end_of(run)).output == '{"by": "ana"}'
        with pytest.raises(Exception, match="is gone"):
            await server.client.raise_event(run, "go")
        with pytest.raises(Exception, match="No instance"):
            await server.client.raise_event("nobody", "go")


@asynchronous
async def test_the_sdk_terminates_and_a_second_time_does_no_harm(tmp_path):
    async with serving(tmp_path) as server:
        run = await server.client.start_new("waits")
        await server.client.terminate(run, "enough of it")
        await server.client.terminate(run, "again")
        status = await server.client.get_status(run)
        with pytest.raises(Exception, match="No instance"):
            await server.client.terminate("nobody", "why")
    assert status.runtime_status == df.OrchestrationRuntimeStatus.Terminated
    assert status.output == "enough of it"


@asynchronous
async def test_the_sdk_suspends_and_resumes(tmp_path):
    async with serving(tmp_path) as server:
        run = await server.client.start_new("waits")
        await server.client.suspend(run, "hold on")
        await server.client.raise_event(run, "go", 1)
        suspended = await server.client.get_status(run)
        await server.client.resume(run, "go on")
        assert suspended.runtime_status == df.OrchestrationRuntimeStatus.Suspended
        assert (await server.end_of(run)).output == "1"


@asynchronous
async def test_the_sdk_lists_by_status_time_and_prefix(tmp_path):
    async with serving(tmp_path) as server:
        for name, run in (("echoes", "a-1"), ("echoes", "b-1"), ("waits", "a-2")):
            await server.client.start_new(name, run, "x")
        for run in ("a-1", "b-1"):
            await server.end_of(run)
        completed = [df.OrchestrationRuntimeStatus.Completed]
        hour = timedelta(hours=1)
        now = datetime.now(UTC)

        async def ids(**conditions):
            return [one.instance_id for one in await server.client.get_status_by(**conditions)]

        assert [one.instance_id for one in await server.client.get_status_all()] == ["a-1", "b-1", "a-2"]
        assert await ids(runtime_status=completed) == ["a-1", "b-1"]
        assert await ids(instance_id_prefix="a-", runtime_status=completed) == ["a-1"]
        assert await ids(created_time_from=now + hour) == []
        assert await ids(created_time_from=now - hour, created_time_to=now + hour) == ["a-1", "b-1", "a-2"]


@asynchronous
async def test_the_sdk_purges_one_or_many(tmp_path):
    async with serving(tmp_path) as server:
        for run in ("a", "b", "c"):
            await server.client.start_new("echoes", run, "x")
            await server.end_of(run)
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        assert (await server.client.purge_instance_history("a")).instances_deleted == 1
        assert (await server.client.purge_instance_history("a")).instances_deleted == 0
        assert (await server.client.purge_instance_history_by(long_ago)).instances_deleted == 2
        assert (await server.client.purge_instance_history_by(long_ago)).instances_deleted == 0


@asynchronous
async def test_the_sdk_purges_what_was_made_before_a_moment_and_has_ended(tmp_path):
    async with serving(tmp_path) as server:
        await server.client.start_new("echoes", "ended", "x")
        await server.client.start_new("waits", "waiting")
        await server.end_of("ended")
        long_ago, now, hour = datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC), timedelta(hours=1)
        ended = [df.OrchestrationRuntimeStatus.Completed, df.OrchestrationRuntimeStatus.Canceled]

        async def purge(until):
            return (await server.client.purge_instance_history_by(long_ago, until, ended)).instances_deleted

        assert await purge(now - hour) == 0
        assert await purge(now + hour) == 1
        assert [one.instance_id for one in await server.client.get_status_all()] == ["waiting"]


@asynchronous
async def test_the_sdk_restarts_under_a_new_id(tmp_path):
    async with serving(tmp_path) as server:
        await server.client.start_new("echoes", "one", "x")
        await server.end_of("one")
        again = await server.client.restart("one")
        assert again["id"] != "one"
        assert (await server.end_of(again["id"])).output == "x"


@asynchronous
async def test_the_sdk_is_told_that_there_is_no_rewind(tmp_path):
    async with serving(tmp_path) as server:
        await server.client.start_new("fails", "one")
        await server.end_of("one")
        with pytest.raises(Exception, match="does not rewind"):
            await server.client.rewind("one", "try again")


@asynchronous
async def test_the_sdk_signals_an_entity_and_reads_it(tmp_path):
    async with serving(tmp_path) as server:
        entity = df.EntityId("Counter", "total")
        assert not (await server.client.read_entity_state(entity)).entity_exists
        await server.client.signal_entity(entity, "add", 5)
        while not (state := await server.client.read_entity_state(entity)).entity_exists:
            pass
        assert state.entity_state == 5


@asynchronous
async def test_the_sdk_waits_for_completion(tmp_path):
    async with serving(tmp_path) as server:
        run = await server.client.start_new("echoes", "one", "x")
        await server.end_of(run)
        request = func.HttpRequest("GET", "http://portal.example/api/run", body=b"")
        response = await server.client.wait_for_completion_or_create_check_status_response(request, run)
        assert (response.status_code, json.loads(f'"{response.get_body().decode()}"')) == (200, "x")


@asynchronous
async def test_the_links_for_callers_lead_to_the_public_api(tmp_path):
    async with serving(tmp_path) as server:
        run = await server.client.start_new("waits", "one")
        request = func.HttpRequest("GET", f"{server.base_url}/api/start", body=b"")
        response = server.client.create_check_status_response(request, run)
        links = json.loads(response.get_body())
        assert response.headers["Location"] == links["statusQueryGetUri"]
        async with aiohttp.ClientSession() as anyone:
            event = links["sendEventPostUri"].replace("{eventName}", "go")
            assert (await anyone.post(event, json={"by": "curl"})).status == 202
            await server.end_of(run)
            status = await (await anyone.get(links["statusQueryGetUri"])).json()
            assert (await anyone.get(links["statusQueryGetUri"].replace(KEY, "guess"))).status == 401
            assert (await anyone.delete(links["purgeHistoryDeleteUri"])).status == 200
    assert status["output"] == {"by": "curl"}


@asynchronous
async def test_the_status_of_what_runs_is_202_and_of_what_ended_200(tmp_path):
    async with serving(tmp_path) as server:
        await server.client.start_new("waits", "one")
        running, response = await server.ask("GET", "/instances/one?showInput=false")
        assert (running, response.headers["Retry-After"]) == (202, "5")
        assert "/instances/one" in response.headers["Location"]
        await server.client.terminate("one", "enough")
        ended, response = await server.ask("GET", "/instances/one")
    assert ended == 200
    assert "Location" not in response.headers


@asynchronous
async def test_a_failed_instance_is_shown_with_200_unless_500_is_asked_for(tmp_path):
    async with serving(tmp_path) as server:
        await server.client.start_new("fails", "one")
        status = await server.end_of("one")
        assert status.output == "Orchestrator function 'fails' failed: no luck"
        assert (await server.ask("GET", "/instances/one"))[0] == 200
        assert (await server.ask("GET", "/instances/one?returnInternalServerErrorOnFailure=true"))[0] == 500


@asynchronous
async def test_a_history_is_shown_when_it_is_asked_for(tmp_path):
    async with serving(tmp_path) as server:
        await server.client.start_new("echoes", "one", "x")
        await server.end_of("one")
        plain = (await server.client.get_status("one", show_history=True)).historyEvents
        full = (
            await server.client.get_status("one", show_history=True, show_history_output=True)
        ).historyEvents
    assert [event["EventType"] for event in plain] == [
        "ExecutionStarted",
        "TaskCompleted",
        "ExecutionCompleted",
    ]
    assert plain[1]["FunctionName"] == "echo"
    assert "Result" not in plain[1]
    assert full[1]["Result"] == "x"


@asynchronous
async def test_a_start_can_wait_for_the_end(tmp_path):
    async with serving(tmp_path) as server:
        wait = "?timeout=30&pollingInterval=1"
        done, response = await server.ask("POST", f"/orchestrators/echoes{wait}", json={"a": 1})
        assert (done, await response.json()) == (200, {"a": 1})
        too_long, response = await server.ask("POST", "/orchestrators/waits?timeout=0.01&pollingInterval=1")
        assert (too_long, (await response.json())["id"] != "") == (202, True)
        assert (await server.ask("POST", f"/orchestrators/fails{wait}"))[0] == 500


@asynchronous
async def test_pages_are_continued_with_a_token(tmp_path):
    async with serving(tmp_path) as server:
        for run in ("a", "b", "c"):
            await server.client.start_new("waits", run)
        _, first = await server.ask("GET", "/instances?top=2")
        token = {"x-functions-key": KEY, "x-ms-continuation-token": first.headers["x-ms-continuation-token"]}
        _, second = await server.ask("GET", "/instances?top=2", headers=token)
        assert [one["instanceId"] for one in await first.json() + await second.json()] == ["a", "b", "c"]
        assert "x-ms-continuation-token" not in second.headers


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("POST", "/orchestrators/echoes", {"data": "{", "headers": {"x-functions-key": KEY}}),
        ("POST", "/instances/one/raiseEvent/go", {"data": "text"}),
        ("GET", "/instances?runtimeStatus=Sleeping", {}),
        ("GET", "/instances?createdTimeFrom=yesterday", {}),
        ("DELETE", "/instances", {}),
        ("POST", "/entities/Nobody/x?op=add", {}),
    ],
)
@asynchronous
async def test_bad_requests_are_answered_with_400(tmp_path, method, path, options):
    async with serving(tmp_path) as server:
        await server.client.start_new("waits", "one")
        assert (await server.ask(method, path, **options))[0] == 400


@asynchronous
async def test_the_public_api_needs_the_key_and_the_other_one_no_browser(tmp_path):
    async with serving(tmp_path) as server:
        assert (await server.ask("GET", "/instances", headers={}))[0] == 401
        assert (await server.ask("GET", f"/instances?code={KEY}", headers={}))[0] == 200
        async with aiohttp.ClientSession(headers={"Origin": "https://elsewhere.example"}) as browser:
            rpc = f"{server.base_url}/durabletask/orchestrators/echoes"
            assert (await browser.post(rpc)).status == 403


@asynchronous
async def test_times_are_shown_in_whole_seconds_of_utc(tmp_path):
    async with serving(tmp_path, clock=VirtualClock()) as server:
        await server.client.start_new("waits", "one")
        _, response = await server.ask("GET", "/instances/one")
        created = (await response.json())["createdTime"]
    assert datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").year >= 2026
