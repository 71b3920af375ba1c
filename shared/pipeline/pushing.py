"""Push: one chunk of batches to the destination, many calls at a time, and a result file of what was answered."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import orjson
from pydantic import Field

from shared.domain.destination import Outcome, Profile, Session, Stopped
from shared.domain.errors import Refused, SegpilotError
from shared.domain.ports import StateBlobs
from shared.domain.record import Record
from shared.domain.run import Counts, Failure, add_reasons
from shared.pipeline import places
from shared.pipeline.ledger import accepted_line, refused_line

_HOPELESS_AFTER = 200
_REPORT_EVERY_S = 1.0


class PushTask(Record):
    """A chunk, or what is left of it: ``pending`` are indices of batches, None = all of them.

    With ``removals`` it is a chunk of leavers, who are taken off the list.
    """

    run_id: str
    segment: str
    list_id: str
    folder: str
    chunk: int
    removals: bool = False
    pending: tuple[int, ...] | None = None


class Pushed(Record):
    """What a worker's turn at a chunk came to. ``pending`` batches are still to be done, and not in ``counts``.

    ``stopped`` is True when the run was cancelled or has failed elsewhere. ``failure`` ends the run unless it is
    ``retryable``: then the chunk goes on later.
    """

    pending: tuple[int, ...] = ()
    counts: Counts = Counts()
    rejected: dict[str, int] = Field(default_factory=dict)
    stopped: bool = False
    failure: Failure | None = None
    retryable: bool = False


def read_batches(state: StateBlobs, folder: str, chunk: int) -> list[list[Profile]]:
    """Read a chunk as batches of people."""
    return [
        [
            Profile(email, content_hash, joins, tuple(origin), body)
            for email, content_hash, joins, origin, body in batch
        ]
        for batch in map(orjson.loads, state.read(places.chunk(folder, chunk)).splitlines())
    ]


class ChunkPush:
    """One worker's turn at one chunk. ``turn_s`` bounds for how long new batches are begun."""

    def __init__(
        self,
        session: Session,
        state: StateBlobs,
        task: PushTask,
        *,
        threads: int,
        turn_s: float,
        report: Callable[[Counts], None],
    ) -> None:
        self._session, self._state, self._task = session, state, task
        self._threads, self._ends_at = threads, time.monotonic() + turn_s
        self._report = report
        self._lock, self._halt = threading.Lock(), threading.Event()
        self._under_way = dict[int, Outcome]()
        self._lines: list[str] = []
        self._counts, self._reasons = Counts(), dict[str, int]()
        self._error: SegpilotError | None = None
        self._stopped = self._anyone_accepted = False

    def run(self) -> Pushed:
        batches = read_batches(self._state, self._task.folder, self._task.chunk)
        pending = range(len(batches)) if self._task.pending is None else self._task.pending
        try:
            with ThreadPoolExecutor(min(self._threads, max(1, len(pending)))) as pool, self._telling():
                done = list(pool.map(lambda index: self._push(batches[index]), pending))
        finally:
            # Whatever happens, what was answered is known.
            self._write_results()
        self._tell(self._counted())
        return Pushed(
            pending=tuple(index for index, whole in zip(pending, done, strict=True) if not whole),
            counts=self._counted(),
            rejected=self._reasons,
            stopped=self._stopped,
            failure=self._error
            and Failure(code=self._error.reason, message=self._error.message, remedy=self._error.remedy),
            retryable=self._error is not None and self._error.retryable,
        )

    def _push(self, batch: Sequence[Profile]) -> bool:
        """Push one batch; returns whether every person in it got an answer."""
        if self._halt.is_set() or time.monotonic() > self._ends_at:
            return False
        outcome, whole = Outcome(), False
        with self._lock:
            self._under_way[id(outcome)] = outcome
        try:
            self._session.push(self._task.list_id, batch, outcome)
            whole = True
        except Stopped:
            self._stopped = True
            self._halt.set()
        except SegpilotError as error:
            self._stop(error)
        except BaseException:
            self._halt.set()
            raise
        finally:
            self._note(batch, outcome, whole=whole)
        return whole

    def _stop(self, error: SegpilotError) -> None:
        self._halt.set()
        with self._lock:
            if self._error is None or (self._error.retryable and not error.retryable):
                self._error = error

    def _note(self, batch: Sequence[Profile], outcome: Outcome, *, whole: bool) -> None:
        """Keep what was answered. Counted are only people of whole batches: the others are sent again."""
        lines, counts, reasons = [], Counts(), dict[str, int]()
        for email, content_hash, _joins, origin, _body in batch:
            if email in outcome.accepted:
                lines.append(accepted_line(email, content_hash, outcome.accepted[email]))
            elif reason := outcome.refused.get(email):
                lines.append(refused_line(email, origin, reason))
                reasons[reason] = reasons.get(reason, 0) + 1
        refused = sum(reasons.values())
        if whole:
            counts = Counts(sent=len(lines) - refused, refused=refused)
        with self._lock:
            del self._under_way[id(outcome)]
            self._lines.extend(lines)
            self._anyone_accepted = self._anyone_accepted or len(lines) > refused
            self._counts += counts
            self._reasons = add_reasons(self._reasons, reasons if whole else {})
            hopeless = not self._anyone_accepted and self._counts.refused >= _HOPELESS_AFTER
        if hopeless:
            self._stop(
                Refused(
                    f"The destination refused every one of the first {self._counts.refused} people.",
                    code="all-refused",
                    remedy="Look at the rejects of this run; check the mapping and the contract.",
                )
            )

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Tell every second how far it is: where people are put on a list one by one, a batch takes minutes."""
        over = threading.Event()

        def tell() -> None:
            while not over.wait(_REPORT_EVERY_S):
                with self._lock:
                    under_way = [
                        (len(outcome.accepted), len(outcome.refused)) for outcome in self._under_way.values()
                    ]
                sent, refused = (
                    (sum(column) for column in zip(*under_way, strict=True)) if under_way else (0, 0)
                )
                self._tell(self._counted() + Counts(sent=sent, refused=refused))

        teller = threading.Thread(target=tell, name="progress", daemon=True)
        teller.start()
        try:
            yield
        finally:
            over.set()
            teller.join()

    def _tell(self, counts: Counts) -> None:
        """Progress is a courtesy: when it cannot be stored, the run goes on."""
        with contextlib.suppress(SegpilotError):
            self._report(counts)

    def _counted(self) -> Counts:
        return self._counts.model_copy(update={"calls": self._session.calls})

    def _write_results(self) -> None:
        """Every turn has a file of its own, so that a worker that was thought lost overwrites nothing."""
        if self._lines:
            folder = places.results_folder(self._task.run_id, self._task.segment)
            name = f"{folder}{self._task.chunk:05}-{uuid4().hex}.tsv"
            self._state.write(name, "".join(self._lines).encode())
