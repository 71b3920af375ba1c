"""Endpoints of the account itself: smart segments, triggers, account, hooks.

Hooks are registered and listed, but never called. One smart segment exists (everybody), and one trigger.
"""

from typing import Any

from devkit.autopilot.api import Api, Route
from devkit.autopilot.contacts import EVERYBODY, TRIGGERS, Contact
from devkit.autopilot.identifiers import new_id, now_ms
from devkit.autopilot.replies import Refusal, Reply, json_reply, not_there

HOOK_EVENTS = frozenset(
    [
        "contact_added",
        "contact_updated",
        "contact_unsubscribed",
        "contact_unsubscribes",
        "contact_added_to_list",
        "contact_removed_from_list",
        "contact_entered_segment",
        "contact_left_segment",
    ]
)


def get_segments(api: Api) -> Reply:  # noqa: ARG001
    return json_reply({"segments": [EVERYBODY]})


def get_segment_contacts(api: Api, segment_id: str, bookmark: str | None = None) -> Reply:
    if segment_id != EVERYBODY["segment_id"]:
        raise not_there()
    return api.page_of(api.account.roster, bookmark)


def get_triggers(api: Api) -> Reply:  # noqa: ARG001
    return json_reply({"triggers": TRIGGERS})


def trigger_known_contact(api: Api, trigger_id: str, id_or_email: str) -> Reply:
    return _trigger(api, trigger_id, api.contact_at(id_or_email), id_or_email)


def trigger_contact(api: Api, body: Any, trigger_id: str) -> Reply:
    _check_trigger(trigger_id)
    contact = api.upserts.upsert_one(api.contact_in(body))
    return _trigger(api, trigger_id, contact, contact.contact_id)


def _check_trigger(trigger_id: str) -> None:
    if all(trigger["trigger_id"] != trigger_id for trigger in TRIGGERS):
        raise Refusal(404, "Trigger could not be found.")  # the text is assumed


def _trigger(api: Api, trigger_id: str, contact: Contact, id_or_email: str) -> Reply:
    """Answer with the internal job that the real service leaked in 2017."""
    _check_trigger(trigger_id)
    api.account.triggered.append((trigger_id, contact.contact_id))
    return json_reply(
        {
            "bislr_identifier": "simulator",
            "trigger_id": trigger_id,
            "contact_id_or_email": id_or_email,
            "rqType": "API",
            "terminated": False,
            "taskCounter": 1,
            "chunkUuid": new_id("chunk"),
            "previousSteps": [],
            "stepUuid": new_id("step"),
            "apiContact": api.account.show(contact) | {"_id": f"contacts_{contact.contact_id}"},
        }
    )


def get_account(api: Api) -> Reply:  # noqa: ARG001
    return json_reply(
        {"instanceId": "SIMULATOR", "fullName": "Autopilot Simulator", "email": "owner@autopilot.example"}
    )


def create_hook(api: Api, body: Any) -> Reply:
    if not isinstance(body, dict) or not isinstance(body.get("event"), str):
        raise Refusal(400, "Invalid data provided to register REST Hook.")
    event, target_url = body["event"], body.get("target_url")
    if event not in HOOK_EVENTS:
        raise Refusal(400, "Invalid event provided to register REST Hook.")
    if not isinstance(target_url, str) or not target_url.startswith(("http://", "https://")):
        raise Refusal(400, "Invalid target_url provided to register REST Hook.")
    if any((hook["event"], hook["target_url"]) == (event, target_url) for hook in api.account.hooks.values()):
        raise Refusal(409, "A REST Hook with this target_url already exists.")
    hook_id = new_id("hook")
    api.account.hooks[hook_id] = {
        "hook_id": hook_id,
        "event": event,
        "target_url": target_url,
        "created_at": now_ms(),
    }
    return json_reply({"hook_id": hook_id}, 201)


def get_hooks(api: Api) -> Reply:
    return json_reply({"hooks": list(api.account.hooks.values())})


def delete_hook(api: Api, hook_id: str) -> Reply:
    if api.account.hooks.pop(hook_id, None) is None:
        raise Refusal(404, "REST Hook could not be found.")  # the text is assumed
    return json_reply({})


def delete_hooks(api: Api) -> Reply:
    api.account.hooks.clear()
    return json_reply({})


ROUTES = (
    Route("GET", "/smart_segments", get_segments),
    Route("GET", "/smart_segments/{segment_id}/contacts", get_segment_contacts),
    Route("GET", "/smart_segments/{segment_id}/contacts/{bookmark}", get_segment_contacts),
    Route("GET", "/triggers", get_triggers),
    Route("POST", "/trigger/{trigger_id}/contact", trigger_contact, has_body=True),
    Route("POST", "/trigger/{trigger_id}/contact/{id_or_email}", trigger_known_contact),
    Route("GET", "/account", get_account),
    Route("POST", "/hook", create_hook, has_body=True),
    Route("GET", "/hooks", get_hooks),
    Route("DELETE", "/hook/{hook_id}", delete_hook),
    Route("DELETE", "/hooks", delete_hooks),
)
