"""Whatever breaks while a run goes on, it ends well: nobody is missing, nobody is there twice."""

import os
import random
import signal
import time
from collections.abc import Callable

import pytest

from devkit.local.stack import LocalStack
from shared.adapters.tables import TableStores
from tests.system.driver import ENDED, Json, People, Segpilot, make_people
from tests.system.invariants import assert_nothing_left, assert_one_story, left, outcome

# Every worker that runs one of these starts a stack of its own: together they need one.

REACHED = {
    "waiting for the connection": ("waiting for the connection", "reading", "sending", "finishing"),
    "reading": ("reading", "sending", "finishing"),
    "sending": ("sending", "finishing"),
    "finishing": ("finishing",),
}


def kill_at(app: Segpilot, run_id: str, stage: str, delay_s: float) -> bool:
    """Kill the host `delay_s` after the run has come to `stage`, and start it again.

    Return whether the run was still going on when the host died, by its record in storage.
    """
    runs = TableStores(app.tables).runs
    deadline = time.monotonic() + 60
    while True:
        run = runs.get(run_id).record
        if run.stage in REACHED[stage] or run.status.ended:
            break
        assert time.monotonic() < deadline, f"The run never came to '{stage}', but is at '{run.stage}'."
        time.sleep(0.005)
    time.sleep(delay_s)
    app.stack.kill_host()
    cut_off = not runs.get(run_id).record.status.ended
    app.stack.start_host()
    return cut_off


def assert_everybody_is_there_once(app: Segpilot, run: Json, people: People, contacts_before: int) -> None:
    assert outcome(run) == ("Successful", None), run["failure"]
    assert run["counts"]["sent"] == len(people.emails)
    assert app.simulator.ask("state")["contacts"] - contacts_before == len(people.emails)
    assert_one_story(app, run, people.emails, rows=len(people.emails))
    assert_nothing_left(app, run)


@pytest.mark.parametrize(
    ("first", "second", "seed"),
    [
        ("waiting for the connection", "reading", 1),
        ("reading", "sending", 2),
        ("sending", "sending", 3),
        ("sending", "finishing", 4),
    ],
)
def test_a_run_survives_two_kills_of_the_host(
    app: Segpilot, tag: str, first: str, second: str, seed: int
) -> None:
    chance = random.Random(seed)
    people = make_people(range(20_000), tag)
    export = app.add_export(tag)
    before = app.simulator.ask("state")["contacts"]
    app.simulator.order("switches", {"latency_ms": 50})

    app.upload(f"{tag}/people.csv", people.data)
    run_id = app.wait_for_start(export)
    cut_off = [
        kill_at(app, run_id, stage, chance.uniform(0, 0.03 if stage == "finishing" else 0.3))
        for stage in (first, second)
    ]
    run = app.wait_for(run_id)

    assert cut_off[0]
    assert_everybody_is_there_once(app, run, people, before)
    assert len(app.runs(export)) == 1
    print(f"{first} and {second}: cut off {cut_off}, {run['counts']['calls']} calls counted")


def test_a_run_that_adds_people_one_by_one_survives_kills_of_the_host(app: Segpilot, tag: str) -> None:
    chance = random.Random(5)
    people = make_people(range(1_000), tag)
    export = app.add_export(tag)
    before = app.simulator.ask("state")["contacts"]
    app.simulator.order("switches", {"latency_ms": 20, "bulk_list": "ignored"})

    app.upload(f"{tag}/people.csv", people.data)
    run_id = app.wait_for_start(export)
    cut_off = [kill_at(app, run_id, "sending", chance.uniform(0.2, 1)) for _ in range(2)]
    run = app.wait_for(run_id)

    assert cut_off == [True, True]
    assert_everybody_is_there_once(app, run, people, before)


def test_an_upload_is_not_lost_when_the_host_is_killed_at_once(app: Segpilot, tag: str) -> None:
    people = make_people(range(100), tag)
    export = app.add_export(tag)
    before = app.simulator.ask("state")["contacts"]

    app.upload(f"{tag}/people.csv", people.data)
    app.stack.kill_host()
    app.stack.start_host()
    run = app.wait_for_run(export)

    assert_everybody_is_there_once(app, run, people, before)
    assert len(app.runs(export)) == 1


def freeze_storage(stack: LocalStack, seconds: float) -> None:
    """Let storage answer nothing for a while, and then everything."""
    os.kill(stack.storage.child.pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        os.kill(stack.storage.child.pid, signal.SIGCONT)


def test_a_run_outlasts_storage_that_stands_still(app: Segpilot, tag: str) -> None:
    people = make_people(range(10_000), tag)
    export = app.add_export(tag)
    before = app.simulator.ask("state")["contacts"]
    app.simulator.order("switches", {"latency_ms": 100})

    app.upload(f"{tag}/people.csv", people.data)
    run_id = app.wait_for_start(export)
    app.wait_for_state(run_id, lambda run: run["stage"] == "sending")
    freeze_storage(app.stack, 8)

    assert_everybody_is_there_once(app, app.wait_for(run_id), people, before)


def test_a_run_outlasts_a_restart_of_storage(app: Segpilot, tag: str) -> None:
    people = make_people(range(10_000), tag)
    export = app.add_export(tag)
    before = app.simulator.ask("state")["contacts"]
    app.simulator.order("switches", {"latency_ms": 100})

    app.upload(f"{tag}/people.csv", people.data)
    run_id = app.wait_for_start(export)
    app.wait_for_state(run_id, lambda run: run["stage"] == "sending" and run["progress"]["done"] > 0)
    app.stack.restart_storage()

    assert_everybody_is_there_once(app, app.wait_for(run_id), people, before)


def test_a_run_goes_on_while_the_clock_is_set_to_and_fro_and_the_host_is_killed(
    app: Segpilot, tag: str, set_clock: Callable[[float], None]
) -> None:
    people = make_people(range(10_000), tag)
    export = app.add_export(tag, connection=app.add_connection(max_calls_per_s=40))
    before = app.simulator.ask("state")["contacts"]

    set_clock(-86_400)
    app.upload(f"{tag}/people.csv", people.data)
    run_id = app.wait_for_start(export)
    app.wait_for_state(run_id, lambda run: run["stage"] == "sending")
    for seconds in (86_400, -3_600):
        set_clock(seconds)
        time.sleep(0.5)
    app.stack.kill_host()
    app.stack.start_host()

    assert_everybody_is_there_once(app, app.wait_for(run_id), people, before)


@pytest.mark.parametrize("answer", [503, "reset"])
def test_a_run_waits_for_a_vault_that_is_down(app: Segpilot, tag: str, answer: object) -> None:
    people = make_people(range(100), tag)
    export = app.add_export(tag)
    before = app.simulator.ask("state")["contacts"]
    app.stack.kill_host()  # it remembers keys
    app.stack.start_host()
    app.trouble_vault(unavailable_s=10, answer=answer)

    app.upload(f"{tag}/people.csv", people.data)

    assert_everybody_is_there_once(app, app.wait_for_run(export), people, before)


def test_a_run_gets_through_a_troubled_autopilot(app: Segpilot, tag: str) -> None:
    people = make_people(range(2_000), tag)
    export = app.add_export(tag)
    before = app.simulator.ask("state")["contacts"]
    waits = (None, "soon", "-5", "1000000000")
    faults = [
        {"kind": "timeout", "times": 3, "seconds": 2, "on": "POST /contacts"},
        {"kind": "server_error", "probability": 0.05, "status": 503},
        {"kind": "server_error", "probability": 0.05, "status": 500, "applied": True},
        *({"kind": "throttle", "probability": 0.025, "retry_after": each} for each in waits),
        {"kind": "reset_before", "probability": 0.02},
        {"kind": "reset_after", "probability": 0.03},
        {"kind": "slow_list", "times": 1, "seconds": 1},
    ]
    app.simulator.order("faults", {"clear": True, "seed": 11, "faults": faults})

    app.upload(f"{tag}/people.csv", people.data)
    run = app.wait_for_run(export)
    app.simulator.order("faults", {"clear": True})

    assert_everybody_is_there_once(app, run, people, before)


def test_a_run_outlasts_an_outage_of_autopilot(app: Segpilot, tag: str) -> None:
    people = make_people(range(10_000), tag)
    export = app.add_export(tag)
    before = app.simulator.ask("state")["contacts"]
    app.simulator.order("switches", {"latency_ms": 100})

    app.upload(f"{tag}/people.csv", people.data)
    run_id = app.wait_for_start(export)
    app.wait_for_state(run_id, lambda run: run["stage"] == "sending" and run["progress"]["done"] > 0)
    app.stack.stop_autopilot()
    time.sleep(15)
    assert app.get(f"runs/{run_id}")["status"] not in ENDED
    app.stack.start_autopilot()

    assert_everybody_is_there_once(app, app.wait_for(run_id), people, before)


def test_a_run_goes_on_with_a_key_that_was_replaced_in_the_vault_meanwhile(app: Segpilot, tag: str) -> None:
    people = make_people(range(10_000), tag)
    connection = app.add_connection()
    export = app.add_export(tag, connection=connection)
    before = app.simulator.ask("state")["contacts"]
    app.simulator.order("switches", {"latency_ms": 100})

    app.upload(f"{tag}/people.csv", people.data)
    run_id = app.wait_for_start(export)
    app.wait_for_state(run_id, lambda run: run["stage"] == "sending" and run["progress"]["done"] > 0)
    app.put_secret(app.get(f"connections/{connection}")["secret_name"], f"key-{tag}")
    app.simulator.order("key", {"key": f"key-{tag}"})

    assert_everybody_is_there_once(app, app.wait_for(run_id), people, before)
    assert app.get(f"connections/{connection}")["status"] == "Connected"


def test_a_revoked_key_ends_the_run_and_the_next_one_sends_the_rest(app: Segpilot, tag: str) -> None:
    people = make_people(range(10_000), tag)
    connection = app.add_connection()
    export = app.add_export(tag, connection=connection)
    app.simulator.order("switches", {"latency_ms": 100})

    app.upload(f"{tag}/people.csv", people.data)
    run_id = app.wait_for_start(export)
    app.wait_for_state(run_id, lambda run: run["stage"] == "sending" and run["progress"]["done"] > 0)
    app.simulator.order("key", {"key": None})
    revoked = app.wait_for(run_id)

    assert outcome(revoked) == ("Failed", "key-refused")
    assert revoked["failure"]["remedy"]
    assert app.get(f"connections/{connection}")["status"] == "Needs attention"
    assert 0 < revoked["counts"]["sent"] < 10_000
    assert_one_story(app, revoked, rows=10_000)

    app.simulator.order("key", {"key": f"key-{tag}"})
    app.put_secret(app.get(f"connections/{connection}")["secret_name"], f"key-{tag}")
    rest = app.wait_for(app.run_now(export)["id"])
    assert outcome(rest) == ("Successful", None)
    assert rest["counts"]["sent"] == left(revoked)
    assert_one_story(app, rest, people.emails, rows=10_000)
