"""What every endpoint works with: the account, the switches, and how a page or a contact in a path is read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devkit.autopilot.calls import CallLog
from devkit.autopilot.contacts import Account, Contact
from devkit.autopilot.replies import Refusal, Reply, contact_not_found, json_reply
from devkit.autopilot.roster import Roster
from devkit.autopilot.switches import Switches
from devkit.autopilot.upserts import Upserts, is_email


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. ``answer(api, [body], *path parameters)`` returns a Reply or raises Refusal."""

    method: str
    pattern: str
    answer: Callable[..., Reply]
    has_body: bool = False

    @property
    def name(self) -> str:
        return f"{self.method} {self.pattern}"


@dataclass(slots=True)
class Api:
    account: Account
    switches: Switches
    upserts: Upserts
    calls: CallLog

    def contact_at(self, id_or_email: str, missing: Refusal | None = None) -> Contact:
        """Return the contact that a path names. Raises Refusal: 400 when it is neither id nor e-mail, 404."""
        contact = self.account.find(id_or_email)
        if contact is None:
            if not id_or_email.startswith("person_") and not is_email(id_or_email):
                raise Refusal(400, "Invalid contact_id_or_email value provided.")
            raise missing or contact_not_found()
        return contact

    def contact_in(self, body: Any) -> Any:
        """Return what ``{"contact": …}`` wraps. Raises Refusal."""
        if not isinstance(body, dict) or "contact" not in body:
            raise Refusal(400, "No contact provided.")
        return body["contact"]

    def page_of(self, roster: Roster, bookmark: str | None) -> Reply:
        """Answer with a page of contacts; ``bookmark`` is absent from the last one."""
        ids, following = roster.page(bookmark)
        page: dict[str, Any] = {
            "contacts": [self.account.show(self.account.contacts[contact_id]) for contact_id in ids],
            "total_contacts": len(roster),
        }
        if following is not None:
            page["bookmark"] = following
        return json_reply(page)
