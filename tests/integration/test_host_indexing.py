"""Faults of an app that Azure would not load: the host says what is wrong and ends with code 1."""

import json
from pathlib import Path

import pytest

from tests.integration.running_host import RunningHost, write_app

HEAD = "import azure.functions as func\nimport azure.durable_functions as df\napp = func.FunctionApp()\n"
GOOD = '@app.route(route="a")\ndef good(req: func.HttpRequest) -> str:\n    return "ok"\n'

FAULTS = {
    "a missing module": (HEAD + "import no_such_module\n" + GOOD, "No module named 'no_such_module'"),
    "no app object": ("import azure.functions as func\n", "no FunctionApp object"),
    "two app objects": (HEAD + "other = func.FunctionApp()\n" + GOOD, "more than one function app object"),
    "no functions": (HEAD, "0 functions found"),
    "a decorator that does not exist": (HEAD + "@app.rout(route='a')\ndef f(req): ...\n", "no attribute 'rout'"),
    "one name twice": (HEAD + GOOD + GOOD.replace('"a"', '"b"'), "good does not have a unique function name"),
    "a parameter that is not bound": (
        HEAD + '@app.route(route="a", trigger_arg_name="request")\ndef f(req: func.HttpRequest) -> str: ...\n',
        "f: parameters 'req' are in Python but not in the function's decorators",
    ),
    "a binding without parameter": (
        HEAD + '@app.route(route="a")\ndef f() -> str: ...\n',
        "f: bindings 'req' are in the decorators but not among the parameters",
    ),
    "a wrong annotation": (
        HEAD + '@app.route(route="a")\ndef f(req: func.TimerRequest) -> str: ...\n',
        "does not match its annotation 'TimerRequest'",
    ),
    "a wrong context": (
        HEAD + '@app.route(route="a")\ndef f(req: func.HttpRequest, context: str) -> str: ...\n',
        "the parameter 'context' must be an azure.functions.Context",
    ),
    "a setting that is not there": (
        HEAD + '@app.timer_trigger("timer", "%NIGHTLY%")\ndef f(timer: func.TimerRequest) -> None: ...\n',
        "'%NIGHTLY%' does not resolve to a value",
    ),
    "a schedule that is none": (
        HEAD + '@app.timer_trigger("timer", "*/5 * * * *")\ndef f(timer: func.TimerRequest) -> None: ...\n',
        "has 5 fields",
    ),
    "a connection that is not there": (
        HEAD + '@app.blob_trigger("blob", "inbox/{name}", "NO_STORE")\ndef f(blob: func.InputStream): ...\n',
        "NO_STORE does not exist",
    ),
    "a reserved route": (HEAD + GOOD.replace('"a"', '"administration"'), "conflicts with one or more built in routes"),
    "a route that is taken": (HEAD + GOOD + GOOD.replace("good", "again"), "conflicts with the route 'a'"),
    "a binding the host does not have": (
        HEAD + '@app.queue_trigger("msg", "q", "STORE")\ndef f(msg: func.QueueMessage): ...\n',
        "no binding of type 'queueTrigger'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_app_ends_the_host_with_its_reason(fault: str, tmp_path: Path) -> None:
    source, reason = FAULTS[fault]
    app = write_app(tmp_path / "app", source, {"extensions": {"http": {"routePrefix": ""}}})
    with RunningHost(app, tmp_path / "state", wait=False) as host:
        assert host.process.wait(timeout=30) == 1
        assert reason in host.log


def test_a_folder_without_an_app_or_host_json_is_refused(tmp_path: Path) -> None:
    app = write_app(tmp_path / "app", HEAD + GOOD)
    (app / "host.json").unlink()
    with RunningHost(app, tmp_path / "state", wait=False) as host:
        assert host.process.wait(timeout=30) == 1
        assert "has no host.json" in host.log


def test_settings_are_in_the_environment_before_the_app_is_imported(tmp_path: Path) -> None:
    source = HEAD + "import os\nGREETING = os.environ['GREETING']\n" + GOOD.replace('"ok"', "GREETING")
    source = source.replace('route="a"', 'route="%PLACE%", auth_level="anonymous"')
    app = write_app(tmp_path / "app", source)
    settings = {"GREETING": "hello", "PLACE": "here"}
    with RunningHost(app, tmp_path / "state", settings=settings) as host:
        assert host.call("GET", "/api/here").text == "hello"


def test_a_starter_that_is_not_async_is_accepted_with_a_warning_and_fails_when_called(tmp_path: Path) -> None:
    source = HEAD + (
        '@app.route(route="go", auth_level="anonymous")\n'
        '@app.durable_client_input(client_name="client")\n'
        'def go(req: func.HttpRequest, client) -> str:\n    return "ok"\n'
    )
    with RunningHost(write_app(tmp_path / "app", source), tmp_path / "state") as host:
        assert "go has a durable client and must be 'async def'" in host.log
        assert host.call("GET", "/api/go").status_code == 500


def test_host_json_limits_how_long_a_function_may_run(tmp_path: Path) -> None:
    source = HEAD + (
        "import asyncio\n"
        '@app.route(route="slow", auth_level="anonymous")\n'
        "async def slow(req: func.HttpRequest) -> str:\n    await asyncio.Event().wait()\n"
    )
    app = write_app(tmp_path / "app", source, {"functionTimeout": "00:00:01"})
    with RunningHost(app, tmp_path / "state") as host:
        assert host.call("GET", "/api/slow").status_code == 500
        assert "slow ran longer than 1.0 s" in host.log


def test_an_encrypted_settings_file_is_refused(tmp_path: Path) -> None:
    app = write_app(tmp_path / "app", HEAD + GOOD)
    file = tmp_path / "encrypted.json"
    file.write_text(json.dumps({"IsEncrypted": True, "Values": {}}))
    with RunningHost(app, tmp_path / "state", arguments=["--settings", str(file)], wait=False) as host:
        assert host.process.wait(timeout=30) == 1
        assert "is encrypted" in host.log
