"""Runs that would take off or reject too much, through the host: they wait for a person."""

import requests

from tests.system.driver import Json, Segpilot, make_people
from tests.system.invariants import assert_one_story, outcome


def test_an_approved_run_takes_leavers_off_and_a_repeated_approval_does_no_harm(
    app: Segpilot, tag: str
) -> None:
    run = _ask(app, tag)
    members = app.simulator.members(tag)
    assert (run["stage"], run["approval"]["removals"], run["counts"]["leavers"]) == (
        "waiting for approval",
        30,
        30,
    )
    assert "30 of the 40 people" in run["approval"]["reasons"][0]
    assert len(members) == 40

    approved = app.post(f"runs/{run['id']}/approve", {"round": 1})
    assert approved["approval"]["decision"] == "approved"
    done = app.wait_for(run["id"], timeout_s=30)
    again = _decide(app, run, "approve")

    assert outcome(done) == ("Successful", None)
    assert (done["counts"]["removed"], done["counts"]["unchanged"]) == (30, 10)
    assert [step["stage"] for step in done["steps"]] == [
        *("waiting for the connection", "reading", "waiting for approval"),
        *("waiting for the connection", "reading", "sending", "removing", "finishing"),
    ]
    assert again.status_code == 202
    assert _decide(app, run, "refuse").json()["type"] == "urn:segpilot:problem:already-decided"
    assert_one_story(app, done, make_people(range(10), tag).emails, rows=10)


def test_a_refused_run_leaves_everybody_where_they_are(app: Segpilot, tag: str) -> None:
    run = _ask(app, tag)

    app.post(f"runs/{run['id']}/refuse", {})
    refused = app.wait_for(run["id"], timeout_s=15)

    assert outcome(refused) == ("Canceled", None)
    assert "refused" in refused["warnings"][-1]
    assert len(app.simulator.members(tag)) == 40
    late = _decide(app, run, "approve")
    assert (late.status_code, late.json()["type"]) == (409, "urn:segpilot:problem:already-decided")


def test_while_a_run_waits_others_have_the_connection_and_a_newer_file_overtakes_it(
    app: Segpilot, tag: str
) -> None:
    run = _ask(app, tag)
    other = app.add_export(f"{tag} b", connection=run["connection_id"])
    app.upload(f"{tag} b/people.csv", make_people(range(5), tag).data)
    assert outcome(app.wait_for_run(other)) == ("Successful", None)

    app.upload(f"{tag}/people.csv", make_people(range(39), tag).data)
    newer = app.wait_for_run(run["export_id"], 3)
    assert outcome(newer) == ("Successful", None)
    app.post(f"runs/{run['id']}/approve", {})
    skipped = app.wait_for(run["id"], timeout_s=15)

    assert outcome(skipped) == ("Skipped", None)
    assert "newer file" in skipped["warnings"][-1]
    assert set(app.simulator.members(tag)) == set(make_people(range(39), tag).emails)


def test_a_run_that_waits_can_be_cancelled(app: Segpilot, tag: str) -> None:
    run = _ask(app, tag)

    app.post(f"runs/{run['id']}/cancel")
    cancelled = app.wait_for(run["id"], timeout_s=15)

    assert outcome(cancelled) == ("Canceled", None)
    assert len(app.simulator.members(tag)) == 40


def test_too_many_rejects_are_there_to_be_looked_at_before_a_decision(app: Segpilot, tag: str) -> None:
    export = app.add_export(tag, trip_wire={"max_rejects": 2})
    data = make_people(range(5), tag).data + b"nobody,A,B,1\r\nno one,A,B,1\r\n@,A,B,1\r\n"
    app.upload(f"{tag}/people.csv", data)
    run = app.wait_for_state(app.wait_for_start(export), lambda run: run["status"] == "Waiting for approval")

    assert run["approval"]["rejects"] == 3
    assert [row["line"] for row in app.rejects(run["id"])] == ["7", "8", "9"]
    assert app.simulator.list_ids(tag) == []
    app.post(f"runs/{run['id']}/approve", {"round": 1})
    done = app.wait_for(run["id"], timeout_s=30)
    assert outcome(done) == ("Successful with rejects", None)
    assert_one_story(app, done, make_people(range(5), tag).emails, rows=8)


def _ask(app: Segpilot, tag: str) -> Json:
    """Export 40 people, then a file with 10 of them; return the run that waits."""
    export = app.add_export(tag, leavers="remove")
    app.upload(f"{tag}/people.csv", make_people(range(40), tag).data)
    assert outcome(app.wait_for_run(export)) == ("Successful", None)
    app.upload(f"{tag}/people.csv", make_people(range(10), tag).data)
    run_id = app.wait_for_start(export, 2)
    return app.wait_for_state(run_id, lambda run: run["status"] == "Waiting for approval")


def _decide(app: Segpilot, run: Json, verb: str) -> requests.Response:
    return app.call("POST", f"api/runs/{run['id']}/{verb}", {})
