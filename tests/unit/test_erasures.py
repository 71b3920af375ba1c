"""Erasing a person: requests, the steps, and what is left afterwards."""

import csv
import io
from pathlib import Path

import duckdb
import orjson
import pytest

from shared.domain.access import Principal, Role
from shared.domain.connection import Connection, Consent
from shared.domain.email_address import email_hash
from shared.domain.erasure import Erasure, ErasureStatus
from shared.domain.errors import Forbidden, Invalid, NotFound, StorageUnavailable, Unavailable
from shared.domain.export import Export, SegmentChoice
from shared.domain.masking import mask
from shared.domain.run import Failure, Run, RunStatus, Trigger
from shared.domain.suppression import is_suppressed
from shared.pipeline import places
from shared.pipeline.erasure.erasing import (
    EraseEnd,
    EraseOrder,
    EraseVisit,
    TracePage,
    begin_erasure,
    erase_at_connection,
    erase_traces,
    finish_erasure,
)
from shared.pipeline.erasure.sent_traces import keep_traces, was_sent
from shared.pipeline.journal import Journal
from shared.pipeline.pushing.pacing import PaceBook
from shared.pipeline.rejects import RejectsFile, header_line
from shared.pipeline.steps.context import PipelineLimits, RunContext
from shared.usecases.erasures import Erasures, NewErasure
from tests.fakes import MemoryBlobs
from tests.fakes_stores import (
    START,
    FakeClock,
    HeardAlerts,
    MemorySegmentBlobs,
    MemoryStores,
    MemoryVault,
    ScriptedDestination,
)

ADA = Principal("Ada", Role.ADMINISTRATOR, "192.0.2.7")
JANE, BO = "jane.doe@example.com", "bo@example.com"


class World:
    """Two accounts, a connection to each, and an export over each."""

    def __init__(self, scratch: Path) -> None:
        self.scratch, self.clock, self.stores = scratch, FakeClock(), MemoryStores()
        self.state, self.logs, self.vault = MemoryBlobs(), MemoryBlobs(), MemoryVault(key="right-key")
        self.accounts = {"first": ScriptedDestination(), "second": ScriptedDestination()}
        self.journal = Journal(self.logs, self.clock)
        self.erasures = Erasures(self.stores, self.state, self.journal, self.clock)
        self.context = RunContext(
            self.stores,
            MemorySegmentBlobs(),
            self.state,
            self.vault,
            self.accounts,
            PaceBook(self.stores.paces),
            PipelineLimits(
                max_profiles_per_run=1_000,
                max_calls_per_s=0,
                stage_memory_mb=128,
                stage_max_file_mb=16,
                batches_per_chunk=2,
                push_threads=2,
            ),
            self.clock,
            self.journal,
            self.logs,
            HeardAlerts(),
        )
        for name in self.accounts:
            self.stores.connections.add(name, _connection(name))
            self.stores.exports.add(f"export-{name}", _export(f"export-{name}", name))

    def ledger(self, export: str, *emails: str) -> str:
        """Put people on the ledger of an export, and return its place."""
        name = places.ledger(export, "vip", "list-1")
        self.put_people(name, *emails)
        return name

    def put_people(self, name: str, *emails: str) -> None:
        rows = ", ".join(f"('{email}', 7::ubigint, 'person-{email[0]}')" for email in emails)
        duckdb.sql(
            f"copy (select * from (values {rows}) as l(email, hash, contact_id))"
            f" to '{self.scratch / 'l'}' (format parquet, kv_metadata {{mapping: '[1]'}})"
        )
        self.state.upload(name, self.scratch / "l")

    def people(self, name: str) -> list[tuple[object, ...]]:
        self.state.download(name, self.scratch / "l")
        return duckdb.sql(f"select * from read_parquet('{self.scratch / 'l'}') order by email").fetchall()

    def sent(self, account: str, *emails: str) -> None:
        """What runs left: contacts, and the ledger."""
        self.accounts[account].contacts |= dict.fromkeys(emails, "{}")
        self.ledger(f"export-{account}", *emails)

    def request(self, email: str = JANE, **options: bool) -> str:
        return self.erasures.request(NewErasure(email=email, **options), ADA).id

    def erase(self, email: str = JANE, **options: bool) -> Erasure:
        """What the orchestration does when nothing has to be waited for."""
        erasure_id = self.request(email, **options)
        self.go_through(erasure_id, **options)
        return self.stores.erasures.get(erasure_id).record

    def go_through(self, erasure_id: str, **options: bool) -> None:
        to_visit = begin_erasure(self.context, EraseOrder(erasure_id=erasure_id, **options))
        for connection_id in to_visit.connections:
            self.visit(erasure_id, connection_id, **options)
        page = TracePage(erasure_id=erasure_id)
        while page.after is not None:
            page = erase_traces(self.context, page)
        finish_erasure(self.context, EraseEnd(erasure_id=erasure_id))

    def visit(self, erasure_id: str, connection_id: str, **options: object) -> float | None:
        visit = EraseVisit(erasure_id=erasure_id, connection_id=connection_id, **options)
        return erase_at_connection(self.context, visit).wait_s

    def holding(self, *needles: str) -> list[str]:
        """The names of all blobs and records that hold one of the texts."""
        blobs = [*self.state.blobs.items(), *self.logs.blobs.items()]
        found = [name for name, data in blobs if any(each.encode() in data for each in needles)]
        rows = self.stores.erasures.rows.items()
        return found + [name for name, (text, _) in rows if any(each in text for each in needles)]


def _connection(name: str) -> Connection:
    consent = Consent(given_by="Ada", given_at=START, version="1", language="en", text="I agree")
    return Connection(
        id=name,
        destination=name,
        display_name=f"The {name}",
        secret_name="key",
        secret_owned=True,
        consent=consent,
        created_at=START,
        updated_at=START,
    )


def _export(export_id: str, connection_id: str | None) -> Export:
    return Export(
        id=export_id,
        name=export_id,
        connection_id=connection_id,
        email_column="EMail",
        segments=(SegmentChoice(name="vip"),),
        created_at=START,
        updated_at=START,
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def results(erasure: Erasure) -> dict[str, str]:
    return {each.connection_id: each.contact for each in erasure.connections}


def test_a_person_is_deleted_where_she_was_sent_and_nowhere_else(world: World) -> None:
    world.sent("first", JANE, BO)
    world.accounts["second"].contacts = {JANE: "somebody else's", BO: "{}"}

    erasure = world.erase()

    assert (erasure.status, results(erasure)) == (ErasureStatus.DONE, {"first": "deleted"})
    assert list(world.accounts["first"].contacts) == [BO]
    assert JANE in world.accounts["second"].contacts
    assert world.people(places.ledger("export-first", "vip", "list-1")) == [(BO, 7, "person-b")]


def test_a_ledger_keeps_what_it_says_of_its_mapping(world: World) -> None:
    world.sent("first", JANE, BO)

    world.erase()

    world.state.download(places.ledger("export-first", "vip", "list-1"), world.scratch / "l")
    said = duckdb.sql(f"select decode(key), decode(value) from parquet_kv_metadata('{world.scratch / 'l'}')")
    assert said.fetchall() == [("mapping", "[1]")]


def test_on_request_a_person_is_deleted_where_nothing_tells_of_a_sending(world: World) -> None:
    world.accounts["second"].contacts = {JANE: "{}"}

    erasure = world.erase(everywhere=True)

    assert results(erasure) == {"first": "not found", "second": "deleted"}
    assert world.accounts["second"].contacts == {}


def test_a_person_is_found_by_the_traces_of_exports_that_are_gone(world: World) -> None:
    world.sent("second", JANE, BO)
    keep_traces(world.state, "export-second", "second")
    world.state.remove([world.ledger("export-second", JANE, BO)])
    world.stores.exports.remove("export-second")

    erasure = world.erase()

    assert results(erasure) == {"second": "deleted"}
    assert world.accounts["second"].contacts == {BO: "{}"}
    assert not was_sent(world.state, "second", JANE)
    assert was_sent(world.state, "second", BO)


def test_a_suppressed_person_is_so_over_every_connection(world: World) -> None:
    world.sent("first", JANE)

    assert world.erase().suppressed

    for name in world.accounts:
        assert is_suppressed(world.state.read(places.suppression(name)), email_hash(JANE))


def test_nobody_is_suppressed_who_is_not_to_be(world: World) -> None:
    world.sent("first", JANE)

    assert not world.erase(suppress=False).suppressed

    assert world.state.names("suppression/") == []


def test_nothing_is_left_of_a_person(world: World) -> None:
    """Everything that runs leave behind: of ended runs, of those that wait, and of exports without a connection."""
    world.sent("first", JANE, BO)
    world.stores.exports.add("export-third", _export("export-third", None))
    detached = world.ledger("export-third", JANE, BO)
    folder = places.stage_folder("run-1", "vip", "a")
    batches = [[[each, 1, True, [0, 1], f'{{"Email":"{each}"}}'] for each in (JANE, BO)], [[JANE, "p-1"]]]
    lines = b"\n".join(map(orjson.dumps, batches)) + b"\n"
    world.state.write(places.chunk(folder, 0), lines)
    world.state.write(places.leaver_chunk(folder, 0), lines)
    world.put_people(places.staged_profiles(folder), JANE, BO)
    world.put_people(places.retry_set("run-1", "vip"), JANE, BO)
    world.state.write(f"{places.results_folder('run-1', 'vip')}1.tsv", tsv(JANE) + tsv(BO))
    for name in (places.staged_rejects(folder), places.refused("run-1", "vip")):
        world.state.write(name, rejects(world.scratch, JANE, BO))
    world.state.write(
        places.rejects("run-1"), header_line() + rejects(world.scratch, JANE, BO, "JANE@EXAMPLE.COM")
    )
    samples = [
        {"segment": "vip", "body": {"Email": mask(each), "FirstName": each[:2]}} for each in (JANE, BO)
    ]
    world.state.write(places.samples("run-1"), orjson.dumps(samples))
    world.state.write(places.plan("run-1"), b'{"kept": true}')
    log = b"".join(orjson.dumps({"email_sha256": email_hash(each), "line": 1}) + b"\n" for each in (JANE, BO))
    world.logs.write("rows/2026/03/01/run-1/vip.jsonl", log)

    erasure = world.erase()

    suppressions = [places.suppression(name) for name in sorted(world.accounts)]
    assert world.holding(JANE) == []
    assert sorted(world.holding(email_hash(JANE))) == suppressions
    assert world.people(detached) == [(BO, 7, "person-b")]
    assert world.people(places.retry_set("run-1", "vip")) == [(BO, 7, "person-b")]
    left = [[[BO, 1, True, [0, 1], f'{{"Email":"{BO}"}}']], []]
    assert [orjson.loads(line) for line in world.state.read(places.chunk(folder, 0)).splitlines()] == left
    assert world.state.read(f"{places.results_folder('run-1', 'vip')}1.tsv") == tsv(BO)
    rows = list(csv.reader(io.StringIO(world.state.read(places.rejects("run-1")).decode(), newline="")))
    assert [row[5] for row in rows] == ["value", "", "b***@example.com", ""]
    assert [row[2] for row in rows] == ["line", "1", "2", "3"]
    assert orjson.loads(world.state.read(places.samples("run-1"))) == samples[1:]
    assert world.state.read(places.plan("run-1")) == b'{"kept": true}'
    assert world.logs.read("rows/2026/03/01/run-1/vip.jsonl").count(b"\n") == 1
    assert erasure.traces == {
        "chunks": 5,
        "ledger rows": 2,
        "rejects": 4,
        "results": 1,
        "retry sets": 1,
        "row logs": 1,
        "samples": 1,
    }


def tsv(email: str) -> bytes:
    return f"accepted\t{email}\t7\tperson\t0\t1\t\n".encode()


def rejects(scratch: Path, *values: str) -> bytes:
    with RejectsFile(scratch / "rejects.csv", "vip") as file:
        for line, value in enumerate(values, 1):
            file.add("vip/a.csv", line, "EMail", "refused_by_destination", value)
    return (scratch / "rejects.csv").read_bytes()


def test_the_receipt_tells_everything_but_who_it_was(world: World) -> None:
    world.sent("first", JANE)
    world.clock.advance(60)

    erasure = world.erase(" Jane.Doe@EXAMPLE.com ")

    assert (erasure.requested_by, erasure.requested_at) == ("Ada", world.clock())
    assert erasure.ended_at == world.clock()
    assert [(each.connection_name, each.message) for each in erasure.connections] == [("The first", "")]
    assert world.holding(JANE, "jane", "Jane") == []
    assert world.state.names("erasures/") == []


def test_the_journal_tells_who_asked_and_how_it_ended(world: World) -> None:
    world.sent("first", JANE)

    erasure = world.erase()

    entries = [orjson.loads(line) for line in world.logs.read("audit/2026/03/01.jsonl").splitlines()]
    assert [(each["action"], each["subject"], each["who"], each["result"]) for each in entries] == [
        ("erasure.request", erasure.id, "Ada", "done"),
        ("erasure.end", erasure.id, "erasure", "done"),
    ]
    assert entries[1]["status"] == "Done"


def test_while_a_run_has_the_connection_it_is_waited_for(world: World) -> None:
    world.sent("first", JANE)
    world.stores.lanes.take("first", "run-1", world.clock(), 60)
    erasure_id = world.request()

    assert world.visit(erasure_id, "first") == 2.0
    assert JANE in world.accounts["first"].contacts

    world.stores.lanes.leave("first", "run-1")
    assert world.visit(erasure_id, "first") is None
    assert world.accounts["first"].contacts == {}
    assert world.stores.lanes.held == {}


def test_a_run_that_nobody_works_on_is_waited_for_since_no_ledger_tells_whom_it_has_sent(
    world: World,
) -> None:
    run = Run(
        id="run-20260301T000000Z-abc",
        export_id="export-first",
        export_name="Weekly",
        connection_id="first",
        trigger=Trigger.ON_DEMAND,
        requested_by="Ada",
        segments=(),
        status=RunStatus.PROCESSING,
        created_at=world.clock(),
    )
    world.stores.runs.add(run.id, run)
    world.accounts["first"].contacts[JANE] = "{}"
    erasure = world.request()
    assert world.visit(erasure, "first")
    assert world.visit(erasure, "second") is None, "only its own connection"
    assert JANE in world.accounts["first"].contacts

    world.stores.runs.change(run.id, lambda now: now.model_copy(update={"status": RunStatus.SUCCESSFUL}))
    world.ledger("export-first", JANE)
    assert world.visit(erasure, "first") is None
    assert JANE not in world.accounts["first"].contacts


def test_the_connection_is_taken_while_a_person_is_deleted(world: World) -> None:
    world.sent("first", JANE)
    erasure_id, held = world.request(), []
    world.accounts["first"].on_call = lambda call: held.append(world.stores.lanes.held["first"])

    world.visit(erasure_id, "first")

    assert held == [erasure_id]


def test_an_outage_leaves_everything_for_the_next_attempt(world: World) -> None:
    world.sent("first", JANE)
    world.accounts["first"].faults["delete_contact"] = [Unavailable(f"No answer about {JANE}.")]
    erasure_id = world.request()

    with pytest.raises(Unavailable) as caught:
        world.visit(erasure_id, "first")

    assert JANE not in caught.value.message
    assert world.stores.lanes.held == {}
    assert len(world.people(places.ledger("export-first", "vip", "list-1"))) == 1
    world.visit(erasure_id, "first")
    assert world.accounts["first"].contacts == {}


def test_one_connection_that_fails_does_not_keep_the_others_from_being_served(world: World) -> None:
    world.sent("first", JANE)
    world.sent("second", JANE)
    world.accounts["first"].key = "another-key"

    failed = world.erase()

    assert failed.status is ErasureStatus.FAILED
    assert results(failed) == {"first": "failed", "second": "deleted"}
    assert failed.connections[0].message == "The API key was refused."
    assert world.accounts["second"].contacts == {}
    assert world.state.names("erasures/") == []
    assert len(world.people(places.ledger("export-first", "vip", "list-1"))) == 1

    world.accounts["first"].key = "right-key"
    again = world.erase()
    assert (again.status, results(again)) == (ErasureStatus.DONE, {"first": "deleted"})
    assert world.accounts["first"].contacts == {}


def test_a_connection_that_was_given_up_counts_as_failed(world: World) -> None:
    world.sent("first", JANE)
    erasure_id = world.request()

    world.visit(erasure_id, "first", given_up=Failure(code="unavailable", message="It is away."))
    finish_erasure(world.context, EraseEnd(erasure_id=erasure_id))

    erasure = world.stores.erasures.get(erasure_id).record
    assert (erasure.status, results(erasure)) == (ErasureStatus.FAILED, {"first": "failed"})
    assert erasure.connections[0].message == "It is away."
    assert JANE in world.accounts["first"].contacts


def test_a_removed_connection_is_named_as_work_for_a_person(world: World) -> None:
    world.sent("first", JANE)
    keep_traces(world.state, "export-first", "first")
    world.state.remove(world.state.names(places.ALL_LEDGERS))
    world.stores.exports.remove("export-first")
    world.stores.connections.remove("first")

    erasure = world.erase()

    assert (erasure.status, results(erasure)) == (ErasureStatus.FAILED, {"first": "failed"})
    assert "by hand" in erasure.connections[0].message
    assert world.erase().status is ErasureStatus.DONE


def test_a_step_that_is_repeated_after_a_lost_worker_tells_of_the_deletion_all_the_same(world: World) -> None:
    world.sent("first", JANE)
    erasure_id = world.request()
    breaking = world.state.upload

    def lose(name: str, path: Path) -> None:
        world.state.upload = breaking
        raise StorageUnavailable("Gone.")

    world.state.upload = lose
    with pytest.raises(StorageUnavailable):
        world.visit(erasure_id, "first")
    world.visit(erasure_id, "first")

    erasure = world.stores.erasures.get(erasure_id).record
    assert results(erasure) == {"first": "deleted"}
    assert erasure.traces == {"ledger rows": 1}
    assert world.people(places.ledger("export-first", "vip", "list-1")) == []


def test_an_ended_erasure_is_not_ended_again(world: World) -> None:
    world.sent("first", JANE)
    erasure = world.erase()

    finish_erasure(world.context, EraseEnd(erasure_id=erasure.id, failure=Failure(code="x", message="Late.")))
    world.erasures.abandon(erasure.id)

    assert world.stores.erasures.get(erasure.id).record == erasure
    with pytest.raises(NotFound):
        begin_erasure(world.context, EraseOrder(erasure_id=erasure.id))


def test_an_abandoned_erasure_says_so_and_forgets_the_address(world: World) -> None:
    erasure_id = world.request()
    assert world.erasures.unfinished() == []
    world.clock.advance(3_600)
    assert world.erasures.unfinished() == [erasure_id]

    world.erasures.abandon(erasure_id)

    assert world.erasures.get(erasure_id, ADA).status is ErasureStatus.FAILED
    assert "again" in world.erasures.get(erasure_id, ADA).problem
    assert (world.state.names("erasures/"), world.erasures.unfinished()) == ([], [])


def test_an_address_whose_receipt_was_never_written_is_forgotten(world: World) -> None:
    erasure_id = world.request()
    world.stores.erasures.remove(erasure_id)

    world.erasures.abandon(erasure_id)

    assert world.holding(JANE) == []


def test_what_is_no_address_is_refused_without_being_repeated(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        world.request("jane.doe at example")

    assert "jane" not in caught.value.message
    assert world.stores.erasures.rows == {}
    assert world.holding("jane") == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CONTRIBUTOR])
def test_erasing_is_for_administrators(world: World, role: Role) -> None:
    erasure_id, somebody = world.request(), Principal("Sam", role)

    for attempt in (
        lambda: world.erasures.request(NewErasure(email=BO), somebody),
        lambda: world.erasures.get(erasure_id, somebody),
        lambda: world.erasures.page(somebody, 10),
    ):
        with pytest.raises(Forbidden):
            attempt()
    assert list(world.stores.erasures.rows) == [erasure_id]


def test_receipts_are_listed_newest_first(world: World) -> None:
    made = []
    for _ in range(5):
        made.append(world.request())
        world.clock.advance(60)

    first = world.erasures.page(ADA, 3)
    rest = world.erasures.page(ADA, 3, first.next)

    assert [each.id for each in first.erasures + rest.erasures] == made[::-1]
    assert rest.next is None
