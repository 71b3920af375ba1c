"""A worker's turn at a chunk, with a session that answers as it is told."""

import threading
from collections.abc import Callable, Sequence

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.destination import Leaver, Outcome, Profile, Stopped
from shared.domain.errors import NotFound, Refused, StorageUnavailable, Unauthorized, Unavailable
from shared.domain.run import Counts
from shared.pipeline import places
from shared.pipeline.pushing.chunk_push import ChunkPush, Pushed, PushTask
from shared.pipeline.staging.chunks import write_leavers
from tests.fakes import MemoryBlobs

FOLDER = "runs/r1/stage/s/a/"
TASK = PushTask(run_id="r1", segment="s", list_id="l1", folder=FOLDER, chunk=3)
Answer = Callable[[Sequence[Profile], Outcome], None]


class FakeSession:
    """Answers each batch by its first person's e-mail, else accepts everybody."""

    def __init__(self, answers: dict[str, Answer] | None = None) -> None:
        self.calls, self.begun, self._answers = 0, list[str](), answers or {}
        self._lock = threading.Lock()

    def push(self, list_id: str, batch: Sequence[Profile], outcome: Outcome) -> None:
        with self._lock:
            self.calls += 1
            self.begun.append(batch[0].email)
        self._answers.get(batch[0].email, accept)(batch, outcome)


def accept(batch: Sequence[Profile], outcome: Outcome) -> None:
    outcome.accepted.update({person.email: f"id {person.email}" for person in batch})


def refuse(batch: Sequence[Profile], outcome: Outcome) -> None:
    outcome.refused.update(dict.fromkeys((person.email for person in batch), "not_accepted"))


def half_then(error: BaseException) -> Answer:
    def answer(batch: Sequence[Profile], outcome: Outcome) -> None:
        accept(batch[: len(batch) // 2], outcome)
        raise error

    return answer


def fail(error: BaseException) -> Answer:
    def answer(batch: Sequence[Profile], outcome: Outcome) -> None:
        raise error

    return answer


def names(batches: int, size: int) -> list[list[str]]:
    return [[f"b{batch}p{person}@example.com" for person in range(size)] for batch in range(batches)]


def everyone(batches: Sequence[Sequence[str]]) -> list[str]:
    return [email for batch in batches for email in batch]


def stored(batches: Sequence[Sequence[str]]) -> MemoryBlobs:
    state, line = MemoryBlobs(), 1
    lines = []
    for batch in batches:
        people = []
        for email in batch:
            line += 1
            people.append([email, 2**63 + line, True, [0, line], "{}"])
        lines.append(orjson.dumps(people))
    state.write(places.chunk(FOLDER, 3), b"\n".join(lines) + b"\n")
    return state


def push(
    state: MemoryBlobs,
    session: FakeSession,
    *,
    pending: tuple[int, ...] | None = None,
    threads: int = 1,
    turn_s: float = 60,
    report: Callable[[Counts], None] = lambda counts: None,
    accepts_others: Callable[[], bool] = lambda: False,
) -> Pushed:
    task = TASK.model_copy(update={"pending": pending})
    options = {"threads": threads, "turn_s": turn_s, "report": report, "accepts_others": accepts_others}
    return ChunkPush(session, state, task, **options).run()


def results(state: MemoryBlobs) -> list[list[str]]:
    files = state.names(places.results_folder("r1", "s"))
    return sorted(line.split("\t") for name in files for line in state.read(name).decode().splitlines())


def test_a_batch_whose_people_were_all_erased_takes_no_call() -> None:
    state, session = stored([["ada@example.com"], [], ["bob@example.com"]]), FakeSession()

    assert push(state, session) == Pushed(counts=Counts(sent=2, calls=2))
    assert session.begun == ["ada@example.com", "bob@example.com"]


def test_everybody_gets_a_line_in_the_results() -> None:
    state = stored([["ada@example.com", "bob@example.com"]])

    def answer(batch: Sequence[Profile], outcome: Outcome) -> None:
        outcome.accepted["ada@example.com"] = "person_1"
        outcome.refused["bob@example.com"] = "not_accepted"

    pushed = push(state, FakeSession({"ada@example.com": answer}))

    assert pushed == Pushed(counts=Counts(sent=1, refused=1, calls=1), rejected={"not_accepted": 1})
    assert results(state) == [
        ["accepted", "ada@example.com", str(2**63 + 2), "person_1", "0", "2", ""],
        ["refused", "bob@example.com", "", "", "0", "3", "not_accepted"],
    ]


def test_all_batches_are_pushed_by_many_threads() -> None:
    batches = names(40, 3)
    state, session, reports = stored(batches), FakeSession(), list[Counts]()

    pushed = push(state, session, threads=8, report=reports.append)

    assert pushed.pending == ()
    assert pushed.counts == reports[-1] == Counts(sent=120, calls=40)
    assert sorted(line[1] for line in results(state)) == sorted(everyone(batches))


def test_batches_are_under_way_together() -> None:
    together = threading.Barrier(4, timeout=10)

    def meet(batch: Sequence[Profile], outcome: Outcome) -> None:
        together.wait()
        accept(batch, outcome)

    batches = names(4, 1)
    pushed = push(stored(batches), FakeSession({batch[0]: meet for batch in batches}), threads=4)

    assert pushed.counts.sent == 4


def test_only_what_is_pending_is_pushed() -> None:
    state, session = stored(names(5, 1)), FakeSession()

    pushed = push(state, session, pending=(1, 4))

    assert session.begun == ["b1p0@example.com", "b4p0@example.com"]
    assert pushed.pending == ()


def test_a_turn_that_is_over_begins_nothing_and_writes_nothing() -> None:
    state, session = stored(names(3, 1)), FakeSession()

    pushed = push(state, session, turn_s=-1)

    assert pushed == Pushed(pending=(0, 1, 2))
    assert session.begun == []
    assert results(state) == []


def test_a_stop_leaves_the_rest_pending() -> None:
    batches = names(5, 2)
    pushed = push(state := stored(batches), FakeSession({batches[2][0]: half_then(Stopped())}))

    assert pushed.stopped
    assert pushed.failure is None
    assert pushed.pending == (2, 3, 4)
    assert len(results(state)) == 5


@pytest.mark.parametrize(
    ("error", "retryable"),
    [(Unavailable("gone"), True), (StorageUnavailable("gone"), True), (Unauthorized("no"), False)],
)
def test_an_error_ends_the_turn_and_keeps_what_was_answered(error: Exception, retryable: bool) -> None:
    batches = names(4, 2)
    state = stored(batches)

    pushed = push(state, FakeSession({batches[1][0]: half_then(error)}))

    assert pushed.failure
    assert pushed.failure.code == error.reason
    assert pushed.retryable is retryable
    assert pushed.pending == (1, 2, 3)
    assert [line[1] for line in results(state)] == [*batches[0], batches[1][0]]


def test_an_error_that_ends_the_run_outweighs_one_that_passes() -> None:
    first, second = names(2, 1)
    together = threading.Barrier(2, timeout=10)

    def meet_then(error: Exception) -> Answer:
        def answer(batch: Sequence[Profile], outcome: Outcome) -> None:
            together.wait()
            raise error

        return answer

    answers = {first[0]: meet_then(Unavailable("gone")), second[0]: meet_then(Unauthorized("no"))}
    pushed = push(stored([first, second]), FakeSession(answers), threads=2)

    assert pushed.failure
    assert pushed.failure.code == "key-refused"
    assert not pushed.retryable


def test_people_of_a_broken_batch_are_counted_once_over_all_turns() -> None:
    batches = names(3, 4)
    state = stored(batches)

    first = push(state, FakeSession({batches[1][0]: half_then(Unavailable("gone"))}))
    second = push(state, FakeSession(), pending=first.pending)

    assert (first.counts + second.counts).sent == 12
    assert second.pending == ()
    assert {line[1] for line in results(state)} == set(everyone(batches))


def test_a_fault_of_our_own_loses_no_answers() -> None:
    batches = names(3, 2)
    state = stored(batches)

    with pytest.raises(ZeroDivisionError):
        push(state, FakeSession({batches[1][0]: half_then(ZeroDivisionError())}))

    assert [line[1] for line in results(state)] == [*batches[0], batches[1][0]]


def test_progress_that_cannot_be_stored_stops_nobody() -> None:
    def broken(counts: Counts) -> None:
        raise StorageUnavailable("down")

    pushed = push(stored(names(4, 2)), FakeSession(), report=broken)

    assert pushed.counts.sent == 8
    assert pushed.failure is None


def test_a_run_whose_people_are_all_refused_is_ended() -> None:
    batches = names(6, 100)
    session = FakeSession({batch[0]: refuse for batch in batches})

    pushed = push(stored(batches), session)

    assert pushed.failure
    assert pushed.failure.code == "all-refused"
    assert not pushed.retryable
    assert pushed.counts.refused == 200
    assert pushed.pending == (2, 3, 4, 5)


def test_where_others_are_accepted_it_is_the_people() -> None:
    batches = [*names(6, 100), ["good@example.com"]]
    session = FakeSession({batch[0]: refuse for batch in batches[:-1]})

    pushed = push(stored(batches), session, accepts_others=lambda: True)

    assert pushed.failure is None
    assert pushed.counts == Counts(sent=1, refused=600, calls=7)


def test_one_accepted_person_is_hope_enough() -> None:
    batches = [["good@example.com"], *names(6, 100)]
    answers = {batch[0]: refuse for batch in batches[1:]}

    pushed = push(stored(batches), FakeSession(answers))

    assert pushed.failure is None
    assert pushed.counts == Counts(sent=1, refused=600, calls=7)


def test_a_chunk_that_is_gone_is_not_found() -> None:
    with pytest.raises(NotFound):
        push(MemoryBlobs(), FakeSession())


def test_every_turn_writes_a_file_of_its_own() -> None:
    state = stored(names(1, 2))

    push(state, FakeSession())
    push(state, FakeSession())

    assert len(state.names(places.results_folder("r1", "s"))) == 2


ANSWERS = st.sampled_from(
    [
        accept,
        refuse,
        half_then(Unavailable("gone")),
        half_then(Stopped()),
        half_then(Refused("no")),
        fail(Unauthorized("no")),
        fail(StorageUnavailable("down")),
    ]
)


@given(
    st.lists(st.tuples(st.integers(1, 5), st.one_of(st.just(accept), ANSWERS)), min_size=1, max_size=8),
    st.integers(1, 4),
)
def test_nobody_is_lost_whatever_happens(chunk: list[tuple[int, Answer]], threads: int) -> None:
    batches = [[f"b{at}p{person}" for person in range(size)] for at, (size, _) in enumerate(chunk)]
    state = stored(batches)
    answers = {batch[0]: answer for batch, (_, answer) in zip(batches, chunk, strict=True)}

    pushed = push(state, FakeSession(answers), threads=threads)

    answered = {line[1]: line[0] for line in results(state)}
    pending = {email for index in pushed.pending for email in batches[index]}
    everybody = set(everyone(batches))
    assert set(answered) | pending == everybody
    done = everybody - pending
    assert pushed.counts.sent == sum(answered[email] == "accepted" for email in done)
    assert pushed.counts.refused == sum(answered[email] == "refused" for email in done)
    assert sum(pushed.rejected.values()) == pushed.counts.refused
    if pending:
        assert pushed.stopped or pushed.failure


def test_a_batch_that_takes_long_is_seen_to_make_progress() -> None:
    reports, told = list[Counts](), threading.Event()

    def report(counts: Counts) -> None:
        reports.append(counts)
        if counts.sent == 1:
            told.set()

    class SlowSession(FakeSession):
        def push(self, list_id: str, batch: Sequence[Profile], outcome: Outcome) -> None:
            outcome.accepted[batch[0].email] = "person_1"
            assert told.wait(10)
            super().push(list_id, batch, outcome)

    pushed = push(stored(names(1, 3)), SlowSession(), report=report)

    assert pushed.counts.sent == reports[-1].sent == 3
    assert any(counts.sent == 1 for counts in reports)


class RemovingSession(FakeSession):
    """Takes everybody off but those whose removal is refused; ``faults`` are raised one after the other."""

    def __init__(self, *refused: str, faults: Sequence[Exception | None] = ()) -> None:
        super().__init__()
        self._refused, self._faults = refused, list(faults)

    def remove(self, list_id: str, leavers: Sequence[Leaver], outcome: Outcome) -> None:
        for leaver in leavers:
            if leaver.email in self._refused:
                outcome.refused[leaver.email] = "whatever"
            else:
                outcome.removed.add(leaver.email)
        if self._faults and (fault := self._faults.pop(0)):
            raise fault


def remove(session: RemovingSession, count: int) -> tuple[Pushed, MemoryBlobs]:
    state = MemoryBlobs()
    leavers = [(f"p{number:02}@example.com", f"person_{number}") for number in range(count)]
    assert write_leavers(state, FOLDER, leavers, batches_per_chunk=50) == 1
    task = TASK.model_copy(update={"chunk": 0, "removals": True})
    return ChunkPush(session, state, task, threads=1, turn_s=60, report=lambda counts: None).run(), state


def test_leavers_are_taken_off_and_those_who_could_not_be_are_told() -> None:
    pushed, state = remove(RemovingSession("p01@example.com"), 3)
    assert pushed == Pushed(counts=Counts(removed=2), rejected={"not_removed": 1})
    assert results(state) == [
        ["not_removed", "p01@example.com", "", "person_1", "", "", ""],
        ["removed", "p00@example.com", "", "person_0", "", "", ""],
        ["removed", "p02@example.com", "", "person_2", "", "", ""],
    ]


def test_leavers_who_were_not_reached_are_pending() -> None:
    pushed, state = remove(RemovingSession(faults=[None, Unavailable("gone")]), 35)
    assert (pushed.pending, pushed.retryable, pushed.counts.removed) == ((1, 2, 3), True, 10)
    assert len(results(state)) == 20
