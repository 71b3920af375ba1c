"""A file lies in the container and no event has told of it: renamed in a data lake, say. It is found all the same."""

import json
import time
from collections.abc import Callable

from tests.system.driver import Segpilot, make_people
from tests.system.invariants import outcome

HALF_AN_HOUR_S = 1_800


def forget_arrivals(app: Segpilot) -> None:
    """Leave nothing that says that a file was ever looked at, as if its event had not come."""
    keys = json.loads((app.stack.state / "host" / "keys.json").read_text(encoding="utf-8"))
    instances, key = "runtime/webhooks/durabletask/instances", keys["systemKeys"]["durabletask_extension"]
    for each in app.call("GET", f"{instances}?instanceIdPrefix=arrival-", key=key).json():
        app.wait_until(
            lambda one=each: (
                app.call("DELETE", f"{instances}/{one['instanceId']}", key=key).json()["instancesDeleted"]
                or None
            ),
            "an arrival that is over",
        )


def look_at_the_half_hour(app: Segpilot, set_clock: Callable[[float], None]) -> None:
    """Let the app's clock be at the first half or full hour that is a quarter of an hour away, and tick."""
    later = time.time() + 900
    set_clock(later - later % HALF_AN_HOUR_S + HALF_AN_HOUR_S + 1 - time.time())
    assert app.fire("tick", "") < 300


def test_a_file_without_an_event_sets_off_its_run(
    app: Segpilot, tag: str, set_clock: Callable[[float], None]
) -> None:
    people = make_people(range(20), tag)
    app.arrive(tag, people.data)
    forget_arrivals(app)
    assert app.call("DELETE", f"api/segments/{tag}").status_code == 204
    export = app.add_export(tag)
    assert app.runs(export) == []

    look_at_the_half_hour(app, set_clock)

    run = app.wait_for_run(export)
    assert (outcome(run), run["trigger"]) == (("Successful", None), "upload")
    assert app.simulator.members(tag) == sorted(people.emails)
