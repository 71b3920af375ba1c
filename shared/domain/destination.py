"""What the core knows of a destination. Only an adapter knows its fields, URLs and body shapes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from shared.domain.export import FieldMapping


class Profile(NamedTuple):
    """One person on the way to a list: what the stage made, what the push needs.

    ``content_hash`` identifies what is sent; ``joins`` is True when the person is to be put on the list; ``origin`` is
    ``[file index, line]``; ``body`` is the destination's own form of the person.
    """

    email: str
    content_hash: int
    joins: bool
    origin: tuple[int, int]
    body: str


class Leaver(NamedTuple):
    """Someone on our ledger who is no longer in the segment."""

    email: str
    contact_id: str


class DestinationList(NamedTuple):
    """A list that exists at the destination."""

    id: str
    title: str


@dataclass(slots=True)
class Outcome:
    """What became of a batch: ``accepted`` maps e-mail to contact id, ``refused`` e-mail to reason code; ``removed``
    are the e-mails of leavers who are off the list now."""

    accepted: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Account:
    """What a successful check saw."""

    name: str | None
    lists: int


class Stopped(Exception):
    """The run was cancelled, or this worker's turn is over: make no further call."""


class Pacer(Protocol):
    """Decides when the next call may start; hears how calls ended. Thread-safe."""

    def wait(self) -> None:
        """Block until a call may start. Raises Stopped."""

    def pause(self, seconds: float) -> None:
        """Wait before a call is repeated. Raises Stopped."""

    def succeeded(self) -> None: ...

    def throttled(self, retry_after_s: float | None) -> None: ...

    def refused(self) -> None:
        """The destination does not want this call, now or later."""

    def failed(self) -> None:
        """There was no answer, or none that makes sense."""


class Encoder(Protocol):
    """Turns one row into the destination's form of a person."""

    columns: tuple[str, ...]
    """The columns it needs, besides the e-mail's. Constants need none."""

    def encode(self, email: str, values: Sequence[object]) -> str:
        """Return the person as compact JSON. ``values`` are those of ``columns``, in their order.

        What a blank value does is up to its mapping; values that do not cast are left out and counted.
        """

    @property
    def dropped(self) -> Mapping[str, int]:
        """How many values of each column did not cast and were left out."""


class Session(Protocol):
    """Talks to one account of a destination with one key. Thread-safe. Retries transient faults itself."""

    @property
    def calls(self) -> int:
        """How many HTTP requests were made so far."""

    @property
    def learnt(self) -> Mapping[str, bool]:
        """What is known about the account by now; less than before when something turned out to be different."""

    @property
    def awaits_proof(self) -> bool:
        """True when what was learnt earlier saves calls, and is yet to be tried with the next people who join."""

    def check(self) -> Account:
        """Raises Unauthorized, Refused or Unavailable."""

    def lists(self) -> list[DestinationList]:
        """Return all lists. Of two with the same title the first one counts."""

    def ensure_list(self, title: str) -> str:
        """Return the id of the list with this title; it is created when there is none."""

    def learn(self, list_id: str, sample: Sequence[Profile]) -> Mapping[str, bool]:
        """Find out, once per account, what cannot be known beforehand. ``sample`` is sent on the way.

        Returns ``learnt``. What was just learnt needs no proof.
        """

    def push(self, list_id: str, batch: Sequence[Profile], outcome: Outcome) -> None:
        """Upsert a batch and put those who join on the list. Safe to repeat.

        ``outcome`` is filled as answers come in, so that it is true also when an error ends the call. A person is
        accepted only when the destination said so and the list has them. A batch that is refused as a whole is
        halved until the person who causes it stands alone. Raises Unauthorized, Refused, Unavailable or Stopped.
        """

    def remove(self, list_id: str, leavers: Sequence[Leaver], outcome: Outcome) -> None:
        """Take people off the list; they stay contacts and nothing else changes. Safe to repeat.

        ``outcome.removed`` gets those who are off it, also those who were before, ``outcome.refused`` the others.
        Raises Unauthorized, Refused, Unavailable or Stopped.
        """

    def delete_contact(self, email: str) -> bool:
        """Delete a person for good. Returns False when there was none. Raises like ``push``."""


class Destination(Protocol):
    """A kind of destination."""

    name: str
    batch_size: int
    standard_fields: tuple[str, ...]

    def ping(self) -> None:
        """Raises Unavailable when nothing answers."""

    def check_mapping(self, fields: Sequence[FieldMapping]) -> list[str]:
        """Return one sentence per mapping that the destination cannot take."""

    def suggest(self, columns: Sequence[str]) -> list[FieldMapping]:
        """Propose a standard field for each column whose name says enough, in English, Spanish or Romanian."""

    def encoder(self, fields: Sequence[FieldMapping]) -> Encoder: ...

    def show(self, body: str) -> dict[str, object]:
        """Return an encoded person for people to look at: a text with an @ is masked, whichever field it is in."""

    def estimate_calls(
        self,
        *,
        sending: Sequence[int],
        joining: int,
        leaving: int,
        new_lists: int,
        learnt: Mapping[str, bool],
    ) -> int:
        """Return how many calls it takes to make lists, to send so many people to each list, of whom some join, and to
        take others off. It is exact when all goes well, and the account is as it was learnt.

        What is not learnt yet is learnt on the way, and counts as if it were of no help.
        """

    def open(
        self,
        read_key: Callable[[bool], str],
        pacer: Pacer,
        learnt: Mapping[str, bool],
        *,
        proven: bool = False,
        accepts_others: Callable[[], bool] = ...,
    ) -> Session:
        """Open a session. ``read_key(fresh)`` gives the API key, from the vault itself when ``fresh``.

        ``proven``: another session has proven in the same run that what was learnt is still true. ``accepts_others``
        tells, when everybody is refused, whether others are accepted: then it is the people, and it goes on.
        """
