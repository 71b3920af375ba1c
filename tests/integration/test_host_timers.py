"""Timer triggers: on time, once, caught up after a pause, and by hand."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from devkit.host.timer_status import TimerStatus, TimerStatuses
from tests.integration.running_host import RunningHost, wait_until, write_app

APP = """
import json, os, pathlib, time
import azure.functions as func

app = func.FunctionApp()
NOTES = pathlib.Path(os.environ["NOTES"])

def note(**what):
    with NOTES.open("a") as file:
        file.write(json.dumps(what) + "\\n")

@app.timer_trigger("timer", "%SCHEDULE%", run_on_startup=False, use_monitor=True)
def scheduled(timer: func.TimerRequest) -> None:
    note(name="scheduled", past_due=timer.past_due, status=timer.schedule_status)
    while "GATE" in os.environ and not pathlib.Path(os.environ["GATE"]).exists():
        time.sleep(0.01)
    note(name="ended")
    if os.environ.get("FAIL"):
        raise RuntimeError("timer failed")

@app.timer_trigger("timer", "0 0 0 1 1 *", run_on_startup=True)
async def at_start(timer: func.TimerRequest) -> None:
    note(name="at_start", past_due=timer.past_due)
"""
NEVER_SOON = "0 0 0 29 2 *"


def start(tmp_path: Path, **settings: str) -> RunningHost:
    app = write_app(tmp_path / "app", APP)
    values = {"NOTES": str(tmp_path / "notes"), **settings}
    return RunningHost(app, tmp_path / "state", settings=values)


def notes(tmp_path: Path, name: str) -> list[dict]:
    file = tmp_path / "notes"
    if not file.exists():
        return []
    return [found for line in file.read_text().splitlines() if (found := json.loads(line))["name"] == name]


def edit_status(tmp_path: Path, **changes: datetime) -> None:
    database = sqlite3.connect(tmp_path / "state" / "host.sqlite", isolation_level=None)
    statuses = TimerStatuses(database)
    known = statuses.read("scheduled")
    statuses.write("scheduled", TimerStatus(**{**vars(known), **changes}))
    database.close()


def test_a_timer_fires_again_and_again_and_knows_its_status(tmp_path: Path) -> None:
    with start(tmp_path, SCHEDULE="* * * * * *"):
        wait_until(lambda: len(notes(tmp_path, "scheduled")) >= 3)
    fired = notes(tmp_path, "scheduled")
    # The first may be: a host that takes a second to start has missed one.
    assert not any(note["past_due"] for note in fired[1:])
    assert fired[1]["status"]["Last"] < fired[2]["status"]["Last"] < fired[2]["status"]["Next"]


def test_a_timer_that_fails_fires_again_at_its_next_time(tmp_path: Path) -> None:
    with start(tmp_path, SCHEDULE="* * * * * *", FAIL="1") as host:
        wait_until(lambda: len(notes(tmp_path, "scheduled")) >= 2)
        wait_until(lambda: "RuntimeError: timer failed" in host.log)


def test_run_on_startup_is_honoured_with_a_warning(tmp_path: Path) -> None:
    with start(tmp_path, SCHEDULE=NEVER_SOON) as host:
        wait_until(lambda: notes(tmp_path, "at_start") == [{"name": "at_start", "past_due": False}])
        assert "function=at_start has run_on_startup" in host.log
    assert notes(tmp_path, "scheduled") == []


def test_a_time_missed_while_the_host_was_down_is_caught_up_once(tmp_path: Path) -> None:
    with start(tmp_path, SCHEDULE=NEVER_SOON):
        pass
    edit_status(tmp_path, next=datetime.now(UTC) - timedelta(days=3))
    with start(tmp_path, SCHEDULE=NEVER_SOON):
        wait_until(lambda: len(notes(tmp_path, "scheduled")) == 1)
    assert notes(tmp_path, "scheduled")[0]["past_due"]
    with start(tmp_path, SCHEDULE=NEVER_SOON):
        wait_until(lambda: len(notes(tmp_path, "at_start")) == 3)
    assert len(notes(tmp_path, "scheduled")) == 1


def test_a_changed_schedule_is_not_past_due(tmp_path: Path) -> None:
    with start(tmp_path, SCHEDULE=NEVER_SOON):
        pass
    edit_status(tmp_path, next=datetime.now(UTC) - timedelta(days=3))
    with start(tmp_path, SCHEDULE="0 0 0 30 1 *"):
        wait_until(lambda: len(notes(tmp_path, "at_start")) == 2)
    assert notes(tmp_path, "scheduled") == []


def test_a_timer_can_be_fired_by_hand_with_the_master_key(tmp_path: Path) -> None:
    with start(tmp_path, SCHEDULE=NEVER_SOON) as host:
        key = {"x-functions-key": host.master_key}
        path = "/admin/functions/scheduled"
        assert host.call("POST", path, json={"input": ""}).status_code == 401
        wrong = {"x-functions-key": host.function_key}
        assert host.call("POST", path, json={"input": ""}, headers=wrong).status_code == 401
        assert host.call("POST", path, json={"input": ""}, headers=key).status_code == 202
        wait_until(lambda: len(notes(tmp_path, "scheduled")) == 1)
        assert host.call("POST", path, data="nonsense", headers=key).status_code == 400
        assert host.call("POST", "/admin/functions/x", json={"input": ""}, headers=key).status_code == 404
    assert not notes(tmp_path, "scheduled")[0]["past_due"]


def test_a_timer_never_runs_twice_at_once(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with start(tmp_path, SCHEDULE=NEVER_SOON, GATE=str(gate)) as host:
        key = {"x-functions-key": host.master_key}
        for _ in range(2):
            host.call("POST", "/admin/functions/scheduled", json={"input": ""}, headers=key)
        wait_until(lambda: len(notes(tmp_path, "scheduled")) == 1)
        gate.touch()
        wait_until(lambda: len(notes(tmp_path, "ended")) == 2)
    lines = (tmp_path / "notes").read_text().splitlines()
    order = [name for line in lines if (name := json.loads(line)["name"]) != "at_start"]
    assert order == ["scheduled", "ended", "scheduled", "ended"]
