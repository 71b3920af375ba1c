"""Runs whose orchestration was lost, and those that never got one."""

from datetime import timedelta
from types import SimpleNamespace

import azure.durable_functions as df
import pytest
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus

from devkit.host.durable.testing import asynchronous
from functions.starting import start_runs, take_up_lost_runs
from shared.domain.run import RunStatus
from shared.usecases.runs.lost import LostRuns
from tests.unit.run_office import Office

MINUTE = timedelta(minutes=1)
STORAGE_IS_AWAY = DurableOrchestrationStatus.from_json(
    {"Message": "Something went wrong while processing your request", "ExceptionMessage": "Server Busy"}
)
"""What the SDK makes of an error of the extension: a status that looks as if there was no such instance."""

Status = df.OrchestrationRuntimeStatus


pytestmark = pytest.mark.usefixtures("needed_settings")


class TaskHub:
    """Plays the client of a task hub; ``statuses`` are those of its orchestrations, and when they came to be."""

    def __init__(self, **statuses: tuple[object, object]) -> None:
        self._statuses = statuses
        self.started: dict[str, dict] = {}
        self.refused: set[str] = set()
        self.broken: set[str] = set()

    async def get_status(self, instance_id: str) -> object:
        if instance_id in self.broken:
            return STORAGE_IS_AWAY
        if not (found := self._statuses.get(instance_id)):
            return None
        return SimpleNamespace(runtime_status=found[0], last_updated_time=found[1])

    async def start_new(self, _orchestrator: str, *, instance_id: str, client_input: dict) -> None:
        if instance_id in self.refused:
            raise RuntimeError("the host answered 503")
        self.started[instance_id] = client_input
        self._statuses[instance_id] = (Status.Pending, None)


def office_with_a_run(status: RunStatus) -> tuple[Office, str]:
    office = Office("vip")
    run_id = office.order().id
    office.change(run_id, status=status)
    return office, run_id


async def taken_up(office: Office, hub: TaskHub, after: timedelta = 10 * MINUTE) -> list[str]:
    await take_up_lost_runs(hub, lambda: LostRuns(office.stores), office.clock() + after)
    return list(hub.started)


@asynchronous
async def test_what_nobody_works_on_is_taken_up_and_says_so():
    for status in (RunStatus.PROCESSING, RunStatus.WAITING_FOR_APPROVAL):
        office, run_id = office_with_a_run(status)
        hub = TaskHub()
        assert await taken_up(office, hub, after=timedelta(0)) == [run_id]
        assert hub.started[run_id]["first_lane"] > 0, "its lanes get names of their own"
        assert "interrupted" in office.stores.runs.get(run_id).record.warnings[-1]


@asynchronous
async def test_a_run_is_given_time_to_be_started_by_whoever_made_it():
    office, run_id = office_with_a_run(RunStatus.QUEUED)
    assert await taken_up(office, TaskHub(), after=MINUTE) == []
    assert await taken_up(office, TaskHub(), after=3 * MINUTE) == [run_id]
    assert "interrupted" not in str(office.stores.runs.get(run_id).record.warnings), "nothing was lost"


@asynchronous
async def test_what_is_worked_on_is_left_alone():
    for status in (Status.Running, Status.Pending, Status.ContinuedAsNew, Status.Suspended):
        office, run_id = office_with_a_run(RunStatus.PROCESSING)
        assert await taken_up(office, TaskHub(**{run_id: (status, office.clock())})) == []


@asynchronous
async def test_an_orchestration_that_has_ended_without_its_run_gets_a_while_until_another_follows():
    for status in (Status.Completed, Status.Failed, Status.Terminated):
        office, run_id = office_with_a_run(RunStatus.PROCESSING)
        hub = TaskHub(**{run_id: (status, office.clock())})
        assert await taken_up(office, hub, after=4 * MINUTE) == []
        assert await taken_up(office, hub, after=6 * MINUTE) == [run_id]


@asynchronous
async def test_a_run_of_which_nobody_can_tell_is_left_alone_and_holds_up_no_other():
    office = Office("vip")
    runs = [office.order().id, office.order().id]
    hub = TaskHub()
    hub.broken = {runs[1]}
    assert await taken_up(office, hub) == [runs[0]]
    assert "interrupted" not in str(office.stores.runs.get(runs[1]).record.warnings)


@asynchronous
async def test_one_run_that_cannot_be_started_does_not_hold_up_the_others():
    office = Office("vip")
    runs = [office.order(), office.order(), office.order()]
    hub = TaskHub()
    hub.refused = {runs[1].id}
    await start_runs(hub, runs)
    assert list(hub.started) == [runs[0].id, runs[2].id]
    hub.refused = set()
    assert await taken_up(office, hub) == [runs[0].id, runs[2].id, runs[1].id]


@asynchronous
async def test_a_run_that_has_ended_is_over():
    office, run_id = office_with_a_run(RunStatus.CANCELED)
    assert await taken_up(office, TaskHub()) == []
    assert not LostRuns(office.stores).take_up(run_id), "it may end while somebody looks"
