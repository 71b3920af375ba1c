"""The account that is simulated: its contacts, lists, custom fields, hooks and triggers, all in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from devkit.autopilot.fields import BLANK, CustomFields
from devkit.autopilot.identifiers import iso_time, new_id, now_ms
from devkit.autopilot.roster import Roster

EVERYBODY = {"segment_id": "contactlist_sseg1430000000000", "title": "Everybody"}
TRIGGERS = [{"trigger_id": "0001", "journey": "Simulated journey", "trigger_type": "apiTrigger"}]


@dataclass(slots=True)
class Contact:
    """``fields`` and ``custom`` hold what was sent; ``lists`` ids in order of joining; ``number`` counts from 1."""

    number: int
    contact_id: str
    email: str | None
    fields: dict[str, Any]
    custom: dict[str, Any]
    created_ms: int
    updated_ms: int
    unsubscribed: bool = False
    lists: tuple[str, ...] = ()


@dataclass(slots=True)
class ContactList:
    list_id: str
    title: str
    members: Roster = field(default_factory=Roster)


class Account:
    """Everything the server remembers of its customer. ``touched`` collects contacts for persistence, if any."""

    def __init__(self) -> None:
        self.contacts: dict[str, Contact] = {}
        self.by_email: dict[str, Contact] = {}
        self.roster = Roster()
        self.lists: dict[str, ContactList] = {}
        self.custom_fields = CustomFields()
        self.hooks: dict[str, dict[str, Any]] = {}
        self.triggered: list[tuple[str, str]] = []
        self.touched: dict[int, Contact | None] | None = None
        self._numbers = count(1)

    def find(self, id_or_email: str) -> Contact | None:
        return self.contacts.get(id_or_email) or self.by_email.get(id_or_email.lower())

    def emails_on(self, list_id: str) -> list[str]:
        """Return the sorted e-mails of a list's members. Raises KeyError when there is no such list."""
        emails = (self.contacts[contact_id].email for contact_id in self.lists[list_id].members)
        return sorted(email for email in emails if email is not None)

    def lists_titled(self, title: str) -> list[ContactList]:
        return [each for each in self.lists.values() if each.title == title]

    def create_contact(
        self, email: str | None, fields: dict[str, Any], custom: dict[str, Any], at_ms: int
    ) -> Contact:
        contact = Contact(next(self._numbers), new_id("person"), email, fields, custom, at_ms, at_ms)
        self.admit(contact)
        return contact

    def admit(self, contact: Contact) -> None:
        """Take in a contact that is complete, as one that was stored earlier."""
        self.contacts[contact.contact_id] = contact
        self.roster.add(contact.contact_id)
        if contact.email is not None:
            self.by_email[contact.email] = contact
        for list_id in contact.lists:
            self.lists[list_id].members.add(contact.contact_id)

    def continue_after(self, number: int) -> None:
        """Number the next contact after this one."""
        self._numbers = count(number + 1)

    def rename(self, contact: Contact, email: str) -> None:
        if contact.email is not None:
            del self.by_email[contact.email]
        contact.email = email
        self.by_email[email] = contact

    def touch(self, contacts: Iterable[Contact]) -> None:
        """Note that these contacts changed."""
        if self.touched is not None:
            self.touched.update((contact.number, contact) for contact in contacts)

    def delete_contact(self, contact: Contact) -> None:
        del self.contacts[contact.contact_id]
        self.roster.discard(contact.contact_id)
        if contact.email is not None:
            del self.by_email[contact.email]
        for list_id in contact.lists:
            self.lists[list_id].members.discard(contact.contact_id)
        if self.touched is not None:
            self.touched[contact.number] = None

    def clear(self) -> None:
        """Forget everything, as for a new customer."""
        for contact in tuple(self.contacts.values()):
            self.delete_contact(contact)
        self.lists.clear()
        self.hooks.clear()
        self.triggered.clear()
        self.custom_fields = CustomFields()

    def create_list(self, title: str) -> ContactList:
        created = ContactList(new_id("contactlist"), title)
        self.lists[created.list_id] = created
        return created

    def join(self, contact_list: ContactList, contact: Contact) -> bool:
        """Put the contact on the list; False when it was on it."""
        if not contact_list.members.add(contact.contact_id):
            return False
        contact.lists += (contact_list.list_id,)
        contact.updated_ms = now_ms()
        return True

    def leave(self, contact_list: ContactList, contact: Contact) -> bool:
        """Take the contact off the list; False when it was not on it."""
        if not contact_list.members.discard(contact.contact_id):
            return False
        contact.lists = tuple(list_id for list_id in contact.lists if list_id != contact_list.list_id)
        contact.updated_ms = now_ms()
        return True

    def show(self, contact: Contact) -> dict[str, Any]:
        """Return the contact as the API shows it: keys without a value are absent."""
        shown = {name: value for name, value in contact.fields.items() if value not in BLANK}
        if "NumberOfEmployees" in shown:
            shown["NumberOfEmployees"] = str(shown["NumberOfEmployees"])
        name = " ".join(str(shown[part]) for part in ("FirstName", "LastName") if part in shown)
        optional = {
            "Email": contact.email,
            "Name": name,
            "lists": list(contact.lists),
            "custom_fields": self.custom_fields.read(contact.custom),
            "unsubscribed": contact.unsubscribed,
        }
        return (
            shown
            | {key: value for key, value in optional.items() if value}
            | {
                "contact_id": contact.contact_id,
                "api_originated": True,
                "created_at": iso_time(contact.created_ms),
                "updated_at": iso_time(contact.updated_ms),
            }
        )
