"""HTTP triggers of the local host, over the wire."""

import gzip
import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.running_host import RunningHost, wait_until, write_app

APP = """
import json, os, pathlib, time
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
blueprint = func.Blueprint()

@app.route(route="echo/{id:int?}", auth_level=func.AuthLevel.ANONYMOUS)
def echo(req: func.HttpRequest) -> func.HttpResponse:
    seen = {"method": req.method, "url": req.url, "headers": dict(req.headers.items()),
            "params": dict(req.params), "route": dict(req.route_params), "body": req.get_body().decode()}
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")

@app.route(route="text/{text}", auth_level=func.AuthLevel.ANONYMOUS)
def text(req: func.HttpRequest) -> str:
    return req.route_params["text"]

@app.route(route="guarded")
def guarded(req: func.HttpRequest) -> str:
    return "in"

@app.route(route="boss", auth_level=func.AuthLevel.ADMIN)
def boss(req: func.HttpRequest) -> str:
    return "in"

@blueprint.route(route="teapot", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS)
async def teapot(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse(b"\\x00\\xff", status_code=418, mimetype="application/octet-stream",
                                 headers={"X-Pot": "short", "Content-Length": "99"})
    response.headers.add("Set-Cookie", "a=1; Path=/; HttpOnly; SameSite=Lax")
    response.headers.add("Set-Cookie", "b=2; Max-Age=60; Secure")
    response.headers.add("Set-Cookie", "c=a/b%20~==; Path=/x")
    return response

@app.route(route="broken", auth_level=func.AuthLevel.ANONYMOUS)
def broken(req: func.HttpRequest) -> str:
    raise LookupError("the reason")

@app.route(route="nothing", auth_level=func.AuthLevel.ANONYMOUS)
def nothing(req: func.HttpRequest):
    return None

@app.route(route="size", auth_level=func.AuthLevel.ANONYMOUS)
def size(req: func.HttpRequest) -> str:
    return str(len(req.get_body()))

@app.route(route="stall", auth_level=func.AuthLevel.ANONYMOUS)
async def stall(req: func.HttpRequest) -> str:
    gate = pathlib.Path(os.environ["GATE"])
    gate.with_name("stall.reached").touch()
    while not gate.exists():
        time.sleep(0.01)
    return "done"

@app.route(route="wait", auth_level=func.AuthLevel.ANONYMOUS)
def wait(req: func.HttpRequest) -> str:
    gate = pathlib.Path(os.environ["GATE"])
    gate.with_name("wait.reached").touch()
    while not gate.exists():
        time.sleep(0.01)
    return "done"

@app.route(route="me", auth_level=func.AuthLevel.ANONYMOUS)
def who(req: func.HttpRequest, context: func.Context) -> str:
    return f"{context.function_name} {len(context.invocation_id)} {context.trace_context.trace_parent}"

app.register_functions(blueprint)
"""


@contextmanager
def stalled_request(host: RunningHost) -> Iterator[Path]:
    """A request inside /api/stall, which ends well once the file that is yielded exists."""
    connection = http.client.HTTPConnection(host.url.removeprefix("http://"), timeout=30)
    connection.request("GET", "/api/stall")
    gate = host.state_dir.parent / "gate"
    wait_until(gate.with_name("stall.reached").exists)
    yield gate
    assert connection.getresponse().read() == b"done"
    connection.close()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    folder = tmp_path_factory.mktemp("http")
    settings = {"GATE": str(folder / "gate")}
    with RunningHost(write_app(folder / "app", APP), folder / "state", settings=settings) as running:
        yield running


def test_a_function_sees_the_request_as_the_worker_would_show_it(host: RunningHost) -> None:
    answer = host.call(
        "POST",
        "/api/echo/7?a=1&a=2&empty=&b=%C3%A9",
        headers={"X-Mixed-Case": "Value", "X-Empty": "", "X-MS-Client-Principal": "forged"},
        data="body",
    )
    seen = answer.json()
    assert answer.headers["Content-Type"] == "application/json"
    assert seen["method"] == "POST"
    assert seen["url"] == f"{host.url}/api/echo/7?a=1&a=2&empty=&b=%C3%A9"
    assert seen["params"] == {"a": "1,2", "b": "é"}
    assert seen["route"] == {"id": "7"}
    assert seen["body"] == "body"
    assert seen["headers"]["x-mixed-case"] == "Value"
    assert "x-empty" not in seen["headers"]
    assert not [name for name in seen["headers"] if name.startswith("x-ms-")]


def test_route_values_that_are_absent_are_left_out(host: RunningHost) -> None:
    assert host.call("GET", "/api/echo").json()["route"] == {}


def test_a_body_without_content_length_does_not_arrive(host: RunningHost) -> None:
    assert host.call("POST", "/api/echo", data=iter([b"chunk"])).json()["body"] == ""


def test_a_packed_body_arrives_as_it_was_sent(host: RunningHost) -> None:
    for packed in (gzip.compress(b"x" * 1_000_000), b"no gzip at all"):
        answer = host.call("POST", "/api/size", data=packed, headers={"Content-Encoding": "gzip"})
        assert (answer.status_code, answer.text) == (200, str(len(packed)))


def test_a_key_of_odd_characters_opens_nothing(host: RunningHost) -> None:
    assert host.call("GET", "/api/guarded?code=%FF%00%F0%9F%98%80").status_code == 401
    for path in ("/api/guarded", "/api/echo"):
        assert host.call("GET", path, headers={"x-functions-key": b"\xff\xfe"}).status_code == 400
    assert host.call("GET", "/admin/host/status", headers={"x-functions-key": b"\xff\xfe"}).status_code == 401


def test_what_is_no_http_is_refused_and_not_written_down(host: RunningHost) -> None:
    heads = ("GET / HTTP/1.1\r\nHost: x\r\nx-functions-key : canary-{}\r\n\r\n", "canary-{}\r\n\r\n")
    for number, head in enumerate(heads):
        assert say(host, head.format(number).encode())[0] == 400
    wait_until(lambda: "what was no HTTP request was refused" in host.log)
    assert "canary" not in host.log


def test_addresses_are_read_as_azure_reads_them(host: RunningHost) -> None:
    _, told = say(
        host, b"GET http://evil.example/api/echo?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert json.loads(told)["url"] == f"{host.url}/api/echo?a=1"
    for path in (b"//api/echo", b"/api//echo", b"/api/echo//"):
        assert say(host, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 404


def test_a_body_that_comes_too_slowly_is_given_up(host: RunningHost) -> None:
    status, _ = say(host, b"POST /api/size HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
    assert status == 408


def say(host: RunningHost, data: bytes) -> tuple[int, bytes]:
    """Send this; return the status and body of the answer."""
    with socket.create_connection(("127.0.0.1", int(host.url.rpartition(":")[2])), timeout=20) as connection:
        connection.sendall(data)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.read()


def test_a_response_keeps_status_headers_cookies_and_bytes(host: RunningHost) -> None:
    answer = host.call("GET", "/api/teapot")
    assert (answer.status_code, answer.content) == (418, b"\x00\xff")
    assert answer.headers["X-Pot"] == "short"
    assert answer.raw.headers.getlist("Set-Cookie") == [
        "a=1; HttpOnly; Path=/; SameSite=Lax",
        "b=2; Max-Age=60; Secure",
        "c=a%2Fb%2520~%3D%3D; Path=/x",
    ]
    assert host.call("HEAD", "/api/teapot").status_code == 418


def test_a_path_may_hold_any_character(host: RunningHost) -> None:
    answer = host.call("GET", "/api/text/a%0Ab%20%C3%A9")
    assert (answer.status_code, answer.content.decode()) == (200, "a\nb é")


def test_a_method_or_path_that_no_function_serves_is_not_found(host: RunningHost) -> None:
    assert host.call("POST", "/api/teapot").status_code == 404
    assert host.call("GET", "/api/echo/x").status_code == 404
    assert host.call("GET", "/elsewhere").status_code == 404


@pytest.mark.parametrize("path", ["/api/broken", "/api/nothing"])
def test_a_function_that_fails_gives_an_empty_500(host: RunningHost, path: str) -> None:
    answer = host.call("GET", path)
    assert (answer.status_code, answer.content) == (500, b"")


def test_each_invocation_leaves_a_line_in_the_log_and_a_failure_its_reason(host: RunningHost) -> None:
    host.call("POST", "/api/size", data="private words", headers={"X-Private": "private header"})
    host.call("GET", "/api/broken")
    log = host.log
    assert "function=size outcome=succeeded duration_ms=" in log
    assert "function=broken outcome=failed duration_ms=" in log
    assert "LookupError: the reason" in log
    assert "private" not in log


def test_keys_open_what_their_level_says(host: RunningHost) -> None:
    def status(path: str, **options: object) -> int:
        return host.call("GET", path, **options).status_code

    function, master = host.function_key, host.master_key
    assert status("/api/guarded") == 401
    assert status("/api/guarded", headers={"x-functions-key": "wrong"}) == 401
    assert status("/api/guarded", headers={"x-functions-key": function}) == 200
    assert status(f"/api/guarded?code={function}") == 200
    assert status("/api/guarded", headers={"x-functions-key": master}) == 200
    assert status("/api/boss", headers={"x-functions-key": function}) == 401
    assert status("/api/boss", headers={"x-functions-key": master}) == 200


def test_keys_are_readable_by_their_owner_only_and_in_no_log(host: RunningHost) -> None:
    keys = host.keys
    assert (host.state_dir / "keys.json").stat().st_mode & 0o077 == 0
    log = host.log
    secrets = [keys["masterKey"], keys["sessionSecret"], *keys["functionKeys"].values()]
    assert not [secret for secret in [*secrets, *keys["systemKeys"].values()] if secret in log]


def test_a_large_body_arrives_and_one_above_the_limit_is_refused(host: RunningHost) -> None:
    assert host.call("POST", "/api/size", data=b"x" * 20_000_000).text == "20000000"
    connection = http.client.HTTPConnection(host.url.removeprefix("http://"), timeout=30)
    connection.putrequest("POST", "/api/size")
    connection.putheader("Content-Length", str(100 * 1024 * 1024 + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_an_async_function_that_blocks_stalls_the_worker_but_not_the_host(host: RunningHost) -> None:
    with stalled_request(host) as gate:
        assert host.call("GET", "/api/size").text == "0"
        gate.touch()


def test_the_context_names_function_invocation_and_trace(host: RunningHost) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    seen = host.call("GET", "/api/me", headers={"traceparent": parent}).text
    assert seen.startswith("who 36 00-0af7651916cd43dd8448eb211c80319c-")
    assert seen.endswith("-01")
    assert not seen.endswith(parent)  # the invocation is a span of its own


def test_the_root_says_that_the_app_is_running(host: RunningHost) -> None:
    answer = host.call("GET", "/")
    assert answer.status_code == 200
    assert "running" in answer.text


def test_the_host_reports_its_status_to_whoever_has_the_master_key(host: RunningHost) -> None:
    assert host.call("GET", "/admin/host/status").status_code == 401
    answer = host.call("GET", "/admin/host/status", headers={"x-functions-key": host.master_key})
    assert answer.json()["state"] == "Running"


def test_the_route_prefix_and_public_url_come_from_the_settings(tmp_path: Path) -> None:
    app = write_app(tmp_path / "app", APP, {"extensions": {"http": {"routePrefix": ""}}})
    with RunningHost(app, tmp_path / "state", arguments=["--public-url", "https://pilot.example/"]) as host:
        seen = host.call("GET", "/echo/5").json()
    assert seen["url"] == "https://pilot.example/echo/5"


def test_keys_stay_the_same_over_a_restart_and_both_stops_are_clean(tmp_path: Path) -> None:
    app = write_app(tmp_path / "app", APP)
    with RunningHost(app, tmp_path / "state") as host:
        first = host.keys
        assert host.stop() == 0
    with RunningHost(app, tmp_path / "state") as host:
        assert host.keys == first
        assert host.stop() == 0


def test_a_stop_lets_what_is_running_end(tmp_path: Path) -> None:
    app = write_app(tmp_path / "app", APP)
    with RunningHost(app, tmp_path / "state", settings={"GATE": str(tmp_path / "gate")}) as host:
        with stalled_request(host) as gate:
            host.process.terminate()
            wait_until(lambda: "stopping" in host.log)
            gate.touch()
        assert host.process.wait(timeout=30) == 0


def test_a_port_that_is_taken_ends_the_host_with_its_reason(host: RunningHost, tmp_path: Path) -> None:
    app, port = write_app(tmp_path / "app", APP), host.url.rpartition(":")[2]
    with RunningHost(app, tmp_path / "state", arguments=["--port", port], wait=False) as other:
        assert other.process.wait(timeout=30) == 1
        assert f"cannot listen on port {port}" in other.log


def test_a_second_host_on_the_same_state_is_refused(host: RunningHost) -> None:
    with RunningHost(host.state_dir.parent / "app", host.state_dir, wait=False) as other:
        assert other.process.wait(timeout=30) == 1
        assert "another host uses" in other.log


def test_a_stop_leaves_behind_what_does_not_end_in_time(tmp_path: Path) -> None:
    app, settings = write_app(tmp_path / "app", APP), {"GATE": str(tmp_path / "gate")}
    with RunningHost(app, tmp_path / "state", settings=settings, arguments=["--grace", "0.5"]) as host:
        for route in ("stall", "wait"):
            connection = http.client.HTTPConnection(host.url.removeprefix("http://"), timeout=30)
            connection.request("GET", f"/api/{route}")
            wait_until((tmp_path / f"{route}.reached").exists)
        assert host.stop() == 0
        assert "some functions did not end in time" in host.log
