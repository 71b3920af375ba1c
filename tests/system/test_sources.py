"""Drops of other platforms, as the examples of docs/segment-files.md show them, end with the right people on the list."""

import json
import re

import pytest

from tests.source_examples import examples
from tests.system.driver import Json, Segpilot
from tests.system.invariants import outcome

BOTH = ("ana", "ion")
DROPS = {
    "adobe": (
        {"format": "adobe"},
        ["vip/crm_segment7f2a_20260301"],
        "personalEmail_address",
        ("ana", "ioana"),
    ),
    "adobe as JSON": (
        {"format": "adobe"},
        ["vip/crm_segment7f2a_20260302"],
        "personalEmail.address",
        ("ion",),
    ),
    "mparticle": ({"format": "mparticle"}, ["vip/Test-Audience"], "email", ("ana",)),
    "mparticle download": (
        {"format": "mparticle", "mode": "full"},
        ["vip/mParticleAudiences"],
        "email",
        BOTH,
    ),
    "segment": ({"format": "segment"}, ["vip/people_2026"], "email", ("ana",)),
    "segment logs": ({"format": "segment"}, ["segment-logs/"], "email", BOTH),
    "segment download": ({"format": "segment", "mode": "full"}, ["vip/audience_unformatted"], "email", BOTH),
    "rudderstack": ({"format": "rudderstack"}, ["rudder-logs/"], "email", BOTH),
    "census": ({"format": "census", "delimiter": "~"}, ["vip/2026/03/01/census"], "Email", BOTH),
    "hightouch": ({"format": "hightouch"}, ["vip/2026-03/people"], "email", BOTH),
}


def drop(tag: str, *beginnings: str) -> dict[str, bytes]:
    """Return example files with people and a segment of this test's own."""
    changed = examples(lambda text: re.sub(r"(\w+)@example\.(com|org)", rf"\1.{tag}@example.\2", text))
    return {
        f"{tag}/{name.removeprefix('vip/')}": data
        for name, data in changed.items()
        if name.startswith(tuple(beginnings))
    }


def addresses(tag: str, *names: str) -> list[str]:
    return sorted(f"{name}.{tag}@example.com" for name in names)


def declare(app: Segpilot, tag: str, form: Json) -> None:
    answer = app.call("PUT", f"api/segments/{tag}/source", form)
    assert answer.status_code == 200, answer.text
    assert answer.headers["ETag"]


@pytest.mark.parametrize("platform", DROPS)
def test_a_drop_ends_with_its_people_on_the_list(app: Segpilot, tag: str, platform: str) -> None:
    form, beginnings, email_column, names = DROPS[platform]
    declare(app, tag, form)
    export = app.add_export(tag, email_column=email_column, fields=[])

    for name, data in drop(tag, *beginnings).items():
        app.upload(name, data)
    run = app.wait_for_run(export)

    assert outcome(run) == ("Successful", None), run
    assert app.simulator.members(tag) == addresses(tag, *names)
    assert email_column in app.find_segment(tag)["columns"]


def test_a_manifest_of_adobe_completes_the_parts_it_names(app: Segpilot, tag: str) -> None:
    declare(app, tag, {"format": "adobe"})
    export = app.add_export(tag, email_column="personalEmail_address", fields=[])
    parts = drop(tag, "vip/crm_segment7f2a_20260301")
    results = [{"sinkPath": "/x", "name": name.partition("/")[2], "size": len(parts[name])} for name in parts]

    app.upload(f"{tag}/manifest-d0420d72-0ac8f3c0.json", json.dumps({"exportResults": results}).encode())
    for name, data in parts.items():
        app.upload(name, data)
    run = app.wait_for_run(export)

    assert outcome(run) == ("Successful", None)
    assert app.simulator.members(tag) == addresses(tag, "ana", "ioana")
    assert len(app.runs(export)) == 1


def test_an_export_catches_up_on_the_changes_it_did_not_run_for(app: Segpilot, tag: str) -> None:
    declare(app, tag, {"format": "mparticle"})
    for number, name in enumerate(("ana", "ion", "ioana")):
        line = {"IsAddRequest": True, "IdentityValues": {"email": f"{name}.{tag}@example.com"}}
        app.upload(f"{tag}/a_2026-03-01_08-00-0{number}.txt", json.dumps(line).encode())
    gone = {"IsAddRequest": False, "IdentityValues": {"email": f"ion.{tag}@example.com"}}
    app.upload(f"{tag}/a_2026-03-01_09-00-00.txt", json.dumps(gone).encode())
    app.wait_until(lambda: (app.find_segment(tag) or {}).get("files") == 4 or None, "all four files")

    run = app.wait_for(app.run_now(app.add_export(tag, email_column="email", fields=[]))["id"])

    assert outcome(run) == ("Successful", None)
    assert app.simulator.members(tag) == addresses(tag, "ana", "ioana")


def test_deletes_of_a_lake_take_people_off_the_list(app: Segpilot, tag: str) -> None:
    export = app.add_export(tag, email_column="EMail", fields=[], leavers="remove")
    upserts, deletes = (
        drop(tag, "vip/IncrementalData/2026/03/01/08"),
        drop(tag, "vip/IncrementalData/2026/03/01/09"),
    )
    [(first, data)] = upserts.items()
    app.upload(first, data + f"ion.{tag}@example.com,Ion\n".encode())
    assert outcome(app.wait_for_run(export)) == ("Successful", None)
    assert app.simulator.members(tag) == addresses(tag, *BOTH)

    for name, data in deletes.items():
        app.upload(name, data)
    run = app.wait_for_run(export, 2)

    assert outcome(run) == ("Successful", None)
    assert run["counts"]["leavers"] == 1
    assert app.simulator.members(tag) == addresses(tag, "ana")


def test_segments_are_looked_into_declared_and_forgotten_over_http(app: Segpilot, tag: str) -> None:
    app.upload(f"{tag}/people.csv", f"Email~Name\nana.{tag}@example.com~Ana\n".encode())
    app.wait_until(lambda: app.find_segment(tag), "the segment")
    declare(app, tag, {"format": "census", "delimiter": "~"})
    again = app.call("PUT", f"api/segments/{tag}/source", {})
    assert again.status_code == 428

    segment = app.find_segment(tag)
    assert segment["columns"] == ["Email", "Name"]
    sample = app.get(f"segments/{tag}/sample?size=5")
    assert sample == {"columns": ["Email", "Name"], "rows": [["a***@example.com", "Ana"]]}
    [found] = app.get(f"segments?search={tag}&sort=-arrived_at")["segments"]
    assert (found["name"], found["exports"], found["warning"]) == (tag, [], None)

    version = app.call("GET", f"api/segments/{tag}/source").headers["ETag"]
    assert app.call("DELETE", f"api/segments/{tag}/source", headers={"If-Match": version}).status_code == 204
    assert app.find_segment(tag)["columns"] == ["Email~Name"]
    assert app.call("DELETE", f"api/segments/{tag}").status_code == 204
    assert app.find_segment(tag) is None


def test_the_rows_of_a_segment_that_nobody_exports_are_counted(app: Segpilot, tag: str) -> None:
    app.upload(f"{tag}/people.csv", b"Email\nana@example.com\nnobody\n\nion@example.com\n")
    rows = app.wait_until(lambda: (app.find_segment(tag) or {}).get("rows"), "the number of rows")
    assert rows == 3


def test_a_file_that_was_overlooked_is_noticed_when_somebody_asks(app: Segpilot, tag: str) -> None:
    app.arrive(tag, f"Email\nana.{tag}@example.com\n".encode())
    export_id = app.add_export(tag, fields=[])

    answer = app.post(f"segments/{tag}/look")

    assert answer == {"file": f"{tag}/people.csv"}
    run = app.wait_for_run(export_id)
    assert (outcome(run), run["trigger"]) == (("Successful", None), "upload")
    assert app.simulator.members(tag) == addresses(tag, "ana")
    app.post(f"segments/{tag}/look")
    app.wait_until(lambda: app.find_segment(tag)["rows"], "the number of rows")
    assert [each["id"] for each in app.runs(export_id)] == [run["id"]]
    assert app.call("POST", f"api/segments/{tag}-nowhere/look").status_code == 404
