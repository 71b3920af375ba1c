"""Schedules, the refresh, bulk edits and running all, through the whole app."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.system.driver import Segpilot, make_people

REFRESH, OFF = "api/refresh", {"recurrence": "off"}
ANYTHING = {"If-Match": "*"}


@pytest.fixture
def driven(app: Segpilot) -> Iterator[Segpilot]:
    """The app; afterwards the refresh is off again."""
    yield app
    assert app.call("PUT", REFRESH, OFF, headers=ANYTHING).status_code == 200


def add_arrived(app: Segpilot, *names: str) -> list[str]:
    """Exports of segments that have arrived and been sent once."""
    exports = [app.add_export(name) for name in names]
    for name, export in zip(names, exports, strict=True):
        app.upload(f"{name}/people.csv", make_people(range(10), name.replace(" ", "-")).data)
        app.wait_for_run(export)
    return exports


def test_the_clock_runs_exports_at_their_slots_once(driven: Segpilot, tag: str) -> None:
    app = driven
    own, follower, off = add_arrived(app, f"{tag} own", f"{tag} follower", f"{tag} off")
    slot = (datetime.now(UTC) + timedelta(seconds=70)).replace(second=0, microsecond=0)
    hourly = {"recurrence": "hourly", "minute": slot.minute}
    daily = {"recurrence": "daily", "times": [f"{slot:%H:%M}"]}
    for change in (
        {"exports": [own], "schedule": hourly},
        {"exports": [off], "schedule": daily, "active": False},
    ):
        assert app.call("PUT", "api/exports/schedules", change).json()["exports"][0]["done"]
    shown = app.call("PUT", REFRESH, daily, headers=ANYTHING).json()
    assert datetime.fromisoformat(shown["next_slot"]) == slot
    app.upload(f"{tag} own/people.csv", make_people(range(12), f"{tag}-own").data)

    runs = [app.wait_for_run(export, 2, timeout_s=150) for export in (own, follower)]
    for _ in range(2):
        assert app.fire("tick", "") == 202
    again = app.wait_for(app.run_now(follower)["id"])

    assert [(run["trigger"], run["requested_by"], run["status"]) for run in runs] == [
        ("schedule", "schedule", "Successful"),
        ("refresh", "refresh", "Successful"),
    ]
    assert [(run["counts"]["new"], run["counts"]["unchanged"]) for run in runs] == [(2, 10), (0, 10)]
    assert all(datetime.fromisoformat(run["created_at"]) >= slot for run in runs)
    assert [len(app.runs(export)) for export in (own, follower, off)] == [2, 3, 1]
    assert again["trigger"] == "on demand"


def test_the_refresh_is_changed_as_it_was_seen(driven: Segpilot) -> None:
    seen = driven.call("GET", REFRESH)
    daily = {"recurrence": "daily", "times": ["02:00", "14:00"], "time_zone": "Europe/Bucharest"}
    assert seen.json()["next_slot"] is None
    assert driven.call("PUT", REFRESH, daily).status_code == 428
    changed = driven.call("PUT", REFRESH, daily, headers={"If-Match": seen.headers["ETag"]})
    assert (changed.status_code, changed.json()["times"]) == (200, daily["times"])
    assert driven.call("GET", REFRESH).headers["ETag"] == changed.headers["ETag"]
    late = driven.call("PUT", REFRESH, OFF, headers={"If-Match": seen.headers["ETag"]})
    assert (late.status_code, late.json()["type"]) == (412, "urn:segpilot:problem:changed-meanwhile")
    wrong = driven.call("PUT", REFRESH, {"recurrence": "weekly", "time_zone": "Nowhere"}, headers=ANYTHING)
    assert (wrong.status_code, len(wrong.json()["errors"])) == (400, 3)


def test_running_all_says_what_it_ran_and_what_it_passed_over(app: Segpilot, tag: str) -> None:
    first, second = add_arrived(app, f"{tag} 1", f"{tag} 2")
    waiting = app.add_export(f"{tag} has not arrived")
    app.call("PUT", "api/exports/schedules", {"exports": [second], "active": False})
    headers = {"Idempotency-Key": tag}

    answer = app.post("runs/all", headers=headers)

    [started] = [run for run in answer["started"] if run["export_id"] in (first, second, waiting)]
    assert started["export_id"] == first
    assert app.wait_for(started["run_id"])["trigger"] == "run all"
    reasons = {each["export_id"]: each["reason"] for each in answer["passed_over"]}
    assert reasons[second] == "It is not active."
    assert "No file has arrived yet" in reasons[waiting]
    assert started in app.post("runs/all", headers=headers)["started"]
    assert len(app.runs(first)) == 2


def test_exports_are_changed_together_each_by_itself(app: Segpilot, tag: str) -> None:
    export = app.add_export(tag)
    weekly = {
        "recurrence": "weekly",
        "times": ["08:00"],
        "weekdays": ["monday"],
        "time_zone": "Europe/Madrid",
    }
    change = {"exports": [export, "export-unknown"], "schedule": weekly}
    answer = app.call("PUT", "api/exports/schedules", change).json()["exports"]
    assert [(each["export_id"], each["done"]) for each in answer] == [
        (export, True),
        ("export-unknown", False),
    ]
    kept = app.get(f"exports/{export}")["schedule"]
    assert {name: kept[name] for name in weekly} == weekly
    wrong = app.call("PUT", "api/exports/schedules", {**change, "schedule": {"recurrence": "weekly"}})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "/schedule")
