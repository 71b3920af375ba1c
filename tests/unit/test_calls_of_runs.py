"""Batches are full: a run makes a bulk call for as many people as one takes, and none for anything else."""

from collections import Counter
from dataclasses import replace
from math import ceil

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import Refused, Unavailable
from shared.domain.export import Leavers, TripWire
from shared.domain.run import RunStatus
from shared.domain.segment import Segment, Snapshot
from tests.unit.plant import Plant, people

TITLES = ("vip", "churn")
KINDS = ("stays", "changes", "joins", "leaves")
changes = st.lists(st.sampled_from(KINDS), max_size=24)


class Counted:
    """A plant whose destination hears every call."""

    def __init__(self, *, batch_size: int, batches_per_chunk: int) -> None:
        self.plant, self.heard = Plant(*TITLES), Counter[str]()
        plant, destination = self.plant, self.plant.destination
        destination.batch_size, destination.changeable = batch_size, True
        destination.on_call = lambda call: self.heard.update([call])
        plant.context = replace(
            plant.context, limits=replace(plant.context.limits, batches_per_chunk=batches_per_chunk)
        )
        plant.edit(leavers=Leavers.REMOVE, trip_wire=TripWire(max_removals_share=None))

    def upload(self, segment: str, rows: dict[str, str]) -> None:
        plant, text = self.plant, "".join(f"{email},{name}\n" for email, name in rows.items())
        file = plant.blobs.put(f"{segment}/a.csv", f"EMail,First\n{text}", plant.clock())
        snapshot = Snapshot(id=f"s{file.etag}", segment=segment, arrived_at=plant.clock(), files=(file,))
        plant.stores.segments.remove(segment)
        plant.stores.segments.add(segment, Segment(name=segment, source=f"{segment}/", snapshot=snapshot))

    def run(self, *, full: bool = False) -> Counter[str]:
        self.heard.clear()
        finished = self.plant.run_to_end(self.plant.order(full=full))
        assert finished.status is RunStatus.SUCCESSFUL
        assert finished.counts.calls == self.heard.total()
        return Counter(self.heard)


@settings(max_examples=8)
@given(
    st.tuples(changes, changes),
    st.integers(1, 7),
    st.integers(1, 4),
    st.booleans(),
)
def test_a_run_makes_as_many_bulk_calls_as_its_people_fill(kinds, batch_size, batches_per_chunk, full):
    world = Counted(batch_size=batch_size, batches_per_chunk=batches_per_chunk)
    marked = {
        title: {f"{title}{number}@example.com": kind for number, kind in enumerate(each)}
        for title, each in zip(TITLES, kinds, strict=True)
    }
    for title, each in marked.items():
        world.upload(title, {email: "a" for email, kind in each.items() if kind != "joins"})
    world.run()
    for title, each in marked.items():
        present = {email: kind for email, kind in each.items() if kind != "leaves"}
        world.upload(title, {email: "b" if kind == "changes" else "a" for email, kind in present.items()})
    calls = world.run(full=full)

    sent = KINDS[:3] if full else ("changes", "joins")
    counts = [Counter(each.values()) for each in marked.values()]
    assert calls["push"] == sum(ceil(sum(each[kind] for kind in sent) / batch_size) for each in counts)
    assert calls["look"] <= 1
    assert calls["lists"] == 1
    for title, each in marked.items():
        if "stays" in each.values():
            assert world.plant.members(title) == {e for e, kind in each.items() if kind != "leaves"}
    again = world.run()
    assert again == Counter({"lists": 1})


def learnt(*, batches_per_chunk: int = 2) -> Counted:
    world = Counted(batch_size=3, batches_per_chunk=batches_per_chunk)
    world.upload("vip", dict.fromkeys(people(9), "a"))
    world.upload("churn", {})
    world.run()
    world.upload("vip", dict.fromkeys(people(30), "a"))
    world.heard.clear()
    return world


def test_an_outage_while_it_is_proven_what_was_learnt_leaves_the_proof_to_others():
    world = learnt()
    world.plant.destination.faults["look"] = [Unavailable("It is away.")]
    finished = world.plant.run_to_end(world.plant.order())
    assert (finished.status, finished.counts.sent) == (RunStatus.SUCCESSFUL, 21)
    assert world.plant.members("vip") == set(people(30))


def test_a_refusal_while_it_is_proven_ends_the_run_and_keeps_what_was_answered():
    world = learnt()
    world.plant.destination.faults["look"] = [Refused("It said no.", code="gone-bad")]
    run_id = world.plant.order()
    finished = world.plant.run_to_end(run_id)
    assert (finished.status, finished.counts.sent) == (RunStatus.FAILED, 3)
    assert world.plant.run_of(run_id).failure.code == "gone-bad"
    assert world.heard["push"] == 1
    assert world.plant.run_to_end(world.plant.order()).counts.sent == 18


def test_a_preparation_that_is_repeated_counts_nobody_twice():
    world = learnt()
    plant = world.plant
    run_id = plant.order()
    staged = plant.stage_all(run_id)
    plant.prepare(run_id, staged)
    finished = plant.go_on(run_id, staged)
    assert (finished.status, finished.counts.sent) == (RunStatus.SUCCESSFUL, 21)
    assert plant.members("vip") == set(people(30))
