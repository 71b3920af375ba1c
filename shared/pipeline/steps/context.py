"""What all steps of a run share: its record, its plan, its connection, its lane."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared import telemetry
from shared.domain.connection import Connection
from shared.domain.destination import Destination, Session, Stopped
from shared.domain.errors import Conflict
from shared.domain.ports import Alerts, SegmentBlobs, StateBlobs, Stores, Vault
from shared.domain.record import Clock
from shared.domain.run import Plan, Run, RunStatus, Stage
from shared.pipeline import places
from shared.pipeline.journal import Journal
from shared.pipeline.pushing.key_reading import KeyReader
from shared.pipeline.pushing.pacing import PaceBook, RunPacer
from shared.pipeline.pushing.stop_watch import StopWatch
from shared.pipeline.rejects import MAX_LISTED_BYTES
from shared.pipeline.row_log import RowLog
from shared.pipeline.steps.timing import enter

NO_CONNECTION = "no-connection"
_LANE_HOLD_S = 900.0


@dataclass(frozen=True, slots=True)
class PipelineLimits:
    """What settings decide. ``max_calls_per_s`` 0 = no ceiling."""

    max_profiles_per_run: int
    max_calls_per_s: float
    stage_memory_mb: int
    stage_max_file_mb: int
    batches_per_chunk: int
    push_threads: int
    key_patience_s: float = 0
    run_attempts: int = 1
    run_retry_after_s: int = 3600
    row_log: RowLog = RowLog.OFF
    max_listed_bytes: int = MAX_LISTED_BYTES


@dataclass(frozen=True)
class RunContext:
    """The outside world of the steps, and what they often ask of it."""

    stores: Stores
    segments: SegmentBlobs
    state: StateBlobs
    vault: Vault
    destinations: Mapping[str, Destination]
    paces: PaceBook
    limits: PipelineLimits
    clock: Clock
    journal: Journal
    logs: StateBlobs
    alerts: Alerts

    def run(self, run_id: str) -> Run:
        return self.stores.runs.get(run_id).record

    def go_on(self, run_id: str) -> Run:
        """Return the run at the beginning of a step, and keep its lane. Raises Stopped when it shall not go on."""
        run = self.run(run_id)
        if is_over(run) or run.status is RunStatus.WAITING_FOR_APPROVAL:
            raise Stopped
        self.hold_lane(run)
        telemetry.tell_run(run)
        return run

    def change(self, run_id: str, **changes: object) -> Run:
        return self.stores.runs.change(run_id, lambda present: present.model_copy(update=changes))

    def enter(self, run_id: str, stage: Stage, segment: str | None = None, **changes: object) -> Run:
        """Change a run that has come to a stage; a late repetition does not set it back."""
        return self.stores.runs.change(
            run_id,
            lambda present: enter(present, stage, self.clock(), segment).model_copy(update=changes),
        )

    def plan(self, run: Run) -> Plan:
        return Plan.model_validate_json(self.state.read(places.plan(run.id)))

    def connection(self, run: Run) -> Connection:
        """Raises Conflict when the connection has been removed."""
        found = self.stores.connections.find(run.connection_id)
        if found is None:
            raise Conflict(
                f"The connection of the export '{run.export_name}' has been removed.",
                code=NO_CONNECTION,
                remedy="Give the export another connection.",
            )
        return found.record

    def take_lane(self, run: Run) -> bool:
        """Take or prolong the connection's lane; False when another run has it. Dry runs need none."""
        if run.dry:
            return True
        return self.stores.lanes.take(run.connection_id, run.id, self.clock(), _LANE_HOLD_S) is None

    def hold_lane(self, run: Run) -> None:
        if not self.take_lane(run):
            raise Conflict("Another run has taken the connection meanwhile.", code="lane-lost")

    def max_profiles(self, connection: Connection) -> int:
        limit = self.limits.max_profiles_per_run
        return min(limit, connection.max_profiles_per_run or limit)

    def max_calls_per_s(self, connection: Connection) -> float:
        """Return the ceiling of calls; 0 = none."""
        ceiling = connection.max_calls_per_s
        return self.limits.max_calls_per_s if ceiling is None else ceiling

    def stop_watch(self, run: Run) -> Callable[[], bool]:
        """Tells whether the run was cancelled or has failed meanwhile."""
        return StopWatch(lambda: is_over(self.run(run.id)))

    def session(self, run: Run, connection: Connection, *, proven: bool = False) -> Session:
        """Open a session with the destination for a run, which ends it by being cancelled.

        ``proven``: the run has tried already whether what was learnt about the account is still true.
        """
        return self.paced_session(
            connection,
            self.stop_watch(run),
            key_patience_s=self.limits.key_patience_s,
            proven=proven,
            accepts_others=lambda: self.accepts_others(run),
        )

    def accepts_others(self, run: Run) -> bool:
        """Tell whether the destination takes people as this run sends them: most are on their lists like that, or some
        were accepted in this run. Who is refused for good is tried by every run, and must not end it."""
        if run.counts.unchanged > run.counts.to_send:
            return True
        return self.stores.runs.progress(run.id).sent > 0

    def paced_session(
        self,
        connection: Connection,
        stop: Callable[[], bool],
        *,
        key_patience_s: float = 0.0,
        proven: bool = False,
        accepts_others: Callable[[], bool] = lambda: False,
    ) -> Session:
        """Open a session with the destination, paced with everybody else who uses the connection.

        ``key_patience_s`` is for how long a key that is refused is waited for to be replaced.
        """
        pacer = RunPacer(self.paces.of(connection.id), self.max_calls_per_s(connection), stop)
        read_key = KeyReader(self.stores, self.vault, connection, pacer.pause, key_patience_s)
        destination = self.destinations[connection.destination]
        return destination.open(
            read_key, pacer, connection.learnt, proven=proven, accepts_others=accepts_others
        )

    def remember_learnt(self, connection: Connection, session: Session) -> None:
        """Keep what a session has found out about the account, for those that follow."""
        learnt = dict(session.learnt)
        if learnt != connection.learnt:
            self.stores.connections.change(
                connection.id, lambda present: present.model_copy(update={"learnt": learnt})
            )


def is_over(run: Run) -> bool:
    return run.status.ended or run.cancel_requested_by is not None or run.failure is not None
