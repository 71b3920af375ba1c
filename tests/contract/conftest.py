"""A fresh simulator for every test, and somebody who calls it."""

from collections.abc import Iterator

import pytest
from autopilot_caller import Caller

from devkit.autopilot import AutopilotSimulator


@pytest.fixture
def autopilot() -> Iterator[AutopilotSimulator]:
    with AutopilotSimulator() as simulator:
        yield simulator


@pytest.fixture
def call(autopilot: AutopilotSimulator) -> Caller:
    return Caller(autopilot)
