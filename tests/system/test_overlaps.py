"""Things that happen while a run goes on."""

from tests.system.driver import Segpilot, make_people
from tests.system.invariants import assert_one_story, outcome


def test_files_that_follow_each_other_quickly_end_with_the_last_one(app: Segpilot, tag: str) -> None:
    export = app.add_export(tag, connection=app.add_connection(max_calls_per_s=10))
    for number, size in enumerate((1_000, 1_100, 1_200), 1):
        app.upload(f"{tag}/people.csv", make_people(range(size), tag).data)
        run_id = app.wait_for_start(export, number)
        if number == 1:
            app.wait_for_state(run_id, lambda run: run["stage"] == "sending")
    runs = [app.wait_for(run["id"]) for run in app.runs(export)]

    first, overtaken, last = runs
    assert outcome(first) == ("Successful", None)
    assert outcome(overtaken) == ("Skipped", None)
    assert "newer file" in overtaken["warnings"][-1]
    assert overtaken["counts"]["sent"] == 0
    assert outcome(last) == ("Successful", None)
    assert last["counts"]["sent"] == 200
    assert_one_story(app, last, make_people(range(1_200), tag).emails, rows=1_200)


def test_a_file_that_is_removed_before_it_was_read_fails_the_run(app: Segpilot, tag: str) -> None:
    people = make_people(range(10), tag)
    app.arrive(tag, people.data)
    export = app.add_export(tag)
    app.blobs.get_blob_client("segments", f"{tag}/people.csv").delete_blob()

    run = app.wait_for(app.run_now(export)["id"])

    assert outcome(run) == ("Failed", "file-changed")
    assert run["failure"]["remedy"]


def test_a_list_that_was_removed_at_autopilot_is_made_and_filled_again(app: Segpilot, tag: str) -> None:
    people = make_people(range(100), tag)
    export = app.add_export(tag)
    app.upload(f"{tag}/people.csv", people.data)
    app.wait_for_run(export)

    app.simulator.order("reset", {})
    run = app.wait_for(app.run_now(export)["id"])

    assert outcome(run) == ("Successful", None)
    assert run["counts"]["sent"] == 100
    assert_one_story(app, run, people.emails, rows=100)
