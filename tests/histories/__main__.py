"""Record the histories of runs on a local stack: ``python -m tests.histories``.

Writes tests/unit/histories/VERSION/*.json, a file per scenario, where VERSION is host.json's ``defaultVersion``. What is
recorded already is left alone, unless ``--again`` is given: that is right only before the first release of a version. All
together take about two minutes.
"""

import argparse
import json
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from devkit.host.settings import read_host_json
from devkit.local.stack import REPOSITORY, LocalStack
from tests.histories.generations import play_generations
from tests.histories.recorded import FOLDER, Recorded, read_log, write
from tests.system.driver import Json, Segpilot, make_people

SETTINGS = {
    "SETTLE_TIME_S": "2",
    "MAX_CALLS_PER_S": "0",
    "AUTOPILOT_TIMEOUT_S": "2",
    "BATCHES_PER_CHUNK": "1",
    "PUSH_LANES": "3",
    "PUSH_THREADS": "2",
}
Scenario = Callable[[Segpilot, str], None]

REMOVING: Json = {"leavers": "remove", "trip_wire": {"max_removals_share": None}}


def upload(app: Segpilot, tag: str) -> None:
    """A file arrives, is waited for until it has settled, and is sent by several lanes."""
    export = app.add_export(tag)
    app.upload(f"{tag}/people.csv", make_people(range(500), tag).data)
    app.wait_for_run(export)


def dry_run(app: Segpilot, tag: str) -> None:
    """A file that sets off a run, and then one that only reckons."""
    export = app.add_export(tag)
    app.upload(f"{tag}/people.csv", make_people(range(150), tag).data)
    app.wait_for_run(export)
    app.wait_for(app.run_now(export, dry=True)["id"])


def approval(app: Segpilot, tag: str) -> None:
    """Too many would leave: the run waits, is approved, and takes them off."""
    _wait_for_approval(app, tag, "approve")


def refusal(app: Segpilot, tag: str) -> None:
    """The same, refused."""
    _wait_for_approval(app, tag, "refuse")


def _wait_for_approval(app: Segpilot, tag: str, verb: str) -> None:
    run = _ask_for_approval(app, tag)
    app.post(f"runs/{run}/{verb}", {"round": 1})
    app.wait_for(run)


def _ask_for_approval(app: Segpilot, tag: str) -> str:
    export = app.add_export(tag, leavers="remove")
    app.upload(f"{tag}/people.csv", make_people(range(40), tag).data)
    app.wait_for_run(export)
    app.upload(f"{tag}/people.csv", make_people(range(10), tag).data)
    run = app.wait_for_start(export, 2)
    app.wait_for_state(run, lambda now: now["stage"] == "waiting for approval")
    return run


def parts(app: Segpilot, tag: str) -> None:
    """A snapshot of two files, of which the second comes later: the arrival waits."""
    folder = f"CustomerInsights_org/{tag}/Customer/2026/11/22/1000"
    export = app.add_export("Customer")
    app.upload(f"{folder}/Customer_1.csv", make_people(range(60), tag).data)
    time.sleep(1)
    app.upload(f"{folder}/Customer_2.csv", make_people(range(60, 120), tag).data)
    app.wait_for_run(export)


def leavers(app: Segpilot, tag: str) -> None:
    """People have left, and are taken off by several lanes."""
    export = app.add_export(tag, **REMOVING)
    app.upload(f"{tag}/people.csv", make_people(range(350), tag).data)
    app.wait_for_run(export)
    app.upload(f"{tag}/people.csv", make_people(range(300, 350), tag).data)
    app.wait_for_run(export, 2)


def several_segments(app: Segpilot, tag: str) -> None:
    """One run of three segments, one of which lacks a column at first."""
    names = [f"{tag}-{number}" for number in range(3)]
    for number, name in enumerate(names):
        app.upload(f"{name}/people.csv", make_people(range(number * 120, number * 120 + 220), tag).data)
        app.wait_until(lambda name=name: app.find_segment(name), name)
    export = app.add_export(*names)
    app.wait_for(app.run_now(export)["id"])


def failure(app: Segpilot, tag: str) -> None:
    """The file lacks a column: the run fails before anything is sent."""
    export = app.add_export(tag)
    app.upload(f"{tag}/people.csv", b"Email,City\nana@example.com,Cluj\n")
    app.wait_for_run(export)


def outage(app: Segpilot, tag: str) -> None:
    """Autopilot is away while lanes are sending: what is left over is taken up again."""
    export = app.add_export(tag)
    app.simulator.order("switches", {"latency_ms": 300})
    app.upload(f"{tag}/people.csv", make_people(range(2_000), tag).data)
    run = app.wait_for_start(export)
    app.wait_for_state(run, lambda now: now["counts"]["sent"] > 0)
    app.stack.stop_autopilot()
    time.sleep(25)
    app.stack.start_autopilot()
    app.wait_for(run, timeout_s=180)


def cancelled(app: Segpilot, tag: str) -> None:
    """Cancelled while lanes are sending."""
    export = app.add_export(tag)
    app.simulator.order("switches", {"latency_ms": 300})
    app.upload(f"{tag}/people.csv", make_people(range(2_000), tag).data)
    run = app.wait_for_start(export)
    app.wait_for_state(run, lambda now: now["counts"]["sent"] > 0)
    app.call("POST", f"api/runs/{run}/cancel")
    app.wait_for(run)


def busy(app: Segpilot, tag: str) -> None:
    """Two runs want one connection: one of them waits."""
    connection = app.add_connection()
    app.simulator.order("switches", {"latency_ms": 300})
    exports = [app.add_export(f"{tag}-{number}", connection=connection) for number in range(2)]
    for number in range(2):
        app.upload(f"{tag}-{number}/people.csv", make_people(range(600), tag).data)
    for export in exports:
        app.wait_for_run(export)


def taken_up(app: Segpilot, tag: str) -> None:
    """The task hub is lost while a run waits for approval and another one sends: new orchestrations go on."""
    asking = _ask_for_approval(app, f"{tag}-asking")
    export = app.add_export(tag)
    app.simulator.order("switches", {"latency_ms": 300})
    app.upload(f"{tag}/people.csv", make_people(range(2_000), tag).data)
    sending = app.wait_for_start(export)
    app.wait_for_state(sending, lambda now: now["counts"]["sent"] > 800)
    app.lose_the_task_hub()
    app.fire("tick", "")
    app.wait_for(sending)
    app.post(f"runs/{asking}/approve", {"round": 1})
    app.wait_for(asking)


def erasure(app: Segpilot, tag: str) -> None:
    """A person who was sent is erased."""
    export = app.add_export(tag)
    app.upload(f"{tag}/people.csv", make_people(range(20), tag).data)
    app.wait_for_run(export)
    asked = app.call("POST", "api/erasures", {"email": f"{tag}.3@example.com"}).json()["id"]
    app.wait_until(lambda: app.get(f"erasures/{asked}")["ended_at"], "the end of the erasure")


def housekeeping(app: Segpilot, tag: str) -> None:
    """One night's housekeeping."""
    app.fire("housekeeping", "")
    time.sleep(5)


SCENARIOS: tuple[Scenario, ...] = (
    upload,
    dry_run,
    approval,
    refusal,
    parts,
    leavers,
    several_segments,
    failure,
    outage,
    cancelled,
    busy,
    taken_up,
    erasure,
    housekeeping,
)


def record(folder: Path, scenarios: Sequence[Scenario]) -> None:
    """Play scenarios, one after the other, and write what happened in each."""
    with (
        tempfile.TemporaryDirectory() as state,
        LocalStack(
            Path(state),
            autopilot_switches={"bulk_list": "honoured"},
            settings=SETTINGS,
            keep_histories=True,
        ) as stack,
    ):
        known: set[tuple[str, str]] = set()
        for scenario in scenarios:
            app = Segpilot(stack)
            scenario(app, scenario.__name__.replace("_", "-"))
            app.simulator.calm()
            app.clean_up()
            time.sleep(1)
            new = [
                each for each in read_log(stack.history_log) if (each.instance, each.execution) not in known
            ]
            known |= {(each.instance, each.execution) for each in new}
            write(folder / f"{scenario.__name__}.json", [_without_places(each) for each in new])
            turns = sum(len(each.turns) for each in new)
            print(f"{scenario.__name__}: {len(new)} executions, {turns} turns", flush=True)


def _without_places(recorded: Recorded) -> Recorded:
    """Leave out what tells of this machine: stack traces."""
    for turn in recorded.turns:
        for event in turn.events:
            if event.get("Details"):
                event["Details"] = ""
    text = json.dumps([turn.events for turn in recorded.turns])
    assert not re.search(r"[\w.+-]+@[\w-]+\.\w+", text), "an address is in a history"
    return recorded


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    parser.add_argument("--again", action="store_true", help="replace what is recorded of this version")
    again = parser.parse_args().again
    folder = FOLDER / read_host_json(REPOSITORY, {}).versions.default
    generations = folder / "generations.json"
    if again or not generations.exists():
        write(generations, play_generations())
    missing = [each for each in SCENARIOS if again or not (folder / f"{each.__name__}.json").exists()]
    if missing:
        record(folder, missing)


if __name__ == "__main__":
    main()
