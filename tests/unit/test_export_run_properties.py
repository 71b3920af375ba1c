"""Runs, whatever happens between them: in the end the list holds exactly the people of its segments."""

from collections.abc import Sequence

import duckdb
import orjson
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.domain.email_address import email_hash
from shared.domain.errors import Refused
from shared.domain.export import FieldMapping, Leavers, SegmentChoice, TripWire
from shared.domain.run import RunStatus
from shared.domain.segment import Segment, Snapshot
from shared.pipeline import places
from shared.pipeline.workspace import scratch_folder
from tests.unit.plant import Plant

EMAILS = [f"p{number}@example.com" for number in range(8)]
FIELDS = (
    FieldMapping(field="FirstName", column="First"),
    FieldMapping(field="City", column="Town"),
    FieldMapping(field="Source", constant="Shop"),
    FieldMapping(field="Source", constant="Fair"),
)

contents = st.dictionaries(
    st.sampled_from(EMAILS), st.tuples(st.sampled_from("ab"), st.sampled_from(["", "x"])), max_size=8
)
mappings = (
    st.sets(st.sampled_from(range(len(FIELDS))), max_size=3)
    .filter(lambda places_: not places_ >= {2, 3})  # no mapping fills a field twice
    .map(lambda places_: tuple(FIELDS[place] for place in sorted(places_)))
)
some_people = st.sets(st.sampled_from(EMAILS), max_size=2)
events = st.lists(
    st.one_of(
        st.tuples(st.just("upload"), st.sampled_from(["vip", "churn"]), contents),
        st.tuples(st.just("edit"), mappings),
        st.tuples(st.just("suppress"), some_people),
        st.tuples(st.just("refuse"), some_people),
        st.tuples(st.just("leavers"), st.sampled_from(Leavers)),
        st.tuples(st.just("run"), st.sampled_from([None, "push", "remove"]), st.booleans()),
    ),
    max_size=8,
)


class World:
    """A plant, and what is in the files of its segments."""

    def __init__(self, *segments: str) -> None:
        self.plant, self.segments = Plant(*segments), segments
        self.files: dict[str, dict[str, tuple[str, str]]] = {}
        self.suppressed: set[str] = set()
        self.plant.edit(
            leavers=Leavers.REMOVE,
            trip_wire=TripWire(max_removals_share=None),
            segments=tuple(SegmentChoice(name=name, list_name="all") for name in segments),
        )
        for name in segments:
            self.upload(name, {})

    def upload(self, name: str, people: dict[str, tuple[str, str]]) -> None:
        """A segment that the export does not carry changes nothing."""
        if name not in self.segments:
            return
        plant, self.files[name] = self.plant, people
        rows = "".join(f"{email},{first},{town}\n" for email, (first, town) in people.items())
        file = plant.blobs.put(f"{name}/a.csv", f"EMail,First,Town\n{rows}", plant.clock())
        snapshot = Snapshot(id=f"s{file.etag}", segment=name, arrived_at=plant.clock(), files=(file,))
        plant.stores.segments.remove(name)
        plant.stores.segments.add(name, Segment(name=name, source=f"{name}/", snapshot=snapshot))

    def edit(self, fields) -> None:
        self.plant.edit(fields=fields)

    def suppress(self, people: set[str]) -> None:
        self.suppressed = people
        listed = "".join(f"{each}\n" for each in sorted(map(email_hash, people)))
        self.plant.state.write(places.suppression("connection-1"), listed.encode())

    def refuse(self, people: set[str]) -> None:
        self.plant.destination.refused = dict.fromkeys(people, "not_accepted")

    def leavers(self, choice: Leavers) -> None:
        self.plant.edit(leavers=choice)

    def run(self, fault: str | None = None, full: bool = False):
        plant = self.plant
        plant.clock.advance(60)
        plant.destination.faults = {fault: [None, Refused("It said no.")]} if fault else {}
        finished = plant.run_to_end(plant.order(full=full))
        plant.destination.faults = {}
        assert self.on_ledgers() <= self.members()
        return finished

    def wanted(self) -> set[str]:
        return {email for people in self.files.values() for email in people} - self.suppressed

    def members(self) -> set[str]:
        return self.plant.members("all") if "all" in self.plant.destination.lists else set()

    def on_ledgers(self) -> set[str]:
        return {email for name in self.plant.state.names(places.ALL_LEDGERS) for email in self._emails(name)}

    def _emails(self, name: str) -> list[str]:
        with scratch_folder() as folder:
            path = folder / "ledger.parquet"
            self.plant.state.download(name, path)
            return [email for (email,) in duckdb.execute(f"select email from '{path}'").fetchall()]


def happen(world: World, happenings) -> None:
    for name, *details in happenings:
        getattr(world, name)(*details)


def end_well(world: World, files) -> None:
    """Let nothing be in the way any more, bring files in that hold somebody, and run."""
    world.refuse(set())
    world.leavers(Leavers.REMOVE)
    for name, people in zip(world.segments, files, strict=False):
        assume(set(people) - world.suppressed)
        world.upload(name, people)
    assert world.run().status in (RunStatus.SUCCESSFUL, RunStatus.SUCCESSFUL_WITH_REJECTS)


@settings(max_examples=12)
@given(events, st.tuples(contents, contents), st.sampled_from([("vip",), ("vip", "churn")]))
def test_in_the_end_the_list_holds_the_people_of_its_segments_and_nobody_is_sent_again(
    happenings, files, segments
):
    world = World(*segments)
    happen(world, happenings)
    end_well(world, files)
    assert world.members() == world.on_ledgers() == world.wanted()
    again = world.run()
    assert (again.counts.to_send, again.counts.leavers) == (0, 0)


@settings(max_examples=12)
@given(events, contents, mappings)
def test_in_the_end_everybody_was_sent_what_the_mapping_says(happenings, people, fields):
    world = World("vip")
    happen(world, happenings)
    world.edit(fields)
    end_well(world, [people])
    for email in world.wanted():
        first, town = people[email]
        values = {"FirstName": first, "City": town}
        expected = {
            field.field: field.constant or values[field.field]
            for field in fields
            if field.constant or values[field.field]
        }
        assert expected.items() <= orjson.loads(world.plant.destination.contacts[email]).items()


@settings(max_examples=12)
@given(contents.filter(len), mappings, mappings)
def test_an_edit_sends_those_of_whom_it_says_something_new(people, before, after):
    world = World("vip")
    world.edit(before)
    world.upload("vip", people)
    world.run()
    world.edit(after)
    world.plant.destination.contacts.clear()
    world.run()
    sent = set(world.plant.destination.contacts)
    changed = [field for field in after if field not in before]
    for email, values in people.items():
        known, said = says(before, values), says(after, values)
        if any(known.get(field) != value for field, value in said.items()):
            assert email in sent
        elif not says(changed, values):
            assert email not in sent


def says(fields: Sequence[FieldMapping], values: Sequence[str]) -> dict[str, str]:
    """What a mapping says of a person, whose values are those of the columns First and Town."""
    columns = {"First": 0, "Town": 1}
    found = {field.field: field.constant or values[columns[field.column or ""]] for field in fields}
    return {field: value for field, value in found.items() if value}
