"""``/control``: see and change the simulator while it runs. Needs no key; the server listens on loopback only."""

from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from devkit.autopilot.contacts import Account
from devkit.autopilot.faults import Faults
from devkit.autopilot.http_parser import Request
from devkit.autopilot.replies import Reply, json_reply
from devkit.autopilot.routes import Gate
from devkit.autopilot.switches import Switches


class Control:
    def __init__(self, account: Account, switches: Switches, faults: Faults, gate: Gate) -> None:
        self._account = account
        self._switches = switches
        self._faults = faults
        self._gate = gate

    def answer(self, request: Request) -> Reply:
        """``request.path`` starts with ``/control``."""
        steps = [unquote(step) for step in request.path.split("/") if step][1:]
        try:
            return self._answer(request, steps)
        except (ValueError, TypeError, KeyError) as error:
            return json_reply({"error": "Bad Request", "message": str(error)}, 400)

    def _answer(self, request: Request, steps: list[str]) -> Reply:
        match request.method, *steps:
            case "GET", "state":
                return json_reply(self.describe())
            case "GET", "calls":
                since = parse_qs(request.query).get("since", ["0"])[0]
                return json_reply(self._gate.calls.since(int(since)))
            case "GET", "lists", list_id, "emails" if list_id in self._account.lists:
                return json_reply(self._account.emails_on(list_id))
            case "GET", "lists", list_id, "contacts" if list_id in self._account.lists:
                members = self._account.lists[list_id].members
                return json_reply([self._account.show(self._account.contacts[each]) for each in members])
            case "GET", "contacts", email if contact := self._account.find(email):
                return json_reply(self._account.show(contact))
            case "GET", "switches":
                return json_reply(self._switches.as_dict())
            case "POST", "switches":
                self._switches.update(_order_in(request))
                return json_reply(self._switches.as_dict())
            case "GET", "faults":
                return json_reply(self._faults.as_dict())
            case "POST", "faults":
                self._faults.change(_order_in(request))
                return json_reply(self._faults.as_dict())
            case "POST", "key":
                self._gate.key = _key_in(_order_in(request))
                return json_reply({})
            case "POST", "custom_fields":
                order = _order_in(request)
                self._account.custom_fields.create(order["name"], order["fieldType"])
                return json_reply({})
            case "POST", "reset":
                self.reset()
                return json_reply({})
        return json_reply({"error": "Not Found", "message": "There is no such thing."}, 404)

    def reset(self) -> None:
        """Forget contacts, lists, fields, hooks, calls and faults; switches and key stay as they are."""
        self._account.clear()
        self._faults.clear()
        self._gate.calls.clear()

    def describe(self) -> dict[str, Any]:
        calls = self._gate.calls
        return {
            "contacts": len(self._account.contacts),
            "lists": [
                {"list_id": each.list_id, "title": each.title, "size": len(each.members)}
                for each in self._account.lists.values()
            ],
            "calls": {endpoint: dict(outcomes) for endpoint, outcomes in calls.outcomes.items()},
            "accepted_bulk_calls": calls.accepted_bulk_calls,
            "max_contacts_per_call": calls.max_contacts_per_call,
        }


def _order_in(request: Request) -> dict[str, Any]:
    order = orjson.loads(request.body)
    if not isinstance(order, dict):
        raise ValueError("the body must be a JSON object")
    return order


def _key_in(order: dict[str, Any]) -> str | None:
    """``{"key": "…"}`` replaces the key, ``{"key": null}`` revokes it."""
    key = order["key"]
    if not (key is None or (isinstance(key, str) and key)):
        raise ValueError("key must be a text, or null")
    return key
