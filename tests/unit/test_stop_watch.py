"""Asking rarely whether to stop."""

import pytest

from shared.domain.errors import StorageUnavailable
from shared.pipeline.pushing.stop_watch import StopWatch


class Storage:
    def __init__(self) -> None:
        self.now, self.asked, self.stop, self.down = 0.0, 0, False, False

    def __call__(self) -> bool:
        self.asked += 1
        if self.down:
            raise StorageUnavailable("down")
        return self.stop


@pytest.fixture
def storage() -> Storage:
    return Storage()


@pytest.fixture
def watch(storage: Storage) -> StopWatch:
    return StopWatch(storage, clock=lambda: storage.now)


def test_a_stop_is_heard_within_a_second(storage: Storage, watch: StopWatch) -> None:
    assert not watch()
    storage.stop, storage.now = True, 1.0

    assert watch()


def test_storage_is_asked_once_a_second_however_often_we_ask(storage: Storage, watch: StopWatch) -> None:
    for step in range(1_001):
        storage.now = step / 100
        watch()

    assert storage.asked <= 11


def test_a_stop_is_never_taken_back(storage: Storage, watch: StopWatch) -> None:
    storage.stop, storage.now = True, 5.0
    assert watch()
    storage.stop, storage.now = False, 50.0

    assert watch()


def test_storage_that_is_down_is_asked_again(storage: Storage, watch: StopWatch) -> None:
    storage.down, storage.now = True, 5.0
    with pytest.raises(StorageUnavailable):
        watch()
    storage.down, storage.stop = False, True

    assert not watch()
    storage.now = 6.0
    assert watch()
