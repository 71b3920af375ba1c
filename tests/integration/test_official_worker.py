"""The app inside Microsoft's own worker: it is indexed as meant, and one function of each trigger runs.

The worker is the package azure-functions-runtime. It asks for Python 3.13; its code runs on 3.11, so it is installed
without that check, beside what requirements.txt pins, in `.venv-worker` (made once, made anew when the pins change).
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient

from devkit.azurite import AzuriteServer
from devkit.vault.certificates import Certificates
from devkit.vault.server import VaultServer
from tests.ingestion_receiver import IngestionReceiver
from tests.integration.running_host import REPOSITORY, RunningHost, write_app

WORKER = "azure-functions-runtime==1.3.0"
FOLDER = REPOSITORY / ".venv-worker"
DRIVER = Path(__file__).with_name("official_worker_driver.py")

APP = """
import os
import azure.durable_functions as df
import azure.functions as func
import azurefunctions.extensions.bindings.blob as blob

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)

@app.route(route="hello/{name?}", methods=["GET", "POST"])
def hello(req: func.HttpRequest) -> func.HttpResponse:
    text = f"{req.method} {req.route_params['name']} {req.params['a']} {req.get_body().decode()}"
    return func.HttpResponse(text, status_code=201, headers={"X-Seen": req.headers["x-mixed"]})

@app.blob_trigger("file", "%CONTAINER%/{name}", "STORE", source=func.BlobSource.EVENT_GRID)
def stream(file: func.InputStream) -> None:
    if (file.name, file.length, file.read()) != ("box/a.csv", 3, b"a,b"):
        raise AssertionError("another blob")

@app.blob_trigger("client", "%CONTAINER%/{name}", "STORE")
def sdk_client(client: blob.BlobClient) -> None:
    if client.download_blob().readall() != b"through the SDK":
        raise AssertionError("another blob")

@app.timer_trigger("timer", "0 0 2 * * *", run_on_startup=False, use_monitor=True)
def nightly(timer: func.TimerRequest) -> None:
    if not timer.past_due:
        raise AssertionError("not past due")

@app.activity_trigger(input_name="numbers")
def add(numbers: list) -> int:
    return sum(numbers)

@app.orchestration_trigger(context_name="context")
def flow(context):
    return (yield context.call_activity("add", [1, 2]))
"""


HEAD = """
from typing import Any, Dict, Optional
import azure.durable_functions as df
import azure.functions as func
app = df.DFApp()
"""
SIGNATURES = {
    "good: no annotation": "@app.activity_trigger(input_name='x')\ndef f(x): ...",
    "good: a class": "@app.activity_trigger(input_name='x')\ndef f(x: dict) -> list[int]: ...",
    "good: typing.Dict": "@app.activity_trigger(input_name='x')\ndef f(x: Dict[str, Any]): ...",
    "good: typing.Any": "@app.activity_trigger(input_name='x')\ndef f(x: Any): ...",
    "good: text for HTTP": "@app.route(route='a')\ndef f(req: func.HttpRequest) -> str: ...",
    "a subscripted class": "@app.activity_trigger(input_name='x')\ndef f(x: dict[str, Any]): ...",
    "a union": "@app.activity_trigger(input_name='x')\ndef f(x: int | None): ...",
    "an optional": "@app.activity_trigger(input_name='x')\ndef f(x: Optional[int]): ...",
    "HTTP that returns a dict": "@app.route(route='a')\ndef f(req: func.HttpRequest) -> dict: ...",
    "HTTP that returns None": "@app.route(route='a')\ndef f(req: func.HttpRequest) -> None: ...",
    "HTTP that may return None": "@app.route(route='a')\ndef f(req: func.HttpRequest) -> str | None: ...",
    "another parameter": "@app.activity_trigger(input_name='x')\ndef f(y): ...",
    "another type": "@app.timer_trigger('x', '0 0 0 * * *')\ndef f(x: func.HttpRequest): ...",
}


def http(method: str, route: str) -> list[str]:
    return [f"httpTrigger {method} api/{route} FUNCTION", "http"]


SEGPILOT = {
    "add_connection": http("POST", "connections"),
    "list_connections": http("GET", "connections"),
    "get_connection": http("GET", "connections/{id}"),
    "remove_connection": http("DELETE", "connections/{id}"),
    "check_connection": http("POST", "connections/{id}/connect"),
    "get_consent": http("GET", "consent"),
    "change_connection": http("PATCH", "connections/{id}"),
    "replace_key": http("PUT", "connections/{id}/key"),
    "list_secrets": http("GET", "secrets"),
    "add_export_user": http("POST", "connections/{id}/export-user"),
    "remove_export_user": http("DELETE", "connections/{id}/export-user"),
    "list_account_lists": http("GET", "connections/{id}/lists"),
    "remove_connection_in_use": http("POST", "connections/{id}/removal"),
    "get_suppression": http("GET", "connections/{id}/suppression"),
    "change_suppression": http("POST", "connections/{id}/suppression"),
    "check_suppression": http("POST", "connections/{id}/suppression/check"),
    "set_alert_target": http("PUT", "connections/{id}/alert"),
    "get_alert_target": http("GET", "connections/{id}/alert"),
    "remove_alert_target": http("DELETE", "connections/{id}/alert"),
    "send_test_alert": http("POST", "connections/{id}/alert/test"),
    "list_segments": http("GET", "segments"),
    "get_segment": http("GET", "segments/{name}"),
    "remove_segment": http("DELETE", "segments/{name}"),
    "look_again": [*http("POST", "segments/{name}/look"), "durableClient"],
    "get_sample": http("GET", "segments/{name}/sample"),
    "get_source": http("GET", "segments/{name}/source"),
    "declare_source": http("PUT", "segments/{name}/source"),
    "remove_source": http("DELETE", "segments/{name}/source"),
    "add_export": http("POST", "exports"),
    "list_exports": http("GET", "exports"),
    "get_export": http("GET", "exports/{id}"),
    "replace_export": http("PUT", "exports/{id}"),
    "remove_export": http("DELETE", "exports/{id}"),
    "duplicate_export": http("POST", "exports/{id}/duplicate"),
    "attach_export": http("POST", "exports/{id}/attach"),
    "detach_export": http("POST", "exports/{id}/detach"),
    "activate_export": http("POST", "exports/{id}/activate"),
    "deactivate_export": http("POST", "exports/{id}/deactivate"),
    "add_export_segment": http("POST", "exports/{id}/segments"),
    "remove_export_segment": http("DELETE", "exports/{id}/segments/{name}"),
    "list_segment_exports": http("GET", "segments/{name}/exports"),
    "preview_export": http("POST", "exports/preview"),
    "suggest_mapping": http("GET", "segments/{name}/mapping-suggestion"),
    "run_export": [*http("POST", "exports/{id}/runs"), "durableClient"],
    "list_runs": http("GET", "runs"),
    "get_run": http("GET", "runs/{id}"),
    "stop_run": [*http("POST", "runs/{id}/cancel"), "durableClient"],
    "approve_run": [*http("POST", "runs/{id}/approve"), "durableClient"],
    "refuse_run": [*http("POST", "runs/{id}/refuse"), "durableClient"],
    "retry_rejects": [*http("POST", "runs/{id}/retry-rejects"), "durableClient"],
    "get_samples": http("GET", "runs/{id}/samples"),
    "run_all": [*http("POST", "runs/all"), "durableClient"],
    "get_refresh": http("GET", "refresh"),
    "set_refresh": http("PUT", "refresh"),
    "set_schedules": http("PUT", "exports/schedules"),
    "get_rejects": http("GET", "runs/{id}/rejects"),
    "get_audit": http("GET", "audit"),
    "erase": [*http("POST", "erasures"), "durableClient"],
    "list_erasures": http("GET", "erasures"),
    "get_erasure": http("GET", "erasures/{id}"),
    "get_health": http("GET", "health"),
    "get_openapi": http("GET", "openapi.json"),
    "answer_portal": ["httpTrigger GET POST portal/{*path} ANONYMOUS", "http", "durableClient"],
    "lead_to_portal": ["httpTrigger GET {nothing:maxlength(0)?} ANONYMOUS", "http"],
    "signed_in": [
        "httpTrigger GET POST PUT PATCH DELETE api/signed-in/{*path} ANONYMOUS",
        "http",
        "durableClient",
    ],
    "export_run": ["orchestrationTrigger"],
    "push_lane": ["orchestrationTrigger"],
    "segment_arrival": ["orchestrationTrigger"],
    "erase_person": ["orchestrationTrigger"],
    "begin_erasure": ["activityTrigger"],
    "erase_at_connection": ["activityTrigger"],
    "erase_traces": ["activityTrigger"],
    "finish_erasure": ["activityTrigger"],
    "keep_house": ["orchestrationTrigger"],
    "purge": ["activityTrigger"],
    "purge_history": ["activityTrigger", "durableClient"],
    "abandon_erasures": ["activityTrigger", "durableClient"],
    "check_secrets": ["activityTrigger"],
    "note_purges": ["activityTrigger"],
    "begin_run": ["activityTrigger"],
    "stage_segment": ["activityTrigger"],
    "guard_run": ["activityTrigger"],
    "review_run": ["activityTrigger"],
    "rehearse_run": ["activityTrigger"],
    "prepare_push": ["activityTrigger"],
    "push_chunk": ["activityTrigger"],
    "finish_run": ["activityTrigger"],
    "inspect_arrival": ["activityTrigger", "durableClient"],
    "segment_arrived": [
        "blobTrigger %SEGMENTS_CONTAINER%/{name} SEGMENT_STORAGE EventGrid deferred",
        "durableClient",
    ],
    "tick": ["timerTrigger 0 * * * * *", "durableClient"],
    "housekeeping": ["timerTrigger 0 30 3 * * * useMonitor", "durableClient"],
}


@pytest.fixture(scope="session")
def worker_python() -> Path:
    """The interpreter of the worker's venv."""
    pins = (REPOSITORY / "requirements.txt").read_text()
    wanted = hashlib.sha256(f"{WORKER}\n{pins}\n{sys.version}".encode()).hexdigest()
    home, stamp = FOLDER / "venv", FOLDER / "stamp"
    python = home / "bin" / "python"
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(home, ignore_errors=True)
            venv.create(home, with_pip=True)
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*install, "-r", str(REPOSITORY / "requirements.txt")], check=True)
            subprocess.run([*install, "--no-deps", "--ignore-requires-python", WORKER], check=True)
            stamp.write_text(wanted)
    return python


class Worker:
    """Runs the driver over one app, with settings of its own."""

    def __init__(self, python: Path, app_dir: Path, settings: Mapping[str, str]) -> None:
        self._command = [str(python), str(DRIVER), str(app_dir)]
        self._environment = {"PATH": os.environ["PATH"], "FUNCTIONS_WORKER_RUNTIME": "python", **settings}

    def having(self, settings: Mapping[str, str]) -> "Worker":
        """Return one over the same app, with more settings."""
        return Worker(Path(self._command[0]), Path(self._command[2]), {**self._environment, **settings})

    def run(self, *invocations: Mapping[str, Any]) -> dict[str, Any]:
        done = subprocess.run(
            self._command,
            input=json.dumps(invocations),
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


def describe(binding: Mapping[str, Any]) -> str:
    """A binding in one line: type, what it is bound to, and what is set."""
    shown = [binding["type"]]
    shown += binding.get("methods", [])
    shown += [
        str(binding[key]) for key in ("route", "authLevel", "path", "connection", "source") if key in binding
    ]
    shown += [binding["schedule"]] if "schedule" in binding else []
    shown += [name for name in ("runOnStartup", "useMonitor") if binding.get(name)]
    shown += ["deferred"] if binding.get("properties", {}).get("SupportsDeferredBinding") else []
    return " ".join(shown)


class DurableApi:
    """What a durable client calls: knows no instance, accepts every start and remembers it, and its trace."""

    def __init__(self) -> None:
        started: list[str] = []
        traces: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(404, b"")

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                traces.append(self.headers.get("traceparent", ""))
                started.append(self.path.partition("?")[0].removeprefix("/durable/"))
                self._answer(202, b'{"id": "started"}')

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.started, self.traces = started, traces
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def binding(self) -> str:
        origin = f"http://127.0.0.1:{self._server.server_port}"
        urls = {"id": "INSTANCE", "statusQueryGetUri": f"{origin}/instances/INSTANCE"}
        return json.dumps(
            {
                "taskHubName": "hub",
                "creationUrls": {},
                "managementUrls": urls,
                "baseUrl": origin,
                "requiredQueryStringParameters": "",
                "rpcBaseUrl": f"{origin}/durable/",
            }
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def durable_api() -> Iterator[DurableApi]:
    api = DurableApi()
    yield api
    api.close()


@pytest.fixture(scope="module")
def real_worker(worker_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """The worker over Segpilot itself, with storage of its own that holds one segment file."""
    with AzuriteServer(tmp_path_factory.mktemp("storage")) as storage:
        service = BlobServiceClient.from_connection_string(storage.connection_string)
        service.create_container("segments").upload_blob("people/2026.csv", b"email\nada@segpilot.example\n")
        service.create_container("segpilot")
        settings = {
            "SEGMENT_STORAGE": storage.connection_string,
            "STATE_STORAGE": storage.connection_string,
            "KEY_VAULT_URL": "https://localhost:8443",
            "SEGMENTS_CONTAINER": "segments",
        }
        yield Worker(worker_python, REPOSITORY, settings)


@pytest.fixture
def store(azurite: AzuriteServer, unique_name: str) -> dict[str, str]:
    """Settings for a container of the test's own, which holds one blob."""
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    service.create_container(unique_name).upload_blob("clients/a", b"through the SDK")
    return {"STORE": azurite.connection_string, "CONTAINER": unique_name}


def test_the_worker_runs_one_function_of_each_trigger(
    worker_python: Path, tmp_path: Path, store: dict[str, str]
) -> None:
    request = {
        "method": "POST",
        "headers": {"x-mixed": "1"},
        "params": {"name": "Ada"},
        "query": {"a": "b"},
        "body": "hi",
    }
    blob = {"Connection": "STORE", "ContainerName": store["CONTAINER"], "BlobName": "clients/a"}
    properties = {
        "BlobTrigger": ["string", "box/a.csv"],
        "Uri": ["string", "http://x/box/a.csv"],
        "Properties": ["json", '{"ContentLength": 3}'],
        "Metadata": ["json", "{}"],
    }
    late = json.dumps({"IsPastDue": True, "Schedule": {}, "ScheduleStatus": {}})
    outcome = Worker(worker_python, write_app(tmp_path / "app", APP), store).run(
        {"function": "hello", "inputs": {"req": ["http", request]}},
        {"function": "stream", "inputs": {"file": ["bytes", "a,b"]}, "metadata": properties},
        {"function": "sdk_client", "inputs": {"client": ["model_binding_data", blob]}},
        {"function": "nightly", "inputs": {"timer": ["json", late]}},
        {"function": "add", "inputs": {"numbers": ["string", "[1, 2, 3]"]}},
    )
    http, *others = outcome["results"]
    assert http["value"]["status"] == "201"
    assert http["value"]["body"] == "POST Ada b hi"
    assert {name.lower(): value for name, value in http["value"]["headers"].items()}["x-seen"] == "1"
    nothing = {"kind": None, "value": None}
    assert others == [nothing, nothing, nothing, {"kind": "json", "value": "6"}]


def test_the_local_host_refuses_what_the_worker_refuses_and_takes_what_it_takes(
    worker_python: Path, tmp_path: Path
) -> None:
    answers = {}
    for number, (name, source) in enumerate(SIGNATURES.items()):
        app = write_app(tmp_path / str(number), HEAD + source)
        official = Worker(worker_python, app, {}).run()
        with RunningHost(app, tmp_path / f"state{number}", wait=False) as host:
            listens = bool(host.process.stdout.readline())
        answers[name] = ("fault" not in official, listens)
    assert answers == {name: (name.startswith("good"),) * 2 for name in SIGNATURES}


def test_the_worker_finds_every_function_and_binding_of_segpilot(real_worker: Worker) -> None:
    outcome = real_worker.run()
    assert "fault" not in outcome, outcome["fault"]
    assert {
        name: sorted(describe(b) for b in bindings) for name, bindings in outcome["functions"].items()
    } == {name: sorted(bindings) for name, bindings in SEGPILOT.items()}


def test_the_worker_runs_segpilot(real_worker: Worker, durable_api: DurableApi) -> None:
    client = ["string", durable_api.binding]
    blob = {"Connection": "SEGMENT_STORAGE", "ContainerName": "segments", "BlobName": "people/2026.csv"}
    timer = json.dumps({"IsPastDue": False, "Schedule": {}, "ScheduleStatus": {}})
    task = json.dumps({"name": "people/2026.csv"})
    http, arrived, ticked, inspected = real_worker.run(
        {"function": "get_openapi", "inputs": {"req": ["http", {}]}},
        {
            "function": "segment_arrived",
            "inputs": {"arrived": ["model_binding_data", blob], "client": client},
        },
        {"function": "tick", "inputs": {"timer": ["json", timer], "client": client}},
        {"function": "inspect_arrival", "inputs": {"task": ["string", task], "client": client}},
    )["results"]
    assert http["value"]["status"] == "200"
    assert json.loads(http["value"]["body"])["openapi"].startswith("3.1")
    assert (arrived, ticked) == ({"kind": None, "value": None},) * 2
    assert [path.rpartition("-")[0] for path in durable_api.started] == [
        "orchestrators/segment_arrival/arrival"
    ]
    assert "wait_s" in json.loads(inspected["value"])


def test_what_segpilot_emits_reaches_application_insights_in_the_trace_of_the_host(
    real_worker: Worker, durable_api: DurableApi, tmp_path: Path
) -> None:
    trace_id, parent_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    place = f"00-{trace_id}-{parent_id}-00"  # the host may give a place that it does not record itself
    blob = {"Connection": "SEGMENT_STORAGE", "ContainerName": "segments", "BlobName": "people/2026.csv"}
    client = ["string", durable_api.binding]
    with (
        VaultServer(tmp_path / "vault") as vault,
        IngestionReceiver(Certificates(tmp_path / "vault")) as application_insights,
    ):
        real_worker.having(
            {
                **vault.environment,
                "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": f"ClientId={uuid4()};Authorization=AAD",
                "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "true",
                "APPLICATIONINSIGHTS_CONNECTION_STRING": application_insights.connection_string,
                "OTEL_TRACES_SAMPLER": "microsoft.fixed_percentage",
                "OTEL_TRACES_SAMPLER_ARG": "1",
                "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "azure_sdk,django,fastapi,flask,httpx,httpx2,psycopg2,requests,urllib,urllib3",
                "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
                "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
                "OTEL_BLRP_SCHEDULE_DELAY": "600000",  # nothing is sent before the app is there
                "TMPDIR": str(tmp_path),
            }
        ).run(
            {
                "function": "begin_run",
                "inputs": {"task": ["string", json.dumps({"run_id": "run-none"})]},
                "traceparent": place,
            },
            {
                "function": "segment_arrived",
                "inputs": {"arrived": ["model_binding_data", blob], "client": client},
                "traceparent": place,
            },
        )
        [span] = application_insights.items("RemoteDependencyData")
        messages = [item["baseData"]["message"] for item in application_insights.items("MessageData")]

    assert {given.partition(" ")[0] for given in application_insights.authorizations} == {"Bearer"}
    assert (span["tags"]["ai.operation.id"], span["tags"]["ai.operation.parentId"]) == (trace_id, parent_id)
    assert (span["baseData"]["name"], span["baseData"]["success"]) == ("begin run", False)
    about = {"segpilot.run.id": "run-none", "segpilot.failure": "not-found"}
    assert span["baseData"]["properties"] == about
    assert [trace.split("-")[1] for trace in durable_api.traces] == [trace_id]
    assert [message for message in messages if "/track" in message] == []  # nobody tells of calls
