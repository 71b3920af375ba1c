"""The steps of a run, one after the other, against a destination that does as it is told."""

import csv
import io

import pytest
from fakes import MemoryBlobs
from fakes_stores import (
    START,
    FakeClock,
    MemorySegmentBlobs,
    MemoryStores,
    MemoryVault,
    ScriptedDestination,
)

from shared.domain.access import Principal
from shared.domain.connection import Connection, ConnectionStatus, Consent
from shared.domain.destination import Stopped
from shared.domain.errors import (
    Conflict,
    NotFound,
    Refused,
    SecretUnavailable,
    SegmentUnreadable,
    Unauthorized,
    Unavailable,
)
from shared.domain.export import Export, FieldMapping, SegmentChoice
from shared.domain.run import Failure, Run, RunStatus, Stage
from shared.domain.segment import Segment, Snapshot
from shared.pipeline.pacing import PaceBook
from shared.pipeline.pushing import PushTask
from shared.pipeline.steps.begin import begin
from shared.pipeline.steps.context import PipelineLimits, RunContext, is_over
from shared.pipeline.steps.finish import Finished, FinishTask, finish
from shared.pipeline.steps.prepare import PrepareTask, prepare
from shared.pipeline.steps.push import push
from shared.pipeline.steps.stage_segment import StageTask, stage_segment
from shared.usecases.runs import NewRun, Runs

ADA = Principal("Ada")


class Plant:
    """Everything a run needs, with an export of the segments vip and churn."""

    def __init__(self, *segments: str, max_profiles: int = 1_000) -> None:
        self.clock, self.stores, self.state = FakeClock(), MemoryStores(), MemoryBlobs()
        self.blobs, self.vault, self.destination = (
            MemorySegmentBlobs(),
            MemoryVault(key="right-key"),
            ScriptedDestination(),
        )
        self.runs = Runs(self.stores, self.state, self.clock)
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
        )
        consent = Consent(given_by="Ada", given_at=START, text="I agree")
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

    def arrive(self, segment: str, *people: str, names: str = "x") -> None:
        """A file of a segment comes in."""
        text = "EMail,First\n" + "".join(f"{person},{names}\n" for person in people)
        file = self.blobs.put(f"{segment}/a.csv", text, self.clock())
        snapshot = Snapshot(id=f"s{file.etag}", segment=segment, arrived_at=self.clock(), files=(file,))
        self.stores.segments.remove(segment)
        self.stores.segments.add(segment, Segment(name=segment, source=f"{segment}/", snapshot=snapshot))

    def order(self, *, full: bool = False) -> str:
        return self.runs.create_on_demand("export-1", NewRun(full=full), ADA).id

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

    def tasks(self, run_id: str, staged: tuple, lists: dict[str, str]) -> list[PushTask]:
        return [
            PushTask(
                run_id=run_id,
                segment=one.segment,
                list_id=lists[one.segment],
                folder=one.folder,
                chunk=number,
            )
            for one in staged
            if one.segment in lists
            for number in range(one.chunks)
        ]

    def run_to_end(self, run_id: str) -> Finished:
        """What the orchestration does when nothing needs to be waited for."""
        staged = self.stage_all(run_id)
        prepared = prepare(self.context, PrepareTask(run_id=run_id, staged=staged))
        failure, complete = prepared.failure, prepared.failure is None
        for task in self.tasks(run_id, staged, prepared.lists):
            pushed = push(self.context, task)
            if pushed.failure or pushed.stopped:
                failure, complete = pushed.failure, False
                break
        return finish(
            self.context, FinishTask(run_id=run_id, staged=staged, failure=failure, complete=complete)
        )

    def members(self, title: str) -> set[str]:
        return self.destination.members[self.destination.lists[title]]

    def rejects(self, run_id: str) -> list[list[str]]:
        text = b"".join(self.runs.rejects(run_id)).decode()
        return list(csv.reader(io.StringIO(text, newline="")))[1:]

    def is_free(self) -> bool:
        return "connection-1" not in self.stores.lanes.held


def people(count: int, start: int = 0) -> list[str]:
    return [f"p{number}@example.com" for number in range(start, start + count)]


def test_a_run_puts_the_people_of_a_segment_on_the_list_with_its_name():
    plant = Plant()
    plant.arrive("vip", *people(10), "nobody")
    run_id = plant.order()
    finished = plant.run_to_end(run_id)
    assert finished.status is RunStatus.SUCCESSFUL
    assert plant.members("vip") == set(people(10))
    run = plant.run_of(run_id)
    assert (run.counts.rows, run.counts.profiles, run.counts.new, run.counts.sent) == (11, 10, 10, 10)
    assert (run.stage, run.failure, run.ended_at) == (Stage.DONE, None, plant.clock())
    assert run.counts.calls == 7  # lists, list, learn, and four batches of three
    assert run.rejected == {"email_no_at_sign": 1}
    assert plant.rejects(run_id) == [["vip", "vip/a.csv", "12", "EMail", "email_no_at_sign", "no***"]]
    assert plant.is_free()


def test_the_next_run_sends_only_what_is_new_or_changed():
    plant = Plant()
    plant.arrive("vip", *people(5))
    plant.run_to_end(plant.order())
    plant.destination.contacts.clear()
    plant.arrive("vip", *people(7))
    finished = plant.run_to_end(plant.order())
    assert set(plant.destination.contacts) == set(people(2, start=5))
    assert (finished.counts.new, finished.counts.unchanged, finished.counts.sent) == (2, 5, 2)
    plant.destination.contacts.clear()
    plant.arrive("vip", *people(7), names="y")
    assert plant.run_to_end(plant.order()).counts.changed == 7


def test_a_run_without_anything_to_send_makes_no_list_and_ends_well():
    plant = Plant()
    plant.arrive("vip")
    finished = plant.run_to_end(plant.order())
    assert (finished.status, finished.counts.profiles) == (RunStatus.SUCCESSFUL, 0)
    assert plant.destination.lists == {}


def test_a_full_run_sends_everybody_again():
    plant = Plant()
    plant.arrive("vip", *people(5))
    plant.run_to_end(plant.order())
    plant.destination.contacts.clear()
    assert plant.run_to_end(plant.order(full=True)).counts.sent == 5
    assert len(plant.destination.contacts) == 5


def test_every_segment_has_its_list_and_its_ledger():
    plant = Plant("vip", "churn")
    plant.arrive("vip", *people(4))
    plant.arrive("churn", *people(4, start=2))
    finished = plant.run_to_end(plant.order())
    assert plant.members("vip") == set(people(4))
    assert plant.members("churn") == set(people(4, start=2))
    assert finished.counts.sent == 8
    assert len(plant.state.names("ledgers/export-1/")) == 2
    assert plant.run_to_end(plant.order()).counts.to_send == 0


def test_those_whom_the_destination_refuses_are_rejects_and_are_tried_again_by_the_next_run():
    plant = Plant()
    plant.arrive("vip", *people(4))
    plant.destination.refused["p2@example.com"] = "not_accepted"
    run_id = plant.order()
    finished = plant.run_to_end(run_id)
    assert finished.status is RunStatus.SUCCESSFUL
    assert (finished.counts.sent, finished.counts.refused) == (3, 1)
    assert plant.rejects(run_id) == [["vip", "vip/a.csv", "4", "EMail", "not_accepted", "p***@example.com"]]
    plant.destination.refused.clear()
    assert plant.run_to_end(plant.order()).counts.sent == 1


def test_a_list_that_was_removed_is_made_anew_and_everybody_joins_it():
    plant = Plant()
    plant.arrive("vip", *people(5))
    plant.run_to_end(plant.order())
    plant.destination.remove_list("vip")
    finished = plant.run_to_end(plant.order())
    assert finished.counts.new == 5
    assert plant.members("vip") == set(people(5))


def test_a_second_run_waits_while_another_has_the_connection():
    plant = Plant()
    plant.arrive("vip", *people(1))
    first, second = plant.order(), plant.order()
    begin(plant.context, first)
    assert begin(plant.context, second).wait_s > 0
    assert plant.run_of(second).status is RunStatus.QUEUED
    finish(plant.context, FinishTask(run_id=first))
    assert begin(plant.context, second).segments == ("vip",)


def test_the_connection_of_a_run_that_vanished_becomes_free_by_itself():
    plant = Plant()
    plant.arrive("vip", *people(1))
    first, second = plant.order(), plant.order()
    begin(plant.context, first)
    plant.clock.advance(16 * 60)
    assert begin(plant.context, second).wait_s is None
    with pytest.raises(Conflict) as raised:
        stage_segment(plant.context, StageTask(run_id=first, segment="vip"))
    assert raised.value.reason == "lane-lost"
    finish(plant.context, FinishTask(run_id=first, failure=Failure(code="lane-lost", message="x")))
    assert plant.stores.lanes.held["connection-1"][0] == second


def test_a_push_that_takes_long_keeps_the_connection():
    plant = Plant()
    plant.arrive("vip", *people(6))
    run_id, other = plant.order(), plant.order()
    staged = plant.stage_all(run_id)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    plant.destination.on_call = lambda call: plant.clock.advance(600 if call == "push" else 0)
    [task] = plant.tasks(run_id, staged, prepared.lists)
    push(plant.context, task)
    assert begin(plant.context, other).wait_s


def test_every_step_keeps_the_connection_for_a_while_longer():
    plant = Plant("vip", "churn")
    plant.arrive("vip", *people(4))
    plant.arrive("churn", *people(1))
    run_id, other = plant.order(), plant.order()
    begin(plant.context, run_id)
    staged = []
    for name in ("vip", "churn"):
        plant.clock.advance(600)
        staged.append(stage_segment(plant.context, StageTask(run_id=run_id, segment=name)))
    plant.clock.advance(600)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=tuple(staged)))
    for task in plant.tasks(run_id, tuple(staged), prepared.lists):
        plant.clock.advance(600)
        push(plant.context, task)
        assert begin(plant.context, other).wait_s


def test_a_run_that_was_cancelled_before_it_began_touches_nothing():
    plant = Plant()
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    plant.cancel(run_id)
    assert begin(plant.context, run_id).segments == ()
    assert plant.is_free()
    assert finish(plant.context, FinishTask(run_id=run_id)).status is RunStatus.CANCELED
    assert plant.destination.lists == {}


@pytest.mark.parametrize("step", ["stage", "prepare", "push"])
def test_no_step_is_begun_once_the_run_was_cancelled(step):
    plant = Plant()
    plant.arrive("vip", *people(7))
    run_id = plant.order()
    begin(plant.context, run_id)
    steps = {
        "stage": lambda: stage_segment(plant.context, StageTask(run_id=run_id, segment="vip")),
        "prepare": lambda: prepare(plant.context, PrepareTask(run_id=run_id, staged=staged)),
        "push": lambda: push(plant.context, plant.tasks(run_id, staged, prepared.lists)[0]),
    }
    staged: tuple = ()
    if step != "stage":
        staged = (steps["stage"](),)
    if step == "push":
        prepared = steps["prepare"]()
    contacts = dict(plant.destination.contacts)
    plant.cancel(run_id)
    with pytest.raises(Stopped):
        steps[step]()
    assert plant.destination.contacts == contacts
    finished = finish(plant.context, FinishTask(run_id=run_id, staged=staged))
    assert finished.status is RunStatus.CANCELED
    assert plant.is_free()
    assert plant.run_to_end(plant.order()).counts.sent == 7


def test_what_was_accepted_before_a_cancellation_stays_accepted():
    plant = Plant()
    plant.arrive("vip", *people(12))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    first, second = plant.tasks(run_id, staged, prepared.lists)
    push(plant.context, first)
    plant.cancel(run_id)
    with pytest.raises(Stopped):
        push(plant.context, second)
    finished = finish(plant.context, FinishTask(run_id=run_id, staged=staged))
    assert (finished.status, finished.counts.sent) == (RunStatus.CANCELED, 6)
    again = plant.run_to_end(plant.order())
    assert (again.counts.unchanged, again.counts.sent) == (6, 6)
    assert plant.members("vip") == set(people(12))


def test_a_cancellation_after_the_last_chunk_does_not_undo_the_run():
    plant = Plant()
    plant.arrive("vip", *people(3))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    for task in plant.tasks(run_id, staged, prepared.lists):
        push(plant.context, task)
    plant.cancel(run_id)
    finished = finish(plant.context, FinishTask(run_id=run_id, staged=staged, complete=True))
    assert finished.status is RunStatus.SUCCESSFUL


def test_a_failure_keeps_the_accepted_on_the_ledger_and_the_next_run_continues():
    plant = Plant()
    plant.arrive("vip", *people(12))
    plant.destination.faults["push"] = [None, None, Refused("It said no.", code="gone-bad")]
    run_id = plant.order()
    finished = plant.run_to_end(run_id)
    assert finished.status is RunStatus.FAILED
    assert plant.run_of(run_id).failure.code == "gone-bad"
    assert 0 < finished.counts.sent < 12
    again = plant.run_to_end(plant.order())
    assert again.status is RunStatus.SUCCESSFUL
    assert again.counts.sent == 12 - finished.counts.sent
    assert plant.members("vip") == set(people(12))


def test_a_failure_in_one_chunk_stops_the_other_workers():
    plant = Plant()
    plant.arrive("vip", *people(12))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    first, second = plant.tasks(run_id, staged, prepared.lists)
    plant.destination.faults["push"] = [Refused("It said no."), Refused("It said no.")]
    assert push(plant.context, first).failure
    with pytest.raises(Stopped):
        push(plant.context, second)


def test_an_outage_leaves_what_is_still_to_be_done_and_the_run_goes_on():
    plant = Plant()
    plant.arrive("vip", *people(6))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    [task] = plant.tasks(run_id, staged, prepared.lists)
    plant.destination.faults["push"] = [Unavailable("It is away.")]
    pushed = push(plant.context, task)
    assert pushed.retryable
    assert pushed.pending
    assert plant.run_of(run_id).failure is None
    rest = push(plant.context, task.model_copy(update={"pending": pushed.pending}))
    assert (rest.pending, rest.failure) == ((), None)
    assert plant.members("vip") == set(people(6))


@pytest.mark.parametrize(("key", "attention"), [("wrong-key", True), ("right-key", False)])
def test_a_refused_key_marks_the_connection(key, attention):
    plant = Plant()
    plant.arrive("vip", *people(1))
    plant.vault.secrets["key"] = key
    run_id = plant.order()
    try:
        plant.run_to_end(run_id)
    except Unauthorized as problem:
        failure = Failure(code=problem.reason, message=problem.message, remedy=problem.remedy)
        finish(plant.context, FinishTask(run_id=run_id, failure=failure))
    connection = plant.stores.connections.get("connection-1").record
    assert (connection.status is ConnectionStatus.NEEDS_ATTENTION) is attention
    assert (plant.run_of(run_id).status is RunStatus.FAILED) is attention
    assert plant.is_free()


def test_a_key_that_is_refused_in_the_middle_marks_the_connection_too():
    plant = Plant()
    plant.arrive("vip", *people(12))
    plant.destination.faults["push"] = [None, Unauthorized("The key was refused.")]
    plant.run_to_end(plant.order())
    assert plant.stores.connections.get("connection-1").record.status is ConnectionStatus.NEEDS_ATTENTION


def test_a_missing_secret_ends_the_beginning():
    plant = Plant()
    plant.arrive("vip", *people(1))
    plant.vault.secrets.clear()
    with pytest.raises(SecretUnavailable) as raised:
        begin(plant.context, plant.order())
    assert not raised.value.retryable


def test_a_run_whose_connection_is_gone_can_still_be_finished():
    plant = Plant()
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    plant.stores.connections.remove("connection-1")
    with pytest.raises(NotFound):
        begin(plant.context, run_id)
    failure = Failure(code="not-found", message="There is no connection.")
    assert finish(plant.context, FinishTask(run_id=run_id, failure=failure)).status is RunStatus.FAILED


def test_over_the_limit_nothing_is_sent_and_the_true_number_is_told():
    plant = Plant(max_profiles=5)
    plant.arrive("vip", *people(6))
    run_id = plant.order()
    finished = plant.run_to_end(run_id)
    failure = plant.run_of(run_id).failure
    assert (finished.status, failure.code) == (RunStatus.FAILED, "over-limit")
    assert "6" in failure.message
    assert (plant.destination.lists, plant.destination.contacts) == ({}, {})
    assert plant.run_of(run_id).counts.profiles == 6


def test_people_in_several_segments_count_once_against_the_limit():
    plant = Plant("vip", "churn", max_profiles=8)
    plant.arrive("vip", *people(6))
    plant.arrive("churn", *people(6, start=2))
    assert plant.run_to_end(plant.order()).status is RunStatus.SUCCESSFUL
    plant.arrive("churn", *people(6, start=3))
    run_id = plant.order()
    assert plant.run_to_end(run_id).status is RunStatus.FAILED
    assert "9" in plant.run_of(run_id).failure.message


def test_a_connection_may_have_a_lower_limit_of_its_own():
    plant = Plant(max_profiles=100)
    plant.limit_to(3)
    plant.arrive("vip", *people(4))
    assert plant.run_to_end(plant.order()).status is RunStatus.FAILED


def test_people_held_back_by_a_limit_that_was_raised_meanwhile_are_not_called_sent():
    plant = Plant(max_profiles=100)
    plant.limit_to(3)
    plant.arrive("vip", *people(4))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    plant.limit_to(10)
    with pytest.raises(Conflict) as raised:
        prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    assert raised.value.reason == "limit-changed"


def test_a_file_that_was_replaced_meanwhile_fails_the_stage_by_name():
    plant = Plant()
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    begin(plant.context, run_id)
    plant.blobs.put("vip/a.csv", "EMail,First\n")
    with pytest.raises(SegmentUnreadable) as raised:
        stage_segment(plant.context, StageTask(run_id=run_id, segment="vip"))
    assert raised.value.reason == "file-changed"


def test_the_number_of_people_and_the_columns_are_kept_with_the_segment():
    plant = Plant()
    plant.arrive("vip", *people(4), "p0@example.com")
    staged = plant.stage_all(plant.order())
    segment = plant.stores.segments.get("vip").record
    assert (segment.profiles, segment.columns) == (4, ("EMail", "First"))
    assert staged[0].columns == ()


def test_the_number_of_an_older_snapshot_is_not_kept_with_a_newer_one():
    plant = Plant()
    plant.arrive("vip", *people(4))
    run_id = plant.order()
    plant.stores.segments.change(
        "vip",
        lambda present: present.model_copy(
            update={"snapshot": present.snapshot.model_copy(update={"id": "newer"})}
        ),
    )
    plant.stage_all(run_id)
    assert plant.stores.segments.get("vip").record.profiles is None


def test_every_step_may_be_repeated_and_changes_nothing():
    plant = Plant("vip", "churn")
    plant.arrive("vip", *people(7), "nobody")
    plant.arrive("churn", *people(2))
    plant.destination.refused["p1@example.com"] = "not_accepted"
    run_id = plant.order()
    begin(plant.context, run_id)
    plant.stage_all(run_id)
    staged = plant.stage_all(run_id)
    for _ in range(2):
        prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    for task in plant.tasks(run_id, staged, prepared.lists):
        for _ in range(2):
            push(plant.context, task)
    task = FinishTask(run_id=run_id, staged=staged, complete=True)
    finished = finish(plant.context, task)
    run, files, rejects = plant.run_of(run_id), dict(plant.state.blobs), plant.rejects(run_id)
    assert (finished.counts.sent, finished.counts.refused, finished.counts.new) == (7, 2, 9)
    assert finished.rejected == {"email_no_at_sign": 1, "not_accepted": 2}
    plant.clock.advance(60)
    assert finish(plant.context, task) == finished
    assert (plant.run_of(run_id), plant.state.blobs, plant.rejects(run_id)) == (run, files, rejects)


def test_a_beginning_that_is_repeated_late_does_not_set_the_run_back():
    plant = Plant()
    plant.arrive("vip", *people(7))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    run = plant.run_of(run_id)
    assert begin(plant.context, run_id).segments == ("vip",)
    assert plant.run_of(run_id) == run


def test_no_step_that_is_repeated_after_the_end_takes_the_connection_or_sends():
    plant = Plant()
    plant.arrive("vip", *people(3))
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    [task] = plant.tasks(run_id, staged, prepared.lists)
    push(plant.context, task)
    finish(plant.context, FinishTask(run_id=run_id, staged=staged, complete=True))
    assert begin(plant.context, run_id).over
    for step in (
        lambda: stage_segment(plant.context, StageTask(run_id=run_id, segment="vip")),
        lambda: prepare(plant.context, PrepareTask(run_id=run_id, staged=staged)),
        lambda: push(plant.context, task),
    ):
        with pytest.raises(Stopped):
            step()
    assert plant.is_free()


def test_no_address_stays_behind_outside_the_ledger_when_a_run_has_ended():
    plant = Plant("vip", "churn")
    plant.arrive("vip", *people(7), "nobody")
    plant.arrive("churn", *people(2))
    plant.destination.refused["p1@example.com"] = "not_accepted"
    run_id = plant.order()
    plant.stage_all(run_id)  # an attempt whose answer was lost
    plant.run_to_end(run_id)
    assert {name for name in plant.state.blobs if not name.startswith("ledgers/")} == {
        f"runs/{run_id}/plan.json",
        f"runs/{run_id}/rejects.csv",
    }
    assert all(
        b"p1@example.com" not in content
        for name, content in plant.state.blobs.items()
        if not name.startswith("ledgers/")
    )
    assert plant.stores.runs.reports == {}


def test_what_a_connection_was_found_to_do_is_remembered():
    plant = Plant()
    plant.arrive("vip", *people(1))
    plant.run_to_end(plant.order())
    assert plant.stores.connections.get("connection-1").record.learnt == {"list_in_bulk": True}


def test_a_connection_is_asked_to_learn_only_from_people_who_join():
    plant = Plant("vip", "churn")
    plant.arrive("vip", *people(1))
    plant.run_to_end(plant.order())
    plant.stores.connections.change("connection-1", lambda present: present.model_copy(update={"learnt": {}}))
    plant.arrive("vip", *people(1), names="changed")
    plant.run_to_end(plant.order())
    assert plant.stores.connections.get("connection-1").record.learnt == {}


def test_a_run_is_over_when_cancelled_or_failed_only():
    plant = Plant()
    plant.arrive("vip", *people(1))
    run_id = plant.order()
    assert not is_over(plant.context.run(run_id))
    plant.cancel(run_id)
    assert is_over(plant.context.run(run_id))


def test_no_result_of_a_step_holds_an_address_or_the_key():
    plant = Plant()
    plant.arrive("vip", *people(7), "broken address")
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    prepared = prepare(plant.context, PrepareTask(run_id=run_id, staged=staged))
    results = [*staged, prepared]
    results += [push(plant.context, task) for task in plant.tasks(run_id, staged, prepared.lists)]
    results.append(finish(plant.context, FinishTask(run_id=run_id, staged=staged, complete=True)))
    text = "".join(result.model_dump_json() for result in [*results, plant.run_of(run_id)])
    assert "example.com" not in text
    assert "right-key" not in text
    assert "broken" not in text
