"""Faults on demand: what the client sees, and whether the work was done all the same."""

import pytest
import requests

from devkit.autopilot.faults import Faults
from tests.contract.autopilot_caller import Caller, exchange


def statuses(call, count):
    return [call.upsert(Email="a@example.com").status_code for _ in range(count)]


def test_a_fault_befalls_the_next_calls_of_its_endpoint_only(autopilot, call):
    autopilot.faults.add("server_error", times=2, on="POST /contact", status=502)
    assert call("GET", "/lists").status_code == 200
    assert statuses(call, 3) == [502, 502, 200]


@pytest.mark.parametrize(("applied", "contacts"), [(False, 0), (True, 1)])
@pytest.mark.parametrize("kind", ["server_error", "garbage"])
def test_server_errors_and_garbage_may_hide_that_the_work_was_done(autopilot, call, kind, applied, contacts):
    autopilot.faults.add(kind, times=1, applied=applied)
    call.upsert(Email="a@example.com")
    assert len(autopilot.state.contacts) == contacts


@pytest.mark.parametrize("status", [500, 502, 503])
def test_server_errors_have_a_body_of_the_documented_shape(autopilot, call, status):
    autopilot.faults.add("server_error", times=1, status=status)
    answer = call("GET", "/lists")
    assert answer.status_code == status
    assert answer.json().keys() == {"error", "message"}


@pytest.mark.parametrize("retry_after", [None, 2, "99999999", "-1", "tomorrow"])
def test_throttling_comes_with_or_without_retry_after(autopilot, call, retry_after):
    autopilot.faults.add("throttle", times=1, retry_after=retry_after)
    answer = call.upsert(Email="a@example.com")
    assert answer.status_code == 429
    assert answer.headers.get("Retry-After") == (None if retry_after is None else str(retry_after))
    assert not autopilot.state.contacts


@pytest.mark.parametrize(("kind", "contacts"), [("reset_before", 0), ("reset_after", 1)])
def test_a_reset_ends_the_connection_before_or_after_the_work(autopilot, call, kind, contacts):
    autopilot.faults.add(kind, times=1)
    with pytest.raises(requests.ConnectionError, match="reset"):
        call.upsert(Email="a@example.com")
    assert len(autopilot.state.contacts) == contacts
    assert call.upsert(Email="a@example.com").status_code == 200


def test_a_timeout_does_the_work_and_closes_without_an_answer(autopilot):
    autopilot.faults.add("timeout", times=1, seconds=0.01)
    body = b'{"contact":{"Email":"a@example.com"}}'
    request = f"POST /v1/contact HTTP/1.1\r\nautopilotapikey: {autopilot.key}\r\nContent-Length: {len(body)}\r\n\r\n"
    assert exchange(autopilot, request.encode() + body) == b""
    assert "a@example.com" in autopilot.state.by_email


def test_a_slow_list_creation_answers_with_a_message_and_no_id(autopilot, call):
    autopilot.faults.add("slow_list", times=1, seconds=0.01)
    answer = call("POST", "/list", json={"name": "High value"})
    assert (answer.status_code, answer.json().keys()) == (200, {"message"})
    assert [each.title for each in autopilot.state.lists.values()] == ["High value"]


def test_garbage_is_a_page_with_status_200(autopilot, call):
    autopilot.faults.add("garbage", times=1)
    answer = call("GET", "/lists")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html")
    assert answer.text.startswith("<html>")


def test_a_poisoned_email_refuses_its_batch_in_any_case(autopilot, call):
    call.control("POST", "/faults", json={"poison": ["Bad@example.com"]})
    assert call.bulk({"Email": "a@example.com"}, {"Email": "BAD@example.com"}).status_code == 400
    assert call.upsert(Email="bad@example.com").status_code == 400
    assert call.bulk({"Email": "a@example.com"}).status_code == 200
    assert autopilot.state.by_email.keys() == {"a@example.com"}


def test_a_key_can_be_replaced_and_revoked(autopilot, call):
    assert call.control("POST", "/key", json={"key": "new"}).status_code == 200
    assert call("GET", "/lists").status_code == 401
    assert Caller(autopilot)("GET", "/lists").status_code == 200
    call.control("POST", "/key", json={"key": None})
    assert call("GET", "/lists").status_code == 401
    assert (
        requests.get(f"{autopilot.url}/v1/lists", headers={"autopilotapikey": "new"}, timeout=20).status_code
        == 401
    )


def test_faults_are_ordered_listed_and_cleared_while_it_runs(call):
    order = {"faults": [{"kind": "throttle", "times": 3, "retry_after": 1}], "poison": ["a@example.com"]}
    listed = call.control("POST", "/faults", json=order).json()
    assert listed == call.control("GET", "/faults").json()
    assert (listed["faults"][0]["times"], listed["poison"]) == (3, ["a@example.com"])
    call("GET", "/lists")
    assert call.control("GET", "/faults").json()["faults"][0]["times"] == 2
    assert call.control("POST", "/faults", json={"clear": True}).json() == {"faults": [], "poison": []}
    assert call("GET", "/lists").status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"kind": "nonsense"},
        {"kind": "throttle", "nonsense": 1},
        {"kind": "server_error", "status": 404},
        {"kind": "throttle", "times": 0},
        {"kind": "throttle", "probability": 2},
        {"kind": "timeout", "seconds": -1},
        "throttle",
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_and_nothing_changes(call, fault):
    order = {"poison": ["a@example.com"], "faults": [{"kind": "throttle"}, fault]}
    assert call.control("POST", "/faults", json=order).status_code == 400
    assert call.control("GET", "/faults").json() == {"faults": [], "poison": []}


def test_the_same_seed_gives_the_same_faults():
    def fates(seed):
        faults = Faults(seed)
        faults.add("reset_before", probability=0.5)
        return [faults.draw("POST /contacts") is not None for _ in range(200)]

    assert fates(7) == fates(7)
    assert fates(7) != fates(8)
    assert 60 < sum(fates(7)) < 140


def test_faults_and_throttling_are_counted_by_what_the_client_saw(autopilot, call):
    autopilot.faults.add("reset_after", times=1)
    autopilot.faults.add("throttle", times=1)
    with pytest.raises(requests.ConnectionError):
        call("GET", "/lists")
    call("GET", "/lists")
    call("GET", "/lists")
    assert call.control("GET", "/state").json()["calls"]["GET /lists"] == {
        "reset_after": 1,
        "429": 1,
        "200": 1,
    }
