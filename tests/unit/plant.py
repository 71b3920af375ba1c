"""A world in memory for the steps of a run, with a destination that does as it is told."""

import contextlib
import csv
import io

from shared.domain.access import Principal, Role
from shared.domain.connection import Connection, ConnectionStatus, Consent
from shared.domain.destination import Stopped
from shared.domain.export import Export, FieldMapping, SegmentChoice
from shared.domain.run import Failure, Run
from shared.domain.segment import Segment, Snapshot
from shared.pipeline import places
from shared.pipeline.journal import Journal
from shared.pipeline.pushing.chunk_push import PushTask
from shared.pipeline.pushing.pacing import PaceBook
from shared.pipeline.steps.begin import begin
from shared.pipeline.steps.context import PipelineLimits, RunContext
from shared.pipeline.steps.finish import Finished, FinishTask, finish
from shared.pipeline.steps.guard import GuardTask, guard
from shared.pipeline.steps.prepare import Prepared, PrepareTask, prepare
from shared.pipeline.steps.push import push
from shared.pipeline.steps.stage_segment import StageTask, stage_segment
from shared.usecases.runs.orders import NewRun, RunOrders
from shared.usecases.runs.runs import Runs
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

ADA = Principal("Ada", Role.ADMINISTRATOR)


class Plant:
    """Everything a run needs, with an export of the segments vip and churn."""

    def __init__(self, *segments: str, max_profiles: int = 1_000) -> None:
        self.clock, self.stores, self.state = FakeClock(), MemoryStores(), MemoryBlobs()
        self.blobs, self.vault, self.destination = (
            MemorySegmentBlobs(),
            MemoryVault(key="right-key"),
            ScriptedDestination(),
        )
        self.logs, self.alerts = MemoryBlobs(), HeardAlerts()
        self.journal = Journal(self.logs, self.clock)
        self.orders = RunOrders(self.stores, self.state, self.journal, self.clock)
        self.runs = Runs(self.stores, self.state, self.journal, self.clock)
        self.context = RunContext(
            self.stores,
            self.blobs,
            self.state,
            self.vault,
            {"autopilot": self.destination},
            PaceBook(self.stores.paces),
            PipelineLimits(
                max_profiles_per_run=max_profiles,
                max_calls_per_s=0,
                stage_memory_mb=128,
                stage_max_file_mb=16,
                batches_per_chunk=2,
                push_threads=2,
            ),
            self.clock,
            self.journal,
            self.logs,
            self.alerts,
        )
        consent = Consent(given_by="Ada", given_at=START, version="1", language="en", text="I agree")
        connection = Connection(
            id="connection-1",
            destination="autopilot",
            display_name="Ours",
            secret_name="key",
            secret_owned=True,
            consent=consent,
            status=ConnectionStatus.CONNECTED,
            created_at=START,
            updated_at=START,
        )
        self.stores.connections.add(connection.id, connection)
        export = Export(
            id="export-1",
            name="Weekly",
            connection_id=connection.id,
            email_column="EMail",
            fields=(FieldMapping(field="FirstName", column="First"),),
            segments=tuple(SegmentChoice(name=name) for name in segments or ("vip",)),
            created_at=START,
            updated_at=START,
        )
        self.stores.exports.add(export.id, export)

    def arrive(
        self, segment: str, *people: str, names: str = "x", file_name: str = "a.csv", **details: object
    ) -> None:
        """A file of a segment comes in."""
        text = "EMail,First\n" + "".join(f"{person},{names}\n" for person in people)
        file = self.blobs.put(f"{segment}/{file_name}", text, self.clock())
        known = {"id": f"s{file.etag}", "segment": segment, "arrived_at": self.clock(), "files": (file,)}
        snapshot = Snapshot.model_validate(known | details)
        self.stores.segments.remove(segment)
        self.stores.segments.add(segment, Segment(name=segment, source=f"{segment}/", snapshot=snapshot))

    def order(self, *, full: bool = False, dry: bool = False) -> str:
        return self.orders.on_demand("export-1", NewRun(full=full, dry=dry), ADA).id

    def limit_to(self, max_profiles: int) -> None:
        """Give the connection a limit of its own."""
        self.stores.connections.change(
            "connection-1", lambda present: present.model_copy(update={"max_profiles_per_run": max_profiles})
        )

    def cancel(self, run_id: str) -> None:
        self.runs.cancel(run_id, ADA)

    def run_of(self, run_id: str) -> Run:
        return self.stores.runs.get(run_id).record

    def stage_all(self, run_id: str) -> tuple:
        begun = begin(self.context, run_id)
        return tuple(
            stage_segment(self.context, StageTask(run_id=run_id, segment=name)) for name in begun.segments
        )

    def tasks(self, run_id: str, staged: tuple, prepared: Prepared) -> list[PushTask]:
        """First everybody to send, then everybody to take off a list."""
        tasks = [
            PushTask(
                run_id=run_id,
                segment=one.segment,
                list_id=prepared.lists[one.segment],
                folder=one.folder,
                chunk=number,
                removals=removals,
                proven=prepared.proven,
            )
            for removals in (False, True)
            for one in staged
            if one.segment in prepared.lists
            for number in range(one.leaver_chunks if removals else one.chunks)
        ]
        if begun := prepared.begun:
            rest = begun.model_copy(update={"proven": prepared.proven})
            whole = rest.model_copy(update={"pending": None})
            tasks = [rest if task == whole else task for task in tasks]
        return [task for task in tasks if task.pending != ()]

    def run_to_end(self, run_id: str) -> Finished:
        """What the orchestration does when nothing needs to be waited for."""
        return self.go_on(run_id, self.stage_all(run_id))

    def go_on(self, run_id: str, staged: tuple) -> Finished:
        """What it does once everything is read."""
        guarded = guard(self.context, GuardTask(run_id=run_id, staged=staged))
        assert guarded.asked is None, "The run waits for approval."
        staged, failure, complete = guarded.staged, guarded.failure, False
        if failure is None:
            with contextlib.suppress(Stopped):
                failure, complete = self._send(run_id, staged)
        return finish(
            self.context, FinishTask(run_id=run_id, staged=staged, failure=failure, complete=complete)
        )

    def prepare(self, run_id: str, staged: tuple) -> Prepared:
        return prepare(self.context, PrepareTask(run_id=run_id, staged=staged))

    def _send(self, run_id: str, staged: tuple) -> tuple[Failure | None, bool]:
        for task in self.tasks(run_id, staged, self.prepare(run_id, staged)):
            pushed = push(self.context, task)
            if pushed.failure or pushed.stopped:
                return pushed.failure, False
        return None, True

    def edit(self, **changes: object) -> None:
        """Change the export."""
        self.stores.exports.change("export-1", lambda present: present.model_copy(update=changes))

    def members(self, title: str) -> set[str]:
        return self.destination.members[self.destination.lists[title]]

    def rejects(self, run_id: str) -> list[list[str]]:
        text = self.state.read(places.rejects(run_id)).decode()
        return list(csv.reader(io.StringIO(text, newline="")))[1:]

    def is_free(self) -> bool:
        return "connection-1" not in self.stores.lanes.held


def people(count: int, start: int = 0) -> list[str]:
    return [f"p{number}@example.com" for number in range(start, start + count)]
