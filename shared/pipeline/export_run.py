"""The steps of a run, as the activities of the orchestration call them.

Each step reads what it needs from storage, so that it can be repeated on any worker; what it returns is small, since it
becomes orchestration history. No profile, e-mail or key is ever part of an order or a result.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from uuid import uuid4

from pydantic import Field

from shared.domain.connection import Connection, ConnectionStatus
from shared.domain.destination import Destination, Session, Stopped
from shared.domain.errors import Conflict, NotFound, Unauthorized
from shared.domain.ports import SegmentBlobs, StateBlobs, Stores, Vault
from shared.domain.record import Clock, Record
from shared.domain.run import Counts, Failure, Plan, Run, RunStatus, Stage, add_reasons
from shared.pipeline import places
from shared.pipeline.ledger import load_ledger, merge_results
from shared.pipeline.pacing import PaceBook, RunPacer
from shared.pipeline.pushing import ChunkPush, Pushed, PushTask, read_batches
from shared.pipeline.rejects import RejectsFile, header_line
from shared.pipeline.staging import Staged, StageLimits, StageOrder, stage
from shared.pipeline.stop_watch import StopWatch
from shared.pipeline.workspace import open_database, scratch_folder

_LANE_HOLD_S = 900.0
_BUSY_WAIT_S = 10.0
_TURN_S = 60.0


class Begun(Record):
    """``wait_s`` is given when another run has the connection; else the run goes on with ``segments``."""

    wait_s: float | None = None
    over: bool = False
    segments: tuple[str, ...] = ()


class StageTask(Record):
    run_id: str
    segment: str


class PrepareTask(Record):
    run_id: str
    staged: tuple[Staged, ...]


class Prepared(Record):
    """``chunks`` per segment that has something to send, and the list it goes to. ``failure`` = over the limit."""

    failure: Failure | None = None
    lists: dict[str, str] = Field(default_factory=dict)


class FinishTask(Record):
    """``complete`` is True when every chunk was answered to its end."""

    run_id: str
    staged: tuple[Staged, ...] = ()
    failure: Failure | None = None
    complete: bool = False


class Finished(Record):
    status: RunStatus
    counts: Counts = Counts()
    rejected: dict[str, int] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PipelineLimits:
    """What settings decide. ``max_calls_per_s`` 0 = no ceiling."""

    max_profiles_per_run: int
    max_calls_per_s: float
    stage_memory_mb: int
    stage_max_file_mb: int
    batches_per_chunk: int
    push_threads: int


class ExportRun:
    """All steps. Every one may be repeated; repeating a step that succeeded changes nothing."""

    def __init__(
        self,
        stores: Stores,
        segments: SegmentBlobs,
        state: StateBlobs,
        vault: Vault,
        destinations: Mapping[str, Destination],
        paces: PaceBook,
        limits: PipelineLimits,
        clock: Clock,
    ) -> None:
        self._stores, self._segments, self._state, self._vault = stores, segments, state, vault
        self._destinations, self._paces, self._limits, self._clock = destinations, paces, limits, clock

    def begin(self, run_id: str) -> Begun:
        """Take the connection's lane and look up the lists; the key is proven on the way."""
        run = self._stores.runs.get(run_id).record
        if run.status.ended:
            return Begun(over=True)
        if run.cancel_requested_by:
            return Begun()
        connection = self._connection(run)
        if self._stores.lanes.take(connection.id, run.id, self._clock(), _LANE_HOLD_S):
            return Begun(wait_s=_BUSY_WAIT_S)
        if run.stage not in (Stage.WAITING, Stage.STAGING):
            return Begun(segments=tuple(segment.name for segment in run.segments))
        with self._session(run, connection) as session:
            lists = session.find_lists([segment.list_title for segment in run.segments])
            calls = session.calls
        self._note_accepted_key(connection)
        segments = tuple(
            segment.model_copy(update={"list_id": lists.get(segment.list_title)}) for segment in run.segments
        )
        self._change(
            run_id,
            segments=segments,
            status=RunStatus.PROCESSING,
            stage=Stage.STAGING,
            started_at=run.started_at or self._clock(),
            counts=Counts(calls=calls),
        )
        return Begun(segments=tuple(segment.name for segment in segments))

    def stage(self, task: StageTask) -> Staged:
        """Stage one segment of the run."""
        run = self._go_on(task.run_id)
        plan, connection = self._plan(run), self._connection(run)
        destination = self._destinations[connection.destination]
        list_id = next(segment.list_id for segment in run.segments if segment.name == task.segment)
        stop = self._stop_watch(run)

        def on_progress(rows: int) -> None:
            self._hold_lane(run)
            self._stores.runs.report(run.id, f"stage {task.segment}", Counts(rows=rows))
            if stop():
                raise Stopped

        order = StageOrder(
            snapshot=plan.snapshot(task.segment),
            folder=places.stage_folder(run.id, task.segment, uuid4().hex[:8]),
            email_column=plan.export.email_column,
            encoder=destination.encoder(plan.export.fields),
            ledger=list_id and places.ledger(run.export_id, task.segment, list_id),
            full=run.full,
            max_profiles=self._max_profiles(connection),
            batch_size=destination.batch_size,
            batches_per_chunk=self._limits.batches_per_chunk,
            keep_profiles=len(run.segments) > 1,
        )
        limits = StageLimits(self._limits.stage_memory_mb, self._limits.stage_max_file_mb)
        staged = stage(order, self._segments, self._state, limits, on_progress)
        self._remember_segment(task.segment, order.snapshot.id, staged)
        return staged.model_copy(update={"columns": ()})

    def prepare(self, task: PrepareTask) -> Prepared:
        """Guard the limit, make sure the lists exist, and learn about the account what is not known yet."""
        run = self._go_on(task.run_id)
        connection = self._connection(run)
        counts = sum((staged.counts for staged in task.staged), Counts(calls=run.counts.calls))
        limit = self._max_profiles(connection)
        distinct = self._count_distinct(task.staged, counts.profiles, limit)
        if distinct > limit:
            self._change(run.id, counts=counts)
            return Prepared(
                failure=Failure(
                    code="over-limit",
                    message=f"The run has {distinct:,} profiles; at most {limit:,} may be exported at once. "
                    "Nothing was sent.",
                    remedy="Spread the people over several smaller segments and exports, or have the limit raised.",
                )
            )
        if any(staged.counts.to_send and not staged.chunks for staged in task.staged):
            raise Conflict(
                "The limit of profiles was raised while the run was reading its segments.",
                code="limit-changed",
                remedy="Run the export again.",
            )
        if counts.to_send == 0:
            self._change(run.id, counts=counts, stage=Stage.FINISHING)
            return Prepared()
        lists: dict[str, str] = {}
        with self._session(run, connection) as session:
            for staged in task.staged:
                if staged.chunks == 0:
                    continue
                segment = next(segment for segment in run.segments if segment.name == staged.segment)
                lists[staged.segment] = segment.list_id or session.ensure_list(segment.list_title)
            if not connection.learnt and lists:
                self._learn(session, connection, task.staged, lists)
            counts = counts.model_copy(update={"calls": counts.calls + session.calls})
        self._change(
            run.id,
            counts=counts,
            stage=Stage.PUSHING,
            pushing_at=self._clock(),
            segments=tuple(
                segment.model_copy(update={"list_id": lists.get(segment.name, segment.list_id)})
                for segment in run.segments
            ),
        )
        return Prepared(lists=lists)

    def push(self, task: PushTask) -> Pushed:
        """Push one chunk, or a part of it. A failure that ends the run also stops the other workers."""
        run = self._go_on(task.run_id)
        connection = self._connection(run)
        part = f"push {task.segment} {task.chunk} {len(task.pending) if task.pending is not None else 'all'}"
        with self._session(run, connection) as session:
            push = ChunkPush(
                session,
                self._state,
                task,
                threads=self._limits.push_threads,
                turn_s=_TURN_S,
                report=lambda counts: self._stores.runs.report(run.id, part, counts),
            )
            pushed = push.run()
        if pushed.failure and not pushed.retryable:
            self._change(run.id, failure=pushed.failure)
        return pushed

    def finish(self, task: FinishTask) -> Finished:
        """Write ledgers, rejects and the run record; leave the lane. Whatever happened before, this tells it."""
        run = self._stores.runs.get(task.run_id).record
        if run.status.ended:
            self._tidy(run)
            return Finished(status=run.status, counts=run.counts, rejected=run.rejected)
        self._change(run.id, stage=Stage.FINISHING)
        counts = sum((staged.counts for staged in task.staged), Counts())
        rejected = add_reasons(*(staged.rejected for staged in task.staged))
        for segment in run.segments:
            if segment.list_id is not None:
                sent, refused = self._settle(run, segment.name, segment.list_id)
                counts += Counts(sent=sent, refused=sum(refused.values()))
                rejected = add_reasons(rejected, refused)
        self._state.write(places.rejects(run.id), self._all_rejects(run, task))
        live = self._stores.runs.progress(run.id)
        calls = run.counts.calls + live.calls
        failure = task.failure or run.failure
        if failure:
            status = RunStatus.FAILED
        else:
            status = RunStatus.SUCCESSFUL if task.complete else RunStatus.CANCELED
        self._note_refused_key(run, failure)
        ended = self._change(
            run.id,
            status=status,
            stage=Stage.DONE,
            failure=failure,
            counts=counts.model_copy(update={"calls": calls}),
            rejected=rejected,
            dropped_values=add_reasons(*(staged.dropped_values for staged in task.staged)),
            ended_at=self._clock(),
        )
        self._tidy(run)
        return Finished(status=ended.status, counts=ended.counts, rejected=ended.rejected)

    def should_stop(self, run_id: str) -> bool:
        """Tell whether the run was cancelled or has failed."""
        return _is_over(self._stores.runs.get(run_id).record)

    def _go_on(self, run_id: str) -> Run:
        """Return the run at the beginning of a step, and keep its lane. Raises Stopped when it shall not go on."""
        run = self._stores.runs.get(run_id).record
        if _is_over(run):
            raise Stopped
        self._hold_lane(run)
        return run

    def _tidy(self, run: Run) -> None:
        self._stores.lanes.leave(run.connection_id, run.id)
        self._stores.runs.forget_progress(run.id)
        for folder in places.working_folders(run.id):
            self._state.remove(self._state.names(folder))

    def _settle(self, run: Run, segment: str, list_id: str) -> tuple[int, dict[str, int]]:
        """Merge what was answered into the ledger; returns how many were accepted, and refused by reason."""
        names = self._state.names(places.results_folder(run.id, segment))
        if not names:
            return 0, {}
        files = self._plan(run).snapshot(segment).files
        email_column = self._plan(run).export.email_column
        with scratch_folder() as scratch, open_database(scratch, self._limits.stage_memory_mb) as database:
            results = [scratch / f"result-{number}.tsv" for number in range(len(names))]
            for name, path in zip(names, results, strict=True):
                self._state.download(name, path)
            ledger, before, after = (
                places.ledger(run.export_id, segment, list_id),
                scratch / "before.parquet",
                scratch / "after.parquet",
            )
            load_ledger(database, before if self._state.download(ledger, before) else None)
            accepted, refused = merge_results(database, results, after)
            refused_path = scratch / "refused.csv"
            with RejectsFile(refused_path, segment) as rejects:
                for person in refused:
                    rejects.add(
                        files[person.file].name, person.line, email_column, person.reason, person.email
                    )
            self._state.upload(ledger, after)
            self._state.upload(places.refused(run.id, segment), refused_path)
            return accepted, dict(rejects.reasons)

    def _all_rejects(self, run: Run, task: FinishTask) -> Iterator[bytes]:
        yield header_line()
        names = [places.staged_rejects(staged.folder) for staged in task.staged]
        names += [places.refused(run.id, segment.name) for segment in run.segments]
        for name in names:
            try:
                yield from self._state.stream(name)
            except NotFound:
                continue

    def _learn(
        self,
        session: Session,
        connection: Connection,
        staged_segments: tuple[Staged, ...],
        lists: Mapping[str, str],
    ) -> None:
        for staged in staged_segments:
            if staged.segment not in lists:
                continue
            sample = [profile for profile in read_batches(self._state, staged.folder, 0)[0] if profile.joins]
            if learnt := session.learn(lists[staged.segment], sample):
                self._stores.connections.change(
                    connection.id,
                    lambda present, learnt=learnt: present.model_copy(
                        update={"learnt": {**present.learnt, **learnt}}
                    ),  # type: ignore[misc]
                )
                return

    def _count_distinct(self, staged: tuple[Staged, ...], total: int, limit: int) -> int:
        """People in several segments count once; looked at only when it matters."""
        if total <= limit or len(staged) == 1:
            return total
        with scratch_folder() as scratch, open_database(scratch, self._limits.stage_memory_mb) as database:
            paths = [scratch / f"profiles-{number}.parquet" for number in range(len(staged))]
            for one, path in zip(staged, paths, strict=True):
                self._state.download(places.staged_profiles(one.folder), path)
            files = ", ".join(f"'{path}'" for path in paths)
            return int(
                database.execute(f"select count(distinct email) from read_parquet([{files}])").fetchall()[0][
                    0
                ]
            )

    @contextmanager
    def _session(self, run: Run, connection: Connection) -> Iterator[Session]:
        ceiling = connection.max_calls_per_s
        pacer = RunPacer(
            self._paces.of(connection.id),
            self._limits.max_calls_per_s if ceiling is None else ceiling,
            self._stop_watch(run),
        )
        session = self._destinations[connection.destination].open(
            lambda fresh: self._vault.read(connection.secret_name, fresh=fresh),
            pacer,
            connection.learnt,
            connections=self._limits.push_threads,
        )
        with closing(session):
            yield session

    def _stop_watch(self, run: Run) -> Callable[[], bool]:
        return StopWatch(lambda: self.should_stop(run.id))

    def _hold_lane(self, run: Run) -> None:
        if self._stores.lanes.take(run.connection_id, run.id, self._clock(), _LANE_HOLD_S):
            raise Conflict("Another run has taken the connection meanwhile.", code="lane-lost")

    def _remember_segment(self, name: str, snapshot_id: str, staged: Staged) -> None:
        self._stores.segments.change(
            name,
            lambda present: (
                present
                if present.snapshot.id != snapshot_id
                else present.model_copy(
                    update={"profiles": staged.counts.profiles, "columns": staged.columns}
                )
            ),
        )

    def _note_accepted_key(self, connection: Connection) -> None:
        """The destination answered, so the key is good, whatever an earlier run or check said of it."""
        if connection.status is not ConnectionStatus.CONNECTED:
            self._stores.connections.change(
                connection.id,
                lambda present: present.model_copy(update={"status": ConnectionStatus.CONNECTED}),
            )

    def _note_refused_key(self, run: Run, failure: Failure | None) -> None:
        if failure and failure.code in (Unauthorized.code, "secret-unavailable"):
            self._stores.connections.change(
                run.connection_id,
                lambda present: present.model_copy(update={"status": ConnectionStatus.NEEDS_ATTENTION}),
            )

    def _max_profiles(self, connection: Connection) -> int:
        return min(
            self._limits.max_profiles_per_run,
            connection.max_profiles_per_run or self._limits.max_profiles_per_run,
        )

    def _connection(self, run: Run) -> Connection:
        return self._stores.connections.get(run.connection_id).record

    def _plan(self, run: Run) -> Plan:
        return Plan.model_validate_json(self._state.read(places.plan(run.id)))

    def _change(self, run_id: str, **changes: object) -> Run:
        return self._stores.runs.change(run_id, lambda present: present.model_copy(update=changes))


def _is_over(run: Run) -> bool:
    return run.status.ended or run.cancel_requested_by is not None or run.failure is not None
