"""The journal: what is written, where, and how it is read back, as docs/logs.md says."""

import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import orjson
import pytest

from shared.domain.access import Principal, Role
from shared.domain.errors import Forbidden, Invalid, StorageUnavailable
from shared.domain.run import Counts, Failure, Run, RunStatus, SegmentRun, Trigger
from shared.pipeline.journal import Journal
from shared.pipeline.row_log import RowNotes, RowOutcome
from shared.usecases.audit import Audit
from tests.fakes import MemoryBlobs
from tests.fakes_stores import START, FakeClock

ADA = Principal("Ada Ñ", Role.ADMINISTRATOR, "192.0.2.7")
DOCUMENT = (Path(__file__).parents[2] / "docs" / "logs.md").read_text(encoding="utf-8")


class Desk:
    def __init__(self) -> None:
        self.blobs, self.clock = MemoryBlobs(), FakeClock()
        self.journal = Journal(self.blobs, self.clock)

    def entries(self, name: str) -> list[dict]:
        return [orjson.loads(line) for line in self.blobs.read(name).splitlines()]

    def note(self, action: str = "export.edit", **details: object) -> None:
        with self.journal.audited(ADA, action, "export-1") as noted:
            noted |= details


@pytest.fixture
def desk() -> Desk:
    return Desk()


def make_run(**changes: object) -> Run:
    run = Run(
        id="run-1",
        export_id="export-1",
        export_name="Weekly",
        connection_id="connection-1",
        trigger=Trigger.SCHEDULE,
        requested_by="schedule",
        segments=(SegmentRun(name="VIP", list_title="VIP", snapshot_id="s1"),),
        created_at=START,
    )
    return run.model_copy(update=changes)


def ended_run() -> Run:
    return make_run(
        run_as="Ada",
        status=RunStatus.SUCCESSFUL_WITH_REJECTS,
        counts=Counts(rows=5, sent=4),
        rejected={"email_blank": 1},
        started_at=START.replace(second=1),
        ended_at=START.replace(second=31),
    )


def documented(title: str) -> list[dict]:
    """The example lines below a heading of the document."""
    section = DOCUMENT.split(f"\n## {title}\n")[1].split("\n## ")[0]
    block = re.search(r"```json\n(.*?)```", section, re.DOTALL)
    return [orjson.loads(line) for line in block[1].splitlines()]


def test_a_change_is_told_with_who_made_it_and_from_where(desk: Desk) -> None:
    desk.note(changed=["name", "fields"])

    assert desk.entries("audit/2026/03/01.jsonl") == [
        {
            "at": "2026-03-01T08:00:00+00:00",
            "action": "export.edit",
            "subject": "export-1",
            "who": "Ada Ñ",
            "role": "administrator",
            "from": "192.0.2.7",
            "result": "done",
            "changed": ["name", "fields"],
        }
    ]


def test_a_refusal_is_told_with_its_reason_and_passed_on(desk: Desk) -> None:
    with pytest.raises(Forbidden), desk.journal.audited(ADA, "export.edit", "export-1"):
        raise Forbidden("No.")

    [entry] = desk.entries("audit/2026/03/01.jsonl")
    assert (entry["result"], entry["code"]) == ("refused", "forbidden")


def test_a_fault_is_told_without_what_it_said(desk: Desk) -> None:
    def break_down() -> None:
        with desk.journal.audited(ADA, "export.edit") as details:
            details["subject"] = "export-2"
            raise ZeroDivisionError("jane@example.com")

    with pytest.raises(ZeroDivisionError):
        break_down()

    [entry] = desk.entries("audit/2026/03/01.jsonl")
    assert (entry["result"], entry["subject"], "code" in entry) == ("failed", "export-2", False)
    assert b"jane" not in desk.blobs.read("audit/2026/03/01.jsonl")


def test_details_do_not_change_who_did_it(desk: Desk) -> None:
    desk.note(who="somebody else", result="?", at="never", subject="export-9")

    [entry] = desk.entries("audit/2026/03/01.jsonl")
    assert (entry["who"], entry["result"], entry["subject"]) == ("Ada Ñ", "done", "export-9")
    assert entry["at"].startswith("2026-03-01")


@pytest.mark.parametrize(
    "odd", ["\ud83d half", {1: "number"}, {"a", "b"}, b"bytes", START, "line\nbreak\u2028"]
)
def test_whatever_an_entry_holds_is_one_line(desk: Desk, odd: object) -> None:
    desk.note(odd=odd)
    desk.note()

    assert len(desk.entries("audit/2026/03/01.jsonl")) == 2


def test_entries_go_to_the_day_on_which_they_were_asked_for(desk: Desk) -> None:
    desk.clock.now = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
    with desk.journal.audited(ADA, "export.edit"):
        desk.clock.advance(2)
    desk.note()

    assert sorted(desk.blobs.blobs) == ["audit/2026/03/01.jsonl", "audit/2026/03/02.jsonl"]
    assert desk.entries("audit/2026/03/01.jsonl")[0]["at"] == "2026-03-01T23:59:59+00:00"


def test_a_journal_that_cannot_be_written_stops_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    class Silent(MemoryBlobs):
        def append(self, name: str, data: bytes) -> None:
            raise StorageUnavailable("Gone.")

    journal = Journal(Silent(), desk.clock)
    with journal.audited(ADA, "export.edit", "export-1"):
        pass
    journal.note_run("queued", make_run())

    assert [("export.edit" in each, "run.queued" in each) for each in caplog.messages] == [
        (True, False),
        (False, True),
    ]


def test_a_run_is_told_as_it_is_at_the_moment(desk: Desk) -> None:
    desk.journal.note_run("queued", make_run())
    desk.clock.advance(31)
    desk.journal.note_run("ended", ended_run())
    failure = Failure(code="key-refused", message="The key was refused.", remedy="Give another.")
    desk.journal.note_run("ended", make_run(status=RunStatus.FAILED, failure=failure, ended_at=START))

    queued, ended, failed = desk.entries("runs/2026/03/01.jsonl")
    assert (queued["event"], queued["status"], queued["duration_ms"]) == ("run.queued", "Queued", None)
    assert (ended["event"], ended["at"]) == ("run.ended", "2026-03-01T08:00:31+00:00")
    assert (ended["status"], ended["duration_ms"]) == ("Successful with rejects", 30_000)
    assert (ended["counts"]["sent"], ended["rejected"]) == (4, {"email_blank": 1})
    assert failed["failure"]["code"] == "key-refused"


def test_the_fields_are_those_of_the_document(desk: Desk, tmp_path: Path) -> None:
    desk.note(changed=["fields"])
    with pytest.raises(Forbidden), desk.journal.audited(ADA, "connection.replace_key"):
        raise Forbidden("No.")
    desk.journal.note_run("ended", ended_run())
    with RowNotes(tmp_path / "notes", ended_run(), "VIP", START) as notes:
        notes.add(
            RowOutcome.REFUSED, email="jane@example.com", reason="not_accepted", file="VIP/a.csv", line=1
        )

    written = {
        "Audit": desk.entries("audit/2026/03/01.jsonl"),
        "Runs": desk.entries("runs/2026/03/01.jsonl"),
        "Rows": [orjson.loads((tmp_path / "notes").read_bytes())],
    }
    for title, entries in written.items():
        assert [list(entry) for entry in documented(title)] == [list(entry) for entry in entries], title
    [example] = documented("Runs")
    assert set(example["counts"]) == set(written["Runs"][0]["counts"])


def test_the_queries_of_the_document_work_on_what_is_written(desk: Desk, tmp_path: Path) -> None:
    desk.note()
    with pytest.raises(Forbidden), desk.journal.audited(ADA, "export.remove", "export-2"):
        raise Forbidden("No.")
    desk.journal.note_run("queued", make_run())
    desk.journal.note_run("ended", ended_run())
    desk.journal.note_run("ended", ended_run())
    for name, data in desk.blobs.blobs.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)

    ends, refusals = (
        query.replace("read_json('", f"read_json('{tmp_path}/")
        for query in re.findall(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)
    )

    assert duckdb.sql(ends).fetchall() == [("Weekly", "Successful with rejects", 2, 8, 30.0)]
    refused = duckdb.sql(f"select who, action, subject, result, code from ({refusals})").fetchall()
    assert refused == [("Ada Ñ", "export.remove", "export-2", "refused", "forbidden")]


def test_a_day_of_the_audit_log_is_read_newest_first(desk: Desk) -> None:
    for number in range(5):
        desk.note(f"export.edit{number}")
    desk.blobs.blobs["audit/2026/03/01+.jsonl"] = desk.blobs.blobs["audit/2026/03/01.jsonl"].replace(
        b"edit", b"later"
    )
    desk.clock.advance(86_400)
    desk.note("export.tomorrow")
    audit = Audit(desk.journal)

    def actions(day: str, size: int) -> list[str]:
        return [entry.action.removeprefix("export.") for entry in audit.of_day(day, size, ADA).entries]

    assert actions("2026-03-01", 3) == ["later4", "later3", "later2"]
    assert actions("2026-03-01", 7) == [*(f"later{n}" for n in (4, 3, 2, 1, 0)), "edit4", "edit3"]
    assert len(actions("2026-03-01", 1_000)) == 10
    assert actions("2026-03-02", 10) == ["tomorrow"]
    assert actions("2026-03-03", 10) == []


def test_what_was_changed_and_from_where_is_read_back_too(desk: Desk) -> None:
    desk.note(changed=["name"])

    [entry] = Audit(desk.journal).of_day("2026-03-01", 10, ADA).entries
    shown = orjson.loads(entry.model_dump_json())
    assert (shown["from"], shown["changed"], shown["role"]) == ("192.0.2.7", ["name"], "administrator")


@pytest.mark.parametrize("day", ["", "yesterday", "2026-13-01", "../rows", "2026-03-01T00:00"])
def test_what_is_no_day_is_refused(desk: Desk, day: str) -> None:
    with pytest.raises(Invalid):
        Audit(desk.journal).of_day(day, 10, ADA)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CONTRIBUTOR])
def test_the_audit_log_is_for_administrators(desk: Desk, role: Role) -> None:
    with pytest.raises(Forbidden):
        Audit(desk.journal).of_day("2026-03-01", 10, Principal("Sam", role))
