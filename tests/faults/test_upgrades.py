"""Two versions of Segpilot on one task hub, after one another and side by side: what the one begins, the other ends.

The "next" version is today's with a raised version of the orchestrations, under which a run looks at its record before it
begins. Runs that were begun before do not.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from devkit.local.stack import REPOSITORY, LocalStack
from tests.faults.conftest import SETTINGS
from tests.system.driver import ENDED, Json, Segpilot, make_people
from tests.system.invariants import assert_nothing_left, assert_one_story, outcome

MORE = {"BATCHES_PER_CHUNK": "1", "PUSH_LANES": "3", "AUTOPILOT_TIMEOUT_S": "2"}
PARTS = ("functions", "shared", "portal", "function_app.py", "host.json", "local.settings.sample.json")
NEXT_WAY = """

def _run_2(context: df.DurableOrchestrationContext) -> Steps:
    yield from attempt(context, 60, "review_run", {"run_id": context.instance_id})
    return (yield from _run(context))
"""


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Today's version."""
    folder = tmp_path_factory.mktemp("old")
    for part in PARTS:
        copy = shutil.copytree if (REPOSITORY / part).is_dir() else shutil.copy
        copy(REPOSITORY / part, folder / part)
    return folder


@pytest.fixture(scope="module")
def new(old: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The version after it."""
    folder = tmp_path_factory.mktemp("new") / "app"
    shutil.copytree(old, folder)
    host = json.loads((folder / "host.json").read_text(encoding="utf-8"))
    assert host["extensions"]["durableTask"]["defaultVersion"] == "1.0"
    host["extensions"]["durableTask"]["defaultVersion"] = "2.0"
    (folder / "host.json").write_text(json.dumps(host), encoding="utf-8")
    path = folder / "functions" / "orchestration" / "run.py"
    code = path.read_text(encoding="utf-8")
    ways = 'go(context, {"1.0": _run})'
    assert code.count(ways) == 1
    path.write_text(
        code.replace(ways, 'go(context, {"1.0": _run, "2.0": _run_2})') + NEXT_WAY, encoding="utf-8"
    )
    return folder


@pytest.fixture(scope="module")
def stack(old: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    folder, switches = tmp_path_factory.mktemp("stack"), {"bulk_list": "honoured"}
    with LocalStack(
        folder, autopilot_switches=switches, settings={**SETTINGS, **MORE}, app=old, shared=True
    ) as running:
        yield running


@pytest.fixture
def app(stack: LocalStack) -> Iterator[Segpilot]:
    driver = Segpilot(stack)
    yield driver
    driver.simulator.calm()
    driver.clean_up()


class Begun:
    """A run of some people of its own."""

    def __init__(self, app: Segpilot, name: str, people: int, **export: object) -> None:
        self._app, self._rows = app, people
        self._people = make_people(range(people), name)
        self.export = app.add_export(name, **export)
        app.upload(f"{name}/people.csv", self._people.data)
        self.id = app.wait_for_start(self.export)

    def until_sending(self) -> "Begun":
        self._app.wait_for_state(self.id, lambda run: run["counts"]["sent"] > 0)
        return self

    def assert_everybody_is_there_once(self) -> None:
        run = self._app.wait_for(self.id, timeout_s=120)
        assert outcome(run) == ("Successful", None), run["failure"]
        assert_one_story(self._app, run, self._people.emails, rows=self._rows)
        assert_nothing_left(self._app, run)


class Waiting:
    """A run that would take 30 of 40 people off and waits for a person."""

    def __init__(self, app: Segpilot, name: str) -> None:
        self._app, self._name = app, name
        export = app.add_export(name, leavers="remove")
        app.upload(f"{name}/people.csv", make_people(range(40), name).data)
        app.wait_for_run(export)
        app.upload(f"{name}/people.csv", make_people(range(10), name).data)
        self.id = app.wait_for_start(export, 2)
        app.wait_for_state(self.id, lambda run: run["status"] == "Waiting for approval")

    def approve(self) -> None:
        self._app.post(f"runs/{self.id}/approve", {"round": 1})

    def assert_the_others_are_off_the_list(self) -> None:
        run = self._app.wait_for(self.id)
        assert (outcome(run), run["counts"]["removed"]) == (("Successful", None), 30)
        assert_one_story(self._app, run, make_people(range(10), self._name).emails, rows=10)


def instance(app: Segpilot, instance_id: str) -> Json | None:
    """Return an orchestration with its history, or None while there is none."""
    keys = json.loads((app.stack.state / "host" / "keys.json").read_text(encoding="utf-8"))
    path = f"runtime/webhooks/durabletask/instances/{instance_id}?showHistory=true"
    answer = app.call("GET", path, key=keys["systemKeys"]["durabletask_extension"])
    assert answer.ok or answer.status_code == 404, answer.text
    return answer.json() if answer.ok else None


def way(app: Segpilot, run_id: str) -> str:
    """Return which way a run went, by the first step in its history."""
    history = (instance(app, run_id) or {})["historyEvents"]
    first = next(each["FunctionName"] for each in history if each["EventType"] == "TaskCompleted")
    return {"begin_run": "old", "review_run": "next"}[first]


def lanes_are_left_over(app: Segpilot, run_id: str) -> bool:
    lane = instance(app, f"{run_id}-lane-0")
    return bool(lane and lane["output"] and lane["output"]["places"])


def serve(app: Segpilot, version: Path) -> None:
    """Let the host run this version, if it does not yet."""
    if app.stack.app != version:
        app.stack.stop_host()
        app.stack.start_host(version)


def is_over(app: Segpilot, run_id: str) -> bool:
    return app.get(f"runs/{run_id}")["status"] in ENDED


def test_a_new_version_ends_what_the_one_that_it_replaces_had_begun(
    app: Segpilot, tag: str, old: Path, new: Path
) -> None:
    serve(app, old)
    waiting = Waiting(app, f"{tag}-waiting")
    app.simulator.order("switches", {"latency_ms": 300})
    sending = Begun(app, f"{tag}-sending", 2_000).until_sending()
    app.stack.stop_autopilot()
    arriving = Begun(app, f"{tag}-arriving", 300)
    app.wait_until(lambda: lanes_are_left_over(app, sending.id) or None, "an outage with lanes left over")

    app.stack.kill_host()
    app.stack.start_host(new)
    app.stack.start_autopilot()
    waiting.approve()
    after = Begun(app, f"{tag}-after", 300)

    for run in (sending, arriving, after):
        run.assert_everybody_is_there_once()
    waiting.assert_the_others_are_off_the_list()
    assert [way(app, run.id) for run in (sending, arriving, waiting, after)] == ["old"] * 3 + ["next"]


def test_two_versions_share_the_work_while_the_one_takes_the_place_of_the_other(
    app: Segpilot, tag: str, old: Path, new: Path
) -> None:
    serve(app, old)
    waiting = Waiting(app, f"{tag}-waiting")
    app.simulator.order("switches", {"latency_ms": 300})
    by_hand = Begun(app, f"{tag}-by-hand", 300)
    by_hand.assert_everybody_is_there_once()
    sending = Begun(app, f"{tag}-sending", 4_000).until_sending()
    reading = Begun(app, f"{tag}-reading", 1_500)
    old_url = app.stack.host_url

    former = app.stack.add_host(new)
    waiting.approve()
    headers = {"x-functions-key": app.stack.function_key}
    by_old = requests.post(
        f"{old_url}/api/exports/{by_hand.export}/runs", headers=headers, json={}, timeout=30
    )
    by_new = app.run_now(by_hand.export)["id"]
    app.wait_for_state(sending.id, lambda run: run["counts"]["sent"] > 2_000)
    app.stack.kill_host(former)

    for run in (sending, reading):
        run.assert_everybody_is_there_once()
    waiting.assert_the_others_are_off_the_list()
    again = [app.wait_for(each) for each in (by_old.json()["id"], by_new)]
    assert [outcome(run) for run in again] == [("Successful", None)] * 2
    begun_before = [sending.id, reading.id, waiting.id, by_old.json()["id"]]
    assert [way(app, each) for each in (*begun_before, by_new)] == ["old"] * 4 + ["next"]
    logs = [
        (app.stack.state / "logs" / name).read_text(encoding="utf-8") for name in ("app.log", "added.log")
    ]
    assert all("function=push_chunk outcome=" in log for log in logs)


def test_an_old_version_leaves_newer_runs_alone_until_the_new_one_is_back(
    app: Segpilot, tag: str, old: Path, new: Path
) -> None:
    serve(app, new)
    app.simulator.order("switches", {"latency_ms": 300})
    newer = Begun(app, f"{tag}-newer", 1_500).until_sending()

    app.stack.kill_host()
    app.stack.start_host(old)
    older = Begun(app, f"{tag}-older", 300)
    older.assert_everybody_is_there_once()
    assert not is_over(app, newer.id)
    app.stack.stop_host()
    app.stack.start_host(new)

    newer.assert_everybody_is_there_once()
    assert [way(app, run.id) for run in (older, newer)] == ["old", "next"]
