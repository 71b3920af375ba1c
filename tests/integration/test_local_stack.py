"""The local stack around a small app of its own, so that it is tested for what it does alone."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from devkit.child import Child, ChildError
from devkit.local.record import RecordFile, StackRunsAlreadyError
from devkit.local.stack import REPOSITORY, LocalStack
from shared.settings import Settings

APP = """
import json
import os
from pathlib import Path

import azure.functions as func
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.route("settings")
def settings(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(dict(os.environ)))


@app.route("work", methods=["POST"])
def work(req: func.HttpRequest) -> func.HttpResponse:
    with DefaultAzureCredential() as credential, SecretClient(os.environ["KEY_VAULT_URL"], credential) as vault:
        vault.set_secret("written-by-the-app", "v")
        value = vault.get_secret("written-by-the-app").value
    with BlobServiceClient.from_connection_string(os.environ["STATE_STORAGE"]) as blobs:
        blobs.create_container("written-by-the-app")
    return func.HttpResponse(value)
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("app")
    (folder / "function_app.py").write_text(APP)
    (folder / "host.json").write_text('{"version": "2.0"}')
    sample = {"IsEncrypted": False, "Values": {"FROM_SAMPLE": "sample", "OVERRIDDEN": "sample"}}
    (folder / "local.settings.sample.json").write_text(json.dumps(sample))
    return folder


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, app: Path) -> Iterator[LocalStack]:
    stack = LocalStack(
        tmp_path_factory.mktemp("state"),
        app=app,
        autopilot_switches={"bulk_list": "honoured"},
        settings={"OVERRIDDEN": "by the caller"},
    )
    with stack:
        yield stack


def call(stack: LocalStack, method: str, path: str) -> requests.Response:
    headers = {"x-functions-key": stack.function_key}
    return requests.request(method, f"{stack.host_url}/api/{path}", headers=headers, timeout=30)


def test_the_app_gets_its_settings_from_the_sample_the_parts_and_the_caller(stack: LocalStack) -> None:
    settings = call(stack, "GET", "settings").json()

    assert settings["FROM_SAMPLE"] == "sample"
    assert settings["OVERRIDDEN"] == "by the caller"
    assert settings["AzureWebJobsStorage"] == settings["SEGMENT_STORAGE"] == stack.connection_string
    assert settings["AUTOPILOT_URL"] == stack.autopilot_url
    assert "127.0.0.1" in settings["NO_PROXY"].split(",")


def test_the_app_reaches_storage_and_vault_with_unmodified_clients(stack: LocalStack) -> None:
    answer = call(stack, "POST", "work")

    assert (answer.status_code, answer.text) == (200, "v")


def test_the_simulator_takes_the_key_and_the_switches(stack: LocalStack) -> None:
    lists = requests.get(
        f"{stack.autopilot_url}/lists", headers={"autopilotapikey": stack.autopilot_key}, timeout=5
    )
    assert lists.status_code == 200

    switches = requests.get(f"{stack.autopilot_control}/switches", timeout=5).json()
    assert switches["bulk_list"] == "honoured"


def test_the_app_can_be_killed_and_started_again_where_it_was(stack: LocalStack) -> None:
    url, key = stack.host_url, stack.function_key

    stack.kill_host()
    with pytest.raises(requests.ConnectionError):
        call(stack, "GET", "settings")
    stack.start_host()

    assert (stack.host_url, stack.function_key) == (url, key)
    assert call(stack, "GET", "settings").status_code == 200


def test_two_stacks_do_not_share_a_state_folder(stack: LocalStack, app: Path) -> None:
    with pytest.raises(StackRunsAlreadyError, match=str(os.getpid())):
        LocalStack(stack.state, app=app).start()

    assert call(stack, "GET", "settings").status_code == 200


def test_an_app_that_cannot_be_served_is_named_with_its_log_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "function_app.py").write_text("import a_module_that_is_not_there")
    (tmp_path / "app" / "host.json").write_text('{"version": "2.0"}')
    stack = LocalStack(tmp_path / "state", app=tmp_path / "app")

    with pytest.raises(ChildError) as caught:
        stack.start()

    assert str(tmp_path / "state" / "logs" / "app.log") in str(caught.value)
    assert "a_module_that_is_not_there" in str(caught.value)
    assert stack.storage.child.exit_code is not None
    assert stack.vault.child.exit_code is not None


def test_without_a_simulator_the_app_talks_to_the_url_given(tmp_path: Path, app: Path) -> None:
    with LocalStack(tmp_path, app=app, autopilot_url="http://127.0.0.1:9/v1") as stack:
        assert stack.autopilot_control is None
        assert call(stack, "GET", "settings").json()["AUTOPILOT_URL"] == "http://127.0.0.1:9/v1"


def test_core_tools_run_the_app_when_asked_to(
    tmp_path: Path, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    stand_in = tmp_path / "bin" / "func"
    stand_in.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys, time\n"
        "seen = {'arguments': sys.argv[1:], 'folder': os.getcwd(), 'vault': os.environ['KEY_VAULT_URL'],\n"
        "        'python': os.environ['PATH'].split(':')[0]}\n"
        "open(os.environ['SEEN'], 'w').write(json.dumps(seen))\n"
        "print('Host lock lease acquired by instance ID', flush=True)\n"
        "time.sleep(60)\n"
    )
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen.json"))

    with LocalStack(tmp_path / "state", app=app, use_func=True) as stack:
        seen = json.loads((tmp_path / "seen.json").read_text())

    port = stack.host_url.rpartition(":")[2]
    assert seen["arguments"] == ["start", "--port", port]
    assert seen["folder"] == str(app)
    assert seen["vault"] == stack.vault.environment["KEY_VAULT_URL"]
    assert seen["python"] == str(Path(sys.executable).parent)


def test_without_the_app_its_settings_are_written_for_whoever_starts_it(tmp_path: Path, app: Path) -> None:
    """Core Tools make an environment of `Values`; nothing that the app cannot do without may be missing there."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "host.json").write_text((app / "host.json").read_text())
    (folder / "local.settings.sample.json").write_text(
        (REPOSITORY / "local.settings.sample.json").read_text()
    )
    (folder / "local.settings.json").write_text('{"Values": {"PUSH_LANES": "7", "AUTOPILOT_URL": "stale"}}')
    with LocalStack(tmp_path / "state", app=folder, with_app=False, settings={"PUSH_THREADS": "3"}) as stack:
        assert stack.find_dead() is None
        written = json.loads((folder / "local.settings.json").read_text())
        settings = Settings.read(written["Values"])

        assert written["IsEncrypted"] is False
        assert set(written["Values"]) >= {
            *json.loads((REPOSITORY / "local.settings.sample.json").read_text())["Values"],
            "IDENTITY_ENDPOINT",
            "IDENTITY_HEADER",
            "REQUESTS_CA_BUNDLE",
            "AZURE_TOKEN_CREDENTIALS",
        }
        assert all(isinstance(value, str) for value in written["Values"].values())
        assert (settings.push_lanes, settings.push_threads) == (7, 3)
        assert settings.autopilot_url == stack.autopilot_url
        assert settings.key_vault_url == stack.vault.environment["KEY_VAULT_URL"]
        assert written["Values"]["AzureWebJobsStorage"] == stack.connection_string
        assert (folder / "local.settings.json").stat().st_mode & 0o077 == 0


@pytest.fixture
def up(tmp_path: Path, app: Path) -> Iterator[Child]:
    """`python -m devkit up`, ready."""
    child = start_up(tmp_path, app)
    child.wait_for_output(r"(Ctrl-C ends all of it)", timeout_s=60)
    yield child
    child.stop(grace_s=60)


def start_up(folder: Path, app: Path) -> Child:
    command = [*devkit("up", folder), "--app", str(app), "--set", "OVERRIDDEN=on the command line"]
    return Child("up", command, log_path=folder / "up.log", cwd=REPOSITORY)


def devkit(command: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "devkit", command, "--state", str(folder / "state")]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        devkit(command, folder), cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )


def test_status_and_stop_work_from_elsewhere(up: Child, tmp_path: Path) -> None:
    parts = RecordFile(tmp_path / "state").read().parts
    assert [part.name for part in parts] == ["storage", "vault", "autopilot", "app"]

    status = run("status", tmp_path)
    assert status.returncode == 0
    assert all(part.url in status.stdout for part in parts)

    assert run("stop", tmp_path).returncode == 0
    assert up.exit_code == 0
    assert not any(part.runs for part in parts)
    assert run("status", tmp_path).returncode == 3


def test_what_it_prints_is_enough_to_call_the_app(up: Child) -> None:
    [url] = up.wait_for_output(r"^app +(\S+)", timeout_s=1)
    [key] = up.wait_for_output(r"x-functions-key\): (\S+)", timeout_s=1)

    answer = requests.get(f"{url}/api/settings", headers={"x-functions-key": key}, timeout=30)

    assert answer.json()["OVERRIDDEN"] == "on the command line"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_with_all_its_parts(up: Child, tmp_path: Path, number: int) -> None:
    parts = RecordFile(tmp_path / "state").read().parts

    os.kill(up.pid, number)

    assert up.wait(60) == 0
    assert not any(part.runs for part in parts)


def test_when_a_part_dies_it_ends_and_names_the_log(up: Child, tmp_path: Path) -> None:
    parts = {part.name: part for part in RecordFile(tmp_path / "state").read().parts}

    os.kill(parts["autopilot"].pid, signal.SIGKILL)

    assert up.wait(60) == 1
    assert str(parts["autopilot"].log) in up.output()
    assert not any(part.runs for part in parts.values())


def test_what_a_killed_one_left_behind_can_be_stopped(up: Child, tmp_path: Path) -> None:
    parts = RecordFile(tmp_path / "state").read().parts
    os.kill(up.pid, signal.SIGKILL)
    up.wait(60)

    status = run("status", tmp_path)
    assert status.returncode == 3
    assert "python -m devkit stop" in status.stdout

    stopped = run("stop", tmp_path)
    assert "app, which was left behind" in stopped.stdout
    assert not any(part.runs for part in parts)


def test_the_next_one_takes_over_from_a_killed_one(up: Child, tmp_path: Path, app: Path) -> None:
    left_behind = RecordFile(tmp_path / "state").read().parts
    os.kill(up.pid, signal.SIGKILL)
    up.wait(60)

    second = start_up(tmp_path, app)
    try:
        second.wait_for_output(r"(Ctrl-C ends all of it)", timeout_s=60)
        assert not any(part.runs for part in left_behind)
    finally:
        second.stop(grace_s=60)


def test_stopping_what_does_not_run_is_no_error(tmp_path: Path) -> None:
    assert run("stop", tmp_path).returncode == 0
