"""Traces of the local host: every invocation has a place in one, and orchestrations pass theirs on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.running_host import RunningHost, wait_until, write_app

APP = """
import json
import logging
import azure.functions as func
import azure.durable_functions as df
from opentelemetry import metrics, trace

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="start/{id}")
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client) -> str:
    await client.start_new("outer", req.route_params["id"], {"legs": 2})
    return "started"

@app.orchestration_trigger(context_name="context")
def outer(context):
    order = context.get_input()
    first = yield context.call_activity("where", "outer")
    inner = yield context.call_sub_orchestrator("inner", None)
    if order["legs"] > 1:
        context.continue_as_new({"legs": order["legs"] - 1, "seen": [first, inner]})
        return None
    context.set_custom_status("waits")
    yield context.wait_for_external_event("go on")
    last = yield context.call_activity("where", "outer, later")
    return [*order["seen"], first, inner, last]

@app.orchestration_trigger(context_name="context")
def inner(context):
    return (yield context.call_activity("where", "inner"))

@app.activity_trigger(input_name="name")
def where(name: str, context: func.Context) -> str:
    with trace.get_tracer("app").start_as_current_span("unplaced"):
        metrics.get_meter("app").create_counter("looked").add(1)
    return context.trace_context.trace_parent

@app.route(route="place")
async def place(req: func.HttpRequest, context: func.Context) -> str:
    logging.info("somebody asks")
    with trace.get_tracer("app").start_as_current_span("placed"):
        return context.trace_context.trace_parent

@app.timer_trigger("timer", "0 0 0 1 1 *", use_monitor=False)
def yearly(timer: func.TimerRequest, context: func.Context) -> None:
    print("yearly at", context.trace_context.trace_parent, flush=True)
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
CONSOLE = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "console"}


@pytest.fixture
def app_dir(tmp_path: Path) -> Path:
    return write_app(tmp_path / "app", APP)


@pytest.fixture
def host(app_dir: Path, tmp_path: Path) -> Iterator[RunningHost]:
    with RunningHost(app_dir, tmp_path / "state", settings=CONSOLE) as running:
        yield running


def trace_of(place: str) -> str:
    version, trace_id, span_id, flags = place.split("-")
    assert (version, len(trace_id), len(span_id), int(flags, 16) & 1) == ("00", 32, 16, 1)
    return trace_id


def ask(host: RunningHost, instance: str) -> dict[str, Any]:
    code = host.keys["systemKeys"]["durabletask_extension"]
    return host.call("GET", f"/runtime/webhooks/durabletask/instances/{instance}?code={code}").json()


def read_lines(host: RunningHost) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (host.state_dir / "telemetry.jsonl").read_text().splitlines()]


def test_a_trace_that_comes_with_a_request_goes_on_and_others_begin(host: RunningHost) -> None:
    given = host.call("GET", "/api/place", headers={"traceparent": PARENT}).text
    own, another = (host.call("GET", "/api/place").text for _ in range(2))
    host.stop()

    assert trace_of(given) == TRACE
    assert len({TRACE, trace_of(own), trace_of(another)}) == 3
    spans = {span["context"]["span_id"]: span for span in read_lines(host) if "name" in span}
    [placed] = [
        span
        for span in spans.values()
        if (span["name"], span["context"]["trace_id"]) == ("placed", f"0x{TRACE}")
    ]
    assert spans[placed["parent_id"]]["name"] == "place"
    assert spans[placed["parent_id"]]["parent_id"] == "0xb7ad6b7169203331"
    assert f"somebody asks trace={TRACE}" in host.log


def test_what_an_orchestration_calls_stays_in_the_trace_that_started_it(
    app_dir: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with RunningHost(app_dir, state) as first:
        first.call("GET", "/api/start/one", headers={"traceparent": PARENT})
        wait_until(lambda: ask(first, "one")["customStatus"] == "waits")
        first.kill()
    with RunningHost(app_dir, state, settings=CONSOLE) as second:
        code = second.keys["systemKeys"]["durabletask_extension"]
        url = f"/runtime/webhooks/durabletask/instances/one/raiseEvent/go on?code={code}"
        assert second.call("POST", url, json={}).status_code == 202
        wait_until(lambda: ask(second, "one")["runtimeStatus"] == "Completed")
        places = ask(second, "one")["output"]
        second.stop()
        lines = read_lines(second)

    assert [trace_of(place) for place in places] == [TRACE] * 5
    assert len(set(places)) == 5  # each invocation is a span of its own
    # As in Microsoft's worker, a thread is at no place of its own accord.
    assert {span["parent_id"] for span in lines if span.get("name") == "unplaced"} == {None}
    counted = [
        point["value"]
        for line in lines
        for resource in line.get("resource_metrics", ())
        for scope in resource["scope_metrics"]
        for metric in scope["metrics"]
        for point in metric["data"]["data_points"]
        if metric["name"] == "looked"
    ]
    assert sum(counted) >= 1


def test_a_timer_begins_a_trace(app_dir: Path, tmp_path: Path) -> None:
    with RunningHost(app_dir, tmp_path / "state") as host:
        fired = host.call(
            "POST",
            "/admin/functions/yearly",
            headers={"x-functions-key": host.master_key},
            json={"input": ""},
        )
        assert fired.status_code == 202
        said = host.process.stdout.readline()
    assert said.startswith("yearly at ")
    assert trace_of(said.split()[-1]) != TRACE
