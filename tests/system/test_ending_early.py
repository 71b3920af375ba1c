"""Runs that end early: over a limit, on a file that cannot be used, for a key that is refused, or on request."""

import pytest

from tests.system.driver import Segpilot, make_people
from tests.system.invariants import assert_one_story, left, outcome


def test_a_run_that_waits_for_its_connection_can_be_cancelled(app: Segpilot, tag: str) -> None:
    connection = app.add_connection(max_calls_per_s=5)
    exports = [
        app.add_export({"name": tag, "list_name": f"{tag} {number}"}, connection=connection)
        for number in range(2)
    ]
    app.upload(f"{tag}/people.csv", make_people(range(1_000), tag).data)
    ids = [app.wait_for_start(export) for export in exports]

    def find_waiting() -> str | None:
        stages = {run_id: app.get(f"runs/{run_id}")["stage"] for run_id in ids}
        waiting = [run_id for run_id, stage in stages.items() if stage == "waiting for the connection"]
        return waiting[0] if len(waiting) == 1 else None

    waiting = app.wait_until(find_waiting, "one run to wait for the other")
    app.post(f"runs/{waiting}/cancel")
    cancelled = app.wait_for(waiting, timeout_s=10)
    [other] = [app.wait_for(run_id) for run_id in ids if run_id != waiting]

    assert outcome(cancelled) == ("Canceled", None)
    assert cancelled["counts"]["sent"] == 0
    assert cancelled["started_at"] is None
    assert outcome(other) == ("Successful", None)


def test_a_run_over_the_limit_fails_before_anything_was_sent(app: Segpilot, tag: str) -> None:
    export = app.add_export(tag, connection=app.add_connection(max_profiles_per_run=500))
    app.upload(f"{tag}/people.csv", make_people(range(501), tag).data)

    over = app.wait_for_run(export)

    assert outcome(over) == ("Failed", "over-limit")
    assert "501" in over["failure"]["message"]
    assert "500" in over["failure"]["message"]
    assert app.simulator.list_ids(tag) == []
    assert_one_story(app, over, rows=501)

    fitting = make_people(range(500), tag)
    app.upload(f"{tag}/people.csv", fitting.data)
    within = app.wait_for_run(export, 2)
    assert outcome(within) == ("Successful", None)
    assert_one_story(app, within, fitting.emails, rows=500)


def test_people_in_several_segments_count_once_towards_the_limit(app: Segpilot, tag: str) -> None:
    names = [f"{tag} a", f"{tag} b"]
    app.upload(f"{names[0]}/people.csv", make_people(range(100), tag).data)
    app.upload(f"{names[1]}/people.csv", make_people(range(60, 160), tag).data)
    for name in names:
        app.wait_until(lambda name=name: app.find_segment(name), f"the segment {name}")

    fits = app.add_export(*names, connection=app.add_connection(max_profiles_per_run=160))
    run = app.wait_for(app.run_now(fits)["id"])
    assert outcome(run) == ("Successful", None)
    assert run["counts"]["sent"] == 200
    assert [len(app.simulator.members(name)) for name in names] == [100, 100]
    assert_one_story(app, run, rows=200)

    too_many = app.add_export(*names, connection=app.add_connection(max_profiles_per_run=159))
    over = app.wait_for(app.run_now(too_many)["id"])
    assert outcome(over) == ("Failed", "over-limit")
    assert "160" in over["failure"]["message"]


def test_a_missing_column_fails_the_run_and_names_those_there_are(app: Segpilot, tag: str) -> None:
    export = app.add_export(tag, email_column="Mail")
    app.upload(f"{tag}/people.csv", make_people(range(10), tag).data)

    run = app.wait_for_run(export)

    assert outcome(run) == ("Failed", "column-missing")
    assert "'Mail'" in run["failure"]["message"]
    assert "Email, FirstName, City, Income" in run["failure"]["remedy"]
    assert app.simulator.list_ids(tag) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("people.csv", b""),
        ("people.csv.gz", b"\x1f\x8b\x08\x00 this is no gzip"),
        ("people.csv.gz", b"\x1f\x8b"),
        ("people.parquet", b"PAR1 half a file"),
        ("people.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 4),
        ("people.json", b'[{"Email": "a@example.com"'),
    ],
    ids=["empty", "no gzip", "cut gzip", "cut parquet", "a picture", "cut json"],
)
def test_a_broken_file_sends_nothing_and_says_why(app: Segpilot, tag: str, name: str, data: bytes) -> None:
    export = app.add_export(tag)

    app.upload(f"{tag}/{name}", data)
    run = app.wait_for_run(export, timeout_s=30)

    assert run["status"] == "Failed"
    assert run["failure"]["code"] != "internal", run["failure"]
    assert run["failure"]["message"]
    assert run["failure"]["remedy"]
    assert app.simulator.list_ids(tag) == []
    assert_one_story(app, run)


def test_a_file_with_only_a_header_is_an_empty_segment(app: Segpilot, tag: str) -> None:
    export = app.add_export(tag)

    app.upload(f"{tag}/people.csv", make_people([], tag).data)
    run = app.wait_for_run(export)

    assert outcome(run) == ("Successful", None)
    assert run["counts"]["rows"] == 0
    assert_one_story(app, run)


def test_a_cancelled_run_stops_within_seconds_and_the_next_one_continues(app: Segpilot, tag: str) -> None:
    people = make_people(range(4_000), tag)
    export = app.add_export(tag, connection=app.add_connection(max_calls_per_s=10))
    app.upload(f"{tag}/people.csv", people.data)
    run_id = app.wait_for_start(export)
    app.wait_for_state(run_id, lambda run: run["progress"]["done"] > 0 and run["stage"] == "sending")

    app.post(f"runs/{run_id}/cancel")
    cancelled = app.wait_for(run_id, timeout_s=15)

    assert outcome(cancelled) == ("Canceled", None)
    assert cancelled["cancel_requested_by"]
    assert 0 < cancelled["counts"]["sent"] < 4_000
    assert len(app.simulator.members(tag)) == cancelled["counts"]["sent"]
    assert_one_story(app, cancelled, rows=4_000)

    rest = app.wait_for(app.run_now(export)["id"])
    assert outcome(rest) == ("Successful", None)
    assert rest["counts"]["sent"] == left(cancelled)
    assert_one_story(app, rest, people.emails, rows=4_000)


def test_the_key_may_lie_in_the_vault_already(app: Segpilot, tag: str) -> None:
    people = make_people(range(20), tag)
    app.put_secret(f"own-{tag}", app.stack.autopilot_key)
    connection = app.add_connection(secret_name=f"own-{tag}")
    export = app.add_export(tag, connection=connection)

    app.upload(f"{tag}/people.csv", people.data)
    run = app.wait_for_run(export)

    assert outcome(run) == ("Successful", None)
    assert_one_story(app, run, people.emails, rows=20)
    app.call("DELETE", f"api/exports/{export}")
    assert app.call("DELETE", f"api/connections/{connection}").status_code == 204
    again = app.add_connection(secret_name=f"own-{tag}")
    assert app.post(f"connections/{again}/connect")["status"] == "Connected"


def test_a_wrong_key_fails_the_run_until_it_is_replaced_in_the_vault(app: Segpilot, tag: str) -> None:
    people = make_people(range(20), tag)
    connection = app.add_connection(api_key="not-the-key")
    export = app.add_export(tag, connection=connection)
    app.upload(f"{tag}/people.csv", people.data)

    refused = app.wait_for_run(export)
    assert outcome(refused) == ("Failed", "key-refused")
    assert "key" in refused["failure"]["remedy"]
    assert app.get(f"connections/{connection}")["status"] == "Needs attention"
    assert app.simulator.list_ids(tag) == []

    app.put_secret(app.get(f"connections/{connection}")["secret_name"], app.stack.autopilot_key)
    run = app.wait_for(app.run_now(export)["id"])
    assert outcome(run) == ("Successful", None)
    assert app.get(f"connections/{connection}")["status"] == "Connected"
    assert_one_story(app, run, people.emails, rows=20)
