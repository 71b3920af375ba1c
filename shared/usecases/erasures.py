"""Erasures: someone asks to be forgotten, and the receipts that show it was done."""

import contextlib
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.domain.access import Principal, Role
from shared.domain.email_address import explain_email, normalise_email
from shared.domain.erasure import Erasure, ErasureStatus
from shared.domain.errors import Invalid, NotFound
from shared.domain.identifiers import dated_id, moment_of
from shared.domain.ports import StateBlobs, Stores
from shared.domain.record import Clock
from shared.pipeline import places
from shared.pipeline.journal import Journal

_JUST_NOW = timedelta(hours=1)


class NewErasure(BaseModel):
    """Whom to forget. The address is not kept beyond the erasure."""

    model_config = ConfigDict(extra="forbid")
    email: Annotated[str, StringConstraints(min_length=1, max_length=1_000)] = Field(repr=False)
    suppress: bool = Field(
        default=True, description="Never send this person again, over any connection that there is now."
    )
    everywhere: bool = Field(
        default=False,
        description="Delete the contact at every connection, also where nothing tells that it was ever sent.",
    )


class ErasurePage(BaseModel):
    """Receipts, newest first. ``next`` is given back as ``?after=`` to get the next page."""

    erasures: list[Erasure]
    next: str | None = None


class Erasures:
    """Use cases of erasures. Only administrators have any business with them."""

    def __init__(self, stores: Stores, state: StateBlobs, journal: Journal, clock: Clock) -> None:
        self._stores, self._state, self._journal, self._clock = stores, state, journal, clock

    def request(self, new: NewErasure, principal: Principal) -> Erasure:
        """Take note of a request, which still has to be given to the orchestration. Raises Invalid.

        The journal tells of it without the address.
        """
        with self._journal.audited(principal, "erasure.request") as details:
            principal.require(Role.ADMINISTRATOR)
            email = normalise_email(new.email)
            if email is None:
                raise Invalid(
                    f"This is not an e-mail address that could have been sent ({explain_email(new.email)}).",
                    errors=[{"pointer": "/email", "detail": explain_email(new.email)}],
                    remedy="Give one bare address; docs/email-addresses.md has the rules.",
                )
            now = self._clock()
            erasure = Erasure(id=dated_id("erasure", now), requested_by=principal.name, requested_at=now)
            details |= {"subject": erasure.id, "suppress": new.suppress, "everywhere": new.everywhere}
            self._state.write(places.erasure_subject(erasure.id), email.encode())
            self._stores.erasures.add(erasure.id, erasure)
            return erasure

    def get(self, erasure_id: str, principal: Principal) -> Erasure:
        """Raises NotFound."""
        principal.require(Role.ADMINISTRATOR)
        return self._stores.erasures.get(erasure_id).record

    def page(self, principal: Principal, size: int, after: str | None = None) -> ErasurePage:
        principal.require(Role.ADMINISTRATOR)
        erasures, following = self._stores.erasures.page(size, after)
        return ErasurePage(erasures=erasures, next=following)

    def unfinished(self) -> list[str]:
        """Return the ids of erasures whose address is still kept, but for those that were asked for just now."""
        until = self._clock() - _JUST_NOW
        ids = {name.split("/")[1] for name in self._state.names(places.ALL_ERASURES)}
        return sorted(each for each in ids if (moment_of(each) or until) <= until)

    def abandon(self, erasure_id: str) -> None:
        """Give up an erasure that nobody works on, and forget its address. Nothing happens to one that has ended."""

        def give_up(present: Erasure) -> Erasure:
            if present.status is not ErasureStatus.PROCESSING:
                return present
            problem = "It was interrupted. Ask for it again: what is done already is not lost."
            return present.model_copy(
                update={"status": ErasureStatus.FAILED, "problem": problem, "ended_at": self._clock()}
            )

        with contextlib.suppress(NotFound):
            self._stores.erasures.change(erasure_id, give_up)
        self._state.remove([places.erasure_subject(erasure_id)])
