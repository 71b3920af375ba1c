"""After good runs, bad runs and crashes no secret is anywhere but in the vault, encrypted."""

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest

from devkit.local.stack import LocalStack
from tests.faults.conftest import SETTINGS
from tests.faults.hunting import holds, hunt_files, hunt_storage
from tests.faults.mishaps import Clumsy, lose_the_vault, mention_people, misplace_a_key, type_a_key
from tests.system.driver import Segpilot, make_people
from tests.system.invariants import outcome

# The stack lives through everything once, for all of these.


@dataclass(frozen=True)
class Scene:
    """What was left behind; `keys` are all API keys that were ever typed in, and the secrets of a receiver of alerts.
    `stray` is a key that was only ever put where none belongs: who sends it there may be shown it, nothing keeps it."""

    app: Segpilot
    keys: list[str]
    stray: str
    mailbox: str


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    # Characters that are written differently in URLs, JSON and base64 variants.
    keys = [f"{name}/+~{uuid4().hex}=&?" for name in ("right", "wrong", "later", "own", "typed", "lost")]
    stray = f"stray/+~{uuid4().hex}=&?"
    telemetry = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "console"}
    settings = {**SETTINGS, **telemetry, "PUSH_PATIENCE_S": "5", "WEBSITE_AUTH_ENABLED": "True"}
    folder = tmp_path_factory.mktemp("stack")
    switches = {"bulk_list": "honoured"}
    with LocalStack(folder, autopilot_key=keys[0], autopilot_switches=switches, settings=settings) as stack:
        scene = Scene(Segpilot(stack), keys, stray, f"m{uuid4().hex[:12]}")
        live_through_a_lot(scene)
        yield scene


def live_through_a_lot(scene: Scene) -> None:
    app, (right, wrong, later, own, typed, lost) = scene.app, scene.keys
    connection = app.add_connection()
    export = app.add_export("good", connection=connection)
    app.simulator.order("switches", {"latency_ms": 50})
    app.upload("good/people.csv", make_people(range(10_000), scene.mailbox).data)
    killed = app.wait_for_start(export)
    app.wait_for_state(killed, lambda run: run["stage"] == "sending")
    app.stack.kill_host()
    app.stack.start_host()
    assert outcome(app.wait_for(killed)) == ("Successful", None)
    app.simulator.order("switches", {"latency_ms": 0})

    app.put_secret(app.get(f"connections/{connection}")["secret_name"], later)
    app.simulator.order("key", {"key": later})
    assert outcome(app.wait_for(app.run_now(export, full=True)["id"])) == ("Successful", None)

    refused = app.add_connection(api_key=wrong)
    scene.keys.extend(set_receiver(app, refused))
    assert app.post(f"connections/{refused}/connect")["status"] == "Needs attention"
    failing = app.add_export("good", connection=refused)
    assert outcome(app.wait_for(app.run_now(failing)["id"])) == ("Failed", "key-refused")
    assert app.post(f"connections/{refused}/alert/test")["delivered"] is False
    app.wait_until(lambda: app.get(f"connections/{refused}/alert")["waiting"] or None, "an alert that waits")

    app.put_secret("own-key", own)
    elsewhere = app.add_connection(secret_name="own-key")
    app.post(f"connections/{elsewhere}/connect")

    app.trouble_vault(unavailable_s=3, answer=503)
    app.post(f"connections/{refused}/connect")
    app.trouble_vault(unavailable_s=0)
    app.simulator.order("faults", {"faults": [{"kind": "garbage", "times": 2}]})
    app.post(f"connections/{connection}/connect")
    app.simulator.order("faults", {"clear": True})

    consent = {"agreed": True, "version": "1"}
    for body in (
        {"display_name": "", "api_key": right, "consent": consent},
        {"display_name": "A", "api_key": {"nested": right}, "consent": consent},
        {"display_name": "A", "api_key": right, "secret_name": right, "consent": consent},
        {"display_name": "A", "api_key": f"\u200b{right}", "consent": consent},
        {"display_name": "A", "api_key": right, "consent": consent, "destination": "none"},
        json.dumps({"display_name": "A", "api_key": right}).encode()[:-3],
    ):
        assert app.call("POST", "api/connections", body).status_code == 400

    clumsy = Clumsy(app)
    type_a_key(clumsy, refused, typed)
    misplace_a_key(clumsy, refused, scene.stray)
    lose_the_vault(app, clumsy, refused, lost)
    mention_people(app, clumsy, connection, scene.mailbox)

    for path in ("connections", "exports", "segments", "runs", "openapi.json", "health"):
        app.call("GET", f"api/{path}")
    for run in app.get("runs")["runs"]:
        app.rejects(run["id"])
    app.call(
        "GET", "runtime/webhooks/durabletask/instances?showHistory=true&showHistoryOutput=true&showInput=true"
    )
    app.call("DELETE", f"api/exports/{failing}")
    assert app.call("DELETE", f"api/connections/{refused}").status_code == 204


def set_receiver(app: Segpilot, connection: str) -> tuple[str, str]:
    """Send alerts to where nobody listens; return what is secret about it, which is told this once."""
    token = f"hook-{uuid4().hex}"
    before = len(app.heard)
    url = f"http://127.0.0.1:9/{token}"
    answer = app.call("PUT", f"api/connections/{connection}/alert", {"url": url, "shape": "generic"})
    assert answer.status_code == 200, answer.text
    del app.heard[before:]
    return token, answer.json()["signing_key"]


def test_no_key_is_in_any_file_that_the_parts_keep(scene: Scene) -> None:
    files = [str(path.relative_to(scene.app.stack.state)) for path in scene.app.stack.state.rglob("*")]

    for part in ("storage/", "vault/secrets.json", "host/", "logs/app.log", "autopilot.sqlite"):
        assert [name for name in files if name.startswith(part)], part
    assert hunt_files(scene.app.stack.state, [*scene.keys, scene.stray]) == []


def test_no_key_is_in_any_row_or_blob(scene: Scene) -> None:
    assert hunt_storage(scene.app, [*scene.keys, scene.stray]) == []


def test_no_key_is_in_any_answer_of_the_app(scene: Scene) -> None:
    assert len(scene.app.heard) > 100
    assert [answer[:500] for answer in scene.app.heard if holds(answer, scene.keys)] == []


def test_people_are_in_storage_and_at_autopilot_but_in_no_log_or_history(scene: Scene) -> None:
    state = scene.app.stack.state
    found = hunt_storage(scene.app, [scene.mailbox])
    logs = [blob.name for blob in scene.app.blobs.get_container_client("segpilot-logs").list_blobs()]
    assert found
    assert {name.partition("/")[0] for name in logs} >= {"audit", "runs"}
    assert not [place for place in found if place.startswith(("row of", "segpilot-logs/"))]
    for folder in ("logs", "host", "vault"):
        files = [path for path in (state / folder).rglob("*") if path.is_file()]
        assert files
        assert hunt_files(state / folder, [scene.mailbox]) == []
    assert not [answer for answer in scene.app.heard if scene.mailbox.encode() in answer]


def test_telemetry_tells_of_runs_but_of_no_key_and_nobody(scene: Scene) -> None:
    kept = scene.app.stack.state / "host" / "telemetry.jsonl"
    spans = [span for span in map(json.loads, kept.read_text().splitlines()) if "name" in span]

    assert {"begin run", "send batch", "finish run"} <= {span["name"] for span in spans}
    assert "key-refused" in {span["attributes"].get("segpilot.failure") for span in spans}
    assert hunt_files(kept.parent, [*scene.keys, scene.stray, scene.mailbox]) == []


def test_the_hunt_finds_what_is_there(scene: Scene, tmp_path: Path) -> None:
    canary = f"canary/+~{uuid4().hex}=&?"
    said = f"the key is {canary}, do not tell"
    written = {
        "plain.log": said.encode(),
        "windows.log": said.encode("utf-16"),
        "query.log": f"?key={quote(canary, safe='')}".encode(),
        "dump.hex": canary.encode().hex().encode(),
        "header.b64": base64.b64encode(said.encode()),
        "header1.b64": base64.b64encode(b"x" + said.encode()),
        "header2.b64": base64.urlsafe_b64encode(b"xy" + said.encode()),
        "old.log.gz": b"something before" + gzip.compress(said.encode()) + b"something after",
        "body.json": json.dumps({"api_key": canary}).replace("/", "\\/").encode(),
    }
    for name, data in written.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "innocent.log").write_bytes(b"nothing here")
    assert hunt_files(tmp_path, [canary]) == sorted(written)

    table = scene.app.tables.create_table("Canary")
    table.create_entity({"PartitionKey": "p", "RowKey": "r", "Text": said})
    scene.app.blobs.create_container("canary").upload_blob("old.log.gz", written["old.log.gz"])
    try:
        assert hunt_storage(scene.app, [canary]) == ["row of Canary", "canary/old.log.gz"]
    finally:
        scene.app.tables.delete_table("Canary")
        scene.app.blobs.delete_container("canary")


def test_no_key_comes_to_light_when_everything_is_stopped(scene: Scene) -> None:
    scene.app.stack.stop()

    assert hunt_files(scene.app.stack.state, scene.keys) == []
