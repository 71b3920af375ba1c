"""The task hub is deleted while runs are under way: each of them goes on where it was, whatever it was doing."""

from collections.abc import Callable

from tests.system.driver import Segpilot, make_people
from tests.system.invariants import assert_nothing_left, assert_one_story, outcome

BULK = "POST /contacts"
PEOPLE = 6_000
PER_BATCH, PER_CHUNK, LANES = 100, 5, 2
BATCHES = PEOPLE // PER_BATCH


def start(app: Segpilot, name: str, **export: object) -> tuple[str, str]:
    """Add an export of these people and run it; return the ids of both."""
    app.arrive(name, make_people(range(PEOPLE), name).data)
    made = app.add_export(name, **export)
    return made, str(app.run_now(made)["id"])


def ask_for_approval(app: Segpilot, name: str) -> str:
    """Return a run that waits, since it would take most people off a list."""
    export, first = start(app, name, leavers="remove")
    assert outcome(app.wait_for(first)) == ("Successful", None)
    app.upload(f"{name}/people.csv", make_people(range(PEOPLE - 2_000), name).data)
    asking = app.wait_for_start(export, 2)
    app.wait_for_state(asking, lambda run: run["status"] == "Waiting for approval")
    return asking


def test_every_run_goes_on_where_it_was(app: Segpilot, tag: str, set_clock: Callable[[float], None]) -> None:
    asking, connection = ask_for_approval(app, f"{tag}-asking"), app.add_connection()
    before = app.simulator.outcomes(BULK)
    app.simulator.order("switches", {"latency_ms": 1_000})
    _, sending = start(app, f"{tag}-sending", connection=connection)
    app.wait_for_state(sending, lambda run: run["counts"]["sent"] >= PEOPLE * 3 // 4)
    _, queued = start(app, f"{tag}-queued", connection=connection)

    app.lose_the_task_hub()
    app.simulator.order("switches", {"latency_ms": 0})
    set_clock(180)  # whoever made the last run has had the time to start it
    app.post(f"runs/{asking}/approve", {"round": 1})
    assert app.fire("tick", "") < 300

    for name, run_id in ((f"{tag}-sending", sending), (f"{tag}-queued", queued)):
        run = app.wait_for(run_id, timeout_s=120)
        assert outcome(run) == ("Successful", None), run["failure"]
        assert_one_story(app, run, make_people(range(PEOPLE), name).emails, rows=PEOPLE)
        assert_nothing_left(app, run)
    again = app.simulator.outcomes(BULK) - before - 2 * BATCHES
    assert 0 <= again <= LANES * PER_CHUNK, "only what was under way is sent again"
    assert "interrupted" in " ".join(app.get(f"runs/{sending}")["warnings"])
    asked = app.wait_for(asking)
    assert (outcome(asked), asked["counts"]["removed"]) == (("Successful", None), 2_000)
