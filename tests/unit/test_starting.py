"""Waking the orchestration of a run, which may end at any moment."""

from types import SimpleNamespace

import azure.durable_functions as df
import pytest

from devkit.host.durable.testing import asynchronous
from functions.starting import cancel_run, decide_run

RUNNING, COMPLETED = df.OrchestrationRuntimeStatus.Running, df.OrchestrationRuntimeStatus.Completed
FAILED = df.OrchestrationRuntimeStatus.Failed


pytestmark = pytest.mark.usefixtures("needed_settings")


class Orchestration:
    """Plays the client of one instance; ``fault`` is what becomes of an event, ``then`` the status after it."""

    def __init__(self, status: object, fault: Exception | None = None, then: object = None) -> None:
        self.status, self._fault, self._then = status, fault, then
        self.woken: list[str] = []
        self.started: list[str] = []

    async def start_new(self, _orchestrator: str, *, instance_id: str, client_input: object) -> None:
        assert client_input
        self.started.append(instance_id)

    async def get_status(self, _instance_id: str) -> SimpleNamespace | None:
        return SimpleNamespace(runtime_status=self.status) if self.status else None

    async def raise_event(self, _instance_id: str, event: str, _value: object) -> None:
        self.status = self._then or self.status
        if self._fault:
            raise self._fault
        self.woken.append(event)


@asynchronous
async def test_a_run_that_goes_on_is_woken():
    orchestration = Orchestration(RUNNING)
    await cancel_run(orchestration, "run-1")
    await decide_run(orchestration, "run-1", 2)
    assert orchestration.woken == ["cancel", "decision-2"]


@asynchronous
async def test_nobody_is_woken_when_there_is_nobody():
    for status in (COMPLETED, None):
        orchestration = Orchestration(status)
        await decide_run(orchestration, "run-1", 1)
        assert orchestration.woken == []


@asynchronous
async def test_a_cancelled_run_that_nobody_works_on_is_taken_up_so_that_it_ends():
    for status in (None, FAILED, COMPLETED):
        orchestration = Orchestration(status)
        await cancel_run(orchestration, "run-1")
        assert (orchestration.started, orchestration.woken) == (["run-1"], [])


@asynchronous
async def test_a_run_that_ends_just_then_need_not_be_woken():
    gone = Orchestration(RUNNING, fault=RuntimeError("gone"), then=COMPLETED)
    await decide_run(gone, "run-1", 1)
    assert (gone.status, gone.woken) == (COMPLETED, [])


@asynchronous
async def test_an_event_that_was_not_taken_is_an_error_while_the_run_goes_on():
    broken = Orchestration(RUNNING, fault=RuntimeError("the host answered 500"))
    with pytest.raises(RuntimeError, match="500"):
        await decide_run(broken, "run-1", 1)
