"""Autopilot as a destination: lists, batches of 100, and what must be learnt about an account."""

import threading
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from urllib.parse import quote

import orjson
import requests

from shared.adapters.autopilot.client import AutopilotClient, AutopilotRefusal
from shared.adapters.autopilot.encoder import STANDARD_FIELDS, ContactEncoder, check_mapping
from shared.adapters.autopilot.http_pool import HttpPool
from shared.adapters.autopilot.suggestions import suggest_fields
from shared.domain.destination import Account, DestinationList, Leaver, Outcome, Pacer, Profile
from shared.domain.errors import Refused, Unavailable
from shared.domain.export import FieldMapping
from shared.domain.masking import mask

_LIST_IN_BULK = "list_in_bulk"
_PING_TIMEOUT_S = 5
_LIST_CREATIONS = 3
_LIST_POLLS = 20
_LIST_POLL_S = 2.0
_HOPELESS_AFTER = 100
_LEARNING_CALLS = 4
_FORBIDDEN, _NOT_FOUND, _CONFLICT = 403, 404, 409


class Autopilot:
    """At most 100 contacts go in one call (Autopilot developer blog, July 2015)."""

    name = "autopilot"
    batch_size = 100
    standard_fields: tuple[str, ...] = STANDARD_FIELDS

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._url, self._http = url.rstrip("/"), HttpPool(url, timeout_s=timeout_s)

    def ping(self) -> None:
        """Any answer will do: a call without a key is refused, but not left unanswered."""
        try:
            requests.get(f"{self._url}/account", timeout=_PING_TIMEOUT_S)
        except requests.RequestException as problem:
            raise Unavailable(
                f"Autopilot cannot be reached ({type(problem).__name__}).",
                remedy="Check the setting AUTOPILOT_URL and the app's way out to the internet.",
            ) from None

    def check_mapping(self, fields: Sequence[FieldMapping]) -> list[str]:
        return check_mapping(fields)

    def suggest(self, columns: Sequence[str]) -> list[FieldMapping]:
        return suggest_fields(columns)

    def encoder(self, fields: Sequence[FieldMapping]) -> ContactEncoder:
        return ContactEncoder(fields)

    def show(self, body: str) -> dict[str, object]:
        return _masked(orjson.loads(body))

    def estimate_calls(
        self,
        *,
        sending: Sequence[int],
        joining: int,
        leaving: int,
        new_lists: int,
        learnt: Mapping[str, bool],
    ) -> int:
        """Where the bulk call does not put people on lists, or nobody knows, each of them takes a call of its own;
        where it does, one of them is looked up."""
        making = new_lists + 1 if new_lists else 0
        bulk = sum(ceil(people / self.batch_size) for people in sending)
        if not joining:
            return making + bulk + leaving
        learning = 0 if _LIST_IN_BULK in learnt else _LEARNING_CALLS
        return making + bulk + leaving + learning + (1 if learnt.get(_LIST_IN_BULK) else joining)

    def open(
        self,
        read_key: Callable[[bool], str],
        pacer: Pacer,
        learnt: Mapping[str, bool],
        *,
        proven: bool = False,
        accepts_others: Callable[[], bool] = lambda: False,
    ) -> "AutopilotSession":
        client = AutopilotClient(self._http, read_key, pacer)
        return AutopilotSession(client, pacer, learnt, proven=proven, accepts_others=accepts_others)


class AutopilotSession:
    """One account, one key. ``learnt[list_in_bulk]`` tells whether the bulk call honours ``_autopilot_list``."""

    def __init__(
        self,
        client: AutopilotClient,
        pacer: Pacer,
        learnt: Mapping[str, bool],
        *,
        proven: bool,
        accepts_others: Callable[[], bool],
    ) -> None:
        self._client, self._pacer = client, pacer
        self._list_in_bulk, self._bulk_proven = learnt.get(_LIST_IN_BULK), proven
        self._list_ids: dict[str, str] | None = None
        self._accepts_others = accepts_others
        self._anyone_accepted, self._refused_singly, self._lock = False, 0, threading.Lock()
        self._proving = threading.Lock()
        self._proof_lock = threading.Lock()

    @property
    def calls(self) -> int:
        return self._client.calls

    @property
    def learnt(self) -> dict[str, bool]:
        return {} if self._list_in_bulk is None else {_LIST_IN_BULK: self._list_in_bulk}

    @property
    def awaits_proof(self) -> bool:
        return bool(self._list_in_bulk) and not self._bulk_proven

    def check(self) -> Account:
        lists = self.lists()
        try:
            account = self._client.call("GET", "/account")
        except Refused:
            account = {}
        name = account.get("fullName") or account.get("instanceId") if isinstance(account, dict) else None
        return Account(str(name) if name else None, len(lists))

    def lists(self) -> list[DestinationList]:
        answer = self._client.call("GET", "/lists")
        entries = answer.get("lists") if isinstance(answer, dict) else None
        if not isinstance(entries, list):
            raise Unavailable("Autopilot answered without its lists.")
        found = [
            DestinationList(str(entry["list_id"]), str(entry.get("title") or ""))
            for entry in entries
            if isinstance(entry, dict) and entry.get("list_id")
        ]
        self._list_ids = {each.title: each.id for each in reversed(found)}
        return found

    def ensure_list(self, title: str) -> str:
        """Creation is slow at times and may answer without an id (recorded: 30 s), and a call that seemed to
        fail may have worked; a list is therefore looked up before it is created, and before that is repeated.
        One look serves all lists that a session is to make."""
        if self._list_ids is None:
            self.lists()
        for _ in range(_LIST_CREATIONS):
            if found := self._known_list(title):
                return found
            if list_id := self._create_list(title):
                return list_id
            for _ in range(_LIST_POLLS):
                self.lists()
                if found := self._known_list(title):
                    return found
                self._pacer.pause(_LIST_POLL_S)
        raise Unavailable(f"Autopilot did not create the list '{title}'.")

    def _known_list(self, title: str) -> str | None:
        return (self._list_ids or {}).get(title)

    def _create_list(self, title: str) -> str | None:
        """Return the new list's id, or None when the answer leaves open whether and when there will be one."""
        try:
            answer = self._client.call("POST", "/list", orjson.dumps({"name": title}), repeatable=False)
        except Unavailable:
            return None
        except AutopilotRefusal as refusal:
            if refusal.http_status == _CONFLICT:
                return None
            raise
        if not isinstance(answer, dict) or not answer.get("list_id"):
            return None
        if self._list_ids is not None:
            self._list_ids[title] = str(answer["list_id"])
        return str(answer["list_id"])

    def learn(self, list_id: str, sample: Sequence[Profile]) -> dict[str, bool]:
        """Send one person without the list (now a contact, surely), then with it, and look.

        Whether the bulk call adds to a list, and whether only on creation, is not documented.
        """
        for profile in sample[:5]:
            outcome = Outcome()
            self._upsert(None, [profile], outcome)
            contact_id = outcome.accepted.get(profile.email)
            if contact_id is None or self._is_member(list_id, contact_id):
                continue
            self._upsert(list_id, [profile], outcome)
            self._list_in_bulk = self._bulk_proven = self._is_member(list_id, contact_id)
            break
        return self.learnt

    def push(self, list_id: str, batch: Sequence[Profile], outcome: Outcome) -> None:
        if self.awaits_proof and any(profile.joins for profile in batch):
            # One batch goes ahead: proof is wanted once, and before the others depend on it.
            with self._proving:
                if self.awaits_proof:
                    return self._push(list_id, batch, outcome)
        return self._push(list_id, batch, outcome)

    def _push(self, list_id: str, batch: Sequence[Profile], outcome: Outcome) -> None:
        in_bulk = self._list_in_bulk
        upserted = Outcome(refused=outcome.refused)
        self._upsert(list_id if in_bulk else None, batch, upserted)
        joining = dict[str, str]()
        for profile in batch:
            if contact_id := upserted.accepted.get(profile.email):
                (joining if profile.joins else outcome.accepted)[profile.email] = contact_id
        if in_bulk and joining and self._bulk_adds(list_id, next(iter(joining.values()))):
            outcome.accepted |= joining
            return
        for email, contact_id in joining.items():
            if self._add_member(list_id, contact_id):
                outcome.accepted[email] = contact_id
            else:
                outcome.refused[email] = "not_put_on_list"

    def _bulk_adds(self, list_id: str, contact_id: str) -> bool:
        """Tell whether bulk calls still add to the list. One person is looked up per run, since the account may
        have changed, or the list be gone, after it was learnt. It may be that person, too: then it is learnt anew."""
        with self._proof_lock:
            if self.awaits_proof:
                self._bulk_proven = self._is_member(list_id, contact_id)
                self._list_in_bulk = True if self._bulk_proven else None
            return bool(self._list_in_bulk)

    def _upsert(self, list_id: str | None, batch: Sequence[Profile], outcome: Outcome) -> None:
        try:
            answer = self._client.call("POST", "/contacts", _bulk_body(batch, list_id))
        except AutopilotRefusal as refusal:
            if refusal.http_status == _FORBIDDEN:
                raise
            if len(batch) == 1:
                outcome.refused[batch[0].email] = "refused_by_destination"
                self._note_refused(refusal)
                return
            middle = len(batch) // 2
            self._upsert(list_id, batch[:middle], outcome)
            self._upsert(list_id, batch[middle:], outcome)
            return
        accepted = _accepted(answer, batch)
        self._anyone_accepted = self._anyone_accepted or bool(accepted)
        for profile in batch:
            contact_id = accepted.get(profile.email.lower())
            if contact_id:
                outcome.accepted[profile.email] = contact_id
            else:
                outcome.refused[profile.email] = "not_accepted"

    def _note_refused(self, refusal: AutopilotRefusal) -> None:
        """Stop halving batches when it is not the people: it takes two calls to find each of them."""
        with self._lock:
            self._refused_singly += 1
            hopeless = self._refused_singly >= _HOPELESS_AFTER and not self._anyone_accepted
        if hopeless and self._accepts_others():
            self._anyone_accepted = True
        elif hopeless:
            raise Refused(
                f"Autopilot refused each of the first {_HOPELESS_AFTER} people. {refusal.message}",
                code="all-refused",
                remedy="Check the mapping: do the custom fields exist at Autopilot, and are they of this type?",
            )

    def _add_member(self, list_id: str, contact_id: str) -> bool:
        try:
            self._client.call("POST", _member_path(list_id, contact_id))
        except AutopilotRefusal as refusal:
            if refusal.http_status == _NOT_FOUND and "list" in refusal.message.lower():
                raise Refused(
                    "The list was removed at Autopilot while people were being put on it.",
                    code="list-missing",
                    remedy="Run the export again: the list is created anew.",
                ) from None
            return False
        return True

    def _is_member(self, list_id: str, contact_id: str) -> bool:
        try:
            self._client.call("GET", _member_path(list_id, contact_id))
        except AutopilotRefusal as refusal:
            if refusal.http_status == _NOT_FOUND:
                return False
            raise
        return True

    def remove(self, list_id: str, leavers: Sequence[Leaver], outcome: Outcome) -> None:
        """Whom Autopilot does not know any more, or not on this list, is off it."""
        for leaver in leavers:
            try:
                self._client.call("DELETE", _member_path(list_id, leaver.contact_id))
            except AutopilotRefusal as refusal:
                if refusal.http_status == _FORBIDDEN:
                    raise
                if refusal.http_status != _NOT_FOUND:
                    outcome.refused[leaver.email] = "not_removed"
                    continue
            outcome.removed.add(leaver.email)

    def delete_contact(self, email: str) -> bool:
        """By e-mail, all contacts with the address go (Autopilot API blueprint, 2015)."""
        try:
            self._client.call("DELETE", f"/contact/{quote(email, safe='@')}")
        except AutopilotRefusal as refusal:
            if refusal.http_status == _NOT_FOUND:
                return False
            raise
        return True


def _masked(fields: Mapping[str, object]) -> dict[str, object]:
    """Other fields hold addresses, too, and custom fields are one level down."""
    return {
        name: _masked(value)
        if isinstance(value, dict)
        else mask(value)
        if isinstance(value, str) and "@" in value
        else value
        for name, value in fields.items()
    }


def _bulk_body(batch: Sequence[Profile], list_id: str | None) -> bytes:
    """The list belongs inside each contact; outside it is ignored (seen by a public client's users)."""
    if list_id is None:
        contacts = [profile.body for profile in batch]
    else:
        onto_list = f',"_autopilot_list":{orjson.dumps(list_id).decode()}}}'
        contacts = [profile.body[:-1] + onto_list if profile.joins else profile.body for profile in batch]
    return f'{{"contacts":[{",".join(contacts)}]}}'.encode()


def _member_path(list_id: str, contact_id: str) -> str:
    """Contact ids and e-mails are interchangeable in paths (API blueprint); ids hold nothing personal and no slash."""
    return f"/list/{quote(list_id, safe='')}/contact/{quote(contact_id, safe='')}"


def _accepted(answer: object, batch: Sequence[Profile]) -> dict[str, str]:
    """Return contact ids by lower-case e-mail. Early answers had only ``contact_ids``, in request order."""
    if not isinstance(answer, dict):
        raise Unavailable("Autopilot answered a bulk call with JSON of an unknown shape.")
    by_email = answer.get("email_contact_map")
    if isinstance(by_email, dict):
        return {str(email).lower(): str(contact_id) for email, contact_id in by_email.items() if contact_id}
    ids = answer.get("contact_ids")
    if isinstance(ids, list) and len(ids) == len(batch):
        return {
            profile.email.lower(): str(contact_id) for profile, contact_id in zip(batch, ids, strict=True)
        }
    raise Unavailable("Autopilot answered a bulk call without saying whom it accepted.")
