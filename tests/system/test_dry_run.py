"""Dry runs through the host: they count, estimate and show, and send nothing."""

from tests.system.driver import Segpilot, make_people
from tests.system.invariants import outcome


def test_a_dry_run_tells_what_a_real_one_then_does(app: Segpilot, tag: str) -> None:
    connection = app.add_connection(max_calls_per_s=10)
    export = app.add_export(tag, connection=connection, active=False, leavers="remove")
    app.upload(f"{tag}/people.csv", make_people(range(250), tag).data)
    app.wait_until(lambda: app.find_segment(tag), "the segment")

    dry = app.wait_for(app.run_now(export, dry=True)["id"], timeout_s=30)

    assert outcome(dry) == ("Successful", None)
    assert dry["dry"]
    assert (dry["counts"]["new"], dry["counts"]["sent"], dry["counts"]["calls"]) == (250, 0, 1)
    assert dry["estimate"]["calls"] > 3
    assert dry["estimate"]["seconds"] == dry["estimate"]["calls"] / 10
    assert app.simulator.list_ids(tag) == []
    assert app.get(f"connections/{connection}")["status"] == "Draft"
    samples = app.get(f"runs/{dry['id']}/samples")["samples"]
    assert len(samples) == 10
    assert samples[0]["segment"] == tag
    assert samples[0]["body"]["MailingCity"] == "Logroño"
    assert f"{tag}.0@example.com" not in str(samples)
    assert app.get(f"exports/{export}")["last_run"] is None

    real = app.wait_for(app.run_now(export)["id"])
    assert outcome(real) == ("Successful", None)
    assert real["counts"]["sent"] == 250
    assert app.call("GET", f"api/runs/{real['id']}/samples").status_code == 404

    before = app.get(f"segments/{tag}")["snapshot"]
    app.upload(f"{tag}/people.csv", make_people(range(200, 260), tag, moved=[200]).data)
    app.wait_until(
        lambda: app.get(f"segments/{tag}")["snapshot"] != before or None, "the newer file to have arrived"
    )
    dry = app.wait_for(app.run_now(export, dry=True)["id"], timeout_s=30)
    counts = dry["counts"]
    assert (counts["new"], counts["changed"], counts["unchanged"], counts["leavers"]) == (10, 1, 49, 200)
    assert "200 of the 250 people" in dry["warnings"][0]
    assert len(app.simulator.members(tag)) == 250


def test_a_dry_run_goes_on_beside_a_real_one(app: Segpilot, tag: str) -> None:
    export = app.add_export(tag, connection=app.add_connection(max_calls_per_s=5))
    app.upload(f"{tag}/people.csv", make_people(range(3_000), tag).data)
    real = app.wait_for_start(export)
    app.wait_for_state(real, lambda run: run["stage"] == "sending")

    dry = app.wait_for(app.run_now(export, dry=True)["id"], timeout_s=30)

    assert outcome(dry) == ("Successful", None)
    assert app.get(f"runs/{real}")["status"] == "Processing"
    assert outcome(app.wait_for(real)) == ("Successful", None)
