"""Lists, segments, triggers, account and hooks of the simulator behave as the reference of the API says."""

import re

import pytest

from devkit.autopilot.contacts import ContactList


def test_a_new_list_has_a_name_when_created_and_a_title_among_all_lists(call):
    created = call("POST", "/list", json={"name": "High value"}).json()
    assert created.keys() == {"list_id", "name"}
    assert re.fullmatch(r"contactlist_[0-9A-F-]{36}", created["list_id"])
    assert call("GET", "/lists").json() == {"lists": [{"list_id": created["list_id"], "title": "High value"}]}


@pytest.mark.parametrize("body", [{}, {"name": " "}, {"name": 1}, []])
def test_a_list_needs_a_name(call, body):
    assert call("POST", "/list", json=body).status_code == 400


def test_joining_and_leaving_say_when_nothing_changed(call, autopilot):
    list_id = call.create_list("High value")
    call.upsert(Email="a@example.com")
    member = f"/list/{list_id}/contact/a@example.com"
    assert call("GET", member).status_code == 404
    assert [call("POST", member).json() for _ in range(2)] == [{}, {"not_modified": True}]
    assert call("GET", member).status_code == 200
    assert autopilot.state.emails_on(list_id) == ["a@example.com"]
    assert call.read("a@example.com")["lists"] == [list_id]
    assert [call("DELETE", member).json() for _ in range(2)] == [{}, {"not_modified": True}]
    assert autopilot.state.emails_on(list_id) == []
    assert "lists" not in call.read("a@example.com")


def test_a_post_without_body_may_claim_to_be_a_form(call, autopilot):
    list_id = call.create_list("High value")
    call.upsert(Email="a@example.com")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert call("POST", f"/list/{list_id}/contact/a@example.com", headers=form).status_code == 200
    assert autopilot.state.emails_on(list_id) == ["a@example.com"]


def test_missing_lists_and_people_are_told_apart(call):
    list_id = call.create_list("High value")
    call.upsert(Email="a@example.com")
    for method in ("POST", "DELETE"):
        no_list = call(method, "/list/contactlist_none/contact/a@example.com")
        assert (no_list.status_code, no_list.json()["message"]) == (404, "List does not exist.")
        nobody = call(method, f"/list/{list_id}/contact/nobody@example.com")
        assert (nobody.status_code, nobody.json()["message"]) == (404, "Contact could not be found.")
    for path in ("/list/contactlist_none/contacts", f"/list/{list_id}/contact/a@example.com"):
        answer = call("GET", path)
        assert (answer.status_code, answer.json()) == (404, {})


def test_the_roster_is_paged_and_tolerates_a_trailing_slash(call):
    list_id = call.create_list("High value")
    for number in range(105):
        call.upsert(Email=f"p{number}@example.com", _autopilot_list=list_id)
    call.upsert(Email="other@example.com")
    first = call("GET", f"/list/{list_id}/contacts/").json()
    second = call("GET", f"/list/{list_id}/contacts/{first['bookmark']}").json()
    assert (len(first["contacts"]), len(second["contacts"])) == (100, 5)
    assert first["total_contacts"] == second["total_contacts"] == 105
    assert "bookmark" not in second


def test_list_ids_with_spaces_are_found_encoded_or_raw(call, autopilot):
    list_id = "contactlist_Sunset Contacts"
    autopilot.state.lists[list_id] = ContactList(list_id, "Sunset")
    call.upsert(Email="a@example.com")
    assert call("POST", "/list/contactlist_Sunset%20Contacts/contact/a%40example.com").json() == {}
    assert call("GET", f"/list/{list_id}/contact/a@example.com").status_code == 200


def test_a_single_upsert_puts_the_contact_on_the_list_named_inside_it(call, autopilot):
    list_id = call.create_list("High value")
    call.upsert(Email="a@example.com", _autopilot_list=list_id)
    call("POST", "/contact", json={"contact": {"Email": "b@example.com"}, "_autopilot_list": list_id})
    call.upsert(Email="c@example.com", _autopilot_list="contactlist_none")
    assert autopilot.state.emails_on(list_id) == ["a@example.com"]


def test_unsubscribing_does_not_take_off_the_list_but_deleting_does(call, autopilot):
    list_id = call.create_list("High value")
    for email in ("a@example.com", "b@example.com"):
        call.upsert(Email=email, _autopilot_list=list_id)
    call("POST", "/contact/a@example.com/unsubscribe")
    call("DELETE", "/contact/b@example.com")
    assert autopilot.state.emails_on(list_id) == ["a@example.com"]


def test_the_smart_segment_holds_everybody(call):
    call.upsert(Email="a@example.com")
    (segment,) = call("GET", "/smart_segments").json()["segments"]
    assert call("GET", f"/smart_segments/{segment['segment_id']}/contacts").json()["total_contacts"] == 1
    assert call("GET", "/smart_segments/contactlist_sseg1/contacts").status_code == 404


def test_a_trigger_takes_a_known_contact_or_upserts_one(call, autopilot):
    (trigger,) = call("GET", "/triggers").json()["triggers"]
    path = f"/trigger/{trigger['trigger_id']}/contact"
    call.upsert(Email="a@example.com")
    assert call("POST", f"{path}/a@example.com", json={"property": {"x": 1}}).json()["rqType"] == "API"
    assert call("POST", path, json={"contact": {"Email": "b@example.com"}}).status_code == 200
    assert call("POST", "/trigger/9999/contact/a@example.com").status_code == 404
    ids = [autopilot.state.by_email[email].contact_id for email in ("a@example.com", "b@example.com")]
    assert autopilot.state.triggered == [("0001", contact_id) for contact_id in ids]


def test_the_account_says_whose_it_is(call):
    assert call("GET", "/account").json().keys() == {"instanceId", "fullName", "email"}


def test_hooks_are_registered_once_listed_and_removed(call):
    hook = {"event": "contact_added", "target_url": "https://hooks.example/a"}
    created = call("POST", "/hook", json=hook)
    assert created.status_code == 201
    assert call("POST", "/hook", json=hook).status_code == 409
    (listed,) = call("GET", "/hooks").json()["hooks"]
    assert listed == hook | {"hook_id": created.json()["hook_id"], "created_at": listed["created_at"]}
    assert call("DELETE", f"/hook/{listed['hook_id']}").status_code == 200
    assert call("DELETE", f"/hook/{listed['hook_id']}").status_code == 404
    call("POST", "/hook", json=hook)
    assert call("DELETE", "/hooks").status_code == 200
    assert call("GET", "/hooks").json() == {"hooks": []}


@pytest.mark.parametrize(
    "body", [{}, [], {"event": "nonsense", "target_url": "https://a"}, {"event": "contact_added"}]
)
def test_hooks_need_an_event_and_a_target(call, body):
    assert call("POST", "/hook", json=body).status_code == 400
