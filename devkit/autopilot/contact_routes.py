"""Endpoints of contacts: upsert, bulk upsert, get, delete, unsubscribe, paging, custom fields."""

from typing import Any

from devkit.autopilot.api import Api, Route
from devkit.autopilot.identifiers import now_ms
from devkit.autopilot.replies import Refusal, Reply, json_reply

MAX_BULK = 100


def upsert_contact(api: Api, body: Any) -> Reply:
    contact = api.upserts.upsert_one(api.contact_in(body))
    return json_reply({"contact_id": contact.contact_id})


def upsert_contacts(api: Api, body: Any) -> Reply:
    raws = body.get("contacts") if isinstance(body, dict) else None
    if not isinstance(raws, list) or not raws:
        raise Refusal(400, "No contacts provided.")
    api.calls.saw_bulk(len(raws))
    if len(raws) > MAX_BULK:
        raise Refusal(400, f"No more than {MAX_BULK} contacts are allowed.")
    sent = [raw.get("Email") if isinstance(raw, dict) else None for raw in raws]
    contacts = api.upserts.upsert_many(raws)
    accepted = [
        (email, contact) for email, contact in zip(sent, contacts, strict=True) if contact is not None
    ]
    as_sent = api.switches.map_keys == "as_sent"
    return json_reply(
        {
            "contact_ids": [contact.contact_id for _, contact in accepted],
            "email_contact_map": {
                email if as_sent else email.lower(): contact.contact_id
                for email, contact in accepted
                if email is not None
            },
            "_removeResultKeys": ["proposedContacts"],  # leaks from the real service too (recorded in 2017)
        },
        contacts=len(raws),
    )


def get_contact(api: Api, id_or_email: str) -> Reply:
    return json_reply(api.account.show(api.contact_at(id_or_email)))


def delete_contact(api: Api, id_or_email: str) -> Reply:
    contact = api.contact_at(
        id_or_email, Refusal(404, "Could not delete contact as contact could not be found.")
    )
    api.account.delete_contact(contact)
    return Reply(204) if api.switches.delete_status == 204 else json_reply({})


def unsubscribe_contact(api: Api, id_or_email: str) -> Reply:
    contact = api.contact_at(id_or_email)
    contact.unsubscribed = True
    contact.updated_ms = now_ms()
    api.account.touch([contact])
    return json_reply({})


def get_contacts(api: Api, bookmark: str | None = None) -> Reply:
    return api.page_of(api.account.roster, bookmark)


def get_custom_fields(api: Api) -> Reply:
    types = api.account.custom_fields.types
    return json_reply([{"name": name, "fieldType": field_type} for name, field_type in types.items()])


ROUTES = (
    Route("POST", "/contact", upsert_contact, has_body=True),
    Route("POST", "/contacts", upsert_contacts, has_body=True),
    Route("GET", "/contact/{id_or_email}", get_contact),
    Route("DELETE", "/contact/{id_or_email}", delete_contact),
    Route("POST", "/contact/{id_or_email}/unsubscribe", unsubscribe_contact),
    Route("GET", "/contacts", get_contacts),
    Route("GET", "/contacts/custom_fields", get_custom_fields),
    Route("GET", "/contacts/{bookmark}", get_contacts),
)
