"""How many calls runs make through the host: the same that the steps make by themselves, in every dialect of Autopilot
(tests/contract/test_call_counts.py), and that a dry run foretells."""

from collections import Counter
from typing import Any

import pytest

from tests.system.driver import Json, Segpilot, make_people
from tests.system.invariants import outcome

LISTS, LIST = "GET /lists", "POST /list"
BULK = "POST /contacts"
LOOK, ADD, REMOVE = (
    f"{verb} /list/{{list_id}}/contact/{{id_or_email}}" for verb in ("GET", "POST", "DELETE")
)
OTHER_WAYS = {
    "error_body": "code",
    "duplicate_list": "conflict",
    "invalid_email": "drop",
    "map_keys": "as_sent",
}
AS_IT_COMES = {
    "error_body": "error",
    "duplicate_list": "create",
    "invalid_email": "refuse_batch",
    "map_keys": "lower",
}


@pytest.fixture(
    params=[{"bulk_list": "ignored", **AS_IT_COMES}, {"bulk_list": "honoured", **OTHER_WAYS}],
    ids=["one by one", "in bulk"],
)
def switches(request: pytest.FixtureRequest, app: Segpilot) -> Any:
    app.simulator.order("switches", request.param)
    yield request.param
    app.simulator.order("switches", AS_IT_COMES)


def test_runs_make_the_calls_that_their_changes_need_and_no_more(
    app: Segpilot, tag: str, switches: dict[str, str]
) -> None:
    in_bulk = switches["bulk_list"] == "honoured"
    export = app.add_export(tag, active=False, leavers="remove")
    arrive(app, tag, range(1_000))
    dry, run, calls = rehearse_and_run(app, export)
    joining = Counter() if in_bulk else Counter({ADD: 1_000})
    assert calls == Counter({LISTS: 2, LIST: 1, BULK: 10 + 2, LOOK: 2}) + joining
    assert run["counts"]["calls"] == calls.total()
    assert dry["estimate"]["calls"] == calls.total() + 1_000 * in_bulk

    arrive(app, tag, range(10, 1_010), moved=range(500, 510))
    dry, run, calls = rehearse_and_run(app, export)
    assert [run["counts"][name] for name in ("new", "changed", "removed")] == [10, 10, 10]
    joining = Counter({LOOK: 1}) if in_bulk else Counter({ADD: 10})
    assert calls == Counter({LISTS: 1, BULK: 1, REMOVE: 10}) + joining
    assert run["counts"]["calls"] == dry["estimate"]["calls"] == calls.total()
    assert set(app.simulator.members(tag)) == make_people(range(10, 1_010), tag).emails

    dry, run, calls = rehearse_and_run(app, export)
    assert calls == Counter({LISTS: 1})
    assert run["counts"]["calls"] == dry["estimate"]["calls"] == calls.total()


def arrive(app: Segpilot, tag: str, numbers: range, *, moved: range = range(0)) -> None:
    """Bring in a file, and wait until it has arrived."""
    before = app.find_segment(tag)
    app.upload(f"{tag}/people.csv", make_people(numbers, tag, moved=moved).data)

    def look() -> Json | None:
        seen = app.find_segment(tag)
        return seen if seen and (before is None or seen["snapshot"] != before["snapshot"]) else None

    app.wait_until(look, "the file to have arrived")


def rehearse_and_run(app: Segpilot, export: str) -> tuple[Json, Json, Counter[str]]:
    """Return a dry run, the real one after it, and the calls that the simulator has seen of that, by endpoint."""
    dry = app.wait_for(app.run_now(export, dry=True)["id"])
    before = count_calls(app)
    run = app.wait_for(app.run_now(export)["id"])
    assert outcome(run) == ("Successful", None)
    return dry, run, count_calls(app) - before


def count_calls(app: Segpilot) -> Counter[str]:
    calls = app.simulator.ask("state")["calls"]
    return Counter({endpoint: sum(statuses.values()) for endpoint, statuses in calls.items()})
