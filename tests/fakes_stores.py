"""In-memory stand-ins of the ports in shared/domain/ports.py and destination.py. They keep those promises."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import BinaryIO, Generic, TypeVar

import orjson

from shared.domain.connection import Connection
from shared.domain.destination import Account, DestinationList, Leaver, Outcome, Pacer, Profile
from shared.domain.erasure import Erasure
from shared.domain.errors import (
    Conflict,
    NotFound,
    PreconditionFailed,
    SecretUnavailable,
    SegmentUnreadable,
    SegpilotError,
    Unauthorized,
)
from shared.domain.export import Export, FieldMapping
from shared.domain.identifiers import newest_first
from shared.domain.lane import Lane
from shared.domain.ports import Versioned
from shared.domain.record import Record
from shared.domain.run import Counts, Run, RunStatus
from shared.domain.schedule import Refresh
from shared.domain.segment import Segment, SegmentSource, SnapshotFile
from shared.domain.standing import Alert, Standing
from shared.domain.tally import Tally
from tests.fakes import MemoryPaces

R = TypeVar("R", bound=Record)
START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class MemoryRecords(Generic[R]):
    """``rows`` maps id to ``(JSON, version)``; JSON, so that nothing is kept that storage would lose."""

    def __init__(self, kind: type[R], order: Callable[[str], str] = str) -> None:
        self._kind, self._order = kind, order
        self.rows: dict[str, tuple[str, int]] = {}

    def find(self, record_id: str) -> Versioned[R] | None:
        if record_id not in self.rows:
            return None
        text, version = self.rows[record_id]
        return Versioned(self._kind.model_validate_json(text), str(version))

    def get(self, record_id: str) -> Versioned[R]:
        if found := self.find(record_id):
            return found
        raise NotFound(f"There is no '{record_id}'.")

    def add(self, record_id: str, record: R) -> str:
        if record_id in self.rows:
            raise Conflict(f"There is already a '{record_id}'.")
        return self._store(record_id, record, 1)

    def replace(self, record_id: str, record: R, etag: str) -> str:
        if self.get(record_id).etag != etag:
            raise PreconditionFailed(f"'{record_id}' was changed meanwhile.")
        return self._store(record_id, record, int(etag) + 1)

    def change(self, record_id: str, change: Callable[[R], R]) -> R:
        present = self.get(record_id)
        wanted = change(present.record)
        self.replace(record_id, wanted, present.etag)
        return wanted

    def upsert(self, record_id: str, change: Callable[[R | None], R]) -> R:
        present = self.find(record_id)
        wanted = change(present and present.record)
        self._store(record_id, wanted, int(present.etag) + 1 if present else 1)
        return wanted

    def remove(self, record_id: str) -> None:
        self.rows.pop(record_id, None)

    def page(self, size: int, after: str | None = None) -> tuple[list[R], str | None]:
        keys = sorted(key for key in map(self._order, self.rows) if after is None or key > after)
        by_key = {self._order(record_id): record_id for record_id in self.rows}
        chosen = keys[:size]
        records = [self.get(by_key[key]).record for key in chosen]
        return records, chosen[-1] if len(keys) > size else None

    def all(self) -> Iterator[R]:
        return iter(self.page(len(self.rows))[0])

    def _store(self, record_id: str, record: R, version: int) -> str:
        self.rows[record_id] = (record.model_dump_json(exclude_defaults=True), version)
        return str(version)


class MemoryCatalogue(MemoryRecords[R]):
    def glance(self) -> tuple[R, ...]:
        return tuple(self.all())


class MemoryRuns(MemoryRecords[Run]):
    """``reports`` maps run to part to counts."""

    def __init__(self) -> None:
        super().__init__(Run, newest_first)
        self.reports: dict[str, dict[str, Counts]] = {}
        self.requests: dict[str, datetime] = {}

    def page_of(self, export_id: str, size: int, after: str | None = None) -> tuple[list[Run], str | None]:
        return self._page_where(lambda run: run.export_id == export_id, size, after)

    def page_with(
        self, status: RunStatus, size: int, after: str | None = None
    ) -> tuple[list[Run], str | None]:
        return self._page_where(lambda run: run.status is status, size, after)

    def unfinished(self) -> list[str]:
        return [run.id for run in self.all() if not run.status.ended]

    def read_unfinished(self, run_ids: Sequence[str]) -> list[Run]:
        found = [self.find(run_id) for run_id in run_ids]
        return [run.record for run in found if run and not run.record.status.ended]

    def _page_where(
        self, fits: Callable[[Run], bool], size: int, after: str | None
    ) -> tuple[list[Run], str | None]:
        runs = [run for run in self.all() if fits(run)]
        if after is not None:
            runs = [run for run in runs if newest_first(run.id) > after]
        following = newest_first(runs[size - 1].id) if len(runs) > size else None
        return runs[:size], following

    def forget_requests(self, before: datetime) -> int:
        old = [key for key, at in self.requests.items() if at < before]
        for key in old:
            del self.requests[key]
        return len(old)

    def report(self, run_id: str, part: str, counts: Counts) -> None:
        self.reports.setdefault(run_id, {})[part] = counts

    def progress(self, run_id: str) -> Counts:
        return sum(self.reports.get(run_id, {}).values(), Counts())

    def forget_progress(self, run_id: str) -> None:
        self.reports.pop(run_id, None)

    def remember_request(self, key: str, at: datetime) -> datetime:
        return self.requests.setdefault(key, at)


class MemoryLanes:
    """``held`` maps connection to who has its lane."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}

    @property
    def held(self) -> dict[str, str]:
        return {connection: lane.holder for connection, lane in self._lanes.items() if lane.holder}

    def take(self, connection_id: str, run_id: str, now: datetime, hold_s: float) -> str | None:
        lane = self._lanes.get(connection_id, Lane())
        taken_by = lane.taken_by(run_id, now.timestamp())
        if taken_by is None:
            self._lanes[connection_id] = lane.taken(run_id, now.timestamp() + hold_s)
        return taken_by

    def queue(self, connection_id: str, run_id: str, now: datetime) -> int:
        lane = self._lanes.get(connection_id, Lane()).queued(run_id, now.timestamp())
        self._lanes[connection_id] = lane
        return lane.place(run_id)

    def leave(self, connection_id: str, run_id: str) -> None:
        self._lanes[connection_id] = self._lanes.get(connection_id, Lane()).left(run_id)


class MemoryStores:
    def __init__(self) -> None:
        self.connections = MemoryCatalogue(Connection)
        self.exports = MemoryCatalogue(Export)
        self.segments = MemoryCatalogue(Segment)
        self.sources = MemoryRecords(SegmentSource)
        self.standings = MemoryCatalogue(Standing)
        self.tallies = MemoryCatalogue(Tally)
        self.refreshes = MemoryRecords(Refresh)
        self.alerts = MemoryRecords(Alert)
        self.erasures = MemoryRecords(Erasure, newest_first)
        self.runs = MemoryRuns()
        self.lanes = MemoryLanes()
        self.paces = MemoryPaces()

    def ping(self) -> None:
        pass


class MemorySegmentBlobs:
    """``files`` maps name to ``(content, etag, changed at)``."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, str, datetime]] = {}
        self._versions = count(1)

    def put(self, name: str, content: bytes | str, at: datetime = START) -> SnapshotFile:
        """Upload: every upload gives a file another version."""
        data = content.encode() if isinstance(content, str) else content
        self.files[name] = (data, f'"{next(self._versions)}"', at)
        return self._file(name)

    def list(self, prefix: str) -> Iterator[tuple[SnapshotFile, datetime]]:
        return (
            (self._file(name), self.files[name][2]) for name in sorted(self.files) if name.startswith(prefix)
        )

    def find(self, name: str) -> tuple[SnapshotFile, datetime] | None:
        return (self._file(name), self.files[name][2]) if name in self.files else None

    def open(self, file: SnapshotFile) -> BinaryIO:
        if file.name not in self.files or self.files[file.name][1] != file.etag:
            raise SegmentUnreadable(f"The file '{file.name}' was replaced or removed.", code="file-changed")
        return io.BytesIO(self.files[file.name][0])

    def read(self, file: SnapshotFile) -> bytes:
        return self.open(file).read()

    def ping(self) -> None:
        pass

    def _file(self, name: str) -> SnapshotFile:
        content, etag, _ = self.files[name]
        return SnapshotFile(name=name, etag=etag, size_bytes=len(content))


class HeardAlerts:
    """``runs`` are the runs it was told of, ``connections`` what it was told of connections."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.connections: list[tuple[str, str | None]] = []

    def note_run(self, run: Run) -> None:
        self.runs.append(run)

    def note_connection(self, connection_id: str, problem: str | None) -> None:
        self.connections.append((connection_id, problem))


class MemoryVault:
    """While ``silent`` it answers nothing; what is ``forbidden`` it keeps to itself. While it ``keeps``, nothing is
    removed."""

    def __init__(self, **secrets: str) -> None:
        self.secrets, self.silent, self.forbidden = dict(secrets), False, set[str]()
        self.keeps = False

    def store(self, name: str, value: str) -> None:
        self._answer()
        self.secrets[name] = value

    def read(self, name: str, *, fresh: bool = False) -> str:
        self._answer()
        if name in self.forbidden:
            raise SecretUnavailable(f"The secret '{name}' is not for this app.", forbidden=True)
        if name not in self.secrets:
            raise SecretUnavailable(
                f"There is no secret '{name}'.", missing=True, remedy="Create the secret."
            )
        return self.secrets[name]

    def remove(self, name: str) -> None:
        self._answer()
        if self.keeps:
            raise SecretUnavailable(f"The app may not remove the secret '{name}'.", forbidden=True)
        self.secrets.pop(name, None)

    def names(self) -> list[str]:
        self._answer()
        return sorted(self.secrets)

    def ping(self) -> None:
        self._answer()

    def _answer(self) -> None:
        if self.silent:
            raise SecretUnavailable("The vault cannot be reached.", remedy="Try again later.")


class PlainEncoder:
    """``{"Email": …, field: text}``; the value "?" does not cast."""

    def __init__(self, fields: Sequence[FieldMapping]) -> None:
        self._fields = tuple(mapping for mapping in fields if mapping.column)
        self._constants = {mapping.field: mapping.constant for mapping in fields if mapping.column is None}
        self.columns = tuple(mapping.column or "" for mapping in self._fields)
        self._dropped: dict[str, int] = {}

    @property
    def dropped(self) -> Mapping[str, int]:
        return self._dropped

    def encode(self, email: str, values: Sequence[object]) -> str:
        person: dict[str, object] = {"Email": email, **self._constants}
        for mapping, value in zip(self._fields, values, strict=True):
            if value == "?":
                self._dropped[mapping.column] = self._dropped.get(mapping.column, 0) + 1
            elif value is not None and str(value).strip():
                person[mapping.field] = str(value)
        return orjson.dumps(person).decode()


class ScriptedDestination:
    """A destination with one account, whose state is ``lists`` (title to id), ``members`` and ``contacts``.

    ``faults[call]`` are errors (None = none) for the next calls of that name, ``refused`` maps e-mails that it never
    takes to the reason, ``on_call`` hears the name of every call before it happens. When it is ``changeable``, what was
    learnt about it wants to be proven by somebody who joins.
    """

    name = "autopilot"
    batch_size = 3
    standard_fields = ("FirstName", "LastName")

    def __init__(self) -> None:
        self.key = "right-key"
        self.lists: dict[str, str] = {}
        self.members: dict[str, set[str]] = {}
        self.contacts: dict[str, str] = {}
        self.faults: dict[str, list[SegpilotError | None]] = {}
        self.refused: dict[str, str] = {}
        self.changeable = False
        self.on_call: Callable[[str], None] = lambda call: None
        self._list_ids = (f"list-{number}" for number in count(1))

    def ping(self) -> None:
        pass

    def check_mapping(self, fields: Sequence[FieldMapping]) -> list[str]:
        return [
            f"'{mapping.field}' is not a field."
            for mapping in fields
            if mapping.type is None and mapping.field not in self.standard_fields
        ]

    def suggest(self, columns: Sequence[str]) -> list[FieldMapping]:
        return [FieldMapping(field=name, column=name) for name in columns if name in self.standard_fields]

    def encoder(self, fields: Sequence[FieldMapping]) -> PlainEncoder:
        return PlainEncoder(fields)

    def show(self, body: str) -> dict[str, object]:
        return {**orjson.loads(body), "Email": "***"}

    def estimate_calls(
        self,
        *,
        sending: Sequence[int],
        joining: int,
        leaving: int,
        new_lists: int,
        learnt: Mapping[str, bool],
    ) -> int:
        proof = self.changeable and joining > 0
        learning = joining > 0 and not learnt
        return (
            sum(-(-people // self.batch_size) for people in sending) + leaving + new_lists + proof + learning
        )

    def open(
        self,
        read_key: Callable[[bool], str],
        pacer: Pacer,
        learnt: Mapping[str, bool],
        *,
        proven: bool = False,
        accepts_others: Callable[[], bool] = lambda: False,
    ) -> "ScriptedSession":
        return ScriptedSession(self, read_key, pacer, learnt, proven=proven or not self.changeable)

    def remove_list(self, title: str) -> None:
        """What a person does at the destination."""
        self.members.pop(self.lists.pop(title), None)

    def create_list(self, title: str) -> str:
        if title not in self.lists:
            self.lists[title] = next(self._list_ids)
            self.members[self.lists[title]] = set()
        return self.lists[title]


class ScriptedSession:
    def __init__(
        self,
        destination: ScriptedDestination,
        read_key: Callable[[bool], str],
        pacer: Pacer,
        learnt: Mapping[str, bool],
        *,
        proven: bool,
    ) -> None:
        self._destination, self._read_key, self._pacer = destination, read_key, pacer
        self.calls, self.learnt, self._proven = 0, learnt, proven

    @property
    def awaits_proof(self) -> bool:
        return bool(self.learnt) and not self._proven

    def check(self) -> Account:
        self._call("check")
        return Account("The account", len(self._destination.lists))

    def lists(self) -> list[DestinationList]:
        self._call("lists")
        return [DestinationList(list_id, title) for title, list_id in self._destination.lists.items()]

    def ensure_list(self, title: str) -> str:
        self._call("ensure_list")
        return self._destination.create_list(title)

    def learn(self, list_id: str, sample: Sequence[Profile]) -> Mapping[str, bool]:
        self._call("learn")
        self.learnt, self._proven = {"list_in_bulk": True} if sample else {}, True
        return self.learnt

    def push(self, list_id: str, batch: Sequence[Profile], outcome: Outcome) -> None:
        self._call("push")
        for profile in batch:
            if reason := self._destination.refused.get(profile.email):
                outcome.refused[profile.email] = reason
                continue
            self._destination.contacts[profile.email] = profile.body
            if profile.joins:
                self._destination.members[list_id].add(profile.email)
            outcome.accepted[profile.email] = f"person-{profile.email}"
        if self.awaits_proof and any(profile.joins for profile in batch):
            self._call("look")
            self._proven = True

    def remove(self, list_id: str, leavers: Sequence[Leaver], outcome: Outcome) -> None:
        self._call("remove")
        for leaver in leavers:
            if reason := self._destination.refused.get(leaver.email):
                outcome.refused[leaver.email] = reason
                continue
            self._destination.members[list_id].discard(leaver.email)
            outcome.removed.add(leaver.email)

    def delete_contact(self, email: str) -> bool:
        self._call("delete_contact")
        for members in self._destination.members.values():
            members.discard(email)
        return self._destination.contacts.pop(email, None) is not None

    def _call(self, name: str) -> None:
        destination = self._destination
        self._pacer.wait()
        destination.on_call(name)
        self.calls += 1
        if (faults := destination.faults.get(name)) and (fault := faults.pop(0)):
            raise fault
        if self._read_key(False) != destination.key:
            raise Unauthorized("The key was refused.", remedy="Give the connection another key.")
