"""Exports from end to end: a file is uploaded, and its people are on the Autopilot list."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devkit.local.report import count_rejects
from devkit.local.source import SAMPLE_FIELDS
from devkit.sample_data import write_segment
from tests.system.driver import Json, Segpilot, make_people
from tests.system.invariants import assert_one_story, outcome


def test_an_upload_puts_its_people_on_the_list(app: Segpilot, tag: str) -> None:
    people = make_people(range(1_000), tag)
    export = app.add_export(tag)

    app.upload(f"{tag}/people.csv", people.data)
    run = app.wait_for_run(export)

    assert outcome(run) == ("Successful", None)
    assert run["trigger"] == "upload"
    assert run["counts"]["sent"] == 1_000
    assert_one_story(app, run, people.emails, rows=1_000)
    contact = app.simulator.ask(f"contacts/{tag}.7@example.com")
    assert (contact["FirstName"], contact["MailingCity"]) == ("Ana7", "Logroño")
    assert [(field["kind"], field["value"]) for field in contact["custom_fields"]] == [("Income", 1007.5)]


def test_only_what_changed_is_sent_again_and_a_full_run_sends_everybody(app: Segpilot, tag: str) -> None:
    first = make_people(range(1_000), tag)
    export = app.add_export(tag)
    app.upload(f"{tag}/people.csv", first.data)
    app.wait_for_run(export)

    calls = app.simulator.outcomes("POST /contacts")
    app.upload(f"{tag}/people.csv", first.data)
    unchanged = app.wait_for_run(export, 2)
    assert outcome(unchanged) == ("Successful", None)
    assert (unchanged["counts"]["sent"], unchanged["counts"]["unchanged"]) == (0, 1_000)
    assert app.simulator.outcomes("POST /contacts") == calls
    assert_one_story(app, unchanged, first.emails, rows=1_000)

    edited = make_people(range(1_000), tag, moved=range(400, 500))
    app.upload(f"{tag}/people.csv", edited.data)
    changed = app.wait_for_run(export, 3)
    assert outcome(changed) == ("Successful", None)
    assert (changed["counts"]["sent"], changed["counts"]["changed"]) == (100, 100)
    assert app.simulator.ask(f"contacts/{tag}.450@example.com")["MailingCity"] == "Cluj-Napoca"
    assert_one_story(app, changed, first.emails, rows=1_000)

    full = app.wait_for(app.run_now(export, full=True)["id"])
    assert outcome(full) == ("Successful", None)
    assert full["counts"]["sent"] == 1_000
    assert_one_story(app, full, first.emails, rows=1_000)


def test_everything_that_goes_wrong_in_real_files_is_accounted_for(
    app: Segpilot, tag: str, tmp_path: Path
) -> None:
    written = write_segment(tmp_path / "people.csv.gz", 2_500)
    export = app.add_export(tag, email_column="EmailAddress", fields=SAMPLE_FIELDS)

    app.upload(f"{tag}/people.csv.gz", (tmp_path / "people.csv.gz").read_bytes())
    run = app.wait_for_run(export)

    assert outcome(run) == ("Successful with rejects", None)
    assert run["counts"]["profiles"] == written.people
    assert run["rejected"] == count_rejects(written)
    assert run["dropped_values"] == {
        "AnnualIncome": written.bad_incomes,
        "BirthDate": written.bad_birth_dates,
    }
    assert_one_story(app, run, rows=written.rows)
    assert len(app.simulator.members(tag)) == written.people


def test_rejects_name_the_line_and_are_masked_and_safe_in_a_spreadsheet(app: Segpilot, tag: str) -> None:
    rows = ["Email,FirstName,City,Income", f"{tag}@example.com,A,B,1", "=1+1@@example.com,A,B,1", ",A,B,1"]
    rows += [f"{tag.upper()}@EXAMPLE.com,A,B,1", "only,two"]
    export = app.add_export(tag)
    app.upload(f"{tag}/people.csv", "\n".join(rows).encode())
    run = app.wait_for_run(export)

    rejects = {row["line"]: row for row in app.rejects(run["id"])}

    assert {line: row["reason"] for line, row in rejects.items() if line != "3"} == {
        "4": "email_blank",
        "5": "duplicate_email",
        "6": "too_few_fields",
    }
    assert rejects["3"]["value"].startswith("'=")
    assert rejects["5"]["value"] == f"{tag[0]}***@example.com"
    assert {(row["segment"], row["file"]) for row in rejects.values()} == {(tag, f"{tag}/people.csv")}
    assert_one_story(app, run, [f"{tag}@example.com"], rows=5)


def test_someone_whom_autopilot_refuses_is_a_reject_and_the_others_get_through(
    app: Segpilot, tag: str
) -> None:
    people = make_people(range(300), tag)
    bad = f"{tag}.150@example.com"
    app.simulator.order("faults", {"faults": [], "poison": [bad]})
    export = app.add_export(tag)

    app.upload(f"{tag}/people.csv", people.data)
    run = app.wait_for_run(export)

    assert outcome(run) == ("Successful with rejects", None)
    assert (run["counts"]["sent"], run["counts"]["refused"]) == (299, 1)
    assert [(row["line"], row["column"]) for row in app.rejects(run["id"])] == [("152", "Email")]
    assert set(app.simulator.members(tag)) == people.emails - {bad}
    assert_one_story(app, run, rows=300)

    app.simulator.order("faults", {"clear": True, "poison": []})
    again = app.wait_for(app.run_now(export)["id"])
    assert again["counts"]["sent"] == 1
    assert_one_story(app, again, people.emails, rows=300)


def test_a_request_that_is_repeated_with_its_key_starts_one_run(app: Segpilot, tag: str) -> None:
    people = make_people(range(50), tag)
    export = app.add_export(tag)
    app.upload(f"{tag}/people.csv", people.data)
    app.wait_for_run(export)

    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda _: app.run_now(export, request_key="again"), range(8)))
    run = app.wait_for(asked[0]["id"])

    assert {each["id"] for each in asked} == {run["id"]}
    assert outcome(run) == ("Successful", None)
    assert run["trigger"] == "on demand"
    assert app.run_now(export, request_key="again")["id"] == run["id"]
    assert len(app.runs(export)) == 2
    other = app.wait_for(app.run_now(export, request_key="another")["id"])
    assert other["id"] != run["id"]
    assert_one_story(app, other, people.emails)


def test_runs_of_one_connection_come_one_after_the_other(app: Segpilot, tag: str) -> None:
    people = make_people(range(500), tag)
    connection = app.add_connection()
    exports = [
        app.add_export({"name": tag, "list_name": f"{tag} {number}"}, connection=connection)
        for number in range(2)
    ]
    app.simulator.order("switches", {"latency_ms": 200})

    app.upload(f"{tag}/people.csv", people.data)
    runs = sorted((app.wait_for_run(export) for export in exports), key=lambda run: run["started_at"])

    assert [outcome(run) for run in runs] == [("Successful", None)] * 2
    assert runs[0]["ended_at"] <= runs[1]["started_at"]
    for run in runs:
        assert_one_story(app, run, people.emails, rows=500)


def test_an_arrival_that_is_announced_again_starts_nothing(app: Segpilot, tag: str) -> None:
    people = make_people(range(20), tag)
    export = app.add_export(tag)
    app.upload(f"{tag}/people.csv", people.data)
    first = app.wait_for_run(export)

    for _ in range(3):
        assert app.fire("segment_arrived", f"segments/{tag}/people.csv") == 202
    app.upload(f"{tag}/people.csv", people.data)
    second = app.wait_for_run(export, 2)

    assert [run["id"] for run in app.runs(export)] == [first["id"], second["id"]]
    assert_one_story(app, second, people.emails, rows=20)


def test_a_file_that_no_export_wants_is_a_segment_all_the_same(app: Segpilot, tag: str) -> None:
    name = f"{tag} Núñez & Söhne #1"
    app.upload(f"{name}/people.csv", make_people(range(3), tag).data)

    segment = app.wait_until(lambda: app.find_segment(name), "the segment")

    assert segment["name"] == name
    assert name in {each["name"] for each in app.get(f"segments?search={tag}")["segments"]}
    export = app.add_export(name)
    run = app.wait_for(app.run_now(export)["id"])
    assert outcome(run) == ("Successful", None)
    assert app.find_segment(name)["profiles"] == 3


@pytest.mark.parametrize("dialect", ["ignored", "new_only"])
def test_everybody_is_on_the_list_however_bulk_calls_treat_lists(
    app: Segpilot, tag: str, dialect: str
) -> None:
    known = make_people(range(50), tag)
    elsewhere = app.add_export({"name": tag, "list_name": f"{tag} elsewhere"})
    app.upload(f"{tag}/people.csv", known.data)
    app.wait_for_run(elsewhere)
    app.call("DELETE", f"api/exports/{elsewhere}")
    app.simulator.order("switches", {"bulk_list": dialect})
    export = app.add_export(tag)

    run = app.wait_for(app.run_now(export)["id"])
    assert outcome(run) == ("Successful", None)
    assert_one_story(app, run, known.emails, rows=50)

    more = make_people(range(60), tag)
    joins = app.simulator.outcomes("POST /list/{list_id}/contact/{id_or_email}")
    app.upload(f"{tag}/people.csv", more.data)
    second = app.wait_for_run(export, 2)
    assert outcome(second) == ("Successful", None)
    assert (second["counts"]["new"], second["counts"]["sent"]) == (10, 10)
    assert app.simulator.outcomes("POST /list/{list_id}/contact/{id_or_email}") - joins == 10
    assert_one_story(app, second, more.emails, rows=60)


def test_a_segment_that_has_not_arrived_is_a_warning_of_a_run_with_others(app: Segpilot, tag: str) -> None:
    app.arrive(tag, make_people(range(5), tag).data)
    export = app.add_export(tag, f"{tag} later")

    run: Json = app.wait_for(app.run_now(export)["id"])

    assert outcome(run) == ("Successful", None)
    assert [warning for warning in run["warnings"] if f"{tag} later" in warning]
