"""What a page leaves to the orchestration, and what is told when that does not answer."""

import pytest

from devkit.host.durable.testing import asynchronous
from functions.portal import perform_all
from portal.web import CancelRun

pytestmark = pytest.mark.usefixtures("needed_settings")


class Orchestration:
    """Plays the durable client; calls about ``broken`` instances get no answer."""

    def __init__(self, *broken: str) -> None:
        self._broken = broken
        self.asked: list[str] = []

    async def get_status(self, instance_id: str) -> None:
        if instance_id in self._broken:
            raise ConnectionError("nobody there")

    async def start_new(self, _orchestrator: str, *, instance_id: str, client_input: object) -> None:
        assert client_input
        self.asked.append(instance_id)


@asynchronous
async def test_what_cannot_be_begun_does_not_hold_up_the_rest_and_is_told():
    orchestration = Orchestration("run-1")
    problem = await perform_all([CancelRun(f"run-{number}") for number in range(40)], orchestration)
    assert problem
    assert (problem.status, problem.retryable) == (503, True)
    assert "stored" in problem.message
    assert set(orchestration.asked) == {f"run-{number}" for number in range(40)} - {"run-1"}


@asynchronous
async def test_nothing_is_told_when_everything_has_begun():
    orchestration = Orchestration()
    assert await perform_all([CancelRun("run-1")], orchestration) is None
    assert orchestration.asked == ["run-1"]
