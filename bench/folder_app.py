"""The app as functions run it, over folders and memory instead of Azure: what is left is the pipeline itself."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from bench.folder_blobs import FolderSegments, FolderState
from bench.stage import FIELDS
from shared.bootstrap import App
from shared.domain.access import Principal, Role
from shared.domain.connection import Connection, ConnectionStatus, Consent
from shared.domain.export import Export, SegmentChoice
from shared.domain.record import utc_now
from shared.domain.run import Failure, Run
from shared.domain.segment import Segment, Snapshot, SnapshotFile
from shared.pipeline.pushing.chunk_push import PushTask
from shared.pipeline.staging.stage import Staged
from shared.pipeline.steps.begin import begin
from shared.pipeline.steps.finish import FinishTask, finish
from shared.pipeline.steps.guard import GuardTask, guard
from shared.pipeline.steps.prepare import Prepared, PrepareTask, prepare
from shared.pipeline.steps.push import push
from shared.pipeline.steps.stage_segment import StageTask, stage_segment
from shared.settings import Settings
from shared.usecases.runs.orders import NewRun
from tests.fakes import MemoryBlobs
from tests.fakes_stores import MemoryStores, MemoryVault

SEGMENT = "bench"
_ADA = Principal("Ada", Role.ADMINISTRATOR)
_ELSEWHERE = {"SEGMENT_STORAGE": "-", "STATE_STORAGE": "-", "KEY_VAULT_URL": "-"}


class FolderApp(App):
    """Segment and state blobs are files below ``folder``; records, logs and the vault are in memory.

    ``settings`` win over the defaults of production. There is one export, of one segment, to the Autopilot account
    that ``key`` opens.
    """

    def __init__(self, folder: Path, key: str, settings: dict[str, str]) -> None:
        super().__init__(Settings.read({**_ELSEWHERE, **settings}))
        self._folder, self._key = folder, key

    @cached_property
    def stores(self) -> MemoryStores:
        return MemoryStores()

    @cached_property
    def segment_blobs(self) -> FolderSegments:
        return FolderSegments()

    @cached_property
    def state_blobs(self) -> FolderState:
        return FolderState(self._folder)

    @cached_property
    def log_blobs(self) -> MemoryBlobs:
        return MemoryBlobs()

    @cached_property
    def vault(self) -> MemoryVault:
        return MemoryVault(key=self._key)

    def receive(self, path: Path) -> None:
        """Take a file as the newest one of the segment; on first use this makes connection and export, too."""
        now = utc_now()
        size_bytes = path.stat().st_size
        file = SnapshotFile(name=str(path), etag=f"{path.stat().st_mtime_ns}", size_bytes=size_bytes)
        snapshot = Snapshot(id=f"s{file.etag}", segment=SEGMENT, arrived_at=now, files=(file,))
        segment = Segment(name=SEGMENT, source=f"{SEGMENT}/", snapshot=snapshot)
        self.stores.segments.upsert(SEGMENT, lambda _present: segment)
        if self.stores.exports.find("export-1"):
            return
        consent = Consent(given_by="Ada", given_at=now, version="1", language="en", text="I agree.")
        connection = Connection(
            id="connection-1",
            destination="autopilot",
            display_name="bench",
            secret_name="key",
            secret_owned=True,
            consent=consent,
            status=ConnectionStatus.CONNECTED,
            created_at=now,
            updated_at=now,
        )
        export = Export(
            id="export-1",
            name="bench",
            connection_id=connection.id,
            email_column="Email",
            fields=FIELDS,
            segments=(SegmentChoice(name=SEGMENT),),
            created_at=now,
            updated_at=now,
        )
        self.stores.connections.add(connection.id, connection)
        self.stores.exports.add(export.id, export)

    def export(self, note: Callable[[str], None]) -> Run:
        """Run the export to its end with the steps that the activities run, and as many lanes as the settings say.

        ``note`` hears the name of each stage at its end.
        """
        context, run_id = self.run_context, self.run_orders.on_demand("export-1", NewRun(), _ADA).id
        begin(context, run_id)
        note("beginning")
        staged: tuple[Staged, ...] = (stage_segment(context, StageTask(run_id=run_id, segment=SEGMENT)),)
        staged = guard(context, GuardTask(run_id=run_id, staged=staged)).staged
        note("staging")
        prepared = prepare(context, PrepareTask(run_id=run_id, staged=staged))
        failure = self._push(run_id, staged[0], prepared)
        note("pushing")
        finish(context, FinishTask(run_id=run_id, staged=staged, failure=failure, complete=failure is None))
        note("settling")
        return context.run(run_id)

    def _push(self, run_id: str, staged: Staged, prepared: Prepared) -> Failure | None:
        lanes = self.settings.push_lanes
        if SEGMENT not in prepared.lists:
            return None
        tasks = [
            PushTask(
                run_id=run_id,
                segment=SEGMENT,
                list_id=prepared.lists[SEGMENT],
                folder=staged.folder,
                chunk=chunk,
                removals=removals,
                proven=prepared.proven,
            )
            for removals in (False, True)
            for chunk in range(staged.leaver_chunks if removals else staged.chunks)
        ]
        if begun := prepared.begun:
            whole = begun.model_copy(update={"pending": None, "proven": prepared.proven})
            rest = begun.model_copy(update={"proven": prepared.proven})
            tasks = [rest if task == whole else task for task in tasks]
        with ThreadPoolExecutor(lanes) as pool:
            failures = list(pool.map(self._push_all, (tasks[lane::lanes] for lane in range(lanes))))
        return next((failure for failure in failures if failure), None)

    def _push_all(self, tasks: list[PushTask]) -> Failure | None:
        """Push chunks one after the other; a turn that ended early goes on with what is left."""
        for task in tasks:
            left: PushTask | None = task
            while left:
                pushed = push(self.run_context, left)
                if pushed.failure:
                    return pushed.failure
                left = task.model_copy(update={"pending": pushed.pending}) if pushed.pending else None
        return None
