"""What the control endpoints tell about the simulator."""

import pytest


def test_the_state_counts_contacts_lists_and_calls(call):
    list_id = call.create_list("High value")
    call.upsert(Email="a@example.com", _autopilot_list=list_id)
    call.bulk({"Email": "a@example.com"}, {"Email": "b@example.com"})
    call.bulk({"Email": "bad"})
    assert call.control("GET", "/state").json() == {
        "contacts": 2,
        "lists": [{"list_id": list_id, "title": "High value", "size": 1}],
        "calls": {
            "POST /list": {"200": 1},
            "POST /contact": {"200": 1},
            "POST /contacts": {"200": 1, "400": 1},
        },
        "accepted_bulk_calls": 1,
        "max_contacts_per_call": 2,
    }


def test_members_of_a_list_are_told_sorted(call):
    list_id = call.create_list("High value")
    for who in ("c", "a", "b"):
        call.upsert(Email=f"{who}@example.com", _autopilot_list=list_id)
    call.upsert(LastName="Nobody", _autopilot_list=list_id)
    expected = ["a@example.com", "b@example.com", "c@example.com"]
    assert call.control("GET", f"/lists/{list_id}/emails").json() == expected
    assert call.control("GET", "/lists/contactlist_none/emails").status_code == 404


def test_all_members_of_a_list_are_shown_as_the_api_shows_them(call):
    list_id = call.create_list("High value")
    call.upsert(Email="a@example.com", FirstName="Ada", _autopilot_list=list_id)
    call.upsert(Email="b@example.com")
    assert call.control("GET", f"/lists/{list_id}/contacts").json() == [call.read("a@example.com")]


def test_a_contact_is_shown_as_the_api_shows_it(call):
    call.upsert(Email="a@example.com", FirstName="Ada")
    assert call.control("GET", "/contacts/a@example.com").json() == call.read("a@example.com")
    assert call.control("GET", "/contacts/b@example.com").status_code == 404


def test_the_call_log_goes_on_after_a_number_and_holds_no_key(autopilot, call):
    call("GET", "/lists")
    call.bulk({"Email": "a@example.com"})
    log = call.control("GET", "/calls")
    assert [(each["endpoint"], each["outcome"], each["contacts"]) for each in log.json()] == [
        ("GET /lists", "200", 0),
        ("POST /contacts", "200", 1),
    ]
    assert autopilot.key not in log.text
    assert call.control("GET", f"/calls?since={log.json()[0]['number']}").json() == log.json()[1:]


def test_a_reset_forgets_everything_but_switches_and_key(autopilot, call):
    call.upsert(
        Email="a@example.com", _autopilot_list=call.create_list("High value"), custom={"string--A": "b"}
    )
    autopilot.faults.add("throttle")
    autopilot.switches.update({"bulk_list": "honoured"})
    assert call.control("POST", "/reset").status_code == 200
    assert call.control("GET", "/state").json() == {
        "contacts": 0,
        "lists": [],
        "calls": {},
        "accepted_bulk_calls": 0,
        "max_contacts_per_call": 0,
    }
    assert call("GET", "/contacts").json() == {"contacts": [], "total_contacts": 0}
    assert call("GET", "/contacts/custom_fields").json() == []
    assert autopilot.switches.bulk_list == "honoured"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/key", {}),
        ("POST", "/key", {"key": 1}),
        ("POST", "/custom_fields", {"name": "A"}),
        ("POST", "/custom_fields", {"name": "A", "fieldType": "colour"}),
        ("POST", "/faults", []),
        ("POST", "/faults", {"nonsense": 1}),
        ("GET", "/calls?since=x", None),
    ],
)
def test_orders_that_make_no_sense_are_refused(call, method, path, body):
    assert call.control(method, path, json=body).status_code == 400


def test_unknown_control_paths_are_not_found(call):
    assert call.control("GET", "/nothing").status_code == 404
