"""Contacts of the simulator behave as the reference of the API says."""

import re

import pytest


def test_an_upsert_answers_with_the_id_of_the_contact(call):
    answer = call.upsert(Email="ada@example.com", FirstName="Ada")
    assert answer.status_code == 200
    assert re.fullmatch(r"person_[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", answer.json()["contact_id"])
    assert answer.headers["Content-Type"] == "application/json"


def test_an_upsert_of_a_known_email_changes_that_contact_and_keeps_what_was_not_sent(call):
    first = call.upsert(Email="Ada@Example.com", FirstName="Ada", Company="Engines")
    second = call.upsert(Email="ada@example.com", FirstName="Augusta")
    assert first.json() == second.json()
    contact = call.read("ada@example.com")
    assert (contact["FirstName"], contact["Company"], contact["Email"]) == (
        "Augusta",
        "Engines",
        "ada@example.com",
    )


def test_a_contact_shows_only_keys_that_have_a_value(call):
    call.upsert(Email="ada@example.com", LastName="", Company=None)
    assert call.read("ada@example.com").keys() == {
        "Email",
        "contact_id",
        "api_originated",
        "created_at",
        "updated_at",
    }


def test_contacts_without_an_email_are_created_each_time(call, autopilot):
    assert call.upsert(FirstName="A").json() != call.upsert(FirstName="A").json()
    assert len(autopilot.state.contacts) == 2


def test_fields_with_another_case_than_the_documented_one_are_ignored(call):
    call.upsert(Email="ada@example.com", firstname="Ada", LastName="Lovelace")
    contact = call.read("ada@example.com")
    assert contact["Name"] == "Lovelace"
    assert "firstname" not in contact


def test_custom_fields_are_read_back_with_name_and_type(call):
    call.upsert(
        Email="ada@example.com",
        custom={
            "string--Loyalty--Tier": "gold",
            "integer--Orders": 7,
            "float--CLV": 812.5,
            "boolean--Is--VIP": False,
            "date--Last--Order": "2024-05-01T02:00:00+02:00",
            "date--Born": "1815-12-10",
            "untyped": "ignored",
        },
    )
    fields = call.read("ada@example.com")["custom_fields"]
    assert [(each["kind"], each["fieldType"], each["value"]) for each in fields] == [
        ("Loyalty Tier", "string", "gold"),
        ("Orders", "integer", 7),
        ("CLV", "float", 812.5),
        ("Is VIP", "boolean", False),
        ("Last Order", "date", "2024-05-01T00:00:00.000Z"),
        ("Born", "date", "1815-12-10T00:00:00.000Z"),
    ]
    assert {"name": "Loyalty Tier", "fieldType": "string"} in call("GET", "/contacts/custom_fields").json()


def test_numbers_that_come_as_text_are_read_back_as_numbers(call):
    call.upsert(
        Email="a@example.com", NumberOfEmployees=12, custom={"integer--Orders": "7", "float--CLV": "1.5"}
    )
    contact = call.read("a@example.com")
    assert contact["NumberOfEmployees"] == "12"
    assert [each["value"] for each in contact["custom_fields"]] == [7, 1.5]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("integer--Orders", "many"),
        ("integer--Orders", 1.5),
        ("float--CLV", True),
        ("boolean--VIP", 1),
        ("date--Born", "10/12/1815"),
        ("date--Born", "2024-13-01"),
        ("date--Born", -1),
        ("string--Tags", ["a"]),
    ],
)
def test_a_value_that_is_not_of_its_type_refuses_the_call_and_leaves_no_trace(call, autopilot, key, value):
    answer = call.bulk({"Email": "a@example.com"}, {"Email": "b@example.com", "custom": {key: value}})
    assert answer.status_code == 400
    assert not autopilot.state.contacts
    assert call("GET", "/contacts/custom_fields").json() == []


def test_a_custom_field_keeps_the_type_it_was_created_with(call):
    call.upsert(Email="a@example.com", custom={"integer--Age": 3})
    assert call.upsert(Email="a@example.com", custom={"string--Age": "3"}).status_code == 400


def test_a_new_email_renames_the_contact(call, autopilot):
    contact_id = call.upsert(Email="old@example.com").json()["contact_id"]
    assert (
        call.upsert(Email="old@example.com", _NewEmail="New@example.com").json()["contact_id"] == contact_id
    )
    assert call.read("new@example.com")["contact_id"] == contact_id
    assert call("GET", "/contact/old@example.com").status_code == 404
    assert len(autopilot.state.contacts) == 1


def test_a_new_email_that_somebody_has_is_refused(call):
    call.bulk({"Email": "a@example.com"}, {"Email": "b@example.com"})
    assert call.upsert(Email="a@example.com", _NewEmail="B@example.com").status_code == 409


def test_unsubscribing_shows_and_an_upsert_can_undo_it(call):
    call.upsert(Email="a@example.com")
    assert call("POST", "/contact/a@example.com/unsubscribe").status_code == 200
    assert call.read("a@example.com")["unsubscribed"] is True
    call.upsert(Email="a@example.com", unsubscribed=False)
    assert "unsubscribed" not in call.read("a@example.com")


def test_a_deleted_contact_is_gone_and_cannot_be_deleted_again(call, autopilot):
    call.upsert(Email="a@example.com")
    assert call("DELETE", "/contact/a%40example.com").status_code == 200
    again = call("DELETE", "/contact/a@example.com")
    assert (again.status_code, again.json()["message"]) == (
        404,
        "Could not delete contact as contact could not be found.",
    )
    assert not autopilot.state.contacts


def test_an_address_in_a_path_may_be_raw_encoded_or_in_another_case(call):
    contact_id = call.upsert(Email="ada+x@example.com").json()["contact_id"]
    for path in ("ada+x@example.com", "ada%2Bx%40example.com", "ADA+X@Example.com", contact_id):
        assert call.read(path)["contact_id"] == contact_id


@pytest.mark.parametrize(
    ("path", "status"), [("nobody@example.com", 404), ("person_X", 404), ("nonsense", 400)]
)
def test_a_contact_that_cannot_be_found(call, path, status):
    answer = call("GET", f"/contact/{path}")
    assert answer.status_code == status
    assert answer.json()["message"] in (
        "Contact could not be found.",
        "Invalid contact_id_or_email value provided.",
    )


def test_bulk_answers_with_ids_in_order_and_a_map_by_email(call):
    known = call.upsert(Email="b@example.com").json()["contact_id"]
    answer = call.bulk({"Email": "A@example.com"}, {"Email": "b@example.com"}, {"LastName": "Nobody"}).json()
    by_email = answer["email_contact_map"]
    assert by_email.keys() == {"a@example.com", "b@example.com"}
    assert by_email["b@example.com"] == known
    assert answer["contact_ids"][:2] == [by_email["a@example.com"], known]
    assert len(answer["contact_ids"]) == 3


def test_an_email_twice_in_one_batch_is_one_contact(call, autopilot):
    answer = call.bulk({"Email": "a@example.com", "Title": "1"}, {"Email": "A@example.com", "Title": "2"})
    assert len(set(answer.json()["contact_ids"])) == 1
    assert call.read("a@example.com")["Title"] == "2"


def test_bulk_takes_a_hundred_contacts_and_refuses_one_more(call, autopilot):
    contacts = [{"Email": f"p{number}@example.com"} for number in range(101)]
    assert call.bulk(*contacts).status_code == 400
    assert not autopilot.state.contacts
    assert call.bulk(*contacts[:100]).status_code == 200
    assert len(autopilot.state.contacts) == 100
    assert autopilot.calls.max_contacts_per_call == 101
    assert autopilot.calls.accepted_bulk_calls == 1


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "@example.com", "ada@example", "a b@example.com", "a@b..com", "a@b@c.com", 7]
)
def test_an_invalid_email_refuses_the_whole_batch(call, autopilot, email):
    assert call.bulk({"Email": "good@example.com"}, {"Email": email}).status_code == 400
    assert not autopilot.state.contacts


@pytest.mark.parametrize("body", [{}, {"contacts": []}, {"contacts": "a"}, {"contacts": ["a"]}, ["a"], 1])
def test_a_bulk_body_without_contacts_is_refused(call, body):
    assert call("POST", "/contacts", json=body).status_code == 400


@pytest.mark.parametrize("body", [{}, {"Email": "a@example.com"}, {"contact": []}, []])
def test_a_contact_must_be_wrapped(call, body):
    assert call("POST", "/contact", json=body).status_code == 400


def test_pages_hold_a_hundred_contacts_and_the_last_one_has_no_bookmark(call):
    for start in range(0, 250, 50):
        call.bulk(*({"Email": f"p{start + number}@example.com"} for number in range(50)))
    sizes, ids, path = [], [], "/contacts"
    while path:
        page = call("GET", path).json()
        assert page["total_contacts"] == 250
        sizes.append(len(page["contacts"]))
        ids += [contact["contact_id"] for contact in page["contacts"]]
        path = f"/contacts/{page['bookmark']}" if "bookmark" in page else None
    assert sizes == [100, 100, 50]
    assert ids == sorted(set(ids))


def test_a_full_last_page_has_no_bookmark_either(call):
    call.bulk(*({"Email": f"p{number}@example.com"} for number in range(100)))
    assert "bookmark" not in call("GET", "/contacts").json()


def test_an_unknown_bookmark_gives_the_first_page(call):
    call.upsert(Email="a@example.com")
    assert call("GET", "/contacts/void").json() == call("GET", "/contacts").json()


def test_paging_goes_on_when_the_contact_of_the_bookmark_is_deleted(call):
    call.bulk(*({"Email": f"p{number}@example.com"} for number in range(100)))
    call.upsert(Email="last@example.com")
    page = call("GET", "/contacts").json()
    following = call("GET", f"/contacts/{page['bookmark']}").json()
    call("DELETE", f"/contact/{page['bookmark']}")
    assert call("GET", f"/contacts/{page['bookmark']}").json()["contacts"] == following["contacts"]
