"""Whether there is an instance of an orchestration, and whether it goes on."""

import azure.durable_functions as df
import pytest
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus

from devkit.host.durable.testing import asynchronous
from functions.instances import is_going_on, look_up
from functions.problems import OrchestrationUnavailable

ERROR = {"Message": "Something went wrong while processing your request", "ExceptionMessage": "Server Busy"}


class Extension:
    """Plays the client; ``body`` is what the extension answers."""

    def __init__(self, body: object) -> None:
        self._body = body

    async def get_status(self, _instance_id: str) -> DurableOrchestrationStatus:
        return DurableOrchestrationStatus.from_json(self._body)


def status(name: str) -> Extension:
    return Extension({"createdTime": "2026-11-22T10:00:00Z", "runtimeStatus": name})


@asynchronous
async def test_an_error_of_the_extension_is_not_taken_for_no_instance():
    for body in (ERROR, {"Message": "Bad Request"}):
        with pytest.raises(OrchestrationUnavailable, match="'run-1'"):
            await look_up(Extension(body), "run-1")
        with pytest.raises(OrchestrationUnavailable):
            await is_going_on(Extension(body), "run-1")


@asynchronous
async def test_no_instance_is_none():
    assert await look_up(Extension(""), "run-1") is None
    assert not await is_going_on(Extension(""), "run-1")


@asynchronous
async def test_what_has_not_ended_goes_on():
    going_on = [
        each.name for each in df.OrchestrationRuntimeStatus if await is_going_on(status(each.name), "run-1")
    ]
    assert sorted(going_on) == ["ContinuedAsNew", "Pending", "Running", "Suspended"]
