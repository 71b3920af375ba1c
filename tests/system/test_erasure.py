"""A person is erased: at Autopilot, in the ledgers, and in everything that runs left behind."""

import json
import time

import pytest
import requests

from shared.domain.email_address import email_hash
from shared.domain.masking import mask
from tests.faults.hunting import hunt_storage
from tests.system.driver import Json, Segpilot
from tests.system.invariants import outcome

INSTANCES = "runtime/webhooks/durabletask/instances"
HISTORY = "showInput=true&showHistory=true&showHistoryOutput=true"


def segment_of(*emails: str) -> bytes:
    """Everybody twice, so that there are rejects, and a row that is no address."""
    rows = [f"{email},x" for email in (*emails, *emails)]
    return "\n".join(["Email,FirstName", *rows, "not an address,x"]).encode() + b"\n"


def send(app: Segpilot, tag: str, exports: list[str], data: bytes) -> list[Json]:
    """Upload a file and wait for the runs that it sets off."""
    app.upload(f"{tag}/people.csv", data)
    runs = [app.wait_for_run(export) for export in exports]
    assert [run["failure"] for run in runs] == [None] * len(runs)
    return runs


def known(app: Segpilot, *emails: str) -> set[str]:
    """Return those who are contacts at Autopilot."""
    url, headers = f"{app.stack.autopilot_url}/contact", {"autopilotapikey": app.stack.autopilot_key}
    answers = {email: requests.get(f"{url}/{email}", headers=headers, timeout=30) for email in emails}
    assert {answer.status_code for answer in answers.values()} <= {200, 404}
    return {email for email, answer in answers.items() if answer.ok}


def erase(app: Segpilot, email: str, **options: object) -> Json:
    """Ask for an erasure and wait for its end."""
    answer = app.call("POST", "api/erasures", {"email": email, **options})
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"{app.stack.host_url}/api/erasures/{answer.json()['id']}"
    return wait_for_end(app, answer.json()["id"])


def wait_for_end(app: Segpilot, erasure_id: str) -> Json:
    def look() -> Json | None:
        receipt: Json = app.get(f"erasures/{erasure_id}")
        return None if receipt["status"] == "Processing" else receipt

    return app.wait_until(look, f"the end of {erasure_id}")


def ours(found: list[str]) -> list[str]:
    """The segment container is the customer's own; whoever is suppressed has a hash in the list of the suppressed."""
    return [each for each in found if not each.startswith(("segments/", "segpilot/suppression/"))]


@pytest.fixture
def person(tag: str) -> str:
    """In a domain of her own, so that her masked address is hers alone."""
    return f"jane@{tag}.example.com"


def test_nothing_is_left_of_an_erased_person(app: Segpilot, tag: str, person: str) -> None:
    other = f"bo.{tag}@example.com"
    connections = [app.add_connection(), app.add_connection()]
    lists = [tag, f"{tag}-too"]
    choices = [{"name": tag, "list_name": each} for each in lists]
    exports = [
        app.add_export(choice, connection=each, fields=())
        for choice, each in zip(choices, connections, strict=True)
    ]
    send(app, tag, exports, segment_of(person, other))
    rehearsal = app.post(f"exports/{exports[0]}/runs", {"dry": True, "full": True})
    app.wait_for(rehearsal["id"])
    assert known(app, person, other) == {person, other}
    assert ours(hunt_storage(app, [person]))
    assert ours(hunt_storage(app, [email_hash(person)]))
    assert ours(hunt_storage(app, [mask(person)]))

    receipt = erase(app, f" {person.upper()} ")

    assert (receipt["status"], receipt["suppressed"]) == ("Done", True)
    results = {each["connection_id"]: each["contact"] for each in receipt["connections"]}
    assert sorted(results) == sorted(connections)
    assert sorted(results.values()) == ["deleted", "not found"]
    assert {"ledger rows", "rejects", "row logs"} <= set(receipt["traces"])
    assert known(app, person, other) == {other}
    assert [app.simulator.members(each) for each in lists] == [[other], [other]]
    assert ours(hunt_storage(app, [person, email_hash(person), mask(person)])) == []
    keys = json.loads((app.stack.state / "host" / "keys.json").read_text(encoding="utf-8"))
    key = keys["systemKeys"]["durabletask_extension"]
    for instance in (receipt["id"], *[run["id"] for export in exports for run in app.runs(export)]):
        told = app.call("GET", f"{INSTANCES}/{instance}?{HISTORY}", key=key)
        assert told.ok, told.text
        assert person not in told.text.lower()
        assert email_hash(person) not in told.text
    assert not [each for each in app.heard if person.encode() in each.lower()]
    for part in ("host", "logs"):
        files = [path for path in (app.stack.state / part).rglob("*") if path.is_file()]
        assert files
        assert [path.name for path in files if person.encode() in path.read_bytes().lower()] == []


def test_an_erased_person_is_not_sent_again(app: Segpilot, tag: str, person: str) -> None:
    other = f"bo.{tag}@example.com"
    export = app.add_export(tag, fields=())
    send(app, tag, [export], segment_of(person, other))
    assert known(app, person, other) == {person, other}

    erase(app, person)
    app.wait_for(app.run_now(export, full=True)["id"])
    assert known(app, person, other) == {other}


def test_on_request_a_person_may_come_back(app: Segpilot, tag: str, person: str) -> None:
    export = app.add_export(tag, fields=())
    send(app, tag, [export], segment_of(person))

    assert not erase(app, person, suppress=False)["suppressed"]
    assert known(app, person) == set()
    app.wait_for(app.run_now(export)["id"])
    assert known(app, person) == {person}


def test_an_erasure_waits_for_the_run_that_has_the_connection(app: Segpilot, tag: str, person: str) -> None:
    others = [f"p{number}.{tag}@example.com" for number in range(900)]
    export = app.add_export(tag, connection=app.add_connection(max_calls_per_s=2), fields=())
    app.upload(f"{tag}/people.csv", "\n".join(["Email", person, *others]).encode())
    run = app.wait_for_start(export)
    app.wait_for_state(run, lambda seen: seen["stage"] == "sending")

    receipt = app.post("erasures", {"email": person})
    time.sleep(1)
    assert app.get(f"erasures/{receipt['id']}")["status"] == "Processing"

    ended = wait_for_end(app, receipt["id"])
    assert outcome(app.wait_for(run)) == ("Successful", None)
    assert [each["contact"] for each in ended["connections"]] == ["deleted"]
    assert set(app.simulator.members(tag)) == set(others)
    assert ours(hunt_storage(app, [person])) == []


def test_an_erasure_that_failed_is_done_when_it_is_asked_for_again(
    app: Segpilot, tag: str, person: str
) -> None:
    send(app, tag, [app.add_export(tag, fields=())], segment_of(person))
    app.simulator.order("key", {"key": "another-key"})

    failed = erase(app, person)

    [result] = failed["connections"]
    assert (failed["status"], result["contact"]) == ("Failed", "failed")
    assert "key" in result["message"]
    app.simulator.order("key", {"key": app.stack.autopilot_key})
    assert known(app, person) == {person}

    assert erase(app, person)["status"] == "Done"
    assert known(app, person) == set()
    assert ours(hunt_storage(app, [person])) == []


def test_receipts_are_shown_newest_first_and_without_the_address(app: Segpilot, person: str) -> None:
    made = [erase(app, person)["id"] for _ in range(3)]

    page = app.get("erasures?size=2")
    rest = app.get(f"erasures?size=200&after={page['next']}")

    shown = page["erasures"] + rest["erasures"]
    assert len(page["erasures"]) == 2
    assert {each["id"] for each in shown[:3]} == set(made)
    seconds = [each["requested_at"][:19] for each in shown]
    assert seconds == sorted(seconds, reverse=True)
    assert app.call("GET", "api/erasures/none").status_code == 404
    for refused in ({}, {"email": "nobody"}, {"email": person, "surprise": 1}, {"email": ""}):
        assert app.call("POST", "api/erasures", refused).status_code == 400
    assert not [each for each in app.heard if person.encode() in each]


def test_the_audit_log_shows_who_asked(app: Segpilot, person: str) -> None:
    erasure = erase(app, person)

    def look() -> list[Json] | None:
        entries = app.get("audit?size=1000")["entries"]
        found = [entry for entry in entries if entry["subject"] == erasure["id"]]
        return found if len(found) == 2 else None

    end, request = app.wait_until(look, "the entries on the erasure")
    assert (request["action"], request["result"]) == ("erasure.request", "done")
    assert (end["action"], end["who"]) == ("erasure.end", "erasure")
    assert app.call("GET", "api/audit?day=soon").status_code == 400


def test_the_housekeeping_keeps_what_is_young(app: Segpilot, tag: str, person: str) -> None:
    export = app.add_export(tag, fields=())
    [run] = send(app, tag, [export], segment_of(person))

    assert app.fire("housekeeping", "") == 202

    def look() -> list[Json] | None:
        entries = app.get("audit?size=1000")["entries"]
        return [entry for entry in entries if entry["action"] == "retention.purged"] or None

    noted = app.wait_until(look, "the end of the housekeeping")
    assert noted[0]["failed"] == []
    assert app.get(f"runs/{run['id']}") == run
    assert app.rejects(run["id"])
