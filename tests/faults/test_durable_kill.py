"""The durable engine is killed with SIGKILL at random moments, started again, and must lose and double nothing."""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devkit.host.durable import instances, queries
from devkit.host.durable.events import EventType
from devkit.host.durable.instances import Instance, Status
from devkit.host.durable.store import Store, Transaction

ROOT = Path(__file__).parents[2]
APP = Path(__file__).parent / "durable_app"
CHUNKS = 100
KILLS = 12
INSTANCES_OF = {"plain": 1, "lanes": 5, "mixed": 5}


@contextmanager
def running_host(
    directory: Path, orchestrator: str, instance_id: str, *options: str
) -> Iterator[subprocess.Popen[str]]:
    environment = {
        **os.environ,
        "CHUNK_LOG": str(directory / "chunks.log"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(APP)]),
        "PYTHONWARNINGS": "ignore",
    }
    script = [sys.executable, str(APP / "run_host.py")]
    command = [*script, str(directory), orchestrator, instance_id, str(CHUNKS), *options]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == "ready\n"
        try:
            yield host
        finally:
            host.kill()


def run_with_kills(directory: Path, orchestrator: str, seed: int) -> list[str]:
    """Kill the host KILLS times, then let it finish. An instance that ends before is followed by another."""
    moments = random.Random(seed)
    kills, started = 0, 1
    while True:
        with running_host(directory, orchestrator, f"run-{started}") as host:
            if kills == KILLS:
                assert host.wait(timeout=120) == 0
                return [f"run-{number + 1}" for number in range(started)]
            time.sleep(moments.uniform(0.001, 0.08))
            if host.poll() is None:
                host.kill()
                kills += 1
            else:
                started += 1


def run_on_two_hosts_with_kills(directory: Path, orchestrator: str, seed: int, kills: int) -> list[str]:
    """Two hosts share the work of a run, one of which is killed; and so on with other runs."""
    moments, started = random.Random(seed), 1
    while True:
        what = (directory, orchestrator, f"run-{started}", "shared")
        with running_host(*what) as steady, running_host(*what) as unlucky:
            time.sleep(moments.uniform(0.001, 0.2))
            if unlucky.poll() is None:
                unlucky.kill()
                kills -= 1
            assert steady.wait(timeout=120) == 0
            if not kills:
                return [f"run-{number + 1}" for number in range(started)]
            started += 1


def read_all(directory: Path) -> list[tuple[Instance, list[dict]]]:
    """Every instance with its history; fails if a message or an activity is left over."""

    def read(tx: Transaction) -> list[tuple[Instance, list[dict]]]:
        for table in ("inbox", "work"):
            assert tx.db.execute(f"SELECT * FROM {table}").fetchall() == []
        page = queries.list_page(tx, queries.Filter(), 1000, None)
        return [(one, [json.loads(text) for text in instances.history(tx, one.id)]) for one in page.instances]

    store = Store(directory / "durable.db")
    try:
        return store.submit(read).result()
    finally:
        store.close()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("orchestrator", ["plain", "lanes", "mixed"])
def test_a_fan_out_survives_being_killed_again_and_again(
    tmp_path: Path, orchestrator: str, seed: int
) -> None:
    assert_nothing_is_lost_or_doubled(tmp_path, orchestrator, run_with_kills(tmp_path, orchestrator, seed))


def test_what_a_killed_host_had_the_other_does(tmp_path: Path) -> None:
    runs = run_on_two_hosts_with_kills(tmp_path, "lanes", seed=3, kills=4)
    assert_nothing_is_lost_or_doubled(tmp_path, "lanes", runs)


def assert_nothing_is_lost_or_doubled(tmp_path: Path, orchestrator: str, runs: list[str]) -> None:
    pushed = Counter((tmp_path / "chunks.log").read_text().splitlines())
    assert set(pushed) == {f"{run} {number}" for run in runs for number in range(CHUNKS)}

    found = read_all(tmp_path)
    assert len(found) == len(runs) * INSTANCES_OF[orchestrator]
    assert {instance.status for instance, _ in found} == {Status.COMPLETED}
    expected = str(sum(number * 3 for number in range(CHUNKS)))
    assert {i.id: i.output for i, _ in found if i.parent is None} == dict.fromkeys(runs, expected)

    calls = 0
    for _, events in found:
        kinds = Counter(event["EventType"] for event in events)
        assert kinds[EventType.EXECUTION_STARTED] == kinds[EventType.EXECUTION_COMPLETED] == 1
        for created, completed in (
            (EventType.TASK_SCHEDULED, EventType.TASK_COMPLETED),
            (EventType.SUB_ORCHESTRATION_CREATED, EventType.SUB_ORCHESTRATION_COMPLETED),
        ):
            begun = [event["EventId"] for event in events if event["EventType"] == created]
            ends = (completed, completed + 1)  # the number after it is the failed one
            ended = [event["TaskScheduledId"] for event in events if event["EventType"] in ends]
            assert sorted(begun) == sorted(ended)
            assert len(begun) == len(set(begun))
        calls += kinds[EventType.TASK_SCHEDULED] - kinds[EventType.TASK_FAILED]
    assert calls == len(runs) * CHUNKS
    print(f"{orchestrator}: {pushed.total()} pushes for {calls} calls")
