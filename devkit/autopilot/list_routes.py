"""Endpoints of lists: all lists, creation, roster, membership."""

from typing import Any

from devkit.autopilot.api import Api, Route
from devkit.autopilot.contacts import ContactList
from devkit.autopilot.replies import Refusal, Reply, json_reply, list_not_found, not_there


def get_lists(api: Api) -> Reply:
    lists = api.account.lists.values()
    return json_reply({"lists": [{"list_id": each.list_id, "title": each.title} for each in lists]})


def create_list(api: Api, body: Any) -> Reply:
    name = body.get("name") if isinstance(body, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise Refusal(400, "No list name provided.")
    if api.switches.duplicate_list == "conflict" and api.account.lists_titled(name):
        raise Refusal(409, "A list with this name already exists.")
    created = api.account.create_list(name)
    return json_reply({"list_id": created.list_id, "name": created.title})


def get_roster(api: Api, list_id: str, bookmark: str | None = None) -> Reply:
    contact_list = api.account.lists.get(list_id)
    if contact_list is None:
        raise not_there()
    return api.page_of(contact_list.members, bookmark)


def check_member(api: Api, list_id: str, id_or_email: str) -> Reply:
    contact = api.contact_at(id_or_email)
    if list_id not in contact.lists:
        raise not_there()
    return json_reply({})


def add_member(api: Api, list_id: str, id_or_email: str) -> Reply:
    contact_list, contact = _list(api, list_id), api.contact_at(id_or_email)
    changed = api.account.join(contact_list, contact)
    api.account.touch([contact])
    return _membership(changed=changed)


def remove_member(api: Api, list_id: str, id_or_email: str) -> Reply:
    contact_list, contact = _list(api, list_id), api.contact_at(id_or_email)
    changed = api.account.leave(contact_list, contact)
    api.account.touch([contact])
    return _membership(changed=changed)


def _list(api: Api, list_id: str) -> ContactList:
    contact_list = api.account.lists.get(list_id)
    if contact_list is None:
        raise list_not_found()
    return contact_list


def _membership(*, changed: bool) -> Reply:
    return json_reply({} if changed else {"not_modified": True})


ROUTES = (
    Route("GET", "/lists", get_lists),
    Route("POST", "/list", create_list, has_body=True),
    Route("GET", "/list/{list_id}/contacts", get_roster),
    Route("GET", "/list/{list_id}/contacts/{bookmark}", get_roster),
    Route("GET", "/list/{list_id}/contact/{id_or_email}", check_member),
    Route("POST", "/list/{list_id}/contact/{id_or_email}", add_member),
    Route("DELETE", "/list/{list_id}/contact/{id_or_email}", remove_member),
)
