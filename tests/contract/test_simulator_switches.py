"""Every uncertain behaviour of the real service can be switched, at start and while the simulator runs."""

import pytest
import requests

from devkit.autopilot import AutopilotSimulator
from devkit.autopilot.rate import TokenBucket


@pytest.mark.parametrize(
    ("rule", "members"),
    [
        ("ignored", []),
        ("new_only", ["new@example.com"]),
        ("honoured", ["known@example.com", "new@example.com"]),
    ],
)
def test_bulk_list_decides_who_joins_in_a_bulk_call(autopilot, call, rule, members):
    autopilot.switches.update({"bulk_list": rule})
    list_id = call.create_list("High value")
    call.upsert(Email="known@example.com")
    call.bulk(*({"Email": f"{who}@example.com", "_autopilot_list": list_id} for who in ("known", "new")))
    assert autopilot.state.emails_on(list_id) == members


def test_single_list_can_spare_known_contacts(autopilot, call):
    autopilot.switches.update({"single_list": "new_only"})
    list_id = call.create_list("High value")
    call.upsert(Email="known@example.com")
    for who in ("known", "new"):
        call.upsert(Email=f"{who}@example.com", _autopilot_list=list_id)
    assert autopilot.state.emails_on(list_id) == ["new@example.com"]


def test_names_can_be_kept(autopilot, call):
    autopilot.switches.update({"overwrite_names": False})
    call.upsert(Email="a@example.com", FirstName="Ada", Title="Ms")
    call.upsert(Email="a@example.com", FirstName="Augusta", LastName="King", Title="Lady")
    contact = call.read("a@example.com")
    assert (contact["Name"], contact["Title"]) == ("Ada King", "Lady")


def test_a_list_name_that_exists_makes_a_second_list_or_a_conflict(autopilot, call):
    assert call.create_list("High value") != call.create_list("High value")
    autopilot.switches.update({"duplicate_list": "conflict"})
    answer = call("POST", "/list", json={"name": "High value"})
    assert (answer.status_code, answer.json()["message"]) == (409, "A list with this name already exists.")
    assert len(autopilot.state.lists) == 2


def test_invalid_emails_can_be_dropped_from_the_answer(autopilot, call):
    autopilot.switches.update({"invalid_email": "drop"})
    answer = call.bulk({"Email": "good@example.com"}, {"Email": "bad"}, {"Email": "fine@example.com"})
    assert answer.json()["email_contact_map"].keys() == {"good@example.com", "fine@example.com"}
    assert len(answer.json()["contact_ids"]) == 2
    assert call.upsert(Email="bad").status_code == 400


def test_all_errors_can_have_the_code_shape(autopilot, call):
    autopilot.switches.update({"error_body": "code"})
    assert call("GET", "/contact/nobody@example.com").json() == {
        "code": "ResourceNotFound",
        "message": "Contact could not be found.",
    }


def test_deleting_can_answer_204_without_a_body(autopilot, call):
    autopilot.switches.update({"delete_status": "204"})
    call.upsert(Email="a@example.com")
    answer = call("DELETE", "/contact/a@example.com")
    assert (answer.status_code, answer.content) == (204, b"")
    assert call("GET", "/lists").status_code == 200


def test_custom_fields_may_have_to_exist(autopilot, call):
    autopilot.switches.update({"custom_fields": "must_exist"})
    contact = {"Email": "a@example.com", "custom": {"string--Loyalty--Tier": "gold"}}
    assert call.bulk(contact).status_code == 400
    assert not autopilot.state.contacts
    call.control("POST", "/custom_fields", json={"name": "Loyalty Tier", "fieldType": "string"})
    assert call.bulk(contact).status_code == 200


def test_the_contact_limit_refuses_new_contacts_but_not_known_ones(autopilot, call):
    autopilot.switches.update({"contact_limit": 2})
    assert call.bulk({"Email": "a@example.com"}, {"Email": "A@example.com"}).status_code == 200
    assert call.bulk({"Email": "b@example.com"}, {"Email": "c@example.com"}).status_code == 403
    assert autopilot.state.by_email.keys() == {"a@example.com"}
    assert call.bulk({"Email": "a@example.com"}, {"Email": "b@example.com"}).status_code == 200
    assert call.upsert(LastName="Nobody").status_code == 403


def test_map_keys_can_be_as_sent(autopilot, call):
    autopilot.switches.update({"map_keys": "as_sent"})
    assert call.bulk({"Email": "Ada@Example.com"}).json()["email_contact_map"].keys() == {"Ada@Example.com"}


def test_the_throttle_refuses_calls_above_the_rate(autopilot, call):
    autopilot.switches.update({"rate": 0.001, "rate_burst": 3})
    answers = [call("GET", "/lists") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert "Retry-After" not in answers[-1].headers
    assert answers[-1].json() == {
        "error": "Too Many Requests",
        "message": "You have exceeded your request rate of 0.001 r/s.",
    }


@pytest.mark.parametrize("value", [3, "86400000", "-5", "soon"])
def test_retry_after_of_the_throttle_can_be_anything(autopilot, call, value):
    autopilot.switches.update({"rate": 0.001, "rate_retry_after": value})
    call("GET", "/lists")
    assert call("GET", "/lists").headers["Retry-After"] == str(value)


def test_the_bucket_refills_with_time_up_to_its_burst():
    now_s = 100.0
    bucket = TokenBucket(lambda: now_s)
    assert [bucket.take(5, 2) for _ in range(3)] == [True, True, False]
    now_s += 0.2
    assert [bucket.take(5, 2) for _ in range(2)] == [True, False]
    now_s += 1_000
    assert [bucket.take(5, 2) for _ in range(3)] == [True, True, False]


def test_without_a_burst_the_bucket_holds_one_second_of_calls_and_at_least_one():
    fast, slow = TokenBucket(lambda: 0.0), TokenBucket(lambda: 0.0)
    assert [fast.take(5, None) for _ in range(6)] == [True] * 5 + [False]
    assert [slow.take(0.1, None) for _ in range(2)] == [True, False]


def test_latency_delays_the_answer_but_not_the_work(autopilot):
    autopilot.switches.update({"latency_ms": 60_000, "latency_jitter_ms": 10})
    contact = {"contact": {"Email": "a@example.com"}}
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{autopilot.url}/v1/contact",
            json=contact,
            headers={"autopilotapikey": autopilot.key},
            timeout=0.5,
        )
    assert "a@example.com" in autopilot.state.by_email


def test_switches_are_read_and_changed_while_it_runs(call):
    changed = call.control(
        "POST", "/switches", json={"bulk_list": "honoured", "rate": 20, "rate_retry_after": None}
    )
    assert changed.status_code == 200
    assert changed.json() == call.control("GET", "/switches").json()
    assert (changed.json()["bulk_list"], changed.json()["rate"]) == ("honoured", 20)
    assert call.control("POST", "/switches", json={"rate": None}).json()["rate"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"nonsense": 1},
        {"bulk_list": "perhaps"},
        {"rate": 0},
        {"rate": -1},
        {"rate": "fast"},
        {"rate": True},
        {"latency_ms": "nan"},
        {"delete_status": 500},
        {"contact_limit": 1.5},
        {"overwrite_names": "maybe"},
        {"rate_retry_after": "1\r\nX: y"},
        [],
    ],
)
def test_a_wrong_switch_is_refused_and_nothing_changes(call, change):
    before = call.control("GET", "/switches").json()
    order = {"map_keys": "as_sent"} | change if isinstance(change, dict) else change
    assert call.control("POST", "/switches", json=order).status_code == 400
    assert call.control("GET", "/switches").json() == before


def test_switches_are_set_at_start():
    with AutopilotSimulator(duplicate_list="conflict", contact_limit="5") as autopilot:
        assert (autopilot.switches.duplicate_list, autopilot.switches.contact_limit) == ("conflict", 5)
    with pytest.raises(ValueError, match="duplicate_list"):
        AutopilotSimulator(duplicate_list="x")
