"""Push: one chunk of batches to the destination, many calls at a time, and a result file of what was answered.

Chunks of leavers go the same way, off the list.
"""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, cast
from uuid import uuid4

from pydantic import Field

from shared import telemetry
from shared.domain.destination import Leaver, Outcome, Profile, Session, Stopped
from shared.domain.errors import Refused, SegpilotError
from shared.domain.ports import StateBlobs
from shared.domain.record import Record
from shared.domain.run import Counts, Failure, add_reasons
from shared.pipeline import places
from shared.pipeline.ledger import accepted_line, leaver_line, refused_line
from shared.pipeline.rejects import RejectReason
from shared.pipeline.staging.chunks import read_batches, read_leavers

Batch = Sequence[Profile] | Sequence[Leaver]

_HOPELESS_AFTER = 200
_REPORT_EVERY_S = 1.0


class PushTask(Record):
    """A chunk, or what is left of it: ``pending`` are indices of batches, None = all of them.

    With ``removals`` it is a chunk of leavers, who are taken off the list. ``proven``: what was learnt about the account
    was found to be true in this run, and need not be tried again.
    """

    run_id: str
    segment: str
    list_id: str
    folder: str
    chunk: int
    removals: bool = False
    proven: bool = False
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


class _Answers(NamedTuple):
    """What was answered of a batch: lines of the results, and how often each reason of a refusal occurs."""

    lines: list[str]
    reasons: Counter[str]


def _tell_profiles(batch: Sequence[Profile], outcome: Outcome) -> _Answers:
    accepted, refused = outcome.accepted, outcome.refused
    lines = [
        accepted_line(email, content_hash, accepted[email], origin)
        for email, content_hash, _joins, origin, _body in batch
        if email in accepted
    ]
    lines += [
        refused_line(profile.email, profile.origin, refused[profile.email])
        for profile in batch
        if profile.email in refused
    ]
    return _Answers(lines, Counter(refused.values()))


def _tell_leavers(batch: Sequence[Leaver], outcome: Outcome) -> _Answers:
    answered = [
        leaver for leaver in batch if leaver.email in outcome.removed or leaver.email in outcome.refused
    ]
    lines = [leaver_line(*leaver, removed=leaver.email in outcome.removed) for leaver in answered]
    return _Answers(
        lines, Counter({RejectReason.NOT_REMOVED: len(outcome.refused)} if outcome.refused else {})
    )


class ChunkPush:
    """One worker's turn at one chunk. ``turn_s`` bounds for how long new batches are begun. ``accepts_others`` tells,
    when everybody is refused, whether people of other chunks or runs are accepted."""

    def __init__(
        self,
        session: Session,
        state: StateBlobs,
        task: PushTask,
        *,
        threads: int,
        turn_s: float,
        report: Callable[[Counts], None],
        accepts_others: Callable[[], bool] = lambda: False,
    ) -> None:
        self._session, self._state, self._task = session, state, task
        self._threads, self._ends_at = threads, time.monotonic() + turn_s
        self._report, self._accepts_others = report, accepts_others
        self._lock, self._halt = threading.Lock(), threading.Event()
        self._under_way = dict[int, Outcome]()
        self._lines: list[str] = []
        self._counts, self._reasons = Counts(), dict[str, int]()
        self._error: SegpilotError | None = None
        self._stopped = self._anyone_accepted = False

    def run(self) -> Pushed:
        read = read_leavers if self._task.removals else read_batches
        batches: Sequence[Batch] = read(self._state, self._task.folder, self._task.chunk)
        pending = range(len(batches)) if self._task.pending is None else self._task.pending
        place = telemetry.here()
        try:
            with ThreadPoolExecutor(min(self._threads, max(1, len(pending)))) as pool, self._telling():
                done = list(pool.map(lambda index: self._push(index, batches[index], place), pending))
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
            and Failure(
                code=self._error.reason,
                message=self._error.message,
                remedy=self._error.remedy,
                transient=self._error.retryable,
            ),
            retryable=self._error is not None and self._error.retryable,
        )

    def _push(self, index: int, batch: Batch, place: telemetry.Place) -> bool:
        """Push or remove one batch; returns whether every person in it got an answer."""
        if not batch:
            # An erasure has taken everybody out of it.
            return True
        if self._halt.is_set() or time.monotonic() > self._ends_at:
            return False
        task = self._task
        about: telemetry.Attributes = {
            telemetry.RUN: task.run_id,
            telemetry.SEGMENT: task.segment,
            telemetry.CHUNK: task.chunk,
            telemetry.BATCH: index,
        }
        with telemetry.span("send batch", about, place) as mark:
            return self._send(batch, mark)

    def _send(self, batch: Batch, mark: telemetry.Mark) -> bool:
        outcome, whole = Outcome(), False
        with self._lock:
            self._under_way[id(outcome)] = outcome
        try:
            if self._task.removals:
                self._session.remove(self._task.list_id, cast(Sequence[Leaver], batch), outcome)
            else:
                self._session.push(self._task.list_id, cast(Sequence[Profile], batch), outcome)
            whole = True
        except Stopped:
            self._stopped = True
            self._halt.set()
        except SegpilotError as error:
            mark.fail(error.reason)
            self._stop(error)
        except BaseException:
            self._halt.set()
            raise
        finally:
            mark.tell(sent=len(outcome.accepted), refused=len(outcome.refused), removed=len(outcome.removed))
            self._note(batch, outcome, whole=whole)
        return whole

    def _stop(self, error: SegpilotError) -> None:
        self._halt.set()
        with self._lock:
            if self._error is None or (self._error.retryable and not error.retryable):
                self._error = error

    def _note(self, batch: Batch, outcome: Outcome, *, whole: bool) -> None:
        """Keep what was answered. Counted are only people of whole batches: the others are sent again."""
        if self._task.removals:
            lines, reasons = _tell_leavers(cast(Sequence[Leaver], batch), outcome)
        else:
            lines, reasons = _tell_profiles(cast(Sequence[Profile], batch), outcome)
        done, counts = len(lines) - reasons.total(), Counts()
        if whole:
            counts = (
                Counts(removed=done) if self._task.removals else Counts(sent=done, refused=reasons.total())
            )
        with self._lock:
            del self._under_way[id(outcome)]
            self._lines.extend(lines)
            self._anyone_accepted = self._anyone_accepted or done > 0
            self._counts += counts
            self._reasons = add_reasons(self._reasons, reasons if whole else {})
            hopeless = not self._anyone_accepted and self._counts.refused >= _HOPELESS_AFTER
        if hopeless and self._accepts_others():
            self._anyone_accepted = True
        elif hopeless:
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
                    under_way = [self._count(outcome) for outcome in self._under_way.values()]
                self._tell(sum(under_way, self._counted()))

        teller = threading.Thread(target=tell, name="progress", daemon=True)
        teller.start()
        try:
            yield
        finally:
            over.set()
            teller.join()

    def _tell(self, counts: Counts) -> None:
        """Progress is a courtesy: when it cannot be stored now, the run goes on."""
        try:
            self._report(counts)
        except SegpilotError as problem:
            if not problem.retryable:
                self._stop(problem)

    def _count(self, outcome: Outcome) -> Counts:
        if self._task.removals:
            return Counts(removed=len(outcome.removed))
        return Counts(sent=len(outcome.accepted), refused=len(outcome.refused))

    def _counted(self) -> Counts:
        return self._counts.model_copy(update={"calls": self._session.calls})

    def _write_results(self) -> None:
        """Every turn has a file of its own, so that a worker that was thought lost overwrites nothing."""
        if self._lines:
            task = self._task
            start = places.results(task.run_id, task.segment, task.chunk, removals=task.removals)
            self._state.write(f"{start}{uuid4().hex}.tsv", "".join(self._lines).encode())
