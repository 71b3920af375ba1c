"""A local stack of their own for tests that break it, slow enough to be hit in the middle."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devkit.local.stack import LocalStack
from tests.system.driver import Segpilot

SETTINGS = {
    "SETTLE_TIME_S": "1",
    "MAX_CALLS_PER_S": "0",
    "AUTOPILOT_TIMEOUT_S": "5",
    "BATCHES_PER_CHUNK": "5",
    "PUSH_THREADS": "4",
    "KEY_PATIENCE_S": "10",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Storage, vault, simulator and host; chunks are small and few calls are under way at once."""
    folder = tmp_path_factory.mktemp("stack")
    clock = {
        "PYTHONPATH": str(Path(__file__).parent / "clock"),
        "CLOCK_OFFSET_FILE": str(folder / "clock"),
    }
    with LocalStack(
        folder, autopilot_switches={"bulk_list": "honoured"}, settings={**SETTINGS, **clock}
    ) as running:
        yield running


@pytest.fixture
def app(stack: LocalStack) -> Iterator[Segpilot]:
    """The app, driven; afterwards its exports are gone and the outside systems are calm again."""
    driver = Segpilot(stack)
    yield driver
    driver.simulator.calm()
    driver.trouble_vault(unavailable_s=0)
    driver.clean_up()


@pytest.fixture
def set_clock(stack: LocalStack) -> Iterator[Callable[[float], None]]:
    """Set the app's clock by so many seconds; afterwards it is right again."""

    def set_by(seconds: float) -> None:
        (stack.state / "clock").write_text(str(seconds), encoding="ascii")

    yield set_by
    set_by(0)


@pytest.fixture
def tag(unique_name: str) -> str:
    """A name for this test's segment, list and people."""
    return unique_name[:13]
