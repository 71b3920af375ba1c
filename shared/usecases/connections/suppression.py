"""Suppression: who is never sent over a connection. Only hashes of addresses are kept."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.domain.access import Principal, Role
from shared.domain.email_address import email_hash, normalise_email
from shared.domain.errors import Conflict, Invalid, NotFound
from shared.domain.ports import StateBlobs, Stores
from shared.domain.suppression import (
    MAX_SUPPRESSED,
    amend_suppressed,
    count_suppressed,
    is_suppressed,
)
from shared.pipeline import places
from shared.pipeline.journal import Journal

MAX_ENTRIES = 10_000
_MAX_NAMED = 100
_is_hash = re.compile(r"[0-9a-f]{64}", re.ASCII).fullmatch

Entry = Annotated[str, StringConstraints(max_length=320)]


class SuppressionChange(BaseModel):
    """E-mail addresses, or SHA-256 hashes (64 hexadecimal digits) of addresses in lower case without blanks around
    them; up to 10,000 in all."""

    model_config = ConfigDict(extra="forbid")
    add: list[Entry] = Field(default_factory=list, max_length=MAX_ENTRIES)
    remove: list[Entry] = Field(default_factory=list, max_length=MAX_ENTRIES)


class Address(BaseModel):
    """One e-mail address."""

    model_config = ConfigDict(extra="forbid")
    email: Entry


class SuppressionState(BaseModel):
    """How many people are suppressed, and when that last changed."""

    count: int
    updated_at: datetime | None


class SuppressionFinding(BaseModel):
    suppressed: bool


class Suppression:
    """Use cases of suppression, for administrators. Nobody can read the list itself: it holds no addresses."""

    def __init__(self, stores: Stores, state: StateBlobs, journal: Journal) -> None:
        self._stores, self._state, self._journal = stores, state, journal

    def show(self, connection_id: str, principal: Principal) -> SuppressionState:
        self._require(connection_id, principal)
        place = places.suppression(connection_id)
        changed = next((at for name, at in self._state.changed_at(place) if name == place), None)
        return SuppressionState(count=count_suppressed(self._read(connection_id)), updated_at=changed)

    def change(self, connection_id: str, change: SuppressionChange, principal: Principal) -> SuppressionState:
        """Suppress some people and no longer others. Raises Invalid that names what is no address and no hash."""
        with self._journal.audited(principal, "suppression.change", connection_id) as details:
            self._require(connection_id, principal)
            if len(change.add) + len(change.remove) > MAX_ENTRIES:
                raise Invalid(f"At most {MAX_ENTRIES:,} people can be named at once.")
            add, remove = _hashes(change)
            details.update(added=len(add), removed=len(remove))

            def amended(present: bytes | None) -> bytes:
                wanted = amend_suppressed(present or b"", add=add, remove=remove)
                if count_suppressed(wanted) > MAX_SUPPRESSED:
                    raise Conflict(
                        f"A connection can suppress {MAX_SUPPRESSED:,} people.",
                        code="suppression-full",
                        remedy="Leave people out of the segment instead, or remove some from the list.",
                    )
                return wanted

            self._state.change(places.suppression(connection_id), amended)
        return self.show(connection_id, principal)

    def check(self, connection_id: str, address: Address, principal: Principal) -> SuppressionFinding:
        """Tell whether somebody is suppressed. Raises Invalid for what is no e-mail address."""
        self._require(connection_id, principal)
        normalised = normalise_email(address.email)
        if normalised is None:
            raise Invalid(
                "This is not one e-mail address.",
                errors=[{"pointer": "/email", "detail": "not an e-mail address"}],
            )
        suppressed = is_suppressed(self._read(connection_id), email_hash(normalised))
        return SuppressionFinding(suppressed=suppressed)

    def _require(self, connection_id: str, principal: Principal) -> None:
        self._stores.connections.get(connection_id)
        principal.require(Role.ADMINISTRATOR)

    def _read(self, connection_id: str) -> bytes:
        try:
            return self._state.read(places.suppression(connection_id))
        except NotFound:
            return b""


def _hashes(change: SuppressionChange) -> tuple[set[str], set[str]]:
    """Return what is to be added and to be removed. Raises Invalid that points at every entry that is wrong."""
    add, remove = _read_entries(change.add), _read_entries(change.remove)
    wrong = [
        {"pointer": f"/{part}/{number}", "detail": "neither an e-mail address nor a SHA-256 hash"}
        for part, entries in (("add", add), ("remove", remove))
        for number, entry in enumerate(entries)
        if entry is None
    ]
    if wrong:
        raise Invalid(
            f"{len(wrong):,} of the entries are neither an e-mail address nor a SHA-256 hash.",
            errors=wrong[:_MAX_NAMED],
            remedy="Mend them; nothing was changed.",
        )
    adding, removing = {entry for entry in add if entry}, {entry for entry in remove if entry}
    if adding & removing:
        raise Invalid("Somebody is to be added and removed at once.", remedy="Decide for one of them.")
    return adding, removing


def _read_entries(entries: Sequence[str]) -> list[str | None]:
    return [_read_entry(entry) for entry in entries]


def _read_entry(entry: str) -> str | None:
    if _is_hash(wanted := entry.strip().lower()):
        return wanted
    normalised = normalise_email(entry)
    return email_hash(normalised) if normalised is not None else None
