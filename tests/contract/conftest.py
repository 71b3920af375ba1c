"""A fresh simulator for every test, and somebody who calls it."""

from collections.abc import Iterator

import pytest

from devkit.autopilot import AutopilotSimulator
from tests.contract.autopilot_caller import Caller


@pytest.fixture
def autopilot() -> Iterator[AutopilotSimulator]:
    with AutopilotSimulator() as simulator:
        yield simulator


@pytest.fixture
def call(autopilot: AutopilotSimulator) -> Caller:
    return Caller(autopilot)
