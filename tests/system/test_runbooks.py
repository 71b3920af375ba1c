"""docs/operations.md: the commands of its runbooks, as they stand there, mend what they are said to mend."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.system.driver import ENDED, Json, Segpilot, make_people
from tests.system.invariants import outcome

DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"
SECTION = re.compile(r"^#{2,3} (?P<title>.+)\n(?P<text>(?:(?!#{2,3} ).*\n)*)", re.M)
PRELUDE = """
set -euo pipefail
az() { "$PYTHON" -m tests.system.table_rows "$STORAGE_ADDRESS" "$@"; }
"""


class Operator:
    """Somebody with a shell, and the page."""

    def __init__(self, app: Segpilot) -> None:
        self._app = app
        self._sections = {
            each["title"]: each["text"] for each in SECTION.finditer(DOCUMENT.read_text(encoding="utf-8"))
        }
        [self._api] = re.findall(r"^api\(\) .*$", self._sections["Before you need it"], re.M)

    def do(self, title: str, command: str, **names: str) -> str:
        """Run a command that is in a section, with these names set; return what it prints."""
        assert command in self._sections[title], f"'{title}' does not say: {command}"
        keys = json.loads((self._app.stack.state / "host" / "keys.json").read_text(encoding="utf-8"))
        environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHON": sys.executable,
            "SEGPILOT": self._app.stack.host_url,
            "KEY": self._app.stack.function_key,
            "DURABLE": keys["systemKeys"]["durabletask_extension"],
            "STORAGE": "devstoreaccount1",
            "STORAGE_ADDRESS": self._app.stack.connection_string,
            "NO_PROXY": "127.0.0.1",
            **names,
        }
        done = subprocess.run(
            ["bash", "-c", f"{PRELUDE}\n{self._api}\n{command}"],
            cwd=DOCUMENT.parents[1],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def operator(app: Segpilot) -> Operator:
    return Operator(app)


def last_run(app: Segpilot, export_id: str) -> Json:
    return app.runs(export_id)[-1]


def test_a_key_that_autopilot_refuses_gives_way_to_a_new_one(
    app: Segpilot, operator: Operator, tag: str
) -> None:
    app.arrive(tag, make_people(range(3), tag).data)
    connection = app.add_connection()
    export = app.add_export(tag, connection=connection)
    app.simulator.order("key", {"key": "a-newer-key"})
    app.run_now(export)
    assert outcome(app.wait_for_run(export)) == ("Failed", "key-refused")

    command = """api PUT connections/$CONNECTION/key -d '{"api_key": "'"$NEW_KEY"'"}'"""
    operator.do("Key rejected", command, CONNECTION=connection, NEW_KEY="a-newer-key")
    operator.do("Key rejected", "api POST exports/$EXPORT/runs -d '{}'", EXPORT=export)

    assert outcome(app.wait_for_run(export, 2)) == ("Successful", None)
    shown = operator.do("Key rejected", "api GET connections/$CONNECTION", CONNECTION=connection)
    assert json.loads(shown)["status"] == "Connected"


def test_a_lane_that_is_left_over_can_be_removed(app: Segpilot, operator: Operator, tag: str) -> None:
    app.arrive(tag, make_people(range(3), tag).data)
    connection = app.add_connection()
    export = app.add_export(tag, connection=connection)
    left = {"Run": "run-20260101T000000Z-aaaaaaaaaaaa", "Until": time.time() + 900, "Queue": "[]"}
    lanes = app.tables.get_table_client("SegpilotCoordination")
    lanes.create_entity({"PartitionKey": "lane", "RowKey": connection, **left})
    run = app.run_now(export)["id"]
    look = "api GET runs/$RUN | jq '{status, stage, progress, warnings, steps}'"
    app.wait_until(
        lambda: (
            json.loads(operator.do("Stuck run", look, RUN=run))["stage"] == "waiting for the connection"
            or None
        ),
        "a run that waits",
    )

    remove = 'az storage entity delete --account-name "$STORAGE" --auth-mode login --table-name SegpilotCoordination'
    operator.do("Stuck run", remove + ' --partition-key lane --row-key "$CONNECTION"', CONNECTION=connection)

    assert outcome(app.wait_for(run, timeout_s=30)) == ("Successful", None)


def test_a_run_whose_orchestration_was_ended_ends_when_it_is_cancelled(
    app: Segpilot, operator: Operator, tag: str
) -> None:
    people = make_people(range(2_000), tag)
    app.arrive(tag, people.data)
    export = app.add_export(tag)
    app.simulator.order("switches", {"latency_ms": 1_500})
    run = app.run_now(export)["id"]
    app.wait_for_state(run, lambda each: each["stage"] == "sending")

    [end] = re.findall(r"^ +(curl -X POST .*terminate.*)$", DOCUMENT.read_text(encoding="utf-8"), re.M)
    operator.do("Stuck run", end, RUN=run)
    app.simulator.order("switches", {"latency_ms": 0})
    found = operator.do(
        "Stuck run", """api GET "runs?status=Processing" | jq '.runs[] | {id, connection_id, stage}'"""
    )
    assert run in found
    operator.do("Stuck run", "api POST runs/$RUN/cancel", RUN=run)

    assert outcome(app.wait_for(run, timeout_s=30)) == ("Canceled", None)
    operator.do("Stuck run", "api POST exports/$EXPORT/runs -d '{}'", EXPORT=export)
    assert outcome(app.wait_for_run(export, 2)) == ("Successful", None)
    assert app.simulator.members(tag) == sorted(people.emails)


def test_without_its_ledger_an_export_begins_anew_and_takes_nobody_off(
    app: Segpilot, operator: Operator, tag: str
) -> None:
    app.arrive(tag, make_people(range(10), tag).data)
    export = app.add_export(tag, leavers="remove")
    app.run_now(export)
    app.wait_for_run(export)
    state = app.blobs.get_container_client("segpilot")
    for blob in list(state.list_blobs(name_starts_with=f"ledgers/{export}/")):
        state.delete_blob(blob.name)

    app.upload(f"{tag}/people.csv", make_people(range(2, 12), tag).data)
    run = app.wait_for_run(export, 2)

    assert (outcome(run), run["counts"]["sent"]) == (("Successful", None), 10)
    assert any("the record of whom earlier runs put there is gone" in each for each in run["warnings"])
    assert len(app.simulator.members(tag)) == 12
    app.upload(f"{tag}/people.csv", make_people(range(4, 12), tag).data)
    assert app.wait_for_run(export, 3)["counts"]["removed"] == 2


def test_wrong_people_leave_the_list_with_the_right_file(app: Segpilot, operator: Operator, tag: str) -> None:
    right = make_people(range(20), tag)
    app.arrive(tag, right.data)
    export = app.add_export(tag, leavers="keep")
    app.run_now(export)
    app.wait_for_run(export)
    app.upload(f"{tag}/people.csv", make_people(range(100, 120), tag).data)
    app.wait_for_run(export, 2)
    assert len(app.simulator.members(tag)) == 40

    title = "Wrong people on a list"
    operator.do(title, "api POST exports/$EXPORT/deactivate", EXPORT=export)
    app.upload(f"{tag}/people.csv", right.data)
    operator.do(title, "api POST exports/$EXPORT/activate", EXPORT=export)
    app.post(f"segments/{tag}/look")
    kept = app.wait_for_run(export, 3)
    assert (kept["counts"]["leavers"], len(app.simulator.members(tag))) == (20, 40)

    answer = app.call("GET", f"api/exports/{export}")
    form = {
        key: answer.json()[key] for key in ("name", "connection_id", "email_column", "fields", "segments")
    }
    version = {"If-Match": answer.headers["ETag"]}
    changed = app.call("PUT", f"api/exports/{export}", {**form, "leavers": "remove"}, headers=version)
    assert changed.status_code == 200, changed.text
    operator.do(title, """api POST exports/$EXPORT/runs -d '{"dry": true}'""", EXPORT=export)
    assert app.wait_for_run(export, 4)["counts"]["leavers"] == 20
    run = app.run_now(export)["id"]
    waiting = app.wait_for_state(run, lambda each: each["approval"] or each["status"] in ENDED)
    assert waiting["status"] == "Waiting for approval"
    operator.do(title, """api POST runs/$RUN/approve -d '{"round": 1}'""", RUN=run)

    assert outcome(app.wait_for(run)) == ("Successful", None)
    assert app.simulator.members(tag) == sorted(right.emails)
