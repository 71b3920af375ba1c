"""The steps of a run in this process, with storage in memory, against a simulator that counts every call."""

import dataclasses
from collections import Counter
from collections.abc import Iterable

from devkit.autopilot import AutopilotSimulator
from shared.adapters.autopilot import Autopilot
from shared.domain.export import Leavers, TripWire
from shared.domain.run import Run
from shared.domain.segment import Segment, Snapshot
from shared.pipeline.staging.stage import Staged
from shared.pipeline.steps.finish import FinishTask, finish
from shared.pipeline.steps.guard import GuardTask, guard
from shared.pipeline.steps.rehearse import RehearseTask, rehearse
from tests.unit.plant import Plant

LISTS, LIST = "GET /lists", "POST /list"
BULK = "POST /contacts"
LOOK, ADD, REMOVE = (
    f"{verb} /list/{{list_id}}/contact/{{id_or_email}}" for verb in ("GET", "POST", "DELETE")
)


class Account:
    """An export that takes leavers off, to a simulated account of its own."""

    def __init__(self, autopilot: AutopilotSimulator, *segments: str, batches_per_chunk: int = 3) -> None:
        self.autopilot, self.plant = autopilot, Plant(*segments, max_profiles=10_000)
        limits = dataclasses.replace(
            self.plant.context.limits, batches_per_chunk=batches_per_chunk, push_threads=4
        )
        self.plant.context = dataclasses.replace(
            self.plant.context,
            destinations={"autopilot": Autopilot(f"{autopilot.url}/v1", timeout_s=10)},
            limits=limits,
        )
        self.plant.vault.secrets["key"] = autopilot.key or ""
        self.plant.edit(leavers=Leavers.REMOVE, trip_wire=TripWire(max_removals_share=None))

    def upload(self, segment: str, numbers: Iterable[int], *, moved: Iterable[int] = ()) -> None:
        """Bring in a file of the people with these numbers; those who have moved are not as they were."""
        plant, elsewhere = self.plant, set(moved)
        rows = [f"p{number}@example.com,{'Eve' if number in elsewhere else 'Ada'}" for number in numbers]
        file = plant.blobs.put(f"{segment}/a.csv", "\n".join(["EMail,First", *rows, ""]), plant.clock())
        snapshot = Snapshot(id=f"s{file.etag}", segment=segment, arrived_at=plant.clock(), files=(file,))
        plant.stores.segments.remove(segment)
        plant.stores.segments.add(segment, Segment(name=segment, source=f"{segment}/", snapshot=snapshot))

    def run(self, *, full: bool = False) -> tuple[Run, Counter[str]]:
        """Run the export; returns the run and the calls that the simulator has seen, by endpoint."""
        before = self._calls()
        run_id = self.plant.order(full=full)
        self.plant.run_to_end(run_id)
        return self.plant.run_of(run_id), self._calls() - before

    def finish(self, run_id: str, staged: tuple[Staged, ...]) -> None:
        """Go on with a run that has read its segments."""
        self.plant.go_on(run_id, staged)

    def remove_list(self, title: str) -> None:
        """What a person does in Autopilot."""
        [only] = self.autopilot.state.lists_titled(title)
        del self.autopilot.state.lists[only.list_id]
        for contact in self.autopilot.state.contacts.values():
            contact.lists = tuple(each for each in contact.lists if each != only.list_id)

    def rehearse(self, *, full: bool = False) -> int:
        """Make a dry run; returns how many calls it expects of a real one."""
        plant = self.plant
        run_id = plant.order(dry=True, full=full)
        staged = guard(plant.context, GuardTask(run_id=run_id, staged=plant.stage_all(run_id))).staged
        rehearsed = rehearse(plant.context, RehearseTask(run_id=run_id, staged=staged))
        self.close(run_id, staged)
        return rehearsed.estimate.calls

    def close(self, run_id: str, staged: tuple[Staged, ...]) -> None:
        """End a run that has done all that it had to do."""
        finish(self.plant.context, FinishTask(run_id=run_id, staged=staged, complete=True))

    def learnt(self) -> dict[str, bool]:
        return self.plant.stores.connections.get("connection-1").record.learnt

    def members(self, title: str) -> list[str]:
        [only] = self.autopilot.state.lists_titled(title)
        return self.autopilot.state.emails_on(only.list_id)

    def _calls(self) -> Counter[str]:
        outcomes = self.autopilot.calls.outcomes.items()
        return Counter({endpoint: sum(statuses.values()) for endpoint, statuses in outcomes})


def emails(numbers: Iterable[int]) -> list[str]:
    return sorted(f"p{number}@example.com" for number in numbers)
