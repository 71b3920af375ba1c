"""People who leave a segment, through the host: they go off the list, nothing else happens to them, and they may return."""

from urllib.parse import quote

import requests

from tests.system.driver import Json, Segpilot, make_people
from tests.system.invariants import assert_one_story, outcome

REMOVING: Json = {"leavers": "remove", "trip_wire": {"max_removals_share": None}}


def test_people_leave_and_return_and_an_unsubscribed_one_stays_unsubscribed(app: Segpilot, tag: str) -> None:
    everybody, some = make_people(range(40), tag), make_people(range(15, 40), tag)
    export = app.add_export(tag, **REMOVING)
    app.upload(f"{tag}/people.csv", everybody.data)
    first = app.wait_for_run(export)
    assert outcome(first) == ("Successful", None)
    assert "this is the first run" in first["warnings"][0]
    unsubscribe(app, f"{tag}.3@example.com")

    app.upload(f"{tag}/people.csv", some.data)
    left = app.wait_for_run(export, 2)
    assert outcome(left) == ("Successful", None)
    assert (left["counts"]["leavers"], left["counts"]["removed"], left["counts"]["sent"]) == (15, 15, 0)
    assert_one_story(app, left, some.emails, rows=25)
    assert is_unsubscribed(app, f"{tag}.3@example.com")

    app.upload(f"{tag}/people.csv", everybody.data)
    back = app.wait_for_run(export, 3)
    assert (back["counts"]["new"], back["counts"]["leavers"]) == (15, 0)
    assert_one_story(app, back, everybody.emails, rows=40)
    assert is_unsubscribed(app, f"{tag}.3@example.com")
    assert not is_unsubscribed(app, f"{tag}.4@example.com")


def test_whoever_another_segment_wants_on_the_same_list_stays_on_it(app: Segpilot, tag: str) -> None:
    one, other = f"{tag} a", f"{tag} b"
    app.upload(f"{one}/people.csv", make_people(range(10), tag).data)
    app.upload(f"{other}/people.csv", make_people(range(5, 15), tag).data)
    for name in (one, other):
        app.wait_until(lambda name=name: app.find_segment(name), f"the segment {name}")
    segments = [{"name": name, "list_name": tag} for name in (one, other)]
    export = app.add_export(*segments, **REMOVING)
    app.wait_for(app.run_now(export)["id"])
    assert members(app, tag) == make_people(range(15), tag).emails

    app.upload(f"{one}/people.csv", make_people(range(1), tag).data)
    run = app.wait_for_run(export, 2)
    assert outcome(run) == ("Successful", None)
    assert (run["counts"]["leavers"], run["counts"]["removed"]) == (4, 4)
    assert members(app, tag) == make_people([0, *range(5, 15)], tag).emails

    app.upload(f"{other}/people.csv", make_people(range(14, 15), tag).data)
    run = app.wait_for_run(export, 3)
    assert run["counts"]["removed"] == 9
    assert members(app, tag) == make_people([0, 14], tag).emails


def test_a_delta_takes_off_only_whom_it_names(app: Segpilot, tag: str) -> None:
    declared = app.call("PUT", f"api/segments/{tag}/source", {"format": "adobe", "mode": "delta"})
    assert declared.ok, declared.text
    export = app.add_export(tag, fields=(), **REMOVING)
    app.upload(f"{tag}/1.csv", memberships(tag, dict.fromkeys(range(10), "realized")))
    assert outcome(app.wait_for_run(export)) == ("Successful", None)

    app.upload(f"{tag}/2.csv", memberships(tag, {3: "expired", 20: "realized", 21: "expired"}))
    run = app.wait_for_run(export, 2)

    assert outcome(run) == ("Successful", None)
    assert (run["counts"]["removed"], run["counts"]["new"]) == (1, 1)
    assert "they hold changes" in run["warnings"][0]
    assert members(app, tag) == make_people([0, 1, 2, *range(4, 10), 20], tag).emails


def test_suppressed_people_go_off_the_list_and_are_not_unsubscribed(app: Segpilot, tag: str) -> None:
    everybody = make_people(range(20), tag)
    export = app.add_export(tag, **REMOVING)
    app.upload(f"{tag}/people.csv", everybody.data)
    first = app.wait_for_run(export)
    person = f"{tag}.7@example.com"
    app.post(f"connections/{first['connection_id']}/suppression", {"add": [person.upper()]})

    run = app.wait_for(app.run_now(export)["id"])

    assert outcome(run) == ("Successful", None)
    assert (run["rejected"], run["counts"]["removed"]) == ({"suppressed": 1}, 1)
    assert members(app, tag) == everybody.emails - {person}
    assert not is_unsubscribed(app, person)


def test_a_new_field_is_sent_for_those_who_have_a_value(app: Segpilot, tag: str) -> None:
    people = [f"{tag}.{number}@example.com,Ana,{'Ours' if number < 10 else ''}" for number in range(100)]
    app.arrive(tag, "\n".join(["Email,FirstName,Company", *people, ""]).encode())
    first = {"field": "FirstName", "column": "FirstName"}
    export = app.add_export(tag, fields=[first])
    app.wait_for(app.run_now(export)["id"])

    present = app.get(f"exports/{export}")
    edited = {key: present[key] for key in ("name", "connection_id", "email_column", "segments")} | {
        "fields": [first, {"field": "Company", "column": "Company"}]
    }
    answer = app.call("PUT", f"api/exports/{export}", edited, headers={"If-Match": "*"})
    assert answer.ok, answer.text
    run = app.wait_for(app.run_now(export)["id"])

    assert outcome(run) == ("Successful", None)
    assert (run["counts"]["changed"], run["counts"]["unchanged"], run["counts"]["sent"]) == (10, 90, 10)
    assert contact(app, f"{tag}.9@example.com")["Company"] == "Ours"
    assert app.wait_for(app.run_now(export)["id"])["counts"]["sent"] == 0


def memberships(tag: str, statuses: dict[int, str]) -> bytes:
    rows = [f"{tag}.{number}@example.com,{status}" for number, status in statuses.items()]
    return "\n".join(["Email,segmentMembership.status", *rows, ""]).encode()


def members(app: Segpilot, title: str) -> set[str]:
    return set(app.simulator.members(title))


def contact(app: Segpilot, email: str) -> Json:
    return app.simulator.ask(f"contacts/{email}")


def is_unsubscribed(app: Segpilot, email: str) -> bool:
    """Autopilot shows it of those only who are."""
    return contact(app, email).get("unsubscribed", False)


def unsubscribe(app: Segpilot, email: str) -> None:
    """What a person does with the link in a mail."""
    requests.post(
        f"{app.stack.autopilot_url}/contact/{quote(email)}/unsubscribe",
        headers={"autopilotapikey": app.stack.autopilot_key},
        timeout=30,
    ).raise_for_status()
