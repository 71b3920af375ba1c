"""Upserts, one or many: first everything is checked, then everything is applied, so a refused batch leaves no trace.

Assumed, since no source tells: an e-mail twice in one batch is one contact, last value wins; contacts without
an e-mail are created each time; an unknown ``_autopilot_list`` and unknown fields are ignored; a new e-mail that
another contact has is refused with 409.
"""

import re
from typing import Any

from devkit.autopilot.contacts import Account, Contact
from devkit.autopilot.faults import Faults
from devkit.autopilot.fields import STANDARD
from devkit.autopilot.identifiers import now_ms
from devkit.autopilot.replies import Refusal
from devkit.autopilot.switches import Switches

# The rule of the real server is unknown: one @, no blanks, a domain of two labels or more.
_EMAIL = re.compile(
    r"""[^\s@<>(),;:"\[\]\\]{1,64}@(?:[^\s@<>(),;:"\[\]\\.]+\.)+[^\s@<>(),;:"\[\]\\.]{2,}"""
).fullmatch
_NAMES = ("FirstName", "LastName")


class Upserts:
    def __init__(self, account: Account, switches: Switches, faults: Faults) -> None:
        self._account = account
        self._switches = switches
        self._faults = faults

    def upsert_one(self, raw: Any) -> Contact:
        """Raises Refusal."""
        (contact,) = self._upsert([raw], self._switches.single_list, drop_invalid=False)
        assert contact is not None  # noqa: S101 (tells mypy; cannot be otherwise)
        return contact

    def upsert_many(self, raws: list[Any]) -> list[Contact | None]:
        """Return contacts in order, None for those that were dropped. Raises Refusal."""
        return self._upsert(
            raws, self._switches.bulk_list, drop_invalid=self._switches.invalid_email == "drop"
        )

    def _upsert(self, raws: list[Any], list_rule: str, *, drop_invalid: bool) -> list[Contact | None]:
        created: dict[str, str] = {}
        must_exist = self._switches.custom_fields == "must_exist"
        kept = [self._check(raw, created, must_exist=must_exist, drop_invalid=drop_invalid) for raw in raws]
        if self._switches.contact_limit is not None:
            self._check_limit(raws, kept, self._switches.contact_limit)
        for name, field_type in created.items():
            self._account.custom_fields.create(name, field_type)
        at_ms = now_ms()
        contacts = [
            self._apply(raw, list_rule, at_ms) if keep else None for raw, keep in zip(raws, kept, strict=True)
        ]
        self._account.touch(contact for contact in contacts if contact is not None)
        return contacts

    def _check(self, raw: Any, created: dict[str, str], *, must_exist: bool, drop_invalid: bool) -> bool:
        """Return False when the contact is to be dropped. Raises Refusal."""
        if type(raw) is not dict:
            raise Refusal(400, "A contact must be an object.")
        email = raw.get("Email")
        if email is not None:
            if not is_email(email):
                if drop_invalid:
                    return False
                raise Refusal(400, "Invalid email address provided.")
            raw["Email"] = email = email.lower()
            if email in self._faults.poison:
                raise Refusal(400, "Invalid contact data provided.")
        if "_NewEmail" in raw:
            self._check_new_email(email, raw["_NewEmail"])
        custom = raw.get("custom")
        if custom is not None:
            if type(custom) is not dict:
                raise Refusal(400, "custom must be an object.")
            self._account.custom_fields.check(custom, created, must_exist=must_exist)
        return True

    def _check_new_email(self, email: str | None, new_email: Any) -> None:
        if not is_email(new_email):
            raise Refusal(400, "Invalid email address provided.")
        owner = self._account.by_email.get(new_email.lower())
        if owner is not None and owner.email != email:
            raise Refusal(409, "A contact with this email already exists.")

    def _check_limit(self, raws: list[Any], kept: list[bool], limit: int) -> None:
        known = self._account.by_email
        sent = [raw.get("Email") for raw, keep in zip(raws, kept, strict=True) if keep]
        created = {email for email in sent if email is not None and email not in known}
        if len(self._account.contacts) + len(created) + sent.count(None) > limit:
            raise Refusal(403, "The number of contacts of your plan has been reached.")

    def _apply(self, raw: dict[str, Any], list_rule: str, at_ms: int) -> Contact:
        email = raw.pop("Email", None)
        custom = raw.pop("custom", None) or {}
        extra = {}
        if not raw.keys() <= STANDARD:
            extra = {name: raw.pop(name) for name in tuple(raw) if name not in STANDARD}
        contact = self._account.by_email.get(email) if email is not None else None
        is_new = contact is None
        if contact is None:
            contact = self._account.create_contact(email, raw, custom, at_ms)
        else:
            self._merge(contact, raw, custom)
            contact.updated_ms = at_ms
        if extra:
            self._apply_extra(
                contact, extra, joins=list_rule == "honoured" or (list_rule == "new_only" and is_new)
            )
        return contact

    def _merge(self, contact: Contact, fields: dict[str, Any], custom: dict[str, Any]) -> None:
        if not self._switches.overwrite_names:
            fields = {
                name: value
                for name, value in fields.items()
                if name not in _NAMES or not contact.fields.get(name)
            }
        contact.fields.update(fields)
        contact.custom.update(custom)

    def _apply_extra(self, contact: Contact, extra: dict[str, Any], *, joins: bool) -> None:
        if isinstance(unsubscribed := extra.get("unsubscribed"), bool):
            contact.unsubscribed = unsubscribed
        if joins and (contact_list := self._account.lists.get(str(extra.get("_autopilot_list")))):
            self._account.join(contact_list, contact)
        if "_NewEmail" in extra:
            self._account.rename(contact, extra["_NewEmail"].lower())


def is_email(value: object) -> bool:
    return type(value) is str and _EMAIL(value) is not None
